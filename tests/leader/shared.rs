//! Three workspaces and two processes with one configuration: each workspace has one process that works.

use std::time::{Duration, Instant};

use fake_twenty::{FakeTwenty, Options, World};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{daemon::Daemon, replicas::until, stage::id_of, two::Two};

const NAMES: [&str; 3] = ["acme", "beta", "gamma"];

/// Short, because it has to be waited for.
const LEASE: &str = "2s";

/// The lease, and what a handover may take beyond that on a machine that has other work.
const HANDOVER: Duration = Duration::from_secs(2 + 8);

struct Three {
    two: Two,
    gamma: FakeTwenty,
}

impl Three {
    async fn set() -> Three {
        let two = Two::set().await;
        let mut world = World::sample();
        world.workspace_id = Uuid::from_u128(0x9a33a);
        let gamma = FakeTwenty::start(Options { world, ..Options::default() }).await;
        let three = Three { two, gamma };
        let sections = NAMES.map(|name| three.two.section(name, three.twenty(name)));
        three.two.write(&sections.concat());
        three
    }

    fn twenty(&self, name: &str) -> &FakeTwenty {
        match name {
            "acme" => &self.two.acme.fake,
            "beta" => &self.two.beta,
            _ => &self.gamma,
        }
    }

    async fn start(&self) -> Daemon {
        let mut program = self.two.program();
        Daemon::start(program.env("TWENTY_SYNC__MIRROR__LEASE", LEASE), "127.0.0.1").await
    }

    /// Somebody edits a record of each workspace in Twenty; it arrives in each mirror.
    async fn edits_arrive(&self, city: &str) {
        let pool = self.two.acme.database.pool().await;
        for name in NAMES {
            Two::edit(self.twenty(name), city);
        }
        for name in NAMES {
            let person = self.twenty(name).world(|world| id_of(world, "people", 0));
            let query =
                format!("select coalesce(city, '') from {name}.people where id = '{person}'");
            // The first time, the table is yet to be made.
            until(&format!("{city} is in {name}"), async || {
                let query = sqlx::query_scalar(AssertSqlSafe(query.clone()));
                query.fetch_one(&pool).await.is_ok_and(|held: String| held == city)
            })
            .await;
        }
    }
}

/// The workspaces on which a process works.
async fn led_by(daemon: &Daemon) -> Vec<&'static str> {
    let metrics = daemon.body("/metrics").await;
    let leads =
        |name: &&str| metrics.contains(&format!("twenty_sync_leader{{workspace=\"{name}\"}} 1.0"));
    NAMES.into_iter().filter(leads).collect()
}

fn signal(daemon: &Daemon, signal: Signal) {
    let id = i32::try_from(daemon.child.id().expect("it runs")).expect("an id");
    kill_process(Pid::from_raw(id).expect("an id"), signal).expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_share_three_workspaces_and_each_has_one_that_works() {
    let three = Three::set().await;
    let one = three.start().await;
    until("the first one works on all", async || led_by(&one).await == NAMES).await;
    let other = three.start().await;
    three.edits_arrive("Oslo").await;
    assert!(led_by(&other).await.is_empty(), "the second one stands by");

    let killed = Instant::now();
    signal(&one, Signal::KILL);
    until("a killed one is replaced everywhere", async || led_by(&other).await == NAMES).await;
    assert!(killed.elapsed() < HANDOVER, "{:?}", killed.elapsed());
    three.edits_arrive("Kiel").await;

    let third = three.start().await;
    let paused = Instant::now();
    signal(&other, Signal::STOP);
    until("a paused one is replaced everywhere", async || led_by(&third).await == NAMES).await;
    assert!(paused.elapsed() < HANDOVER, "{:?}", paused.elapsed());
    three.edits_arrive("Bergen").await;
    signal(&other, Signal::CONT);
    until("it stands by when it wakes", async || led_by(&other).await.is_empty()).await;
    three.edits_arrive("Turku").await;
    assert_eq!(led_by(&third).await, NAMES);
}
