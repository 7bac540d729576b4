//! Upsert with all its traps.
//!
//! It matches by id or by any unique value, soft-deleted rows included, replaces the sent id by that of the match,
//! revives the row, and updates row by row before it inserts, without a transaction around it all.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::World;
use super::cell::Cell;
use super::schema::Object;
use crate::error::ServerError;
use crate::filter::Filter;
use crate::value::input::Cells;

impl World {
    /// Updates what matches, inserts the rest, and gives back the ids that were touched.
    pub(super) fn upsert(
        &mut self,
        object: &Object,
        prepared: Vec<Cells>,
    ) -> Result<Vec<Uuid>, ServerError> {
        let (mut updates, mut inserts) = (Vec::new(), Vec::new());
        for cells in prepared {
            match self.match_one(object, &cells)? {
                Some(id) => updates.push((id, cells)),
                None => inserts.push(cells),
            }
        }
        if !updates.is_empty() && object.field("createdBy").is_none() {
            let name = &object.name_singular;
            let message = format!("Missing createdBy field metadata for object {name}");
            return Err(ServerError::plain(message).with_sub_code("MISSING_SYSTEM_FIELD"));
        }
        let mut touched = Vec::new();
        for (id, cells) in updates {
            self.update_cells(object, &[id], &revived(object, cells), &Filter::everything())?;
            touched.push(id);
        }
        touched.extend(self.insert_all(object, &inserts)?);
        Ok(touched)
    }

    /// The one row that shares the id or a unique value. The empty text is a value here, unlike in the index:
    /// that is how a person without an e-mail overwrites another one.
    fn match_one(&self, object: &Object, cells: &Cells) -> Result<Option<Uuid>, ServerError> {
        let id_column = object.system_column("id");
        let unique = object.unique_columns();
        let mut found = BTreeSet::new();
        for (at, cell) in cells {
            if *at == id_column {
                found.extend(cell.as_uuid().filter(|id| self.table(object).get(*id).is_some()));
            } else if unique.iter().any(|(column, _)| column == at) && !cell.is_null() {
                found.extend(self.first_with(object, *at, cell));
            }
        }
        if found.len() < 2 {
            return Ok(found.into_iter().next());
        }
        let names: Vec<String> =
            unique.iter().map(|(at, _)| object.columns[*at].key.clone()).collect();
        let names = [vec!["id".to_owned()], names].concat().join(", ");
        let message = format!(
            "Multiple records found with the same unique field values for {names}. Cannot determine which record to update."
        );
        Err(ServerError::bad_request(message)
            .with_sub_code("UPSERT_MULTIPLE_MATCHING_RECORDS_CONFLICT"))
    }

    fn first_with(&self, object: &Object, column: usize, cell: &Cell) -> Option<Uuid> {
        let table = self.table(object);
        let text = cell.to_sql_text().unwrap_or_default();
        if !text.is_empty() {
            return table.holder(column, &text);
        }
        table.rows().iter().find(|(_, row)| row.cells[column] == *cell).map(|(id, _)| *id)
    }
}

/// What an upsert writes into the row that it found: no id, no creator, and life.
fn revived(object: &Object, cells: Cells) -> Cells {
    let id = object.system_column("id");
    let deleted = object.system_column("deletedAt");
    let keep = |(at, _): &(usize, Cell)| *at != id && object.columns[*at].key != "createdBy";
    let mut kept: Cells = cells.into_iter().filter(keep).collect();
    kept.push((deleted, Cell::Null));
    kept
}
