//! The rows of one object, in id order, with an index of unique values.
//!
//! Invariant: `holders` knows every non-empty value of a unique column, those of soft-deleted rows included
//! (they keep their values reserved). The empty string is no value: the index leaves it out.
//! `live` counts the rows that are not soft-deleted, so that the usual totals need no scan.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::cell::Cell;
use super::positions::{Positions, Range};
use super::row::Row;
use super::schema::Object;

/// The rows of one object.
#[derive(Debug, Default, Clone)]
pub struct Table {
    rows: BTreeMap<Uuid, Row>,
    holders: HashMap<(usize, String), Uuid>,
    unique: Vec<usize>,
    deleted_at: usize,
    live: usize,
    counts: Counts,
    position: Option<usize>,
    positions: Positions,
}

/// Counts by filter that hold until the table changes. A copy of the table counts anew.
#[derive(Debug, Default)]
struct Counts(Mutex<HashMap<String, usize>>);

impl Clone for Counts {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Table {
    /// An empty table for the rows of an object.
    pub(super) fn of(object: &Object) -> Self {
        let unique = object.unique_columns().into_iter().map(|(column, _)| column).collect();
        let position = object.columns.iter().position(|column| column.is_position);
        let deleted_at = object.system_column("deletedAt");
        Self { unique, deleted_at, position, ..Self::default() }
    }

    /// Rows that are not soft-deleted.
    pub fn live(&self) -> usize {
        self.live
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

    /// The lowest and highest position of live rows.
    pub(super) fn position_range(&self) -> Range {
        self.positions.range(self.rows.values().filter_map(|row| self.position_of(row)))
    }

    /// The position of a row that is live.
    fn position_of(&self, row: &Row) -> Option<f64> {
        match row.cells[self.position?] {
            Cell::Number(position) if self.is_live(row) => Some(position),
            _ => None,
        }
    }

    fn is_live(&self, row: &Row) -> bool {
        row.cells[self.deleted_at].is_null()
    }

    /// Adds a row or puts it in the place of the one with the same id.
    pub(super) fn put(&mut self, id: Uuid, row: Row) {
        let held: Vec<(usize, String)> = self.held(&row).collect();
        let position = self.position_of(&row);
        self.live += usize::from(self.is_live(&row));
        let before = self.rows.insert(id, row);
        let left = before.as_ref().and_then(|before| self.position_of(before));
        self.positions.replace(left, position);
        if let Some(before) = before {
            self.forget(id, &before);
        }
        self.holders.extend(held.into_iter().map(|key| (key, id)));
        self.forget_counts();
    }

    /// Removes a row for good.
    pub(super) fn take(&mut self, id: Uuid) -> Option<Row> {
        let row = self.rows.remove(&id)?;
        let left = self.position_of(&row);
        self.positions.replace(left, None);
        self.forget(id, &row);
        self.forget_counts();
        Some(row)
    }

    /// The unique values of a row, the empty text left out.
    fn held(&self, row: &Row) -> impl Iterator<Item = (usize, String)> {
        let value = |column: &usize| Some((*column, row.cells[*column].to_sql_text()?));
        self.unique.iter().filter_map(value).filter(|(_, value)| !value.is_empty())
    }

    /// Takes a row out of the count and gives its unique values back, unless somebody else holds them.
    fn forget(&mut self, id: Uuid, row: &Row) {
        self.live -= usize::from(self.is_live(row));
        let held: Vec<(usize, String)> = self.held(row).collect();
        for key in held {
            if self.holders.get(&key) == Some(&id) {
                self.holders.remove(&key);
            }
        }
    }

    fn forget_counts(&mut self) {
        self.counts.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A count that costs a scan only once until the table changes.
    pub(super) fn cached_count(&self, key: &str, count: impl FnOnce() -> usize) -> usize {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key.to_owned()).or_insert_with(count)
    }
}
