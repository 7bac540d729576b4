//! The triggers that mirrored tables really have.
//!
//! It exists because a table without its triggers loses local changes without a word: people restore dumps,
//! disable triggers for a bulk load and forget. Invariant: the catalog is the only witness; what was installed
//! once is not believed.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{Mirror, error::MirrorError};
use crate::plan::schema::{CaptureTrigger, TriggerRole};

/// A trigger as the catalog has it.
#[derive(Debug)]
pub(super) struct FoundTrigger {
    pub(super) trigger: CaptureTrigger,
    /// Whether it fires in every session.
    pub(super) on: bool,
}

/// A table whose local changes are not captured as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureGap {
    /// The table.
    pub table: String,
    /// The trigger.
    pub trigger: &'static str,
    /// What is wrong with it.
    pub cause: GapCause,
}

/// What is wrong with a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapCause {
    /// It is not there, or is another's.
    Missing,
    /// It is disabled, or fires in some sessions only.
    Disabled,
}

impl Mirror {
    /// The triggers that are missing or disabled. The next schema plan puts them back.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn capture_gaps(&self) -> Result<Vec<CaptureGap>, MirrorError> {
        let mut connection =
            self.pool.acquire().await.map_err(MirrorError::query("look for triggers"))?;
        let tables: Vec<(String, String)> = sqlx::query_as(
            "select o.table_name, o.direction from sync.object o \
             join sync.workspace w on w.workspace_id = o.workspace_id \
             join pg_catalog.pg_namespace n on n.nspname = w.schema_name \
             join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = o.table_name \
             where o.workspace_id = $1 order by o.table_name",
        )
        .bind(self.workspace_id)
        .fetch_all(&mut *connection)
        .await
        .map_err(MirrorError::query("list the mirrored tables"))?;
        let found = triggers(self, &mut connection).await?;
        let gaps = tables.iter().flat_map(|(table, direction)| {
            let found = found.get(table).map_or(&[][..], Vec::as_slice);
            wanted(direction).iter().filter_map(move |&role| gap(table, role, found))
        });
        Ok(gaps.collect())
    }
}

fn wanted(direction: &str) -> &'static [TriggerRole] {
    match direction {
        "both" => &[TriggerRole::Guard, TriggerRole::Log, TriggerRole::Truncate],
        _ => &[TriggerRole::Refuse],
    }
}

fn gap(table: &str, role: TriggerRole, found: &[FoundTrigger]) -> Option<CaptureGap> {
    let cause = match found.iter().find(|found| found.trigger.role == role) {
        Some(found) if found.on => return None,
        Some(_) => GapCause::Disabled,
        None => GapCause::Missing,
    };
    Some(CaptureGap { table: table.to_owned(), trigger: role.name(), cause })
}

/// The triggers of `sync.capture` in the mirror's schema, by table and role.
pub(super) async fn triggers(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<HashMap<String, Vec<FoundTrigger>>, MirrorError> {
    let rows: Vec<(String, String, i16, Vec<u8>, bool)> = sqlx::query_as(
        "select c.relname::text, t.tgname::text, t.tgtype, t.tgargs, t.tgenabled = 'A' \
         from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = $1 and t.tgfoid = 'sync.capture()'::regprocedure and not t.tgisinternal \
         and t.tgqual is null and t.tgattr = ''",
    )
    .bind(mirror.schema())
    .fetch_all(connection)
    .await
    .map_err(MirrorError::query("list the triggers of the mirror's tables"))?;
    let mut tables: HashMap<String, Vec<FoundTrigger>> = HashMap::new();
    for (table, name, kind, arguments, on) in rows {
        let ours = |role: &TriggerRole| role.name() == name && role.catalog_type() == kind;
        if let Some(role) = TriggerRole::ALL.into_iter().find(ours) {
            let trigger = CaptureTrigger { role, arguments: split(&arguments) };
            tables.entry(table).or_default().push(FoundTrigger { trigger, on });
        }
    }
    for found in tables.values_mut() {
        found.sort_by_key(|found| found.trigger.role);
    }
    Ok(tables)
}

/// The arguments of a trigger: each ends in a NUL.
fn split(arguments: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(arguments);
    text.split_terminator('\0').map(str::to_owned).collect()
}
