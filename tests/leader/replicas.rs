//! Two processes on one mirror, each with a way of its own to both sides, so that it can be told who did what.

use std::time::{Duration, Instant};

use fake_twenty::World;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, PgPool};
use time::OffsetDateTime;
use tokio::{process::Command, time::sleep};

use super::{daemon::Daemon, relay::Relay, stage::Stage};

/// The longest that anything may take: a hang is a failure, too.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);

/// Both sides, and someone who writes down which process changes a row.
pub(crate) struct Replicas {
    pub(crate) stage: Stage,
    pub(crate) pool: PgPool,
    lease: &'static str,
}

/// One of the processes.
pub(crate) struct Replica {
    pub(crate) name: &'static str,
    pub(crate) daemon: Daemon,
    pub(crate) relay: Relay,
}

impl Replicas {
    /// The workspace was mirrored once.
    pub(crate) async fn of(world: World, lease: &'static str) -> Replicas {
        let stage = Stage::set(world).await;
        stage.once().await;
        let pool = stage.database.pool().await;
        sqlx::raw_sql(include_str!("witness.sql")).execute(&pool).await.expect("a witness");
        Replicas { stage, pool, lease }
    }

    pub(crate) async fn start(&self, name: &'static str) -> Replica {
        self.start_with(name, &[]).await
    }

    pub(crate) async fn start_with(
        &self,
        name: &'static str,
        settings: &[(&str, &str)],
    ) -> Replica {
        let relay = Relay::to(self.stage.fake.address()).await;
        let mut program = self.program(name, &relay);
        program.envs(settings.iter().copied());
        Replica { name, daemon: Daemon::start(&mut program, "127.0.0.1").await, relay }
    }

    fn program(&self, name: &str, relay: &Relay) -> Command {
        let mut program = self.stage.program();
        let url = self.stage.database.url();
        let mark = if url.contains('?') { '&' } else { '?' };
        program
            .env("TWENTY_URL", format!("http://{}", relay.address))
            .env("DATABASE_URL", format!("{url}{mark}options[witness.who]={name}"))
            .env("TWENTY_SYNC__MIRROR__LEASE", self.lease);
        program
    }

    pub(crate) async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    pub(crate) async fn epoch(&self) -> i64 {
        self.number("select coalesce(max(epoch), 0) from sync.lease").await
    }

    /// Waits until the lease is taken for the `epoch`th time; when that was.
    pub(crate) async fn taken(&self, epoch: i64) -> OffsetDateTime {
        until("the lease is taken", async || self.epoch().await >= epoch).await;
        sqlx::query_scalar("select acquired_at from sync.lease")
            .fetch_one(&self.pool)
            .await
            .expect("a lease")
    }

    /// Rows that a process changed after a moment.
    pub(crate) async fn changes_by(&self, replica: &Replica, after: OffsetDateTime) -> i64 {
        sqlx::query_scalar("select count(*) from public.witness where who = $1 and at > $2")
            .bind(replica.name)
            .bind(after)
            .fetch_one(&self.pool)
            .await
            .expect("a count")
    }
}

impl Replica {
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.daemon.child.id().expect("it runs");
        let id = Pid::from_raw(i32::try_from(id).expect("an id")).expect("an id");
        kill_process(id, signal).expect("it is ours");
    }

    pub(crate) async fn leads(&self) {
        self.daemon.until_text("/metrics", |text| text.contains("twenty_sync_leader 1.0")).await;
    }

    /// Waits until it stands by; what it says then.
    pub(crate) async fn stands_by(&self) -> String {
        self.daemon.until_text("/readyz", |text| text.starts_with("standby: ")).await
    }

    /// Requests that would change something, sent after a moment.
    pub(crate) fn writes_after(&self, moment: OffsetDateTime) -> usize {
        self.relay.writes().iter().filter(|at| **at > moment).count()
    }
}

/// Waits until something is the case.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(POLL).await;
    }
}
