//! What is known of a record with unsent local edits, and what was seen of it at the source.
//!
//! It exists because every decision about such a record is taken from these facts alone. Invariants: the facts are
//! state, not work: what is to be sent is the difference between base and mirror, whatever the log says; a record
//! that a page does not show is [`Sighting::Unseen`], which never means deleted.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{policy::Policies, schema::Table};
use crate::record::{DeleteMode, Image, Row, Value};

/// What the planner needs to know about an object.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The table.
    pub table: &'a Table,
    /// Who wins.
    pub policies: &'a Policies,
    /// What the mirror does with records in the trash.
    pub deleted: DeletedRecords,
    /// What a local DELETE does at the source.
    pub delete_mode: DeleteMode,
}

/// What the mirror does with records that are in the source's trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletedRecords {
    /// Their rows are removed.
    #[default]
    Remove,
    /// Their rows stay, with `deleted_at` set.
    Keep,
}

/// A record with unsent local edits.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The record.
    pub id: Uuid,
    /// What both sides last agreed on; `None` if the record was inserted in the mirror.
    pub base: Option<Image>,
    /// The values of a write whose outcome is not known; only the columns that were sent are known in it. A write
    /// that was refused for certain did not happen: it is forgotten before the record is reconciled.
    pub sent: Option<Image>,
    /// The values of a create that was sent and then not found: it may still arrive.
    pub given_up: Option<Image>,
    /// The row as it is; `None` if there is none.
    pub mirror: Option<Image>,
    /// The unsettled entries of the outbox, oldest first.
    pub operations: Vec<Operation>,
    /// When the mirror last changed the record.
    pub changed_at: OffsetDateTime,
    /// Columns that must not be sent now: a person is to decide, or the source does not show them.
    pub waiting: BTreeSet<usize>,
}

/// One entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its number; later edits have higher ones.
    pub id: i64,
    /// What was done.
    pub kind: OperationKind,
    /// The names of the columns that an update changed.
    pub changed: Vec<String>,
    /// When.
    pub changed_at: OffsetDateTime,
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// It was inserted.
    Insert,
    /// It was updated.
    Update,
    /// It was deleted.
    Delete,
}

impl OperationKind {
    /// The word in the outbox.
    pub fn as_str(self) -> &'static str {
        match self {
            OperationKind::Insert => "insert",
            OperationKind::Update => "update",
            OperationKind::Delete => "delete",
        }
    }

    /// The operation that a word in the outbox names.
    pub fn named(word: &str) -> Option<OperationKind> {
        [OperationKind::Insert, OperationKind::Update, OperationKind::Delete]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What was seen of a record at the source.
#[derive(Debug, Clone, PartialEq)]
pub enum Sighting {
    /// Nothing: nobody looked.
    Unseen,
    /// It was looked for by its id, trash included, and is not there.
    Absent,
    /// It is in the trash.
    Tombstone(Row),
    /// It is there.
    Present(Row),
}

impl Sighting {
    /// The sighting of a row that was read.
    pub fn of(row: Row) -> Sighting {
        match row.deleted_at {
            Some(_) => Sighting::Tombstone(row),
            None => Sighting::Present(row),
        }
    }
}

/// Whether a record exists, in one image of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// There is no such record.
    None,
    /// It exists.
    Live,
    /// It is in the trash.
    Dead,
}

impl Rules<'_> {
    pub(super) fn life(&self, image: Option<&Image>) -> Life {
        let Some(image) = image else { return Life::None };
        match self.column("deletedAt").and_then(|column| image.get(column)) {
            Some(Value::Timestamp(_)) => Life::Dead,
            Some(_) | None => Life::Live,
        }
    }

    /// The place of the column with this key.
    pub(super) fn column(&self, key: &str) -> Option<usize> {
        self.table.columns.iter().position(|column| column.path.key == key)
    }
}
