//! Keeps what the program knows of its budget where `status` can read it.
//!
//! It exists because `status` asks the database, not the process. Invariant: it is told, never read to decide.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{FromRow, PgPool, Row as _, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Mirror, error::MirrorError};

/// Calls by lane and outcome.
pub type CallCounts = BTreeMap<String, BTreeMap<String, u64>>;

/// The budget as it was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub told_at: OffsetDateTime,
    /// Calls that Twenty allows in a window; `None` while no limit is known, as are the next three.
    pub limit_calls: Option<i64>,
    /// The window.
    pub limit_milliseconds: Option<i64>,
    /// Calls that could be made at that moment.
    pub left_calls: Option<i64>,
    /// Calls of the limit that are left to others.
    pub reserve_calls: Option<i64>,
    /// Calls since the process started.
    pub calls: CallCounts,
}

impl FromRow<'_, PgRow> for Budget {
    fn from_row(row: &PgRow) -> Result<Budget, sqlx::Error> {
        let Json(calls) = row.try_get("calls")?;
        Ok(Budget {
            told_at: row.try_get("told_at")?,
            limit_calls: row.try_get("limit_calls")?,
            limit_milliseconds: row.try_get("limit_milliseconds")?,
            left_calls: row.try_get("left_calls")?,
            reserve_calls: row.try_get("reserve_calls")?,
            calls,
        })
    }
}

/// A limit of calls, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimit {
    /// Calls in a window.
    pub calls: u32,
    /// The window.
    pub window: std::time::Duration,
    /// Calls that could be made now.
    pub left: u32,
    /// Calls that are left to others.
    pub reserve: u32,
}

impl Mirror {
    /// Writes down what is known of the budget.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn tell_budget(
        &self,
        limit: Option<BudgetLimit>,
        calls: &CallCounts,
    ) -> Result<(), MirrorError> {
        let milliseconds = |limit: BudgetLimit| i64::try_from(limit.window.as_millis()).ok();
        let query = sqlx::query(
            "insert into sync.budget \
             (workspace_id, limit_calls, limit_milliseconds, left_calls, reserve_calls, calls) \
             values ($1, $2, $3, $4, $5, $6) on conflict (workspace_id) do update set told_at = now(), \
             limit_calls = excluded.limit_calls, limit_milliseconds = excluded.limit_milliseconds, \
             left_calls = excluded.left_calls, reserve_calls = excluded.reserve_calls, calls = excluded.calls",
        )
        .bind(self.workspace_id)
        .bind(limit.map(|limit| i64::from(limit.calls)))
        .bind(limit.and_then(milliseconds))
        .bind(limit.map(|limit| i64::from(limit.left)))
        .bind(limit.map(|limit| i64::from(limit.reserve)))
        .bind(Json(calls));
        self.write(query)
            .await
            .map(drop)
            .map_err(MirrorError::query("write down what is left of the budget"))
    }
}

/// The budget of a workspace, once it was told.
pub(super) async fn of_workspace(
    pool: &PgPool,
    workspace_id: Uuid,
) -> Result<Option<Budget>, MirrorError> {
    sqlx::query_as(
        "select told_at, limit_calls, limit_milliseconds, left_calls, reserve_calls, calls from sync.budget \
         where workspace_id = $1",
    )
    .bind(workspace_id)
    .fetch_optional(pool)
    .await
    .map_err(MirrorError::query("read what is left of the budget"))
}
