//! What is to be pushed: the records that differ from what both sides last agreed on.
//!
//! It exists as the push loop's look at the mirror. Invariants: base, row and log of a claimed record are of one
//! snapshot; claiming changes nothing, so a crash leaves nothing to clean up; a record that is stuck is passed
//! over, never waited for; what is about to be sent is written down before it is.

use std::collections::HashMap;

use serde_json::value::RawValue;
use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Mirror, Queue,
    error::MirrorError,
    fuse,
    ident::{Ident, statement},
    outbox,
    transaction::{ATTEMPTS, give_way, is_contention},
};
use crate::{
    plan::pending::{Operation, Pending},
    record::{Column, Image, ObjectId, Undecodable},
};

/// A record with local changes. The JSON is by column name, as `to_jsonb` writes it: decimals keep every digit.
#[derive(Debug)]
pub struct Claimed {
    /// The object.
    pub object_id: ObjectId,
    /// The record.
    pub record_id: Uuid,
    /// The row as both sides last agreed on it; `None` if it was inserted here.
    pub base: Option<Box<RawValue>>,
    /// The columns as last sent, if it is not known whether they arrived.
    pub sent: Option<Box<RawValue>>,
    /// The columns of a create that was sent and then not found.
    pub given_up: Option<Box<RawValue>>,
    /// When something was sent whose outcome is not known; without `sent`, that was a delete.
    pub sent_at: Option<OffsetDateTime>,
    /// The last change that was sent.
    pub sent_through: Option<i64>,
    /// The row as it is; `None` if it was deleted here.
    pub mirror: Option<Box<RawValue>>,
    /// Columns that must not be sent now.
    pub waiting: Vec<String>,
    /// The changes in the log that are not settled, oldest first.
    pub operations: Vec<Operation>,
    /// When the last of them was made; when the first was, if all are settled.
    pub changed_at: OffsetDateTime,
    /// Who made it.
    pub changed_by: Option<String>,
    /// How often it was tried and refused so far.
    pub attempts: u32,
    /// Which writing of its row in `sync.base` this is: another one means that something was decided meanwhile.
    pub written: i64,
    /// The generation of its table.
    pub generation: i64,
}

impl Claimed {
    /// The same for the planner, given the columns of the table.
    ///
    /// # Errors
    /// A value that the source cannot hold, such as an infinite time.
    pub fn pending(&self, columns: &[Column]) -> Result<Pending, Undecodable> {
        let image = |json: &Option<Box<RawValue>>| {
            json.as_ref().map(|json| Image::decode(columns, json.get())).transpose()
        };
        let waits = |column: &Column| self.waiting.contains(&column.name);
        let waiting = columns.iter().enumerate().filter(|(_, column)| waits(column));
        Ok(Pending {
            id: self.record_id,
            base: image(&self.base)?,
            sent: image(&self.sent)?,
            given_up: image(&self.given_up)?,
            mirror: image(&self.mirror)?,
            operations: self.operations.clone(),
            changed_at: self.changed_at,
            waiting: waiting.map(|(index, _)| index).collect(),
        })
    }

    /// The last change, if there is one that is not settled.
    pub fn through(&self) -> Option<i64> {
        self.operations.last().map(|operation| operation.id)
    }
}

/// What is about to be sent of a record.
#[derive(Debug, Clone)]
pub struct Sending {
    /// The object.
    pub object_id: ObjectId,
    /// The record.
    pub record_id: Uuid,
    /// The columns that are sent, as JSON by column name; `None` for a delete.
    pub image: Option<String>,
    /// The last change that they contain.
    pub through: i64,
    /// Which writing of `sync.base` it was planned from.
    pub written: i64,
}

/// Records with local changes of objects that are written back (`b`), with the last change of each (`o`) and, where it
/// was refused, why (`q`).
pub(super) const QUEUE: &str = "sync.base b join sync.object ob on ob.workspace_id = b.workspace_id \
     and ob.object_id = b.object_id and ob.direction = 'both' left join lateral (select outbox_id, operation, changed_by \
     from sync.outbox where workspace_id = b.workspace_id and object_id = b.object_id and record_id = b.record_id \
     and settled_at is null order by outbox_id desc limit 1) o on true \
     left join sync.quarantine q on q.workspace_id = b.workspace_id and q.object_id = b.object_id \
     and q.direction = 'push' and q.record_key = b.record_id::text";

/// What was refused is tried again now.
pub(super) const DUE: &str =
    "(q.quarantine_id is null or q.retry_at <= clock_timestamp() or o.outbox_id > q.outbox_id)";

/// The object's push is not stopped.
pub(super) const RUNS: &str = "not exists (select from sync.stop s where s.workspace_id = b.workspace_id \
     and s.object_id = b.object_id and s.flow = 'push')";

impl Mirror {
    /// The records to push, those that wait longest first, at most `limit`.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn claim(&self, limit: u32) -> Result<Vec<Claimed>, MirrorError> {
        Ok(self.claim_counted(limit).await?.0)
    }

    /// The same, with what waits of each object as a whole, in the same snapshot.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn claim_counted(
        &self,
        limit: u32,
    ) -> Result<(Vec<Claimed>, Vec<Queue>), MirrorError> {
        let mut transaction = self
            .pool
            .begin_with("begin isolation level repeatable read, read only")
            .await
            .map_err(MirrorError::query("begin to look for local changes"))?;
        let mut claimed = waiting(self, &mut transaction, limit).await?;
        let tables = tables(self, &mut transaction).await?;
        for (object_id, table) in &tables {
            let ids: Vec<Uuid> = of_object(&claimed, *object_id).collect();
            if !ids.is_empty() {
                let failed = MirrorError::query("read rows with local changes");
                let mut rows = rows(&mut transaction, table, &ids).await.map_err(failed)?;
                for record in claimed.iter_mut().filter(|record| record.object_id == *object_id) {
                    record.mirror = rows.remove(&record.record_id);
                }
            }
        }
        claimed.retain(|record| tables.contains_key(&record.object_id));
        // A fuse judges all that waits, and what came after this snapshot is not among what was claimed.
        let queues = if claimed.is_empty() {
            Vec::new()
        } else {
            fuse::queues(self, &mut transaction).await?
        };
        transaction.commit().await.map_err(MirrorError::query("end the look for local changes"))?;
        Ok((claimed, queues))
    }

    /// Writes down what is about to be sent: all of it, or nothing where a record was decided anew since it was claimed
    /// or its object was stopped; then nothing may be sent. Says which writing of `sync.base` all of them are now.
    ///
    /// # Errors
    /// PostgreSQL refuses, or people hold the records for too long.
    #[tracing::instrument(
        level = "debug",
        name = "transaction",
        skip_all,
        fields(of = "mark sent")
    )]
    pub async fn mark_sent(&self, records: &[Sending]) -> Result<Option<i64>, MirrorError> {
        let mut attempt = 0;
        loop {
            match self.try_mark_sent(records).await {
                Err(error) if is_contention(&error) && attempt < ATTEMPTS => {
                    give_way(attempt).await;
                }
                result => {
                    let failed = MirrorError::query("write down what is about to be sent");
                    return result.map_err(failed);
                }
            }
            attempt += 1;
        }
    }

    /// Which of these records no open transaction holds.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn free(&self, object_id: ObjectId, ids: &[Uuid]) -> Result<Vec<Uuid>, MirrorError> {
        let failed = || MirrorError::query("look which records people hold");
        let mut transaction = self.begin().await.map_err(failed())?;
        sqlx::query_scalar(
            "select record_id from sync.base where workspace_id = $1 and object_id = $2 and record_id = any($3) \
             for update skip locked",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(ids)
        .fetch_all(&mut *transaction)
        .await
        .map_err(failed())
    }

    async fn try_mark_sent(&self, records: &[Sending]) -> Result<Option<i64>, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let marked: Vec<i64> = sqlx::query_scalar(
            "with sending as (select * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[]) \
             as s (object_id, record_id, image, through, written)), \
             held as (select b.object_id, b.record_id from sync.base b join sending s using (object_id, record_id) \
             where b.workspace_id = $1 and b.xmin::text::bigint = s.written \
             and not exists (select from sync.stop p where p.workspace_id = b.workspace_id \
             and p.object_id = b.object_id and p.flow = 'push') order by b.object_id, b.record_id for update of b) \
             update sync.base b set sent = s.image::jsonb, sent_through = s.through, sent_at = clock_timestamp() \
             from held join sending s using (object_id, record_id) \
             where b.workspace_id = $1 and b.object_id = held.object_id and b.record_id = held.record_id \
             returning b.xmin::text::bigint",
        )
        .bind(self.workspace_id)
        .bind(records.iter().map(|record| record.object_id).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.record_id).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.image.as_deref()).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.through).collect::<Vec<_>>())
        .bind(records.iter().map(|record| record.written).collect::<Vec<_>>())
        .fetch_all(&mut *transaction)
        .await?;
        if marked.len() < records.len() {
            return Ok(None);
        }
        transaction.commit().await?;
        Ok(marked.first().copied())
    }
}

fn of_object(claimed: &[Claimed], object_id: ObjectId) -> impl Iterator<Item = Uuid> {
    claimed
        .iter()
        .filter(move |record| record.object_id == object_id)
        .map(|record| record.record_id)
}

/// A record for which there was nothing to send waits for a newer change: its fields are held, or not shown.
async fn waiting(
    mirror: &Mirror,
    connection: &mut PgConnection,
    limit: u32,
) -> Result<Vec<Claimed>, MirrorError> {
    let sql = format!(
        "select b.object_id, b.record_id, b.base, b.sent, b.given_up, b.sent_at, b.sent_through, b.waiting, b.since, \
         b.xmin::text::bigint as written, \
         o.changed_by, coalesce(q.attempts, 0) as attempts, ob.generation from {QUEUE} \
         where b.workspace_id = $1 and {RUNS} and {DUE} and (b.sent_at is not null or not exists (select from \
         sync.stopped_record r where r.workspace_id = b.workspace_id and r.object_id = b.object_id \
         and r.record_id = b.record_id and o.outbox_id <= r.through)) \
         and (o.outbox_id > coalesce(b.decided_through, 0) or b.sent_at is not null) \
         order by b.since, b.record_id limit $2"
    );
    let rows = sqlx::query(statement(sql))
        .bind(mirror.workspace_id)
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await
        .map_err(MirrorError::query("look for local changes"))?;
    let mut claimed: Vec<Claimed> = rows
        .iter()
        .map(|row| {
            let by = row.try_get("changed_by")?;
            let attempts = u32::try_from(row.try_get::<i32, _>("attempts")?).unwrap_or(0);
            let generation = row.try_get("generation")?;
            Ok(Claimed { changed_by: by, attempts, generation, ..base(row)? })
        })
        .collect::<Result<_, _>>()
        .map_err(MirrorError::query("read local changes"))?;
    add_operations(mirror, connection, &mut claimed)
        .await
        .map_err(MirrorError::query("read the log of local changes"))?;
    Ok(claimed)
}

/// Adds what the log says of these records.
pub(super) async fn add_operations(
    mirror: &Mirror,
    connection: &mut PgConnection,
    claimed: &mut [Claimed],
) -> Result<(), sqlx::Error> {
    let keys: Vec<_> = claimed.iter().map(|record| (record.object_id, record.record_id)).collect();
    let mut operations = outbox::operations(mirror, connection, &keys).await?;
    for record in claimed {
        let key = (record.object_id, record.record_id);
        record.operations = operations.remove(&key).unwrap_or_default();
        if let Some(last) = record.operations.last() {
            record.changed_at = last.changed_at;
        }
    }
    Ok(())
}

/// What a row of `sync.base` says.
pub(super) fn base(row: &PgRow) -> Result<Claimed, sqlx::Error> {
    let json = |name| {
        row.try_get::<Option<Json<Box<RawValue>>>, _>(name)
            .map(|json| json.map(|Json(value)| value))
    };
    Ok(Claimed {
        object_id: row.try_get("object_id")?,
        record_id: row.try_get("record_id")?,
        base: json("base")?,
        sent: json("sent")?,
        given_up: json("given_up")?,
        sent_at: row.try_get("sent_at")?,
        sent_through: row.try_get("sent_through")?,
        mirror: None,
        waiting: row.try_get("waiting")?,
        operations: Vec::new(),
        changed_at: row.try_get("since")?,
        changed_by: None,
        attempts: 0,
        written: row.try_get("written")?,
        generation: 0,
    })
}

/// The tables of the objects whose changes are pushed.
async fn tables(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<HashMap<ObjectId, String>, MirrorError> {
    let rows: Vec<(ObjectId, String)> = sqlx::query_as(
        "select object_id, table_name from sync.object where workspace_id = $1 and direction = 'both'",
    )
    .bind(mirror.workspace_id)
    .fetch_all(connection)
    .await
    .map_err(MirrorError::query("list the mirrored tables"))?;
    rows.into_iter()
        .map(|(id, name)| Ok((id, format!("{}.{}", mirror.schema, Ident::new(&name)?))))
        .collect()
}

/// The rows with these ids, as JSON by column name.
pub(super) async fn rows(
    connection: &mut PgConnection,
    relation: &str,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Box<RawValue>>, sqlx::Error> {
    let sql = format!("select t.id, to_jsonb(t) from {relation} t where t.id = any($1)");
    let rows: Vec<(Uuid, Json<Box<RawValue>>)> =
        sqlx::query_as(statement(sql)).bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(id, Json(row))| (id, row)).collect())
}
