//! Which flows of which objects do not run, and why.
//!
//! It exists because what must not go on is remembered where every process sees it, and shown until somebody lifts
//! it. Invariants: a stop has one cause; lifting one leaves those of other causes; stopping twice is stopping once.

use serde::Serialize;
use sqlx::{FromRow, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Mirror, error::MirrorError};
use crate::record::{Flow, ObjectId};

/// What stopped a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StopCause {
    /// Too much would have been deleted or overwritten at once.
    Fuse,
    /// A person.
    Pause,
    /// One side was restored from an older backup.
    Rewind,
}

impl StopCause {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            StopCause::Fuse => "fuse",
            StopCause::Pause => "pause",
            StopCause::Rewind => "rewind",
        }
    }
}

/// A flow of an object that does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// The object.
    #[serde(skip)]
    pub object_id: ObjectId,
    /// Its plural name.
    pub object: String,
    /// The flow.
    pub flow: Flow,
    /// What stopped it.
    pub cause: StopCause,
    /// Why, for people.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub stopped_at: OffsetDateTime,
}

impl FromRow<'_, PgRow> for Stop {
    fn from_row(row: &PgRow) -> Result<Stop, sqlx::Error> {
        let unknown = |word: String| sqlx::Error::Decode(format!("{word} is no stop").into());
        Ok(Stop {
            object_id: row.try_get("object_id")?,
            object: row.try_get("object")?,
            flow: match row.try_get("flow")? {
                "pull" => Flow::Pull,
                "push" => Flow::Push,
                other => return Err(unknown(other.to_owned())),
            },
            cause: match row.try_get("cause")? {
                "fuse" => StopCause::Fuse,
                "pause" => StopCause::Pause,
                "rewind" => StopCause::Rewind,
                other => return Err(unknown(other.to_owned())),
            },
            reason: row.try_get("reason")?,
            hint: row.try_get("hint")?,
            stopped_at: row.try_get("stopped_at")?,
        })
    }
}

impl Mirror {
    /// What does not run in this workspace, by object.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn stops(&self) -> Result<Vec<Stop>, MirrorError> {
        of_workspace(&self.pool, self.workspace_id).await
    }

    /// Stops a flow of an object. Says whether it ran, as far as this cause goes.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn stop(
        &self,
        object_id: ObjectId,
        (flow, cause): (Flow, StopCause),
        (reason, hint): (&str, &str),
    ) -> Result<bool, MirrorError> {
        sqlx::query_scalar(
            "insert into sync.stop as s (workspace_id, object_id, flow, cause, reason, hint) \
             values ($1, $2, $3, $4, $5, $6) on conflict (workspace_id, object_id, flow, cause) \
             do update set reason = excluded.reason, hint = excluded.hint returning xmax = 0",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(flow.as_str())
        .bind(cause.as_str())
        .bind(reason)
        .bind(hint)
        .fetch_one(&self.pool)
        .await
        .map_err(MirrorError::query("stop an object"))
    }

    /// Lifts a stop. Says whether there was one.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn lift(
        &self,
        object_id: ObjectId,
        flow: Flow,
        cause: StopCause,
    ) -> Result<bool, MirrorError> {
        let lifted = sqlx::query(
            "delete from sync.stop where workspace_id = $1 and object_id = $2 and flow = $3 and cause = $4",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(flow.as_str())
        .bind(cause.as_str())
        .execute(&self.pool)
        .await
        .map_err(MirrorError::query("let an object go on"))?;
        Ok(lifted.rows_affected() > 0)
    }
}

/// What does not run in a workspace, by object.
pub(super) async fn of_workspace(
    pool: &sqlx::PgPool,
    workspace_id: Uuid,
) -> Result<Vec<Stop>, MirrorError> {
    sqlx::query_as(
        "select s.object_id, o.name_plural as object, s.flow, s.cause, s.reason, s.hint, s.stopped_at \
         from sync.stop s join sync.object o using (workspace_id, object_id) \
         where s.workspace_id = $1 order by object, flow, s.stopped_at",
    )
    .bind(workspace_id)
    .fetch_all(pool)
    .await
    .map_err(MirrorError::query("read what is stopped"))
}
