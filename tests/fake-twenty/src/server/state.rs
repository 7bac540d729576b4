//! Everything behind the lock, and how one request passes through it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::listing;
use super::reply::Reply;
use super::route::{self, Arrival};
use crate::auth::Keys;
use crate::fault::{Book, Effect, Fired};
use crate::journal::{Call, CallInfo, Journal};
use crate::throttle::Throttle;
use crate::webhook::Dispatcher;
use crate::world::{Event, World};

/// Called just before a request is applied.
pub type Hook = Box<dyn Fn(&CallInfo, &mut World) + Send + Sync>;

/// What changes while the server runs.
pub(super) struct State {
    pub(super) world: World,
    pub(super) throttle: Throttle,
    pub(super) keys: Keys,
    pub(super) faults: Book,
    pub(super) journal: Journal,
    pub(super) hook: Option<Hook>,
    /// What happened to records, where somebody wants to know.
    pub(super) trail: Option<Vec<Event>>,
    /// Whether the worker counts as running, for its health.
    pub(super) worker_is_up: bool,
}

/// The state and what it needs to announce changes.
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) dispatcher: Dispatcher,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How a request ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// An answer.
    Reply(Reply),
    /// An answer whose head is sent and whose body never comes.
    HeadOnly(Reply),
    /// An answer of which half is sent before the connection is cut.
    Half(Reply),
    /// An answer whose body comes byte by byte, with this pause after each.
    Drip(Reply, Duration),
    /// Nothing, for ever.
    Silence,
    /// A cut connection.
    Cut,
}

impl Shared {
    pub(super) fn new(state: State, dispatcher: Dispatcher) -> Self {
        Self { state: Mutex::new(state), dispatcher }
    }

    /// The state. A test that panicked while it looked leaves a state that is still whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a request through: faults, hook, answer, log, webhooks. The delay is for the caller to wait.
    pub(super) fn pass(&self, arrival: &Arrival, body: &Bytes) -> (Ending, Duration) {
        let (info, at) = (arrival.info(body), Instant::now());
        let mut state = self.lock();
        let fired = state.faults.fire(&info);
        let before = state.throttle.taken();
        let instead = instead(fired.end.as_ref());
        let applied = instead.is_none();
        let ending = instead.unwrap_or_else(|| {
            let mut reply = apply(&mut state, &fired, arrival, body, &info);
            if !fired.pages.is_empty() {
                distort(&mut state, &fired.pages, &info, &mut reply);
            }
            after(fired.end.as_ref(), reply)
        });
        let tokens = state.throttle.taken() - before;
        let (status, rows) = told(&ending);
        state.journal.note(Call { info, at, status, rows, tokens, applied });
        self.announce(&mut state);
        (ending, fired.delay)
    }

    /// Hands new events to the webhooks.
    pub(super) fn announce(&self, state: &mut State) {
        let events = std::mem::take(&mut state.world.events);
        if let Some(trail) = &mut state.trail {
            trail.extend(events.iter().cloned());
        }
        if !events.is_empty() {
            self.dispatcher.dispatch(state.world.workspace_id, &state.world.webhooks, &events);
        }
    }
}

/// What is done instead of applying a request.
fn instead(effect: Option<&Effect>) -> Option<Ending> {
    match effect? {
        Effect::Status { status, body } => Some(Ending::Reply(spoken(*status, body.as_ref()))),
        Effect::Stall => Some(Ending::Silence),
        Effect::CutBefore => Some(Ending::Cut),
        Effect::Html => {
            let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>";
            Some(Ending::Reply(Reply::text(200, page)))
        }
        Effect::Raw { body, gzip } => Some(Ending::Reply(Reply::raw(body.clone(), *gzip))),
        Effect::StatusAfter { .. }
        | Effect::RateLimited
        | Effect::StallAfterHead
        | Effect::Drip(_)
        | Effect::CutAfter
        | Effect::CutBody
        | Effect::BrokenJson
        | Effect::EndEarly(_)
        | Effect::WrongTotal(_)
        | Effect::StuckCursor
        | Effect::RepeatedId
        | Effect::IgnoredFilter
        | Effect::Slow(_) => None,
    }
}

fn apply(
    state: &mut State,
    fired: &Fired,
    arrival: &Arrival,
    body: &Bytes,
    info: &CallInfo,
) -> Reply {
    if let Some(hook) = &state.hook {
        hook(info, &mut state.world);
    }
    state.world.ignores_filters = fired.ignores_filter;
    state.throttle.set_denies(fired.end == Some(Effect::RateLimited));
    let reply = route::answer(state, arrival, body);
    state.throttle.set_denies(false);
    state.world.ignores_filters = false;
    reply
}

/// What becomes of the answer of a request that was applied.
fn after(effect: Option<&Effect>, reply: Reply) -> Ending {
    if reply.never {
        return Ending::Silence;
    }
    match effect {
        Some(Effect::StatusAfter { status, body }) => Ending::Reply(spoken(*status, body.as_ref())),
        Some(Effect::StallAfterHead) => Ending::HeadOnly(reply),
        Some(Effect::Drip(pause)) => Ending::Drip(reply, *pause),
        Some(Effect::CutAfter) => Ending::Cut,
        Some(Effect::CutBody) => Ending::Half(reply),
        Some(Effect::BrokenJson) => {
            let half = reply.body.slice(..reply.body.len() / 2);
            Ending::Reply(Reply { body: half, ..reply })
        }
        _ => Ending::Reply(reply),
    }
}

/// An answer that is made of a status and perhaps a text.
fn spoken(status: u16, body: Option<&String>) -> Reply {
    match body {
        None => Reply::empty(status),
        Some(text) if text.starts_with(['{', '[']) => Reply::printed(status, text.clone(), 0),
        Some(text) => Reply::text(status, text),
    }
}

fn distort(state: &mut State, pages: &[usize], info: &CallInfo, reply: &mut Reply) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else { return };
    state.faults.distort(pages, &listing::of(info), &mut body);
    reply.body = Bytes::from(body.to_string());
}

/// What the client sees of an ending: status and rows.
fn told(ending: &Ending) -> (Option<u16>, usize) {
    match ending {
        Ending::Reply(reply)
        | Ending::HeadOnly(reply)
        | Ending::Half(reply)
        | Ending::Drip(reply, _) => (Some(reply.status), reply.rows),
        Ending::Silence | Ending::Cut => (None, 0),
    }
}
