//! Updating records.
//!
//! A filter of an update-many is the WHERE of one statement, so it can serve as a guard. It hits
//! soft-deleted rows, too, and afterwards the rows are read again with the same filter to announce them: a guard
//! that no longer matches keeps the update silent.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sha1::{Digest, Sha1};
use uuid::Uuid;

use super::World;
use super::cell::{Cell, Wire};
use super::create::check_not_null;
use super::event::{Action, Event};
use super::row::Row;
use super::schema::Object;
use crate::error::ServerError;
use crate::filter::Bound;
use crate::filter::Filter;
use crate::value::input::{self, Cells};
use crate::value::vector;

/// The real database names a foreign key after the hash of its table and column.
pub(super) fn constraint_name(table: &str, column: &str) -> String {
    let digest = hex::encode(Sha1::digest(format!("{table}_{column}")));
    format!("FK_{}", &digest[..27])
}

impl World {
    /// Writes one body into one row, soft-deleted or not.
    pub fn update_one(
        &mut self,
        object: &Object,
        id: Uuid,
        body: &Map<String, Value>,
    ) -> Result<Row, ServerError> {
        self.check_may_write(object)?;
        let cells = input::cells(self, object, body)?;
        self.table(object).get(id).ok_or_else(ServerError::record_not_found)?;
        let mut rows = self.update_cells(object, &[id], &cells, &Filter::everything())?;
        rows.pop().ok_or_else(ServerError::record_not_found)
    }

    /// Writes one body into all rows that match, soft-deleted ones included.
    pub fn update_where(
        &mut self,
        object: &Object,
        filter: &Filter,
        body: &Map<String, Value>,
    ) -> Result<Vec<Row>, ServerError> {
        self.check_may_write(object)?;
        let cells = input::cells(self, object, body)?;
        let ids = self.matching(object, filter)?;
        self.update_cells(object, &ids, &cells, filter)
    }

    /// The ids of all rows that match, soft-deleted ones included: writes do not hide them.
    pub(super) fn matching(
        &self,
        object: &Object,
        filter: &Filter,
    ) -> Result<Vec<Uuid>, ServerError> {
        let bound = filter.bind(self, object)?;
        let table = self.table(object);
        if let Some(ids) = bound.ids(object.system_column("id")) {
            let hit = |id: &Uuid| table.get(*id).is_some_and(|row| bound.matches(row));
            // A row is hit once, however often its id is named.
            let ids: BTreeSet<Uuid> = ids.into_iter().collect();
            return Ok(ids.into_iter().filter(hit).collect());
        }
        Ok(table.rows().iter().filter(|(_, row)| bound.matches(row)).map(|(id, _)| *id).collect())
    }

    pub(super) fn update_cells(
        &mut self,
        object: &Object,
        ids: &[Uuid],
        cells: &Cells,
        guard: &Filter,
    ) -> Result<Vec<Row>, ServerError> {
        let now = self.clock.now();
        let guard = guard.bind(self, object)?;
        let rows: Vec<(Row, Row)> = ids
            .iter()
            .filter_map(|id| self.table(object).get(*id))
            .map(|before| (before.clone(), changed(object, before, cells, now)))
            .collect();
        self.check_update(object, &rows, cells)?;
        for (before, after) in &rows {
            self.table_mut(object).put(object.id_of(before), after.clone());
            self.announce_update(object, before, after, &guard, now);
        }
        Ok(rows.into_iter().map(|(_, after)| after).collect())
    }

    fn check_update(
        &self,
        object: &Object,
        rows: &[(Row, Row)],
        cells: &Cells,
    ) -> Result<(), ServerError> {
        let id_column = object.system_column("id");
        let written = |column: usize| cells.iter().any(|(at, _)| *at == column);
        for (before, after) in rows {
            check_not_null(object, after)?;
            if written(id_column) && before.cells[id_column] != after.cells[id_column] {
                return Err(id_is_referenced(object));
            }
            let id = object.id_of(before);
            for (column, label) in
                object.unique_columns().into_iter().filter(|(column, _)| written(*column))
            {
                let value = after.cells[column].to_sql_text().unwrap_or_default();
                let holder =
                    self.table(object).holder(column, &value).filter(|_| !value.is_empty());
                let shared = !value.is_empty() && rows.len() > 1;
                if shared || holder.is_some_and(|holder| holder != id) {
                    return Err(ServerError::duplicate_value(&label, &value));
                }
            }
            self.check_targets(object, after, None)?;
        }
        Ok(())
    }

    fn announce_update(
        &mut self,
        object: &Object,
        before: &Row,
        after: &Row,
        guard: &Bound,
        now: i64,
    ) {
        if !guard.matches(after) {
            return;
        }
        let (before, after) = (object.record(before, Wire::Rest), object.record(after, Wire::Rest));
        let silent = |key: &str| matches!(key, "updatedAt" | "searchVector");
        let differs = |key: &&String| !silent(key) && before.get(*key) != after.get(*key);
        let fields: Vec<String> = after.keys().filter(differs).cloned().collect();
        if !fields.is_empty() {
            self.announce(object, Action::Updated, Some(before), Some(after), Some(fields), now);
        }
    }

    pub(super) fn announce(
        &mut self,
        object: &Object,
        action: Action,
        before: Option<Map<String, Value>>,
        after: Option<Map<String, Value>>,
        updated_fields: Option<Vec<String>>,
        at: i64,
    ) {
        if self.webhooks.is_empty() && !self.is_watched {
            return;
        }
        let name_singular = object.name_singular.clone();
        self.events.push(Event {
            object: object.id,
            name_singular,
            action,
            before,
            after,
            updated_fields,
            at,
        });
    }
}

/// The row after the statement: `updatedAt` moves unless the body sets it.
fn changed(object: &Object, before: &Row, cells: &Cells, now: i64) -> Row {
    let mut after = before.clone();
    after.cells[object.system_column("updatedAt")] = Cell::Instant(now);
    for (at, cell) in cells {
        after.cells[*at] = cell.clone();
    }
    vector::fill(object, &mut after);
    after
}

/// A timeline entry points at nearly every row, so a changed id is refused by the database.
fn id_is_referenced(object: &Object) -> ServerError {
    let table = object.table_name();
    let key = constraint_name("timelineActivity", &format!("{}Id", object.name_singular));
    ServerError::database(format!(
        "update or delete on table \"{table}\" violates foreign key constraint \"{key}\" on table \"timelineActivity\""
    ))
}
