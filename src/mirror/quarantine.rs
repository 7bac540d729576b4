//! Sets records aside that could not be applied, and takes them out again when they can be.
//!
//! It exists because nothing is dropped: a record that does not fit is kept with its JSON and the reason, and
//! everything else goes on. Invariants: a record is held once; reading it again unchanged writes nothing.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Mirror, count::unsigned, error::MirrorError, ident::statement, page::SetAside,
    refusal::RELEASED,
};
use crate::record::{Flow, ObjectId};

/// Sets records aside; says how many are new or differ from before.
pub(super) async fn put(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    records: &[&SetAside],
) -> Result<u64, sqlx::Error> {
    if records.is_empty() {
        return Ok(0);
    }
    let column =
        |of: fn(&SetAside) -> &str| records.iter().map(|record| of(record)).collect::<Vec<_>>();
    let written = sqlx::query(
        "insert into sync.quarantine as q \
         (workspace_id, object_id, direction, record_key, record_id, field, reason, record) \
         select $1, $2, 'pull', * from unnest($3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[]) \
         on conflict (workspace_id, object_id, direction, record_key) do update set \
         field = excluded.field, reason = excluded.reason, record = excluded.record, last_seen_at = now() \
         where (q.field, q.reason, q.record) is distinct from (excluded.field, excluded.reason, excluded.record)",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(column(|record| &record.key))
    .bind(records.iter().map(|record| record.id).collect::<Vec<_>>())
    .bind(records.iter().map(|record| record.field.as_deref()).collect::<Vec<_>>())
    .bind(column(|record| &record.reason))
    .bind(column(|record| &record.json))
    .execute(connection)
    .await?;
    Ok(written.rows_affected())
}

/// Takes records out that were read well, or of which nothing is to be sent.
pub(super) async fn release(
    mirror: &Mirror,
    connection: &mut PgConnection,
    (object_id, flow): (ObjectId, Flow),
    ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "delete from sync.quarantine where workspace_id = $1 and object_id = $2 and direction = $3 \
         and record_id = any($4)",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(flow.as_str())
    .bind(ids)
    .execute(connection)
    .await
    .map(drop)
}

/// Takes records out that were read well, and has local changes tried again that were refused because of a record that is
/// another one now: a parent that was not there, a value that somebody else held.
pub(super) async fn release_read(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    read: &[Uuid],
    changed: &[Uuid],
) -> Result<(), sqlx::Error> {
    if read.is_empty() && changed.is_empty() {
        return Ok(());
    }
    sqlx::query(statement(format!(
        "with {RELEASED} delete from sync.quarantine where workspace_id = $1 and object_id = $3 \
         and direction = 'pull' and record_id = any($4)"
    )))
    .bind(mirror.workspace_id)
    .bind(changed)
    .bind(object_id)
    .bind(read)
    .execute(connection)
    .await
    .map(drop)
}

impl Mirror {
    /// How many records of the workspace are set aside.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn quarantined(&self) -> Result<u64, MirrorError> {
        let count: i64 =
            sqlx::query_scalar("select count(*) from sync.quarantine where workspace_id = $1")
                .bind(self.workspace_id)
                .fetch_one(&self.pool)
                .await
                .map_err(MirrorError::query("count the quarantine"))?;
        Ok(unsigned(count))
    }
}
