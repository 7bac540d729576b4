//! The rows of one object, in id order, with an index of unique values.
//!
//! Invariant: `holders` knows every non-empty value of a unique column, those of soft-deleted rows included
//! (they keep their values reserved, twenty-api §9.2). The empty string is no value: the index leaves it out.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::row::Row;

/// The rows of one object.
#[derive(Debug, Default, Clone)]
pub struct Table {
    rows: BTreeMap<Uuid, Row>,
    holders: HashMap<(usize, String), Uuid>,
    unique: Vec<usize>,
    counts: RefCell<HashMap<String, usize>>,
}

impl Table {
    /// An empty table with these unique columns.
    pub(super) fn new(unique: Vec<usize>) -> Self {
        Self { unique, ..Self::default() }
    }

    /// All rows in id order.
    pub fn rows(&self) -> &BTreeMap<Uuid, Row> {
        &self.rows
    }

    /// One row.
    pub fn get(&self, id: Uuid) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// Who holds a unique value.
    pub fn holder(&self, column: usize, value: &str) -> Option<Uuid> {
        self.holders.get(&(column, value.to_owned())).copied()
    }

    /// Adds a row or puts it in the place of the one with the same id.
    pub(super) fn put(&mut self, id: Uuid, row: Row) {
        self.take(id);
        for column in &self.unique {
            if let Some(value) = row.cells[*column].to_sql_text().filter(|value| !value.is_empty())
            {
                self.holders.insert((*column, value), id);
            }
        }
        self.rows.insert(id, row);
    }

    /// Removes a row for good.
    pub(super) fn take(&mut self, id: Uuid) -> Option<Row> {
        self.counts.borrow_mut().clear();
        let row = self.rows.remove(&id)?;
        for column in &self.unique {
            if let Some(value) = row.cells[*column].to_sql_text() {
                let key = (*column, value);
                if self.holders.get(&key) == Some(&id) {
                    self.holders.remove(&key);
                }
            }
        }
        Some(row)
    }

    /// A count that costs a scan only once until the table changes.
    pub(super) fn cached_count(&self, key: &str, count: impl FnOnce() -> usize) -> usize {
        if let Some(known) = self.counts.borrow().get(key) {
            return *known;
        }
        let counted = count();
        self.counts.borrow_mut().insert(key.to_owned(), counted);
        counted
    }
}
