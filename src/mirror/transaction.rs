//! Transactions of the program's own, and how it gives way to people.
//!
//! It exists because people and the program write the same rows. Invariants: what the program writes is marked
//! as its own, so that it is not captured as a local change; of two that wait for each other it is the program
//! that gives up, after 200 ms and before PostgreSQL looks for deadlocks; it tries again a few times, then reports.

use std::time::Duration;

use sqlx::{Postgres, Transaction};

use super::{Mirror, error::sqlstate};

/// How often a transaction is tried when people hold its rows.
pub(super) const ATTEMPTS: u32 = 6;

impl Mirror {
    /// Begins a transaction whose writes are not captured.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "select set_config('sync.origin', 'engine', true), set_config('lock_timeout', '200ms', true)",
        )
        .execute(&mut *transaction)
        .await?;
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
