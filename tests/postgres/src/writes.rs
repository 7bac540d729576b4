//! How many rows were written, by PostgreSQL's own count.
//!
//! "Nothing changed, so nothing was written" is a claim that only the server can confirm. It counts per table in
//! `pg_stat_user_tables`, but each connection hands in its counts late: up to ten seconds after it went idle, or
//! when it ends. So idle connections are ended first. A pool makes new ones without a word; whoever listens for
//! notifications must listen again.

use std::ops::Sub;
use std::time::{Duration, Instant};

use sqlx::Row;
use tokio::time::sleep;

use crate::TestDatabase;

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Rows written to the tables of a schema since they were made. Subtract an earlier count from a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Writes {
    /// Rows inserted.
    pub inserted: i64,
    /// Rows updated, also to the same values.
    pub updated: i64,
    /// Rows deleted.
    pub deleted: i64,
}

impl Writes {
    /// All of them.
    pub fn total(self) -> i64 {
        self.inserted + self.updated + self.deleted
    }
}

impl Sub for Writes {
    type Output = Writes;

    fn sub(self, earlier: Writes) -> Writes {
        Writes {
            inserted: self.inserted - earlier.inserted,
            updated: self.updated - earlier.updated,
            deleted: self.deleted - earlier.deleted,
        }
    }
}

impl TestDatabase {
    /// Counts the rows written in a schema so far. Ends idle connections to the database, and waits for busy ones.
    pub async fn writes_in(&self, schema: &str) -> Writes {
        self.end_idle_connections().await;
        let query = "select coalesce(sum(n_tup_ins), 0)::bigint, coalesce(sum(n_tup_upd), 0)::bigint, \
                     coalesce(sum(n_tup_del), 0)::bigint from pg_stat_user_tables where schemaname = $1";
        let pool = self.pool().await;
        let row = sqlx::query(query).bind(schema).fetch_one(&pool).await;
        pool.close().await;
        let row = row.unwrap_or_else(|error| panic!("could not count the writes: {error}"));
        Writes { inserted: row.get(0), updated: row.get(1), deleted: row.get(2) }
    }

    /// Returns when the database has no connection. One that is not idle within ten seconds is the test's fault.
    async fn end_idle_connections(&self) {
        // pg_stat_activity forgets a connection only after its counts were handed in.
        let query = "select count(*), count(*) filter (where state = 'idle' and pg_terminate_backend(pid)) \
                     from pg_stat_activity where datname = $1 and backend_type = 'client backend'";
        let mut admin = self.admin().await;
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            let row = sqlx::query(query).bind(self.name()).fetch_one(&mut admin).await;
            let row = row.unwrap_or_else(|error| panic!("could not end idle connections: {error}"));
            if row.get::<i64, _>(0) == 0 {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "a statement or transaction on {} does not end",
                self.name()
            );
            sleep(POLL).await;
        }
    }
}
