//! The log of local changes: how much waits, what became of a record's changes, and what is too old to keep.
//!
//! It exists for the loop that decides when to push, and for people who ask what happened to a record.
//! Invariants: a change is settled once; only settled changes are pruned.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;
use sqlx::{
    FromRow, PgConnection, Row as _,
    postgres::{PgListener, PgRow},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Mirror, count::unsigned, error::MirrorError};
use crate::{
    plan::{
        pending::{Operation, OperationKind},
        reconcile::Settled,
    },
    record::ObjectId,
};

/// The channel on which triggers say that there is something to push.
const CHANNEL: &str = "sync_outbox";

/// One local change, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its place in the log.
    pub outbox_id: i64,
    /// `insert`, `update` or `delete`.
    pub operation: String,
    /// The columns it touched.
    pub changed: Vec<String>,
    /// Who made it.
    pub changed_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
    /// When it was known what became of it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub settled_at: Option<OffsetDateTime>,
    /// What became of it; `waiting` while that is not known.
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl FromRow<'_, PgRow> for Change {
    fn from_row(row: &PgRow) -> Result<Change, sqlx::Error> {
        Ok(Change {
            outbox_id: row.try_get("outbox_id")?,
            operation: row.try_get("operation")?,
            changed: row.try_get("changed")?,
            changed_by: row.try_get("changed_by")?,
            changed_at: row.try_get("changed_at")?,
            settled_at: row.try_get("settled_at")?,
            outcome: row.try_get("outcome")?,
            reason: row.try_get("reason")?,
            hint: row.try_get("hint")?,
        })
    }
}

impl Mirror {
    /// How many records wait to be pushed, stuck ones included.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn outbox_depth(&self) -> Result<u64, MirrorError> {
        let count: i64 = sqlx::query_scalar(
            "select count(distinct (object_id, record_id)) from sync.outbox \
             where workspace_id = $1 and settled_at is null",
        )
        .bind(self.workspace_id)
        .fetch_one(&self.pool)
        .await
        .map_err(MirrorError::query("count the outbox"))?;
        Ok(unsigned(count))
    }

    /// How many of them wait although nothing is stopped: they ask for time, or for a person.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn waiting_unstopped(&self) -> Result<u64, MirrorError> {
        let count: i64 = sqlx::query_scalar(
            "select count(distinct (object_id, record_id)) from sync.change \
             where workspace_id = $1 and settled_at is null and outcome <> 'stopped'",
        )
        .bind(self.workspace_id)
        .fetch_one(&self.pool)
        .await
        .map_err(MirrorError::query("count what waits"))?;
        Ok(unsigned(count))
    }

    /// The local changes of a record, oldest first, as far back as they are kept.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn history(
        &self,
        object_id: ObjectId,
        record_id: Uuid,
    ) -> Result<Vec<Change>, MirrorError> {
        sqlx::query_as(
            "select outbox_id, operation, changed, changed_by, changed_at, settled_at, outcome, reason, hint \
             from sync.change where workspace_id = $1 and object_id = $2 and record_id = $3 order by outbox_id",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(record_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("read the changes of a record"))
    }

    /// Removes changes that were settled longer than `keep` ago, and conflicts resolved that long ago. Says how
    /// many changes.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn prune(&self, keep: Duration) -> Result<u64, MirrorError> {
        let mut transaction =
            self.begin().await.map_err(MirrorError::query("begin to prune the outbox"))?;
        sqlx::query(
            "delete from sync.conflict where workspace_id = $1 \
             and resolved_at < now() - make_interval(secs => $2)",
        )
        .bind(self.workspace_id)
        .bind(keep.as_secs_f64())
        .execute(&mut *transaction)
        .await
        .map_err(MirrorError::query("prune the conflicts"))?;
        let pruned = sqlx::query(
            "delete from sync.outbox where workspace_id = $1 \
             and settled_at < now() - make_interval(secs => $2)",
        )
        .bind(self.workspace_id)
        .bind(keep.as_secs_f64())
        .execute(&mut *transaction)
        .await
        .map_err(MirrorError::query("prune the outbox"))?;
        transaction.commit().await.map_err(MirrorError::query("commit the pruned outbox"))?;
        Ok(pruned.rows_affected())
    }

    /// Wakes whoever listens, because there is something to look at that is no new local change.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn wake(&self) -> Result<(), MirrorError> {
        sqlx::query("select pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(self.workspace_id.to_string())
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(MirrorError::query("wake the running twenty-sync"))
    }

    /// Listens for local changes, on a connection that is kept for it; `None` where the only one there may be is needed
    /// for the work.
    ///
    /// # Errors
    /// PostgreSQL refuses, or no connection is free.
    pub async fn listen(&self) -> Result<Option<ChangeListener>, MirrorError> {
        if self.pool.options().get_max_connections() < 2 {
            return Ok(None);
        }
        let failed = || MirrorError::query("listen for local changes");
        let mut listener = PgListener::connect_with(&self.pool).await.map_err(failed())?;
        listener.listen(CHANNEL).await.map_err(failed())?;
        Ok(Some(ChangeListener { listener, workspace: self.workspace_id.to_string() }))
    }
}

/// Hears of local changes. It may miss some, so it only ever means: look now.
#[derive(Debug)]
pub struct ChangeListener {
    listener: PgListener,
    workspace: String,
}

impl ChangeListener {
    /// Returns when there may be something to push: at a local change, and after the connection was lost and made
    /// again, because what was said meanwhile was not heard.
    ///
    /// # Errors
    /// The connection is lost and cannot be made again.
    pub async fn changed(&mut self) -> Result<(), MirrorError> {
        loop {
            match self.listener.try_recv().await {
                Ok(Some(heard)) if heard.payload() != self.workspace => {}
                Ok(_) => return Ok(()),
                Err(cause) => return Err(MirrorError::query("hear of local changes")(cause)),
            }
        }
    }
}

/// Settles changes; says how many there were.
pub(super) async fn settle(
    connection: &mut PgConnection,
    settled: &[Settled],
    reason: Option<&str>,
) -> Result<u64, sqlx::Error> {
    if settled.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query(
        "update sync.outbox o set settled_at = clock_timestamp(), outcome = s.outcome, reason = coalesce($3, \
         case s.outcome when 'conflict' then 'both sides changed the record' end), \
         hint = case s.outcome when 'conflict' then format('select * from sync.conflict where record_id = %L', o.record_id) end \
         from unnest($1::bigint[], $2::text[]) as s (id, outcome) where o.outbox_id = s.id and o.settled_at is null",
    )
    .bind(settled.iter().map(|entry| entry.operation).collect::<Vec<_>>())
    .bind(settled.iter().map(|entry| entry.outcome.as_str()).collect::<Vec<_>>())
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// The changes of these records that are not settled, oldest first.
pub(super) async fn operations(
    mirror: &Mirror,
    connection: &mut PgConnection,
    records: &[(ObjectId, Uuid)],
) -> Result<HashMap<(ObjectId, Uuid), Vec<Operation>>, sqlx::Error> {
    let rows = sqlx::query(
        // Record by record through the index: without statistics, right after a bulk change, a join would guess wrong.
        "select o.* from unnest($2::uuid[], $3::uuid[]) as r (object_id, record_id) cross join lateral \
         (select object_id, record_id, outbox_id, operation, changed, changed_at from sync.outbox \
         where workspace_id = $1 and object_id = r.object_id and record_id = r.record_id and settled_at is null \
         offset 0) as o order by o.outbox_id",
    )
    .bind(mirror.workspace_id)
    .bind(records.iter().map(|record| record.0).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.1).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let mut operations: HashMap<_, Vec<Operation>> = HashMap::new();
    for row in rows {
        let key = (row.try_get("object_id")?, row.try_get("record_id")?);
        operations.entry(key).or_default().push(operation(&row)?);
    }
    Ok(operations)
}

fn operation(row: &PgRow) -> Result<Operation, sqlx::Error> {
    let word: &str = row.try_get("operation")?;
    let unknown = || sqlx::Error::Decode(format!("{word} is no operation").into());
    Ok(Operation {
        id: row.try_get("outbox_id")?,
        kind: OperationKind::named(word).ok_or_else(unknown)?,
        changed: row.try_get("changed")?,
        changed_at: row.try_get("changed_at")?,
    })
}
