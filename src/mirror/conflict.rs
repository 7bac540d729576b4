//! Fields that both sides changed, with all three values: written with the decision, listed, decided by people.
//!
//! It exists because the value that loses is never thrown away. Invariants: a held field is one conflict, however
//! often it is seen; a held field whose sides came to agree is closed.

use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Mirror, TableWriter, error::MirrorError, relation::Relation, settle::Verdict};
use crate::{
    plan::{
        policy::Side,
        reconcile::{Conflict, NewBase},
    },
    record::{ObjectId, Value},
};

/// A conflict as stored. Values are JSON objects by column name.
#[derive(Debug, Clone, Serialize)]
pub struct StoredConflict {
    /// Its number.
    pub conflict_id: i64,
    /// The object.
    pub object_id: ObjectId,
    /// The object's plural name.
    pub object: String,
    /// The record.
    pub record_id: Uuid,
    /// What stood against what: `field`, `deleted_at_source`, `deleted_in_mirror` or `not_kept`.
    pub kind: String,
    /// The field; `None` if it is about the record.
    pub field: Option<String>,
    /// What both sides last agreed on.
    pub base: Option<Box<RawValue>>,
    /// What the source held; `None` if the record was deleted there.
    pub source: Option<Box<RawValue>>,
    /// What the mirror held; `None` if the row was deleted there.
    pub mirror: Option<Box<RawValue>>,
    /// When the source last changed the record.
    #[serde(with = "time::serde::rfc3339::option")]
    pub source_updated_at: Option<OffsetDateTime>,
    /// When the mirror last did.
    #[serde(with = "time::serde::rfc3339::option")]
    pub changed_at: Option<OffsetDateTime>,
    /// Who changed it there.
    pub changed_by: Option<String>,
    /// The rule that decided.
    pub policy: String,
    /// Who won: `source` or `mirror`.
    pub winner: Option<String>,
    /// `source`, `mirror`, `held`, `agreed` or `undone`.
    pub resolution: String,
    /// When it was found.
    #[serde(with = "time::serde::rfc3339")]
    pub detected_at: OffsetDateTime,
    /// When it was decided.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resolved_at: Option<OffsetDateTime>,
    /// Who decided; `None` if a rule did.
    pub resolved_by: Option<String>,
}

/// Which conflicts to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictFilter {
    /// Those that wait for a person.
    Held,
    /// All that are kept.
    All,
    /// Those of one record.
    Record(ObjectId, Uuid),
}

impl Mirror {
    /// The conflicts, newest first.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn conflicts(
        &self,
        filter: ConflictFilter,
    ) -> Result<Vec<StoredConflict>, MirrorError> {
        let (held, record) = match filter {
            ConflictFilter::Held => (true, None),
            ConflictFilter::All => (false, None),
            ConflictFilter::Record(object_id, record_id) => (false, Some((object_id, record_id))),
        };
        let failed = || MirrorError::query("list the conflicts");
        let rows = sqlx::query(
            "select * from sync.conflict where workspace_id = $1 and (not $2 or resolution = 'held') \
             and ($3::uuid is null or object_id = $3 and record_id = $4) order by conflict_id desc",
        )
        .bind(self.workspace_id)
        .bind(held)
        .bind(record.map(|record| record.0))
        .bind(record.map(|record| record.1))
        .fetch_all(&self.pool)
        .await
        .map_err(failed())?;
        rows.iter().map(stored).collect::<Result<_, _>>().map_err(failed())
    }

    /// One conflict, if there is one with this number.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn conflict(&self, conflict_id: i64) -> Result<Option<StoredConflict>, MirrorError> {
        let failed = || MirrorError::query("read a conflict");
        let row =
            sqlx::query("select * from sync.conflict where workspace_id = $1 and conflict_id = $2")
                .bind(self.workspace_id)
                .bind(conflict_id)
                .fetch_optional(&self.pool)
                .await
                .map_err(failed())?;
        row.as_ref().map(stored).transpose().map_err(failed())
    }
}

fn stored(row: &PgRow) -> Result<StoredConflict, sqlx::Error> {
    let json = |name| {
        row.try_get::<Option<Json<Box<RawValue>>>, _>(name)
            .map(|json| json.map(|Json(value)| value))
    };
    Ok(StoredConflict {
        conflict_id: row.try_get("conflict_id")?,
        object_id: row.try_get("object_id")?,
        object: row.try_get("object")?,
        record_id: row.try_get("record_id")?,
        kind: row.try_get("kind")?,
        field: row.try_get("field")?,
        base: json("base")?,
        source: json("source")?,
        mirror: json("mirror")?,
        source_updated_at: row.try_get("source_updated_at")?,
        changed_at: row.try_get("changed_at")?,
        changed_by: row.try_get("changed_by")?,
        policy: row.try_get("policy")?,
        winner: row.try_get("winner")?,
        resolution: row.try_get("resolution")?,
        detected_at: row.try_get("detected_at")?,
        resolved_at: row.try_get("resolved_at")?,
        resolved_by: row.try_get("resolved_by")?,
    })
}

/// Writes the conflicts of these decisions; one that is held already is renewed.
pub(super) async fn put(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &TableWriter,
    verdicts: &[Verdict],
) -> Result<(), sqlx::Error> {
    for verdict in verdicts {
        for conflict in &verdict.decision.reconciled.conflicts {
            put_one(mirror, connection, table, verdict, conflict).await?;
        }
    }
    Ok(())
}

async fn put_one(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &TableWriter,
    verdict: &Verdict,
    conflict: &Conflict,
) -> Result<(), sqlx::Error> {
    let json = |values: &[Option<Value>]| {
        let known = values.iter().any(Option::is_some);
        known.then(|| conflict.json(&table.described, values))
    };
    let winner = conflict.winner.map(Side::as_str);
    sqlx::query(
        "with decided as (delete from sync.conflict where $13::text is not null and resolution = 'held' \
         and workspace_id = $1 and object_id = $2 and record_id = $4 and field is not distinct from $6) \
         insert into sync.conflict (workspace_id, object_id, object, record_id, kind, field, base, source, mirror, \
         source_updated_at, changed_at, policy, winner, resolution, resolved_at, changed_by) \
         values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9::jsonb, $10, $11, $12, $13, \
         coalesce($13, 'held'), case when $13 is not null then clock_timestamp() end, \
         (select changed_by from sync.outbox where workspace_id = $1 and object_id = $2 and record_id = $4 order by outbox_id desc limit 1)) \
         on conflict (workspace_id, object_id, record_id, (coalesce(field, ''))) where resolution = 'held' \
         do update set base = excluded.base, source = excluded.source, mirror = excluded.mirror, \
         source_updated_at = excluded.source_updated_at, changed_at = excluded.changed_at, \
         changed_by = excluded.changed_by",
    )
    .bind(mirror.workspace_id)
    .bind(table.relation.object_id)
    .bind(&table.relation.object)
    .bind(verdict.state.record_id)
    .bind(conflict.kind.as_str())
    .bind(&conflict.field)
    .bind(json(&conflict.base))
    .bind(json(&conflict.source))
    .bind(json(&conflict.mirror))
    .bind(verdict.decision.source_updated_at)
    .bind(verdict.state.changed_at)
    .bind(conflict.resolution.as_str())
    .bind(winner)
    .execute(connection)
    .await
    .map(drop)
}

/// Closes held conflicts on fields that no longer wait.
pub(super) async fn close_agreed(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &TableWriter,
    verdicts: &[Verdict],
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = verdicts.iter().map(|verdict| verdict.state.record_id).collect();
    let held: Vec<Uuid> = sqlx::query_scalar(
        "select distinct record_id from sync.conflict where workspace_id = $1 and object_id = $2 \
         and record_id = any($3) and resolution = 'held'",
    )
    .bind(mirror.workspace_id)
    .bind(table.relation.object_id)
    .bind(ids)
    .fetch_all(&mut *connection)
    .await?;
    for verdict in verdicts.iter().filter(|verdict| held.contains(&verdict.state.record_id)) {
        let waiting: Vec<&str> = match &verdict.decision.reconciled.base {
            NewBase::Unchanged => continue,
            NewBase::Settled => Vec::new(),
            NewBase::Pending { waiting, .. } => {
                waiting.iter().map(|&index| table.described[index].name.as_str()).collect()
            }
        };
        close_but(mirror, connection, table, verdict.state.record_id, &waiting).await?;
    }
    Ok(())
}

async fn close_but(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &TableWriter,
    record_id: Uuid,
    waiting: &[&str],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update sync.conflict set resolution = 'agreed', resolved_at = clock_timestamp() \
         where workspace_id = $1 and object_id = $2 and record_id = $3 and resolution = 'held' and not exists \
         (select from jsonb_object_keys(coalesce(mirror, source, base, '{}')) as key where key = any($4))",
    )
    .bind(mirror.workspace_id)
    .bind(table.relation.object_id)
    .bind(record_id)
    .bind(waiting)
    .execute(connection)
    .await
    .map(drop)
}

/// Decides held conflicts of a record for the source, because the local change is taken back; gives the values.
pub(super) async fn yield_to_source(
    mirror: &Mirror,
    connection: &mut PgConnection,
    relation: &Relation,
    record_id: Uuid,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "update sync.conflict set winner = 'source', resolution = 'source', resolved_at = clock_timestamp() \
         where workspace_id = $1 and object_id = $2 and record_id = $3 and resolution = 'held' \
         returning coalesce(source, '{}')::text",
    )
    .bind(mirror.workspace_id)
    .bind(relation.object_id)
    .bind(record_id)
    .fetch_all(connection)
    .await
}
