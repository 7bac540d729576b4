//! What both sides last agreed on, of records with unsent local changes; and how such records are locked.
//!
//! It exists because the record's row, its base and its changes in the log must be read as one and written as one
//! while people go on editing. Invariant: the mirror's row is locked first, its base second, as the trigger does
//! it; what the decision is taken from is read after both, so no change can slip in between.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Mirror, TableWriter,
    claim::{self, Claimed},
    error::MirrorError,
    quarantine,
    relation::Relation,
};
use crate::record::{Flow, Image, ObjectId};

/// A base to be written.
#[derive(Debug)]
pub(super) struct BaseWrite<'a> {
    pub(super) record_id: Uuid,
    pub(super) base: Option<&'a Image>,
    /// What was sent of a create that is not there.
    pub(super) given_up: Option<&'a Image>,
    /// Names of columns that must not be sent.
    pub(super) waiting: Vec<&'a str>,
    /// The last change for which there is nothing to send.
    pub(super) decided_through: Option<i64>,
}

impl Mirror {
    /// The records of an object that have local changes.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn edited(&self, object_id: ObjectId) -> Result<Vec<Uuid>, MirrorError> {
        sqlx::query_scalar(
            "select record_id from sync.base where workspace_id = $1 and object_id = $2 order by record_id",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("list the records with local changes"))
    }
}

/// Which of these records have a base.
pub(super) async fn present(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    ids: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select record_id from sync.base where workspace_id = $1 and object_id = $2 and record_id = any($3)",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(ids)
    .fetch_all(connection)
    .await
}

/// A page showed these records, whose writes are under way or in doubt, and goes by: who saw them before must look
/// once more. Says which are in doubt: nobody looks at the others any more.
pub(super) async fn pass_by(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    ids: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(
        "with passed as (update sync.base set since = since \
         where workspace_id = $1 and object_id = $2 and record_id = any($3) returning record_id, sent_at) \
         select record_id from passed where sent_at is not null",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(ids)
    .fetch_all(connection)
    .await
}

/// Locks records and reads their state; those without a base are left out.
pub(super) async fn lock(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &Relation,
    ids: &[Uuid],
) -> Result<Vec<Claimed>, sqlx::Error> {
    table.lock(connection, ids).await?;
    let rows = sqlx::query(
        "select object_id, record_id, base, sent, given_up, sent_at, sent_through, waiting, since, \
         xmin::text::bigint as written from sync.base \
         where workspace_id = $1 and object_id = $2 and record_id = any($3) order by record_id for update",
    )
    .bind(mirror.workspace_id)
    .bind(table.object_id)
    .bind(ids)
    .fetch_all(&mut *connection)
    .await?;
    let mut locked: Vec<Claimed> = rows.iter().map(claim::base).collect::<Result<_, _>>()?;
    claim::add_operations(mirror, connection, &mut locked).await?;
    // Only now: a row that was not there to be locked may have been inserted before its base was.
    let mut rows = claim::rows(connection, &table.name, ids).await?;
    for record in &mut locked {
        record.mirror = rows.remove(&record.record_id);
    }
    Ok(locked)
}

/// Writes bases of records that are still pending. What was sent is no longer in doubt.
pub(super) async fn write(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &TableWriter,
    bases: &[BaseWrite<'_>],
) -> Result<(), sqlx::Error> {
    for write in bases {
        sqlx::query(
            "update sync.base set base = $4::jsonb || coalesce((select jsonb_object_agg(name, base -> name) \
             from unnest($7::text[]) as name where base ? name), '{}'), waiting = $5, decided_through = $6, \
             sent = null, sent_through = null, sent_at = null, given_up = $8::jsonb \
             where workspace_id = $1 and object_id = $2 and record_id = $3",
        )
        .bind(mirror.workspace_id)
        .bind(table.relation.object_id)
        .bind(write.record_id)
        .bind(write.base.map(|base| base.to_json(&table.described)))
        .bind(&write.waiting)
        .bind(write.decided_through)
        .bind(&table.lost)
        .bind(write.given_up.map(|image| image.to_json(&table.described)))
        .execute(&mut *connection)
        .await?;
    }
    // Where there is nothing to send, nothing is refused.
    let quiet = bases.iter().filter(|write| write.decided_through.is_some());
    let quiet: Vec<Uuid> = quiet.map(|write| write.record_id).collect();
    let of = (table.relation.object_id, Flow::Push);
    quarantine::release(mirror, connection, of, &quiet).await
}

/// Notes up to which change there is nothing to send of a record.
pub(super) async fn note_decided(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    record_id: Uuid,
    through: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update sync.base set decided_through = $4 where workspace_id = $1 and object_id = $2 and record_id = $3 \
         and decided_through is distinct from $4",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(record_id)
    .bind(through)
    .execute(connection)
    .await
    .map(drop)
}

/// Removes the bases of records without unsent changes, and what was held of them.
pub(super) async fn forget(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with quarantine as (delete from sync.quarantine where workspace_id = $1 and object_id = $2 \
         and direction = 'push' and record_id = any($3)) \
         delete from sync.base where workspace_id = $1 and object_id = $2 and record_id = any($3)",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(ids)
    .execute(connection)
    .await
    .map(drop)
}
