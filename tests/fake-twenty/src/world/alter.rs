//! Changing the data model while rows exist.
//!
//! One way for all changes: edit a copy of the object, derive its columns anew, and move every row's cells by
//! (field, part). So a rename keeps the data, a deletion drops it, and a new field starts with its default.

use std::sync::Arc;

use uuid::Uuid;

use super::World;
use super::cell::{Cell, Kind, Wire};
use super::column::{Column, Fill};
use super::row::Row;
use super::schema::Object;
use super::table::Table;
use crate::value::cast;

impl World {
    /// Changes an object and moves its rows. A change of its fields leaves its `updatedAt` alone, as on the server.
    pub(super) fn alter(&mut self, id: Uuid, change: impl FnOnce(&mut Object)) {
        let Some(at) = self.objects.iter().position(|object| object.id == id) else { return };
        let before = Arc::clone(&self.objects[at]);
        let mut after = (*before).clone();
        change(&mut after);
        after.rebuild_columns();
        let rows = self.moved(&before, &after);
        let mut table = Table::of(&after);
        for (id, row) in rows {
            table.put(id, row);
        }
        self.tables.insert(id, table);
        self.objects[at] = Arc::new(after);
    }

    fn moved(&self, before: &Object, after: &Object) -> Vec<(Uuid, Row)> {
        let source: Vec<Option<usize>> =
            after.columns.iter().map(|column| same(&before.columns, column)).collect();
        let cells = |row: &Row| {
            let cell = |(column, from): (&Column, &Option<usize>)| match from {
                Some(from) => {
                    self.converted(after, column, before.columns[*from].kind, &row.cells[*from])
                }
                None => self.initial(column),
            };
            Row { cells: after.columns.iter().zip(&source).map(cell).collect() }
        };
        self.table(before).rows().iter().map(|(id, row)| (*id, cells(row))).collect()
    }

    fn initial(&self, column: &Column) -> Cell {
        match &column.fill {
            Fill::Value(cell) => cell.clone(),
            Fill::NewId => Cell::Uuid(Uuid::new_v4()),
            Fill::Now => Cell::Instant(self.clock.now()),
        }
    }

    /// A changed type keeps what can be cast and starts the rest anew.
    fn converted(&self, object: &Object, column: &Column, from: Kind, cell: &Cell) -> Cell {
        if column.kind == from {
            return cell.clone();
        }
        let value = cell.to_json(from, Wire::Rest);
        cast::for_write(self, object, column, &value).unwrap_or_else(|_| self.initial(column))
    }
}

fn same(columns: &[Column], wanted: &Column) -> Option<usize> {
    columns.iter().position(|column| column.field == wanted.field && column.sub == wanted.sub)
}
