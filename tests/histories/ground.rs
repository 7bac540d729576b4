//! A Twenty and a database for many histories, one after the other.
//!
//! Making a database costs more than playing a history, so it is emptied instead: the tables stay, and nothing that
//! either side or the program remembers.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use fake_twenty::{Clock, FakeTwenty, Options, World};
use sqlx::PgPool;
use test_postgres::TestDatabase;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;
use twenty_sync::{
    config::{
        Config, DeletedRecords, Deletes, Fuse, MirrorConfig, ObjectRule, Policy, Pull, Push,
        Schema, SchemaMode, Source, Sweep, Webhook,
    },
    mirror::RunMode,
    record::Direction,
    sync::Engine,
};

use super::sides::OBJECTS;

/// The data model of a history: three objects and no record.
static MODEL: LazyLock<World> = LazyLock::new(|| {
    let mut world = World::sample_schema();
    let plurals: Vec<String> =
        world.objects().iter().map(|object| object.name_plural.clone()).collect();
    for plural in plurals {
        if OBJECTS.iter().all(|object| object.plural != plural) {
            world.delete_object(&plural);
        }
    }
    world
});

/// What is different from history to history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) deleted: DeletedRecords,
    pub(crate) deletes: Deletes,
    pub(crate) policy: Policy,
    /// Twenty's columns keep whole milliseconds, or microseconds.
    pub(crate) tick: i64,
    /// Twenty's clock at the beginning, in microseconds: long before ours, or long after.
    pub(crate) begins: i64,
}

impl Setup {
    pub(crate) fn of(seed: u64) -> Setup {
        let bit = |place: u64| seed >> place & 1 == 1;
        Setup {
            deleted: if bit(0) { DeletedRecords::Keep } else { DeletedRecords::Remove },
            deletes: if seed % 5 == 4 { Deletes::Hard } else { Deletes::Soft },
            policy: [Policy::Source, Policy::Mirror, Policy::Newest][(seed % 3) as usize],
            tick: if bit(1) { 1_000 } else { 1 },
            begins: if bit(2) { 1_700_000_000_000_000 } else { 1_900_000_000_000_000 },
        }
    }

    pub(crate) fn keeps(&self) -> bool {
        self.deleted == DeletedRecords::Keep
    }
}

pub(crate) struct Ground {
    pub(crate) fake: FakeTwenty,
    pub(crate) database: TestDatabase,
    pub(crate) pool: PgPool,
}

impl Ground {
    pub(crate) async fn lay() -> Ground {
        let options = Options { world: MODEL.clone(), ..Options::default() };
        let (fake, database) = tokio::join!(FakeTwenty::start(options), TestDatabase::create());
        // Nothing here is about what a crash of PostgreSQL leaves.
        let hasten = format!("alter database \"{}\" set synchronous_commit = off", database.name());
        let pool = database.pool().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(hasten)).execute(&pool).await.unwrap();
        pool.close().await;
        let pool = database.pool().await;
        let ground = Ground { fake, database, pool };
        // A first run makes the tables.
        let (engine, (progress, _)) = (ground.engine(Setup::of(0)).await, unbounded_channel());
        engine.pass(RunMode::Once, &CancellationToken::new(), &progress).await.unwrap();
        ground
    }

    /// Empties both sides.
    pub(crate) async fn clear(&self, setup: Setup) {
        let mut world = MODEL.clone();
        world.set_clock(Clock::Frozen(setup.begins));
        self.fake.replace_world(world);
        self.fake.clear_calls();
        let tables = "select format('%I.%I', n.nspname, c.relname) from pg_class c \
                      join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and (n.nspname = 'twenty' \
                      or n.nspname = 'sync' and c.relname in ('outbox', 'base', 'conflict', 'quarantine', 'checkpoint', 'stop', \
                      'fuse', 'sentinel', 'sweep'))";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&self.pool).await.unwrap();
        // The program's own deletes are not logged. Truncating empties faster and makes new files, which takes longer.
        let deletes: Vec<String> =
            tables.iter().map(|table| format!("delete from {table};")).collect();
        let clear = format!("begin; set local sync.origin = 'engine'; {} commit", deletes.concat());
        sqlx::raw_sql(sqlx::AssertSqlSafe(clear)).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn engine(&self, setup: Setup) -> Engine {
        Engine::open(&self.config(setup)).await.unwrap()
    }

    fn config(&self, setup: Setup) -> Config {
        let rule = || ObjectRule { direction: Some(Direction::Both), ..ObjectRule::default() };
        let objects: BTreeMap<String, ObjectRule> =
            OBJECTS.iter().map(|object| (object.plural.to_owned(), rule())).collect();
        let patience = Duration::from_secs(30);
        Config {
            source: Source {
                url: self.fake.url().parse().unwrap(),
                api_key: self.fake.api_key().to_owned().into(),
                allow_http: true,
                requests_per_minute: 0,
                reserve: 0,
                ca_file: None,
                connect_timeout: patience,
                read_timeout: patience,
                request_timeout: patience,
                retry_deadline: patience,
            },
            mirror: MirrorConfig {
                database_url: self.database.url().to_owned().into(),
                schema: "twenty".to_owned(),
                max_connections: 4,
                lease: Duration::from_secs(15),
            },
            schema: Schema { mode: SchemaMode::Auto, interval: Duration::from_mins(5) },
            pull: Pull {
                interval: "1h".to_owned(),
                max_interval: Duration::from_hours(1),
                overlap: Duration::from_mins(1),
                // One after the other, so that a history is the same every time.
                parallel: 1,
                deleted_records: setup.deleted,
            },
            push: Push { policy: setup.policy, deletes: setup.deletes, edit_restores: false },
            sweep: Sweep { interval: "24h".to_owned() },
            webhook: Webhook::default(),
            fuse: Fuse { share: 0.05, rows: 50 },
            objects,
        }
    }
}
