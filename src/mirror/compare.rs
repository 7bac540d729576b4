//! Reads rows for a comparison with the source, and remembers that both were equal.
//!
//! It exists because equality is shown by reading both sides in one order. Invariants: at most one page of rows is
//! in memory; a row and whether it has local changes are of one snapshot.

use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Mirror, TableWriter, error::MirrorError, ident::statement};
use crate::record::ObjectId;

/// A row as it is.
#[derive(Debug)]
pub struct StoredRow {
    /// The record.
    pub id: Uuid,
    /// The row by column name, as `to_jsonb` writes it; `None` where there is none.
    pub json: Option<Box<RawValue>>,
    /// Whether the record has local changes that the source does not have yet.
    pub is_edited: bool,
    /// If so, what both sides last agreed on; `None` if that is nothing, or if a write is in doubt.
    pub agreed: Option<Agreed>,
}

/// What both sides last agreed on of a record with local changes.
#[derive(Debug)]
pub struct Agreed {
    /// The row, by column name.
    pub json: Box<RawValue>,
    /// Names of columns that wait for a decision.
    pub waiting: Vec<String>,
}

type Columns =
    (Uuid, Option<Json<Box<RawValue>>>, bool, Option<Json<Box<RawValue>>>, Option<Vec<String>>);

impl Mirror {
    /// The rows above `after` and up to `to`, in the order of their ids, at most `limit`; also records whose row was
    /// deleted here, as long as the source does not know.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn stored_between(
        &self,
        table: &TableWriter,
        after: Option<Uuid>,
        to: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<StoredRow>, MirrorError> {
        let sql = stored(
            table,
            "($3::uuid is null or i.id > $3) and ($4::uuid is null or i.id <= $4) order by i.id limit $5",
        );
        let rows: Vec<Columns> = sqlx::query_as(statement(sql))
            .bind(self.workspace_id)
            .bind(table.relation.object_id)
            .bind(after)
            .bind(to)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|error| table.relation.failed(error))?;
        Ok(rows.into_iter().map(StoredRow::from).collect())
    }

    /// The same for single records; those without a row and without local changes are absent.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn stored_rows(
        &self,
        table: &TableWriter,
        ids: &[Uuid],
    ) -> Result<Vec<StoredRow>, MirrorError> {
        let rows: Vec<Columns> = sqlx::query_as(statement(stored(table, "i.id = any($3)")))
            .bind(self.workspace_id)
            .bind(table.relation.object_id)
            .bind(ids)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| table.relation.failed(error))?;
        Ok(rows.into_iter().map(StoredRow::from).collect())
    }

    /// Remembers that both sides of an object were equal just now.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn note_proven(&self, object_id: ObjectId) -> Result<(), MirrorError> {
        let statement = sqlx::query(
            "update sync.checkpoint set proven_at = now() where workspace_id = $1 and object_id = $2",
        )
        .bind(self.workspace_id)
        .bind(object_id);
        self.write(statement)
            .await
            .map(drop)
            .map_err(MirrorError::query("note that both sides are equal"))
    }
}

fn stored(table: &TableWriter, condition: &str) -> String {
    format!(
        "select i.id, to_jsonb(t), b.record_id is not null, \
         case when b.sent_at is null then b.base end, b.waiting from (select id from {0} union \
         select record_id from sync.base where workspace_id = $1 and object_id = $2) as i (id) \
         left join {0} t on t.id = i.id left join sync.base b on b.workspace_id = $1 and b.object_id = $2 \
         and b.record_id = i.id where {condition}",
        table.relation.name
    )
}

impl From<Columns> for StoredRow {
    fn from((id, json, is_edited, base, waiting): Columns) -> StoredRow {
        let agreed = base.map(|Json(json)| Agreed { json, waiting: waiting.unwrap_or_default() });
        StoredRow { id, json: json.map(|Json(json)| json), is_edited, agreed }
    }
}
