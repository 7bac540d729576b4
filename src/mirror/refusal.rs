//! Local changes that the source refused: why, when they are tried again, and how to take them back.
//!
//! It exists because a refused change must stop nothing but itself, and must stay visible until a person or a
//! later change repairs it. Invariants: a record is held once; its changes stay unsettled; a newer change of the
//! record, a new schema or a release has it tried again; discarding gives the row back what both sides last
//! agreed on.

use std::time::Duration;

use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Mirror, base, conflict,
    error::MirrorError,
    ident::statement,
    outbox,
    relation::Relation,
    settle::Writings,
    transaction::{ATTEMPTS, give_way, is_contention},
};
use crate::{
    plan::{
        pending::Operation,
        reconcile::{Outcome, Settled},
    },
    record::ObjectId,
};

/// A record whose local changes could not be written to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The object.
    pub object_id: ObjectId,
    /// The record.
    pub record_id: Uuid,
    /// The field at fault, if one is.
    pub field: Option<String>,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The record that holds a unique value already.
    pub holder_id: Option<Uuid>,
    /// Whether it waits for that record to be sent. Where that is there by now, it is tried again at once.
    pub waits: bool,
    /// After what time to try again, by the database's clock; `None`: only after a change.
    pub retry_in: Option<Duration>,
    /// The last local change that was refused.
    pub through: i64,
    /// Whether the source has answered. Without an answer, what was sent stays written down as possibly arrived.
    pub answered: bool,
    /// Which writing of `sync.base` the record was sent from. If it is another one by now, a page has passed by: then
    /// the record stays in doubt, so that it is read before it is tried again.
    pub written: i64,
    /// What was sent, as JSON.
    pub json: String,
}

/// A record that is stuck, on its way in either direction.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// `pull` or `push`.
    pub direction: String,
    /// The object's plural name.
    pub object: String,
    /// The record, if its id could be read.
    pub record_id: Option<Uuid>,
    /// The field at fault, if one is.
    pub field: Option<String>,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The record that holds a unique value already.
    pub holder_id: Option<Uuid>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried again by itself.
    #[serde(with = "time::serde::rfc3339::option")]
    pub retry_at: Option<OffsetDateTime>,
    /// When it was first seen.
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen_at: OffsetDateTime,
    /// When it was last seen.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
}

impl FromRow<'_, PgRow> for Problem {
    fn from_row(row: &PgRow) -> Result<Problem, sqlx::Error> {
        Ok(Problem {
            direction: row.try_get("direction")?,
            object: row.try_get("object")?,
            record_id: row.try_get("record_id")?,
            field: row.try_get("field")?,
            reason: row.try_get("reason")?,
            hint: row.try_get("hint")?,
            holder_id: row.try_get("holder_id")?,
            attempts: row.try_get("attempts")?,
            retry_at: row.try_get("retry_at")?,
            first_seen_at: row.try_get("first_seen_at")?,
            last_seen_at: row.try_get("last_seen_at")?,
        })
    }
}

impl Mirror {
    /// Sets aside records whose local changes could not be written; counts one more attempt for each. Says which were
    /// not, because a page has passed by since they were sent, with the writing that they are now.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn quarantine_push(&self, refusals: &[Refusal]) -> Result<Writings, MirrorError> {
        let failed = || MirrorError::query("set refused changes aside");
        let mut transaction = self.begin().await.map_err(failed())?;
        let mut passed = Writings::new();
        for refusal in refusals {
            if refusal.answered
                && let Some(written) =
                    passed_by(self, &mut transaction, refusal).await.map_err(failed())?
            {
                passed.insert(refusal.record_id, written);
                continue;
            }
            put(self, &mut transaction, refusal).await.map_err(failed())?;
            if refusal.answered {
                forget_sent(self, &mut transaction, refusal).await.map_err(failed())?;
            }
        }
        transaction.commit().await.map_err(failed())?;
        Ok(passed)
    }

    /// Has refused changes of these records tried again now; of all records without ids. Says how many.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn release(
        &self,
        object_id: ObjectId,
        ids: Option<&[Uuid]>,
    ) -> Result<u64, MirrorError> {
        let statement = sqlx::query(
            "update sync.quarantine set retry_at = clock_timestamp() where workspace_id = $1 and object_id = $2 \
             and direction = 'push' and ($3::uuid[] is null or record_id = any($3))",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(ids);
        let released = self
            .write(statement)
            .await
            .map_err(MirrorError::query("have refused changes tried again"))?;
        Ok(released)
    }

    /// Has the refused changes tried again that wait for one of these records, to be sent or to change.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn release_waiting_for(&self, records: &[Uuid]) -> Result<u64, MirrorError> {
        let statement = sqlx::query(
            "update sync.quarantine set retry_at = clock_timestamp() \
             where workspace_id = $1 and direction = 'push' and holder_id = any($2)",
        )
        .bind(self.workspace_id)
        .bind(records);
        let released = self
            .write(statement)
            .await
            .map_err(MirrorError::query("have waiting changes tried again"))?;
        Ok(released)
    }

    /// Takes the local changes of a record back: its row becomes what both sides last agreed on, and held fields
    /// what the source holds. Says whether there were any.
    ///
    /// # Errors
    /// PostgreSQL refuses, or people hold the row for too long.
    pub async fn discard(&self, object_id: ObjectId, record_id: Uuid) -> Result<bool, MirrorError> {
        let relation = self.relation(object_id).await?;
        let mut attempt = 0;
        loop {
            match self.try_discard(&relation, record_id).await {
                Err(error) if is_contention(&error) && attempt < ATTEMPTS => {
                    give_way(attempt).await;
                }
                result => return result.map_err(|error| relation.failed(error)),
            }
            attempt += 1;
        }
    }

    async fn try_discard(&self, relation: &Relation, record_id: Uuid) -> Result<bool, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let locked = base::lock(self, &mut transaction, relation, &[record_id]).await?;
        let Some(state) = locked.into_iter().next() else { return Ok(false) };
        match &state.base {
            Some(base) => {
                relation.put_json(&mut transaction, record_id, base.get()).await?;
                let held = conflict::yield_to_source(self, &mut transaction, relation, record_id);
                for source in held.await? {
                    relation.put_json(&mut transaction, record_id, &source).await?;
                }
            }
            None => drop(relation.remove(&mut transaction, &[record_id]).await?),
        }
        let reason: Option<String> = sqlx::query_scalar(
            "select reason from sync.quarantine where workspace_id = $1 and object_id = $2 \
             and direction = 'push' and record_key = $3",
        )
        .bind(self.workspace_id)
        .bind(relation.object_id)
        .bind(record_id.to_string())
        .fetch_optional(&mut *transaction)
        .await?;
        let reason =
            format!("discarded{}", reason.map(|why| format!(": {why}")).unwrap_or_default());
        let refused =
            |entry: &Operation| Settled { operation: entry.id, outcome: Outcome::Refused };
        let settled: Vec<Settled> = state.operations.iter().map(refused).collect();
        outbox::settle(&mut transaction, &settled, Some(&reason)).await?;
        base::forget(self, &mut transaction, relation.object_id, &[record_id]).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Every record that is stuck, by object and age.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn problems(&self) -> Result<Vec<Problem>, MirrorError> {
        sqlx::query_as(
            "select direction, object, record_id, field, reason, hint, holder_id, attempts, retry_at, \
             first_seen_at, last_seen_at from sync.problem where schema_name = $1 \
             order by object, first_seen_at, record_id",
        )
        .bind(self.schema())
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("list what is stuck"))
    }
}

async fn put(
    mirror: &Mirror,
    connection: &mut PgConnection,
    refusal: &Refusal,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into sync.quarantine as q (workspace_id, object_id, direction, record_key, record_id, field, \
         reason, record, hint, holder_id, attempts, retry_at, outbox_id) \
         values ($1, $2, 'push', $3::uuid::text, $3::uuid, $4, $5, $6, $7, $8, 1, \
         case when $11 and not exists (select from sync.base where workspace_id = $1 and record_id = $8 and base is null \
         for share skip locked) then clock_timestamp() else clock_timestamp() + make_interval(secs => $9) end, $10) \
         on conflict (workspace_id, object_id, direction, record_key) do update set field = excluded.field, \
         reason = excluded.reason, record = excluded.record, hint = excluded.hint, holder_id = excluded.holder_id, \
         attempts = case when excluded.outbox_id > q.outbox_id then 1 else q.attempts + 1 end, \
         retry_at = excluded.retry_at, outbox_id = excluded.outbox_id, last_seen_at = clock_timestamp()",
    )
    .bind(mirror.workspace_id)
    .bind(refusal.object_id)
    .bind(refusal.record_id)
    .bind(&refusal.field)
    .bind(&refusal.reason)
    .bind(&refusal.json)
    .bind(&refusal.hint)
    .bind(refusal.holder_id)
    .bind(refusal.retry_in.map(|wait| wait.as_secs_f64()))
    .bind(refusal.through)
    .bind(refusal.waits)
    .execute(connection)
    .await
    .map(drop)
}

/// Which writing the record is now, if a page showed it since it was sent and went by.
async fn passed_by(
    mirror: &Mirror,
    connection: &mut PgConnection,
    refusal: &Refusal,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select xmin::text::bigint from sync.base where workspace_id = $1 and object_id = $2 and record_id = $3 \
         and sent_at is not null and xmin::text::bigint <> $4 for update",
    )
    .bind(mirror.workspace_id)
    .bind(refusal.object_id)
    .bind(refusal.record_id)
    .bind(refusal.written)
    .fetch_optional(connection)
    .await
}

/// The source has answered: what was sent did not arrive.
async fn forget_sent(
    mirror: &Mirror,
    connection: &mut PgConnection,
    refusal: &Refusal,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update sync.base set sent = null, sent_through = null, sent_at = null \
         where workspace_id = $1 and object_id = $2 and record_id = $3 and sent_through <= $4",
    )
    .bind(mirror.workspace_id)
    .bind(refusal.object_id)
    .bind(refusal.record_id)
    .bind(refusal.through)
    .execute(connection)
    .await
    .map(drop)
}

/// Has refused changes tried again (`released`) that wait for one of the records `$2` of the workspace `$1`. Whoever holds
/// a refusal at this moment decides on it anew.
pub(super) const RELEASED: &str = "waiting as (select quarantine_id from sync.quarantine where workspace_id = $1 \
     and direction = 'push' and holder_id = any($2) and (retry_at is null or retry_at > clock_timestamp()) \
     for update skip locked), released as (update sync.quarantine q set retry_at = clock_timestamp() from waiting w \
     where q.quarantine_id = w.quarantine_id)";

/// Has what waits for one of these records tried again, in the transaction in which they came: whoever would do it later
/// may be killed before.
pub(super) async fn release_waiting(
    mirror: &Mirror,
    connection: &mut PgConnection,
    came: &[Uuid],
) -> Result<(), sqlx::Error> {
    if came.is_empty() {
        return Ok(());
    }
    sqlx::query(statement(format!("with {RELEASED} select")))
        .bind(mirror.workspace_id)
        .bind(came)
        .execute(connection)
        .await
        .map(drop)
}

/// Has everything that was refused tried again.
pub(super) async fn retry_all(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<(), MirrorError> {
    sqlx::query(
        "update sync.quarantine set retry_at = clock_timestamp() \
         where workspace_id = $1 and direction = 'push' and retry_at is null",
    )
    .bind(mirror.workspace_id)
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("have refused changes tried again"))
}
