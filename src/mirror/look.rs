//! What is known of one record, and the names of what is mirrored: for commands that work without Twenty.
//!
//! It exists so that a person can ask about a record while Twenty cannot be reached. Invariants: looking changes
//! nothing, not even the control schema; row, base and pending state of a record are of one snapshot.

use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{FromRow, PgConnection, PgPool, Row as _, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Mirror, claim, control,
    error::MirrorError,
    ident::{Ident, statement},
    relation::Relation,
    status,
};
use crate::record::ObjectId;

/// A mirrored object, by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownObject {
    /// Its id.
    pub object_id: ObjectId,
    /// Its singular name.
    pub singular: String,
    /// Its plural name.
    pub plural: String,
    /// Its table, without the schema.
    pub table: String,
}

/// One record, as the mirror and the book-keeping have it. JSON is by column name.
#[derive(Debug, Clone, Serialize)]
pub struct RecordState {
    /// The row; `None` if there is none.
    pub row: Option<Box<RawValue>>,
    /// What both sides last agreed on, if there are local changes.
    pub base: Option<KnownBase>,
    /// What is still to be sent.
    pub pending: Option<PendingState>,
    /// When the object was last read to the end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_pull: Option<OffsetDateTime>,
}

/// What both sides last agreed on.
#[derive(Debug, Clone, Serialize)]
pub struct KnownBase {
    /// The row before its first unsent change; `None` if it was inserted here.
    pub row: Option<Box<RawValue>>,
    /// When it was sent, if the answer is still awaited.
    #[serde(with = "time::serde::rfc3339::option")]
    pub sent_at: Option<OffsetDateTime>,
    /// The columns in which the row is not what both sides agreed on; none without a row on either side.
    pub differs: Vec<String>,
}

/// What is still to be sent of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingState {
    /// `insert`, `update`, `delete` or `nothing`.
    pub operation: String,
    /// The columns that were changed.
    pub changed: Vec<String>,
    /// Who changed it last.
    pub changed_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub last_changed_at: OffsetDateTime,
    /// `waiting`, `sent`, `held`, `refused` or `stopped`.
    pub state: String,
}

impl FromRow<'_, PgRow> for KnownObject {
    fn from_row(row: &PgRow) -> Result<KnownObject, sqlx::Error> {
        Ok(KnownObject {
            object_id: row.try_get("object_id")?,
            singular: row.try_get("name_singular")?,
            plural: row.try_get("name_plural")?,
            table: row.try_get("table_name")?,
        })
    }
}

impl FromRow<'_, PgRow> for KnownBase {
    fn from_row(row: &PgRow) -> Result<KnownBase, sqlx::Error> {
        let base: Option<Json<Box<RawValue>>> = row.try_get("base")?;
        Ok(KnownBase {
            row: base.map(|Json(row)| row),
            sent_at: row.try_get("sent_at")?,
            differs: row.try_get("differs")?,
        })
    }
}

impl FromRow<'_, PgRow> for PendingState {
    fn from_row(row: &PgRow) -> Result<PendingState, sqlx::Error> {
        Ok(PendingState {
            operation: row.try_get("operation")?,
            changed: row.try_get("changed")?,
            changed_by: row.try_get("changed_by")?,
            last_changed_at: row.try_get("last_changed_at")?,
            state: row.try_get("state")?,
        })
    }
}

impl Mirror {
    /// The mirror in `schema` as it is; `None` where nothing was mirrored yet.
    ///
    /// # Errors
    /// PostgreSQL refuses, or another version of the program made the control schema.
    pub async fn existing(pool: PgPool, schema: &str) -> Result<Option<Mirror>, MirrorError> {
        let Some(workspace_id) = status::bound_workspace(&pool, schema).await? else {
            return Ok(None);
        };
        control::check(&pool).await?;
        Ok(Some(Mirror { pool, workspace_id, schema: Ident::new(schema)?, epoch: None }))
    }

    /// Every object that has a table, by plural name.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn known_objects(&self) -> Result<Vec<KnownObject>, MirrorError> {
        sqlx::query_as(
            "select object_id, name_singular, name_plural, table_name from sync.object \
             where workspace_id = $1 order by name_plural",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("list the mirrored objects"))
    }

    /// What is known of a record.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn record_state(
        &self,
        object_id: ObjectId,
        record_id: Uuid,
    ) -> Result<RecordState, MirrorError> {
        let relation = self.relation(object_id).await?;
        self.look(&relation, record_id).await.map_err(|error| relation.failed(error))
    }

    async fn look(&self, relation: &Relation, record_id: Uuid) -> Result<RecordState, sqlx::Error> {
        let begin = "begin isolation level repeatable read, read only";
        let mut transaction = self.pool.begin_with(begin).await?;
        let mut rows = claim::rows(&mut transaction, &relation.name, &[record_id]).await?;
        let state = RecordState {
            row: rows.remove(&record_id),
            base: self.known_base(&mut transaction, relation, record_id).await?,
            pending: self.pending_state(&mut transaction, relation, record_id).await?,
            last_pull: self.last_pull(&mut transaction, relation).await?,
        };
        transaction.commit().await?;
        Ok(state)
    }

    async fn known_base(
        &self,
        connection: &mut PgConnection,
        relation: &Relation,
        record_id: Uuid,
    ) -> Result<Option<KnownBase>, sqlx::Error> {
        // Compared as the table's types, because the program writes a base otherwise than PostgreSQL does.
        let sql = format!(
            "select b.base, b.sent_at, array(select n.key \
             from jsonb_each(to_jsonb(jsonb_populate_record(t, b.base))) n \
             where n.value <> to_jsonb(t) -> n.key order by n.key) as differs \
             from sync.base b left join {} t on t.id = b.record_id \
             where b.workspace_id = $1 and b.object_id = $2 and b.record_id = $3",
            relation.name
        );
        sqlx::query_as(statement(sql))
            .bind(self.workspace_id)
            .bind(relation.object_id)
            .bind(record_id)
            .fetch_optional(connection)
            .await
    }

    async fn pending_state(
        &self,
        connection: &mut PgConnection,
        relation: &Relation,
        record_id: Uuid,
    ) -> Result<Option<PendingState>, sqlx::Error> {
        sqlx::query_as(
            "select operation, changed, changed_by, last_changed_at, state from sync.pending \
             where schema_name = $1 and object = $2 and record_id = $3",
        )
        .bind(self.schema())
        .bind(&relation.object)
        .bind(record_id)
        .fetch_optional(connection)
        .await
    }

    async fn last_pull(
        &self,
        connection: &mut PgConnection,
        relation: &Relation,
    ) -> Result<Option<OffsetDateTime>, sqlx::Error> {
        let read: Option<Option<OffsetDateTime>> = sqlx::query_scalar(
            "select succeeded_at from sync.checkpoint where workspace_id = $1 and object_id = $2",
        )
        .bind(self.workspace_id)
        .bind(relation.object_id)
        .fetch_optional(connection)
        .await?;
        Ok(read.flatten())
    }
}
