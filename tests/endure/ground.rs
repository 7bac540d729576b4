//! Both sides, the line between them, and the program as these tests run it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use fake_twenty::{CallInfo, FakeTwenty, Options, RateLimit, World};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use tempfile::TempDir;
use test_postgres::{TestCluster, TestDatabase};
use tokio::{
    process::Command,
    sync::Mutex,
    time::{Duration, Instant, sleep},
};
use url::Url;
use uuid::Uuid;

use super::{
    equality,
    proxy::Proxy,
    running::{PATIENCE, POLL, Running},
    stage::{Ended, Stage, finish},
};

/// An object on which both sides write, each its own field, so that every value has one right end.
pub(crate) struct Object {
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    /// The field that people in Twenty write, a text; its column has the same name.
    pub(crate) theirs: &'static str,
    /// The column that people in SQL write, and the field it stands for.
    pub(crate) ours: &'static str,
    pub(crate) our_field: &'static str,
    pub(crate) is_number: bool,
}

pub(crate) const OBJECTS: [Object; 2] = [
    Object {
        plural: "people",
        singular: "person",
        theirs: "city",
        ours: "job_title",
        our_field: "jobTitle",
        is_number: false,
    },
    Object {
        plural: "companies",
        singular: "company",
        theirs: "name",
        ours: "employees",
        our_field: "employees",
        is_number: true,
    },
];

/// What every run here is set to: quick to look, quick to give up, and no fuse, because an outage piles changes up.
const SETTINGS: [(&str, &str); 11] = [
    ("HEALTH__LISTEN", "off"),
    ("LOG__FORMAT", "json"),
    ("MIRROR__LEASE", "3s"),
    ("PULL__INTERVAL", "200ms"),
    ("PULL__OVERLAP", "2s"),
    ("SWEEP__INTERVAL", "5s"),
    ("FUSE__SHARE", "1"),
    ("SOURCE__CONNECT_TIMEOUT", "1s"),
    ("SOURCE__READ_TIMEOUT", "1s"),
    ("SOURCE__REQUEST_TIMEOUT", "2s"),
    ("SOURCE__RETRY_DEADLINE", "4s"),
];

/// Remembers every version of a row that people could see.
const WITNESS: &str = "create schema if not exists witness; \
     create table witness.seen (seen_id bigint generated always as identity primary key, place int not null, \
        record_id uuid not null, theirs text, ours text); \
     create function witness.note() returns trigger language plpgsql as $$ begin \
        insert into witness.seen (place, record_id, theirs, ours) \
        values (tg_argv[0]::int, new.id, to_jsonb(new) ->> tg_argv[1], to_jsonb(new) ->> tg_argv[2]); \
        return null; end $$;";

pub(crate) struct Ground {
    pub(crate) stage: Stage,
    pub(crate) proxy: Proxy,
    pub(crate) pool: PgPool,
    /// The database as somebody else than who made it.
    pub(crate) url: Option<String>,
    /// What this test sets beside the others, by the names of the settings.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// A server of its own, where it is to be stopped.
    pub(crate) cluster: Option<Mutex<TestCluster>>,
    logs: TempDir,
    started: AtomicUsize,
}

impl Ground {
    /// On the server that all tests share.
    pub(crate) async fn lay() -> Ground {
        Self::with(TestDatabase::create().await, None, world()).await
    }

    /// With this world, mirrored once.
    pub(crate) async fn of(world: World) -> Ground {
        Self::with(TestDatabase::create().await, None, world).await
    }

    /// On a server of its own.
    pub(crate) async fn on(cluster: TestCluster) -> Ground {
        Self::with(cluster.database().await, Some(Mutex::new(cluster)), world()).await
    }

    /// In this database, before anything was mirrored.
    pub(crate) async fn before(
        database: TestDatabase,
        cluster: Option<Mutex<TestCluster>>,
    ) -> Ground {
        Self::bare(database, cluster, world()).await
    }

    async fn with(
        database: TestDatabase,
        cluster: Option<Mutex<TestCluster>>,
        world: World,
    ) -> Ground {
        let ground = Self::bare(database, cluster, world).await;
        ground.once().await;
        ground.stage.fake.take_trail();
        ground
    }

    async fn bare(
        database: TestDatabase,
        cluster: Option<Mutex<TestCluster>>,
        world: World,
    ) -> Ground {
        // Enough calls for everybody, and a pause of a second where there are none.
        let rate_limit = Some(RateLimit { limit: 100_000, window: Duration::from_secs(1) });
        let fake = FakeTwenty::start(Options { world, rate_limit, ..Options::default() }).await;
        let proxy = Proxy::before(fake.address()).await;
        let pool = database.pool().await;
        let stage = Stage { fake, database };
        let (logs, started) = (tempfile::tempdir().unwrap(), AtomicUsize::new(0));
        Ground { stage, proxy, pool, url: None, settings: &[], cluster, logs, started }
    }

    /// The way of the program to PostgreSQL from now on, which fails on demand.
    pub(crate) async fn lay_line(&mut self) -> Proxy {
        let mut url = Url::parse(self.stage.database.url()).unwrap();
        let place = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let mut addresses = tokio::net::lookup_host(place).await.unwrap();
        let line = Proxy::before(addresses.next().unwrap()).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(line.port())).unwrap();
        // The line looks for words in what it carries.
        url.query_pairs_mut().append_pair("sslmode", "disable");
        self.url = Some(url.into());
        line
    }

    /// From now on every version of a row is remembered.
    pub(crate) async fn call_witnesses(&self) {
        let trigger = |(place, object): (usize, &Object)| {
            let Object { plural, theirs, ours, .. } = object;
            format!(
                "create trigger witness after insert or update on twenty.{plural} for each row \
                 execute function witness.note({place}, '{theirs}', '{ours}');"
            )
        };
        let triggers: Vec<String> = OBJECTS.iter().enumerate().map(trigger).collect();
        self.sql(&format!("{WITNESS}{}", triggers.concat())).await;
    }

    pub(crate) fn program(&self) -> Command {
        let mut command = self.stage.program();
        command.env("TWENTY_URL", self.proxy.url());
        if let Some(url) = &self.url {
            command.env("DATABASE_URL", url);
        }
        for (name, value) in SETTINGS.iter().chain(self.settings) {
            command.env(format!("TWENTY_SYNC__{name}"), value);
        }
        command
    }

    /// The program as a daemon.
    pub(crate) fn start(&self) -> Running {
        self.start_with(&mut self.program())
    }

    pub(crate) fn start_with(&self, command: &mut Command) -> Running {
        Running::start(command.arg("run"), self.log_file())
    }

    /// A single run that goes on while the test does.
    pub(crate) fn start_once(&self) -> Running {
        Running::start(self.program().arg("--once"), self.log_file())
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        self.logs.path().join(format!("{number}.log"))
    }

    /// Syncs once, however it ends.
    pub(crate) async fn run(&self) -> Ended {
        finish(self.program().arg("--once")).await
    }

    /// Syncs once, which must succeed.
    pub(crate) async fn once(&self) {
        let ended = self.run().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    pub(crate) async fn sql(&self, script: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(script.to_owned())).execute(&self.pool).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"));
    }

    pub(crate) async fn number(&self, query: &str) -> i64 {
        let read = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await;
        read.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// How far an object was read.
    pub(crate) async fn cursor(&self, plural: &str) -> (Value, i64) {
        let query = "select to_jsonb(array[watermark::text, walk_cursor]), version from sync.checkpoint c \
                     join sync.object o using (workspace_id, object_id) where o.name_plural = $1";
        sqlx::query_as(query).bind(plural).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) -> Duration {
        let began = Instant::now();
        while !is_so().await {
            assert!(began.elapsed() < PATIENCE, "{what} does not happen");
            sleep(POLL).await;
        }
        began.elapsed()
    }

    /// Somebody writes on both sides; how long it took until each side had what the other wrote.
    pub(crate) async fn crosses(&self) -> Duration {
        let theirs = format!("here {}", Uuid::new_v4());
        let made = self
            .stage
            .fake
            .world(|world| world.create("people", &serde_json::json!({"city": theirs})));
        let mine = Uuid::new_v4();
        let insert =
            format!("insert into twenty.people (id, job_title) values ('{mine}', 'there')");
        self.sql(&insert).await;
        let here = format!("select count(*) from twenty.people where id = '{made}'");
        let both = async || {
            self.stage.fake.world(|world| world.row("people", mine).is_some())
                && self.number(&here).await == 1
        };
        self.until("crossing", both).await
    }

    /// Everything is the same on both sides, nothing waits, and two more runs change nothing.
    pub(crate) async fn assert_quiet_and_equal(&self) {
        self.once().await;
        equality::assert_equal(&self.stage).await;
        let problems = self.number("select count(*) from sync.problem").await;
        let waiting = self.number("select count(*) from sync.base").await;
        assert_eq!((problems, waiting), (0, 0), "problems, and changes that wait");
        for _ in 0..2 {
            let mut program = self.program();
            let ended = finish(program.args(["--once", "--json"])).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let report: Value = serde_json::from_str(&ended.stdout).unwrap();
            assert_eq!((&report["rows_changed"], &report["written"]), (&0.into(), &0.into()));
        }
    }
}

/// Whether a request changes records: bulk writes are mutations, creates are sent by POST to REST.
pub(crate) fn writes_records(call: &CallInfo) -> bool {
    let is_mutation = call.document().is_some_and(|document| document.starts_with("mutation"));
    is_mutation || (call.method == "POST" && call.path.starts_with("/rest/"))
}

/// Two objects with enough records to edit.
fn world() -> World {
    let mut world = World::with_people(250);
    world.grow("companies", 50, 7);
    world
}
