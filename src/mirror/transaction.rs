//! Transactions of the program's own, and how it gives way to people.
//!
//! It exists because people and the program write the same rows. Invariants: what the program writes is marked
//! as its own, so that it is not captured as a local change; of two that wait for each other it is the program
//! that gives up, after 200 ms and before PostgreSQL looks for deadlocks; it tries again a few times, then reports.
//! Nothing is written outside of these transactions, which PostgreSQL sees to, because our connections are read-only
//! otherwise; so what works under a lease is stopped by it whatever it writes.

use std::time::Duration;

use sqlx::{Postgres, Transaction, postgres::PgArguments, query::Query};

use super::{Mirror, error::sqlstate, lease::Epoch};

/// How often a transaction is tried when people hold its rows.
pub(super) const ATTEMPTS: u32 = 6;

/// How long a transaction waits for a lock that people may hold.
const BRIEF: &str = "200ms";

/// How long it waits for one that only programs hold.
const PATIENT: &str = "5s";

impl Mirror {
    /// Begins a transaction on what people write, too. Its writes are not captured.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.begin_waiting(BRIEF).await
    }

    /// Begins a transaction on what only programs write.
    pub(super) async fn begin_patiently(
        &self,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.begin_waiting(PATIENT).await
    }

    /// Runs one statement on what only programs write; how many rows it changed.
    pub(super) async fn write(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, sqlx::Error> {
        let mut transaction = self.begin_patiently().await?;
        let done = query.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(done.rows_affected())
    }

    async fn begin_waiting(
        &self,
        longest: &str,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self.pool.begin_with("begin read write").await?;
        let begun = match self.epoch {
            None => sqlx::query_scalar(
                "select current_setting('sync.read_only', true), set_config('sync.origin', 'engine', true), \
                 set_config('lock_timeout', $1, true)",
            )
            .bind(longest),
            Some(Epoch(epoch)) => sqlx::query_scalar(
                "select current_setting('sync.read_only', true), set_config('sync.origin', 'engine', true), \
                 set_config('lock_timeout', $1, true), sync.fence($2, $3)",
            )
            .bind(longest)
            .bind(self.workspace_id)
            .bind(epoch),
        };
        let is_read_only: Option<String> = begun.fetch_one(&mut *transaction).await?;
        if is_read_only.as_deref() == Some("on") {
            // As the operator wants it: what is written now is refused with the reason.
            sqlx::query("set transaction read only").execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }
}

/// Whether somebody else's transaction stood in the way: a lock not granted in time, a deadlock, or a change
/// under our snapshot.
pub(super) fn is_contention(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some("55P03" | "40P01" | "40001"))
}

/// Leaves the rows to others for a while.
pub(super) async fn give_way(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(50) * (attempt + 1)).await;
}
