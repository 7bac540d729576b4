//! Has what is stored about local changes follow a change of the tables.
//!
//! It exists because bases and conflicts speak of columns by name, and of rows that a dropped table no longer has.
//! Invariants: a renamed column keeps its base; a table that someone dropped and the plan makes anew is not a
//! table whose rows were all deleted: its unsent changes are given up, said so, and it is read from the start.

use sqlx::PgConnection;

use super::{Mirror, error::MirrorError};
use crate::{
    plan::schema::{SchemaPlan, Step},
    record::ObjectId,
};

/// Follows the steps of a plan, in their order.
pub(super) async fn follow(
    mirror: &Mirror,
    connection: &mut PgConnection,
    plan: &SchemaPlan,
) -> Result<(), MirrorError> {
    let object = |name: &str| {
        plan.tables.iter().find(|table| table.name == name).map(|table| table.object_id)
    };
    for step in &plan.steps {
        match step {
            Step::CreateTable { table, .. } => {
                if let Some(object_id) = object(table) {
                    give_up(mirror, connection, object_id).await?;
                }
            }
            Step::RenameColumn { table, from, to } => {
                if let Some(object_id) = object(table) {
                    rename(mirror, connection, object_id, (from, to)).await?;
                }
            }
            Step::CreateSchema
            | Step::RenameTable { .. }
            | Step::AddColumn { .. }
            | Step::CreateIndex { .. }
            | Step::AddKey { .. }
            | Step::GenerateIds { .. }
            | Step::Comment { .. }
            | Step::Capture { .. }
            | Step::ReadAnew { .. } => {}
        }
    }
    Ok(())
}

/// The rows that the unsent changes were about are gone with their table.
async fn give_up(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
) -> Result<(), MirrorError> {
    for statement in [
        "update sync.outbox set settled_at = clock_timestamp(), outcome = 'refused', \
         reason = 'the table was dropped before the change was sent', hint = 'make the change again' \
         where workspace_id = $1 and object_id = $2 and settled_at is null",
        "update sync.conflict set winner = 'source', resolution = 'source', resolved_at = clock_timestamp() \
         where workspace_id = $1 and object_id = $2 and resolution = 'held'",
        "delete from sync.base where workspace_id = $1 and object_id = $2",
        "delete from sync.quarantine where workspace_id = $1 and object_id = $2 and direction = 'push'",
    ] {
        sqlx::query(statement)
            .bind(mirror.workspace_id)
            .bind(object_id)
            .execute(&mut *connection)
            .await
            .map_err(MirrorError::query("give up the unsent changes of a dropped table"))?;
    }
    Ok(())
}

async fn rename(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
    (from, to): (&str, &str),
) -> Result<(), MirrorError> {
    for statement in [
        "update sync.base set waiting = array_replace(waiting, $3, $4), \
         base = case when base ? $3 then base - $3 || jsonb_build_object($4, base -> $3) else base end, \
         sent = case when sent ? $3 then sent - $3 || jsonb_build_object($4, sent -> $3) else sent end, \
         given_up = case when given_up ? $3 then given_up - $3 || jsonb_build_object($4, given_up -> $3) \
         else given_up end \
         where workspace_id = $1 and object_id = $2",
        "update sync.outbox set changed = array_replace(changed, $3, $4) \
         where workspace_id = $1 and object_id = $2 and settled_at is null and $3 = any(changed)",
        "update sync.conflict set \
         base = case when base ? $3 then base - $3 || jsonb_build_object($4, base -> $3) else base end, \
         source = case when source ? $3 then source - $3 || jsonb_build_object($4, source -> $3) else source end, \
         mirror = case when mirror ? $3 then mirror - $3 || jsonb_build_object($4, mirror -> $3) else mirror end \
         where workspace_id = $1 and object_id = $2 and (base ? $3 or source ? $3 or mirror ? $3)",
    ] {
        sqlx::query(statement)
            .bind(mirror.workspace_id)
            .bind(object_id)
            .bind(from)
            .bind(to)
            .execute(&mut *connection)
            .await
            .map_err(MirrorError::query("rename a column in the unsent changes"))?;
    }
    Ok(())
}
