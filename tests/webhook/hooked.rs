//! A mirrored workspace whose Twenty calls the daemon.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use fake_twenty::World;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{process::Child, time::sleep};
use uuid::Uuid;

use super::{
    log::{self, Log},
    scene::Scene,
    stage::{Ended, finish},
};

pub(crate) const SECRET: &str = "canary-of-the-webhook-secret";

const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);

/// Both sides, equal, and a webhook that is registered.
pub(crate) struct Hooked {
    pub(crate) scene: Scene,
    pub(crate) url: String,
}

impl Hooked {
    pub(crate) async fn of(world: World) -> Hooked {
        let hooked = Hooked::unregistered(world, &[]).await;
        let ended = hooked.run(&["webhook", "register"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        hooked
    }

    /// With more settings, and without a webhook at Twenty.
    pub(crate) async fn unregistered(world: World, settings: &[(&str, &str)]) -> Hooked {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let url = format!("http://{address}/hook");
        let all = [
            ("WEBHOOK__LISTEN", address.as_str()),
            ("WEBHOOK__URL", url.as_str()),
            ("WEBHOOK__SECRET", SECRET),
        ];
        let scene = Scene::with(world, &[&all, settings].concat()).await;
        Hooked { scene, url }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.scene.program().args(arguments)).await
    }

    /// The daemon, when its first pass is over: from then on only webhooks and ticks have it read.
    pub(crate) async fn daemon(&self, interval: &str) -> Daemon {
        let passes =
            "select count(*) from sync.run where mode = 'daemon' and finished_at is not null";
        let before = self.scene.number(passes).await;
        let mut command = self.scene.program();
        command.env("TWENTY_SYNC__PULL__INTERVAL", interval).args(["-vv", "run"]);
        let (child, log) = log::spawn(&mut command);
        let daemon = Daemon { child, log };
        until("the first pass is over", async || self.scene.number(passes).await > before).await;
        self.scene.stage.fake.clear_calls();
        daemon
    }

    /// Waits until a person's city is this one in the mirror.
    pub(crate) async fn city_is(&self, id: Uuid, city: &str) {
        let query =
            format!("select count(*) from twenty.people where id = '{id}' and city = '{city}'");
        until("the edit is in the mirror", async || self.scene.number(&query).await == 1).await;
    }

    /// How often a page of these records was read.
    pub(crate) fn reads_of(&self, plural: &str) -> usize {
        let path = format!("/rest/{plural}");
        let calls = self.scene.stage.fake.calls();
        calls
            .iter()
            .filter(|call| call.info.method == "GET" && call.info.bare_path() == path)
            .count()
    }

    /// Which objects were read, each once.
    pub(crate) fn objects_read(&self) -> Vec<String> {
        let calls = self.scene.stage.fake.calls();
        let mut names: Vec<String> = calls
            .iter()
            .filter_map(|call| call.info.bare_path().strip_prefix("/rest/").map(str::to_owned))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn webhooks(&self) -> Vec<Value> {
        self.scene.stage.fake.world(|world| {
            let told = |hook: &fake_twenty::world::Webhook| {
                serde_json::json!({"url": hook.target_url, "secret": hook.secret, "operations": hook.operations})
            };
            world.webhooks.iter().map(told).collect()
        })
    }
}

/// Waits until something is the case; how long it took.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(POLL).await;
    }
    began.elapsed()
}

/// The program as a daemon. It is killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: Log,
}

impl Daemon {
    /// Has it read its configuration anew.
    pub(crate) fn hang_up(&self) {
        let id = i32::try_from(self.child.id().expect("the daemon still runs")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::HUP).unwrap();
    }

    /// Asks it to stop, and waits until it has; its log.
    pub(crate) async fn stop(mut self) -> String {
        let id = i32::try_from(self.child.id().expect("the daemon still runs")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
        let status = self.child.wait().await.unwrap();
        let log = self.log.rest().await;
        assert!(status.success(), "{status}\n{log}");
        log
    }
}
