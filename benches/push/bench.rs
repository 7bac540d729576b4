//! A Twenty, a database, and the program between them, for measuring.

use std::{
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fake_twenty::{CallInfo, FakeTwenty, Options, World};
use sqlx::{AssertSqlSafe, PgPool};
use test_postgres::TestDatabase;
use tokio::{
    process::{Child, Command},
    sync::Notify,
    time::{sleep, timeout},
};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The longest that one change may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured.
pub(crate) struct Bench {
    pub(crate) fake: FakeTwenty,
    database: TestDatabase,
    pool: PgPool,
}

/// The next write that arrives at the source.
pub(crate) struct Arrival {
    at: Arc<Mutex<Option<Instant>>>,
    came: Arc<Notify>,
}

impl Bench {
    pub(crate) async fn set(world: World) -> Bench {
        let options = Options { world, ..Options::default() };
        let (fake, database) = tokio::join!(FakeTwenty::start(options), TestDatabase::create());
        let pool = database.pool().await;
        Bench { fake, database, pool }
    }

    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twenty-sync"));
        command
            .env("TWENTY_URL", self.fake.url())
            .env("TWENTY_API_KEY", self.fake.api_key())
            .env("DATABASE_URL", self.database.url())
            .env("TWENTY_SYNC__SOURCE__REQUESTS_PER_MINUTE", "0")
            .env("TWENTY_SYNC__PULL__INTERVAL", "1h")
            // Every row at once is what is measured.
            .env("TWENTY_SYNC__FUSE__SHARE", "1")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Syncs once; nothing may be left undone.
    pub(crate) async fn once(&self) -> Outcome<()> {
        let status = self.program().arg("--once").status().await?;
        if status.success() { Ok(()) } else { Err(format!("a run failed: {status}").into()) }
    }

    /// The program until it is killed, looking at the source once an hour.
    pub(crate) fn daemon(&self) -> Outcome<Child> {
        Ok(self.program().arg("run").stderr(Stdio::null()).spawn()?)
    }

    pub(crate) async fn sql(&self, statement: &str) -> Outcome<()> {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await?;
        Ok(())
    }

    /// Waits until nothing is on its way.
    pub(crate) async fn settled(&self) -> Outcome<()> {
        let query = "select count(*) from sync.pending";
        while sqlx::query_scalar::<_, i64>(query).fetch_one(&self.pool).await? > 0 {
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The writes that were sent.
    pub(crate) fn writes(&self) -> usize {
        self.fake.calls().iter().filter(|call| is_write(&call.info)).count()
    }

    /// Looks out for the next write. Only the latest look-out sees it.
    pub(crate) fn watch(&self) -> Arrival {
        let (at, came) = (Arc::new(Mutex::new(None)), Arc::new(Notify::new()));
        let arrival = Arrival { at: Arc::clone(&at), came: Arc::clone(&came) };
        self.fake.on_request(Box::new(move |call, _| {
            if is_write(call) {
                at.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
                came.notify_one();
            }
        }));
        arrival
    }
}

impl Arrival {
    /// When it arrived; `None` if it did not.
    pub(crate) async fn wait(self) -> Option<Instant> {
        timeout(PATIENCE, self.came.notified()).await.ok()?;
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_write(call: &CallInfo) -> bool {
    match call.document() {
        Some(document) => document.starts_with("mutation"),
        None => call.path.starts_with("/rest/") && call.method != "GET",
    }
}
