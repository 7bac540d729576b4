//! Which flows of which objects do not run, and why.
//!
//! It exists because what must not go on is remembered where every process sees it, and shown until somebody lifts
//! it. Invariants: a stop has one cause; lifting one leaves those of other causes; stopping twice is stopping once.

use serde::Serialize;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
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
    /// Every cause.
    pub const ALL: [StopCause; 3] = [StopCause::Fuse, StopCause::Pause, StopCause::Rewind];

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

/// A record that was inserted here and does not go to the source now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsentCreate {
    /// The record.
    pub record_id: Uuid,
    /// The record of a stopped object that it waits for, perhaps itself; `None` if the source has refused it.
    pub stopped: Option<(ObjectId, Uuid)>,
}

impl FromRow<'_, PgRow> for UnsentCreate {
    fn from_row(row: &PgRow) -> Result<UnsentCreate, sqlx::Error> {
        let object: Option<ObjectId> = row.try_get("stopped_object")?;
        let stopped = object.zip(row.try_get("stopped_record")?);
        Ok(UnsentCreate { record_id: row.try_get("record_id")?, stopped })
    }
}

/// A record that waits with a new record of a stopped object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Its object.
    pub object_id: ObjectId,
    /// The record.
    pub record_id: Uuid,
    /// The last change seen of it.
    pub through: i64,
    /// The record that it waits for, and that record's object.
    pub parent: (ObjectId, Uuid),
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
        let failed = || MirrorError::query("stop an object");
        let mut transaction = self.begin_patiently().await.map_err(failed())?;
        let ran = put(self, &mut transaction, object_id, (flow, cause), (reason, hint))
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(ran)
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
        let failed = || MirrorError::query("let an object go on");
        let mut transaction = self.begin_patiently().await.map_err(failed())?;
        let lifted = lift(self, &mut transaction, object_id, flow, cause).await.map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(lifted)
    }

    /// Whether a flow of an object is stopped, whatever the cause.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn is_stopped(&self, object_id: ObjectId, flow: Flow) -> Result<bool, MirrorError> {
        sqlx::query_scalar(
            "select exists (select from sync.stop where workspace_id = $1 and object_id = $2 and flow = $3)",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(flow.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(MirrorError::query("read whether an object is stopped"))
    }

    /// Records that were inserted here and that do not go to the source now: it has refused them, or they wait behind
    /// a stop.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn unsent_creates(&self) -> Result<Vec<UnsentCreate>, MirrorError> {
        sqlx::query_as(
            "select b.record_id, coalesce(s.object_id, r.behind_object) as stopped_object, \
             case when s.object_id is not null then b.record_id else r.behind end as stopped_record \
             from sync.base b \
             left join sync.stopped_push s on s.workspace_id = b.workspace_id and s.object_id = b.object_id \
             left join sync.stopped_record r on r.workspace_id = b.workspace_id and r.object_id = b.object_id \
             and r.record_id = b.record_id \
             where b.workspace_id = $1 and b.base is null and (s.object_id is not null or r.behind is not null \
             or exists (select from sync.quarantine q where q.workspace_id = b.workspace_id \
             and q.object_id = b.object_id and q.record_id = b.record_id and q.direction = 'push'))",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("list new records that are not sent"))
    }

    /// Writes down that these records wait with a new record of a stopped object.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn wait_behind(&self, records: &[Behind]) -> Result<(), MirrorError> {
        if records.is_empty() {
            return Ok(());
        }
        let statement = sqlx::query(
            "update sync.base b set behind_through = n.through, behind_object = n.stopped_object, \
             behind = n.stopped_record from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[], $6::uuid[]) \
             as n (object_id, record_id, through, stopped_object, stopped_record) \
             where b.workspace_id = $1 and b.object_id = n.object_id and b.record_id = n.record_id",
        )
        .bind(self.workspace_id)
        .bind(records.iter().map(|record| record.object_id).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.record_id).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.through).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.parent.0).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.parent.1).collect::<Vec<_>>());
        self.write(statement)
            .await
            .map(drop)
            .map_err(MirrorError::query("write down which records wait behind a stop"))
    }
}

/// Stops a flow of an object; says whether it ran, as far as this cause goes.
pub(super) async fn put(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    (flow, cause): (Flow, StopCause),
    (reason, hint): (&str, &str),
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "insert into sync.stop as s (workspace_id, object_id, flow, cause, reason, hint) \
         values ($1, $2, $3, $4, $5, $6) on conflict (workspace_id, object_id, flow, cause) \
         do update set reason = excluded.reason, hint = excluded.hint returning xmax = 0",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(flow.as_str())
    .bind(cause.as_str())
    .bind(reason)
    .bind(hint)
    .fetch_one(connection)
    .await
}

/// Lifts a stop; says whether there was one.
pub(super) async fn lift(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    flow: Flow,
    cause: StopCause,
) -> Result<bool, sqlx::Error> {
    let lifted = sqlx::query(
        "delete from sync.stop where workspace_id = $1 and object_id = $2 and flow = $3 and cause = $4",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(flow.as_str())
    .bind(cause.as_str())
    .execute(connection)
    .await?;
    Ok(lifted.rows_affected() > 0)
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
