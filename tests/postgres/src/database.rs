//! One database for one test.
//!
//! It is made empty, and dropped with the value. What a killed test leaves behind is dropped by a later run
//! (see `name`).

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::time::timeout;
use url::Url;

use crate::{Error, Server, name};

/// A server that trusts whoever comes takes any password, so every database of a test has one: a word that no program
/// under test may tell anybody. It has letters that a URL must escape.
const PASSWORD: &str = "cW7/x+Q2m:Zr4=kL9@tU";

const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// An empty database that is dropped with this value, with all connections to it.
pub struct TestDatabase {
    name: String,
    url: Url,
    admin: Url,
    pub(crate) roles: Mutex<Vec<String>>,
    /// Keeps a server running that this process has started.
    server: Option<Arc<Server>>,
}

impl TestDatabase {
    /// Makes a database on the server that all tests of the run share.
    pub async fn create() -> TestDatabase {
        Self::try_create().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A `postgres://` URL of the database, as a user who may do anything in it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new pool of up to five connections, for the test's own reads and edits.
    pub async fn pool(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(5).connect(self.url()).await;
        pool.unwrap_or_else(|error| panic!("could not connect to the test's database: {error}"))
    }

    /// Cuts every connection to the database, as an administrator or a failover does. Answers how many.
    pub async fn terminate_backends(&self) -> i64 {
        let query = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                     where datname = $1 and backend_type = 'client backend'";
        let mut admin = self.admin().await;
        let cut = sqlx::query_scalar(query).bind(&self.name).fetch_one(&mut admin).await;
        cut.unwrap_or_else(|error| panic!("could not terminate the backends: {error}"))
    }

    pub(crate) async fn create_on(
        admin: &Url,
        server: Option<Arc<Server>>,
    ) -> Result<TestDatabase, Error> {
        let name = name::fresh();
        let mut connection = connect(admin).await.map_err(Error::sql("connect to the server"))?;
        name::sweep(&mut connection).await.map_err(Error::sql("look for stale databases"))?;
        // template1 may hold what somebody installed there; only template0 is empty everywhere.
        let create = format!("create database \"{name}\" template template0");
        run(&mut connection, create).await.map_err(Error::sql("create the test's database"))?;
        connection.close().await.ok();
        let mut url = admin.clone();
        url.set_path(&name);
        if url.password().is_none() {
            url.set_password(Some(PASSWORD)).expect("a URL with a host has users");
        }
        Ok(TestDatabase { name, url, admin: admin.clone(), roles: Mutex::default(), server })
    }

    async fn try_create() -> Result<TestDatabase, Error> {
        let server = Server::shared().await?;
        Self::create_on(server.url(), Some(Arc::clone(&server))).await
    }

    /// A connection to another database of the same server, which therefore does not count as one to this.
    pub(crate) async fn admin(&self) -> PgConnection {
        connect(&self.admin)
            .await
            .unwrap_or_else(|error| panic!("could not connect to the server: {error}"))
    }

    /// The same database, seen as another user.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> Url {
        let mut url = self.url.clone();
        url.set_username(user)
            .and_then(|()| url.set_password(Some(password)))
            .expect("a URL with a host has users");
        url
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDatabase").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let roles = self.roles.get_mut().map(std::mem::take).unwrap_or_default();
        // The test's own runtime may not be blocked on, so the work is done on another thread's.
        let work = thread::spawn(move || remove(&admin, &name, &roles));
        work.join().ok();
        drop(self.server.take());
    }
}

fn remove(admin: &Url, name: &str, roles: &[String]) {
    let statements = [format!("drop database if exists \"{name}\" with (force)")]
        .into_iter()
        .chain(roles.iter().map(|role| format!("drop role if exists \"{role}\"")));
    let work = async {
        let mut connection = connect(admin).await?;
        for statement in statements {
            run(&mut connection, statement).await?;
        }
        connection.close().await
    };
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
        // A database that cannot be dropped now, because a test has stopped its server, goes with the server or
        // with a later run's sweep.
        runtime.block_on(async { timeout(DROP_TIMEOUT, work).await.ok() });
    }
}

async fn connect(url: &Url) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect(url.as_str()).await
}

/// Runs a statement made of names from `name::fresh`, which need no escaping.
pub(crate) async fn run(
    connection: &mut PgConnection,
    statement: String,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}
