//! The server as tests hold it.
//!
//! It runs on threads of its own, so it answers whatever the test's runtime does: blocked, paused or gone.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Mutex;

use super::door::{self, Door};
use super::state::{Hook, Shared, State};
use crate::auth::{BadKey, KEY_ID, KeyClaims, Keys};
use crate::fault::{Book, Fault};
use crate::journal::{Call, Journal};
use crate::throttle::{RateLimit, Throttle};
use crate::webhook::{Disorder, Dispatcher};
use crate::world::{Event, World};

/// How a server starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The workspace; the shipped sample by default.
    pub world: World,
    /// The token bucket; none by default, so that tests need not wait.
    pub rate_limit: Option<RateLimit>,
    /// Where to listen; any free port of this machine by default.
    pub listen: SocketAddr,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            world: World::sample(),
            rate_limit: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

/// A running server. It stops when it is dropped.
pub struct FakeTwenty {
    shared: Arc<Shared>,
    door: Mutex<Door>,
    address: SocketAddr,
    url: String,
    key: String,
    threads: Threads,
}

/// The runtime of the server. It may end inside another runtime, where waiting for it is not allowed.
struct Threads(Option<Runtime>);

impl Threads {
    fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let built = builder.worker_threads(2).thread_name("fake-twenty").enable_all().build();
        built.map(|runtime| Self(Some(runtime)))
    }

    fn handle(&self) -> Handle {
        self.0.as_ref().expect("the runtime goes only with its owner").handle().clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for FakeTwenty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTwenty").field("url", &self.url).finish_non_exhaustive()
    }
}

impl FakeTwenty {
    /// Starts a server; panics when it cannot listen.
    #[expect(
        clippy::unused_async,
        reason = "a start may have to wait one day, and callers are async anyway"
    )]
    pub async fn start(options: Options) -> Self {
        Self::try_start(options).unwrap_or_else(|error| panic!("the fake cannot start: {error}"))
    }

    /// Starts a server.
    pub fn try_start(options: Options) -> io::Result<Self> {
        let threads = Threads::start()?;
        let handle = threads.handle();
        let Options { world, rate_limit, listen } = options;
        let (keys, key) =
            (Keys::new(world.workspace_id), KeyClaims::valid(world.workspace_id).sign());
        let state = State {
            world,
            throttle: Throttle::new(rate_limit),
            keys,
            faults: Book::default(),
            journal: Journal::default(),
            hook: None,
            trail: None,
            worker_is_up: true,
        };
        let shared = Arc::new(Shared::new(state, Dispatcher::new(handle.clone())));
        let socket = door::bind(listen)?;
        let address = socket.local_addr()?;
        let door = Door::open(socket, &shared, &handle)?;
        let url = format!("http://{address}");
        Ok(Self { shared, door: Mutex::new(door), address, url, key, threads })
    }

    /// Where it listens: `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The socket's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A valid key.
    pub fn api_key(&self) -> &str {
        &self.key
    }

    /// The claims of the valid key, to be changed and signed by [`FakeTwenty::key_for`].
    pub fn claims(&self) -> KeyClaims {
        KeyClaims::valid(self.shared.lock().world.workspace_id)
    }

    /// The token of these claims. A key that the server did not make counts as revoked.
    pub fn key_for(&self, claims: &KeyClaims) -> String {
        claims.sign()
    }

    /// Makes another key; its name goes into `createdBy.name`.
    pub fn new_key(&self, name: &str) -> String {
        self.shared.lock().keys.add(name).sign()
    }

    /// A token that is refused.
    pub fn bad_key(&self, bad: BadKey) -> String {
        bad.token(self.shared.lock().world.workspace_id)
    }

    /// Takes the valid key back, or gives it again.
    pub fn set_revoked(&self, revoked: bool) {
        self.shared.lock().keys.set_revoked(KEY_ID, revoked);
    }

    /// Looks at the workspace or changes it, between two requests. What it changes is announced to webhooks.
    ///
    /// Must not be called from inside a hook or a fault's test: they run while the workspace is locked.
    pub fn world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut state = self.shared.lock();
        let result = act(&mut state.world);
        self.shared.announce(&mut state);
        result
    }

    /// Puts another workspace in the place of this one, as restoring a backup does.
    pub fn replace_world(&self, world: World) -> World {
        std::mem::replace(&mut self.shared.lock().world, world)
    }

    /// Sets, changes or removes the rate limit. The bucket is full afterwards.
    pub fn set_rate_limit(&self, limit: Option<RateLimit>) {
        self.shared.lock().throttle.set_limit(limit);
    }

    /// Asks for a fault. Faults add up until they are cleared.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.add(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Every request so far, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().journal.all()
    }

    /// Forgets the requests so far.
    pub fn clear_calls(&self) {
        self.shared.lock().journal.clear();
    }

    /// What happened to records since the last time, by whomever; nothing the first time.
    pub fn take_trail(&self) -> Vec<Event> {
        let mut state = self.shared.lock();
        state.world.is_watched = true;
        state.trail.replace(Vec::new()).unwrap_or_default()
    }

    /// Calls `hook` just before a request is applied, with the workspace in hand: what it changes, the request sees.
    /// The hook decides by itself which requests it means. A second hook takes the place of the first.
    pub fn on_request(&self, hook: Hook) {
        self.shared.lock().hook = Some(hook);
    }

    /// Removes the hook.
    pub fn clear_on_request(&self) {
        self.shared.lock().hook = None;
    }

    /// What the queue of webhooks does wrong from now on. Dropping all of them counts as a worker that is down.
    pub fn set_disorder(&self, disorder: Disorder) {
        self.shared.lock().worker_is_up = !disorder.drop;
        self.shared.dispatcher.set_disorder(disorder);
    }

    /// Waits until no webhook is on its way.
    pub async fn webhooks_drained(&self) {
        self.shared.dispatcher.drained().await;
    }

    /// Cuts all connections and refuses new ones; the port and the workspace stay.
    pub async fn pause_listening(&self) {
        let mut door = self.door.lock().await;
        let shut = door.shut(self.address, &self.threads.handle()).await;
        shut.unwrap_or_else(|error| panic!("the fake cannot hold {}: {error}", self.address));
    }

    /// Listens again on the same port.
    pub async fn resume_listening(&self) {
        let mut door = self.door.lock().await;
        if matches!(*door, Door::Open(_)) {
            return;
        }
        if let Door::Shut(socket) = std::mem::replace(&mut *door, Door::Gone) {
            *door =
                Door::open(socket, &self.shared, &self.threads.handle()).unwrap_or_else(|error| {
                    panic!("the fake cannot listen on {}: {error}", self.address)
                });
        }
    }

    /// Stops the server: connections are cut, deliveries under way are forgotten.
    pub fn stop(self) {
        drop(self);
    }
}
