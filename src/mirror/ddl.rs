//! Renders and applies a schema plan.
//!
//! It exists so that what `schema plan` shows is exactly what runs. Invariants: a change and its record in
//! `sync.object` and `sync.field` are one transaction under one lock; an object that got a column or a new
//! table is read anew from the start, because only a walk can fill it; nothing is dropped.

use std::{collections::HashSet, fmt::Write};

use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    Mirror, catalog, checkpoint,
    error::MirrorError,
    follow,
    ident::{Ident, IdentError, statement, text_literal},
    picklist, refusal, stored,
};
use crate::{
    plan::schema::{CaptureTrigger, Existing, SchemaPlan, Step, Table, TriggerRole},
    record::{Column, DataModel},
};

/// A schema change under way: the lock is held until it is applied or dropped.
#[derive(Debug)]
pub struct SchemaChange<'a> {
    mirror: &'a Mirror,
    transaction: Transaction<'static, Postgres>,
    /// What the mirror holds before the change.
    pub existing: Existing,
}

impl Mirror {
    /// Takes the lock and reads what is there.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn begin_schema_change(&self) -> Result<SchemaChange<'_>, MirrorError> {
        let mut transaction = self
            .begin_patiently()
            .await
            .map_err(MirrorError::query("begin a change of the mirror's tables"))?;
        sqlx::query(
            "select pg_advisory_xact_lock(hashtextextended('twenty-sync schema ' || $1, 0))",
        )
        .bind(self.schema())
        .execute(&mut *transaction)
        .await
        .map_err(MirrorError::query("wait for another change of the mirror's tables"))?;
        let existing = catalog::existing(self, &mut transaction).await?;
        Ok(SchemaChange { mirror: self, transaction, existing })
    }
}

impl SchemaChange<'_> {
    /// Applies `plan`, records what each table and column holds, and the model's picklists.
    ///
    /// # Errors
    /// The step that PostgreSQL refuses; nothing is changed then.
    #[tracing::instrument(level = "debug", name = "transaction", skip_all, fields(of = "tables"))]
    pub async fn apply(mut self, plan: &SchemaPlan, model: &DataModel) -> Result<(), MirrorError> {
        let mut refill = HashSet::new();
        for step in &plan.steps {
            let sql = render(&self.mirror.schema, step)?;
            let failed = |cause| MirrorError::Ddl { step: step.to_string(), cause };
            sqlx::raw_sql(statement(sql)).execute(&mut *self.transaction).await.map_err(failed)?;
            if let Step::AddColumn { table, .. }
            | Step::CreateTable { table, .. }
            | Step::ReadAnew { table } = step
            {
                refill.insert(table.as_str());
            }
        }
        for table in &plan.tables {
            let connection = &mut *self.transaction;
            // What is held keeps the names that it was recorded under, so that a later plan sees the difference.
            if plan.held.is_empty() {
                record_object(self.mirror, connection, table).await?;
                record_fields(self.mirror, connection, table).await?;
            }
            record_lost(self.mirror, connection, table).await?;
            record_generation(self.mirror, connection, table).await?;
            if refill.contains(table.name.as_str()) {
                read_anew(self.mirror, connection, table).await?;
            }
        }
        record_held(self.mirror, &mut self.transaction, plan).await?;
        follow::follow(self.mirror, &mut self.transaction, plan).await?;
        close_the_rest(self.mirror, &mut self.transaction, &plan.tables).await?;
        if !plan.is_empty() {
            // What the old schema made impossible may be possible now.
            refusal::retry_all(self.mirror, &mut self.transaction).await?;
        }
        picklist::replace(self.mirror, &mut self.transaction, model, &plan.tables).await?;
        self.transaction
            .commit()
            .await
            .map_err(MirrorError::query("commit a change of the mirror's tables"))
    }
}

/// The DDL of one step, ending in a semicolon.
///
/// # Errors
/// A name that PostgreSQL cannot hold.
pub fn render(schema: &Ident, step: &Step) -> Result<String, IdentError> {
    let relation = |table: &str| Ident::new(table).map(|table| format!("{schema}.{table}"));
    Ok(match step {
        Step::CreateSchema => format!("create schema {schema};"),
        Step::CreateTable { table, columns } => {
            let columns: Vec<String> = columns.iter().map(definition).collect::<Result<_, _>>()?;
            format!("create table {} (\n    {}\n);", relation(table)?, columns.join(",\n    "))
        }
        Step::RenameTable { from, to } => {
            format!("alter table {} rename to {};", relation(from)?, Ident::new(to)?)
        }
        Step::RenameColumn { table, from, to } => {
            let (from, to) = (Ident::new(from)?, Ident::new(to)?);
            format!("alter table {} rename column {from} to {to};", relation(table)?)
        }
        Step::AddColumn { table, column } => {
            format!("alter table {} add column {};", relation(table)?, definition(column)?)
        }
        Step::CreateIndex { table, column } => {
            format!("create index on {} ({});", relation(table)?, Ident::new(column)?)
        }
        Step::AddKey { table } => format!("alter table {} add primary key (id);", relation(table)?),
        Step::GenerateIds { table } => {
            format!("alter table {} alter id set default gen_random_uuid();", relation(table)?)
        }
        Step::Comment { table, column: None, text } => {
            format!("comment on table {} is {};", relation(table)?, text_literal(text))
        }
        Step::Comment { table, column: Some(column), text } => {
            format!(
                "comment on column {}.{} is {};",
                relation(table)?,
                Ident::new(column)?,
                text_literal(text)
            )
        }
        Step::Capture { table, triggers } => capture(&relation(table)?, triggers),
        // Nothing in the catalog changes: the checkpoint does.
        Step::ReadAnew { table } => format!("-- read {} anew", relation(table)?),
    })
}

/// Triggers are always on: a session that replicates writes like any other.
fn capture(relation: &str, triggers: &[CaptureTrigger]) -> String {
    let mut sql = String::new();
    for role in TriggerRole::ALL {
        let _ = writeln!(sql, "drop trigger if exists {} on {relation};", role.name());
    }
    for CaptureTrigger { role, arguments } in triggers {
        let (name, event, level) = (role.name(), role.event(), role.level());
        let arguments: Vec<String> =
            arguments.iter().map(|argument| text_literal(argument)).collect();
        let _ = writeln!(sql, "create trigger {name} {event} on {relation} for each {level}");
        let _ = writeln!(sql, "    execute function sync.capture({});", arguments.join(", "));
        let _ = writeln!(sql, "alter table {relation} enable always trigger {name};");
    }
    sql.trim_end().to_owned()
}

/// The source keeps the ids it is given, so a local insert has its final id at once (docs/twenty.md, "Ids").
fn definition(column: &Column) -> Result<String, IdentError> {
    let is_id = column.path.key == "id" && column.path.part.is_none();
    let rest = if is_id { " primary key default gen_random_uuid()" } else { "" };
    Ok(format!("{} {}{rest}", Ident::new(&column.name)?, column.kind.sql()))
}

/// Writes down which objects are no longer mirrored; their tables stay.
async fn close_the_rest(
    mirror: &Mirror,
    connection: &mut PgConnection,
    tables: &[Table],
) -> Result<(), MirrorError> {
    sqlx::query(
        "update sync.object set direction = 'off' \
         where workspace_id = $1 and object_id <> all($2) and direction <> 'off'",
    )
    .bind(mirror.workspace_id)
    .bind(tables.iter().map(|table| table.object_id).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("write down which objects are no longer mirrored"))
}

/// Has an object read from the start, and what waits of its local changes looked at once more.
async fn read_anew(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &Table,
) -> Result<(), MirrorError> {
    let failed = || MirrorError::query("have an object read anew");
    let object_id = table.object_id;
    checkpoint::start_over(mirror, connection, object_id).await.map_err(failed())?;
    sqlx::query(
        "update sync.base set decided_through = null where workspace_id = $1 and object_id = $2 \
         and decided_through is not null",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .execute(connection)
    .await
    .map(drop)
    .map_err(failed())
}

/// Writes down which columns of a table are no longer synced.
async fn record_lost(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &Table,
) -> Result<(), MirrorError> {
    sqlx::query(
        "with lost as (select * from unnest($3::text[], $4::text[]) as l (column_name, cause)), \
         found as (delete from sync.lost_column where workspace_id = $1 and object_id = $2 \
         and column_name <> all($3)) \
         insert into sync.lost_column (workspace_id, object_id, column_name, cause) \
         select $1, $2, * from lost on conflict do nothing",
    )
    .bind(mirror.workspace_id)
    .bind(table.object_id)
    .bind(table.lost.iter().map(|lost| lost.name.as_str()).collect::<Vec<_>>())
    .bind(table.lost.iter().map(|lost| lost.cause.as_str()).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("write sync.lost_column"))
}

/// Writes down what waits for a person.
async fn record_held(
    mirror: &Mirror,
    connection: &mut PgConnection,
    plan: &SchemaPlan,
) -> Result<(), MirrorError> {
    sqlx::query(
        "update sync.workspace set held_steps = $2 where workspace_id = $1 and held_steps <> $2",
    )
    .bind(mirror.workspace_id)
    .bind(plan.held.iter().map(ToString::to_string).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("write down which changes of the tables wait"))
}

async fn record_object(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &Table,
) -> Result<(), MirrorError> {
    sqlx::query(
        "insert into sync.object as o (workspace_id, object_id, name_singular, name_plural, table_name, direction) \
         values ($1, $2, $3, $4, $5, $6) on conflict (workspace_id, object_id) do update set \
         name_singular = excluded.name_singular, name_plural = excluded.name_plural, \
         table_name = excluded.table_name, direction = excluded.direction \
         where (o.name_singular, o.name_plural, o.table_name, o.direction) is distinct from \
         (excluded.name_singular, excluded.name_plural, excluded.table_name, excluded.direction)",
    )
    .bind(mirror.workspace_id)
    .bind(table.object_id)
    .bind(stored::name(&table.name_singular))
    .bind(stored::name(&table.name_plural))
    .bind(&table.name)
    .bind(table.direction.as_str())
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("write sync.object"))
}

/// From now on, who does not know these columns writes nothing.
async fn record_generation(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &Table,
) -> Result<(), MirrorError> {
    sqlx::query(
        "update sync.object set generation = $3 where workspace_id = $1 and object_id = $2 and generation <> $3",
    )
    .bind(mirror.workspace_id)
    .bind(table.object_id)
    .bind(table.generation)
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("write down that the columns of a table have changed"))
}

async fn record_fields(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &Table,
) -> Result<(), MirrorError> {
    let columns = &table.columns;
    sqlx::query(
        "insert into sync.field as f \
         (workspace_id, object_id, field_id, part, key, column_name, column_type) \
         select $1, $2, * from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) \
         on conflict (workspace_id, object_id, field_id, part) do update set \
         key = excluded.key, column_name = excluded.column_name, column_type = excluded.column_type \
         where (f.key, f.column_name, f.column_type) is distinct from \
         (excluded.key, excluded.column_name, excluded.column_type)",
    )
    .bind(mirror.workspace_id)
    .bind(table.object_id)
    .bind(columns.iter().map(|column| column.field_id).collect::<Vec<_>>())
    .bind(columns.iter().map(|column| column.path.part.unwrap_or_default()).collect::<Vec<_>>())
    .bind(columns.iter().map(|column| stored::name(&column.path.key)).collect::<Vec<_>>())
    .bind(columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
    .bind(columns.iter().map(|column| column.kind.sql()).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("write sync.field"))
}
