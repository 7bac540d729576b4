//! Reads what the mirror holds already, for the schema plan.
//!
//! It exists because the plan must see the tables as they are, not as they were recorded. Invariant: read inside
//! the transaction that will change them, under its lock, so two processes never plan the same change.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Mirror, capture, control, error::MirrorError, stored};
use crate::plan::schema::{
    CatalogColumn, Existing, ExistingColumn, ExistingTable, LostCause, LostColumn,
};

/// The mirror's tables as recorded and as they are.
pub(super) async fn existing(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<Existing, MirrorError> {
    let schema_exists: bool = sqlx::query_scalar(
        "select exists (select from pg_catalog.pg_namespace where nspname = $1)",
    )
    .bind(mirror.schema())
    .fetch_one(&mut *connection)
    .await
    .map_err(MirrorError::query("look for the mirror's schema"))?;
    let relations = relations(mirror, connection).await?;
    // A mirror that was never opened has recorded nothing.
    if !control::exists(&mut *connection).await? {
        let foreign = relations.into_keys().collect();
        return Ok(Existing {
            workspace_id: mirror.workspace_id,
            schema_exists,
            tables: Vec::new(),
            foreign,
        });
    }
    let mut tables = recorded_tables(mirror, connection).await?;
    let mut columns = catalog_columns(mirror, connection).await?;
    let mut triggers = capture::triggers(mirror, connection).await?;
    // A table that someone dropped is planned anew.
    tables.retain(|table| relations.contains_key(&table.name));
    for table in &mut tables {
        table.comment = relations[&table.name].clone();
        table.catalog = columns.remove(&table.name).unwrap_or_default();
        let found = triggers.remove(&table.name).unwrap_or_default();
        table.triggers =
            found.into_iter().filter(|found| found.on).map(|found| found.trigger).collect();
    }
    let is_ours = |name: &String| tables.iter().any(|table| table.name == *name);
    let foreign = relations.keys().filter(|name| !is_ours(name)).cloned().collect();
    Ok(Existing { workspace_id: mirror.workspace_id, schema_exists, tables, foreign })
}

/// The relations of the schema, with their comments.
async fn relations(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<HashMap<String, Option<String>>, MirrorError> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "select c.relname::text, obj_description(c.oid, 'pg_class') from pg_catalog.pg_class c \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')",
    )
    .bind(mirror.schema())
    .fetch_all(connection)
    .await
    .map_err(MirrorError::query("list the tables of the mirror's schema"))?;
    Ok(rows.into_iter().collect())
}

async fn recorded_tables(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<Vec<ExistingTable>, MirrorError> {
    let objects: Vec<(Uuid, String, String, i64)> = sqlx::query_as(
        "select object_id, name_plural, table_name, generation from sync.object where workspace_id = $1",
    )
    .bind(mirror.workspace_id)
    .fetch_all(&mut *connection)
    .await
    .map_err(MirrorError::query("read sync.object"))?;
    let mut columns = recorded_columns(mirror, connection).await?;
    let mut lost = lost_columns(mirror, connection).await?;
    let table =
        |(object_id, name_plural, name, generation): (Uuid, String, String, i64)| ExistingTable {
            object_id,
            name_plural: stored::read_name(&name_plural),
            name,
            comment: None,
            columns: columns.remove(&object_id).unwrap_or_default(),
            catalog: BTreeMap::new(),
            lost: lost.remove(&object_id).unwrap_or_default(),
            generation,
            triggers: Vec::new(),
        };
    Ok(objects.into_iter().map(table).collect())
}

async fn recorded_columns(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<HashMap<Uuid, Vec<ExistingColumn>>, MirrorError> {
    let rows: Vec<(Uuid, Uuid, String, String, String)> = sqlx::query_as(
        "select object_id, field_id, part, key, column_name from sync.field where workspace_id = $1",
    )
    .bind(mirror.workspace_id)
    .fetch_all(connection)
    .await
    .map_err(MirrorError::query("read sync.field"))?;
    let mut columns: HashMap<Uuid, Vec<ExistingColumn>> = HashMap::new();
    for (object_id, field_id, part, key, name) in rows {
        let key = stored::read_name(&key);
        columns.entry(object_id).or_default().push(ExistingColumn { field_id, part, key, name });
    }
    Ok(columns)
}

async fn lost_columns(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<HashMap<Uuid, Vec<LostColumn>>, MirrorError> {
    let rows: Vec<(Uuid, String, String)> = sqlx::query_as(
        "select object_id, column_name, cause from sync.lost_column where workspace_id = $1 order by column_name",
    )
    .bind(mirror.workspace_id)
    .fetch_all(connection)
    .await
    .map_err(MirrorError::query("read sync.lost_column"))?;
    let mut columns: HashMap<Uuid, Vec<LostColumn>> = HashMap::new();
    for (object_id, name, cause) in rows {
        let lost = LostCause::named(&cause).map(|cause| LostColumn { name, cause });
        columns.entry(object_id).or_default().extend(lost);
    }
    Ok(columns)
}

async fn catalog_columns(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<HashMap<String, BTreeMap<String, CatalogColumn>>, MirrorError> {
    let rows: Vec<(String, String, String, Option<String>)> = sqlx::query_as(
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
         col_description(c.oid, a.attnum) from pg_catalog.pg_attribute a \
         join pg_catalog.pg_class c on c.oid = a.attrelid \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = $1 and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped",
    )
    .bind(mirror.schema())
    .fetch_all(connection)
    .await
    .map_err(MirrorError::query("list the columns of the mirror's tables"))?;
    let mut tables: HashMap<String, BTreeMap<String, CatalogColumn>> = HashMap::new();
    for (table, column, kind, comment) in rows {
        tables.entry(table).or_default().insert(column, CatalogColumn { kind, comment });
    }
    Ok(tables)
}
