//! Many edits of a record as one.
//!
//! It exists because a record edited ten times is written once. What is sent follows from base and mirror; this says
//! what kind of write that is, and which columns it can touch. Invariants: the result of a sequence does not depend
//! on how it is cut into parts; a column that a surviving edit touched is never left out.

use std::collections::BTreeSet;

use super::pending::{Operation, OperationKind};

/// What a sequence of edits amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Net {
    /// Nothing: no edits, or a row that came and went.
    Nothing,
    /// A new row.
    Insert,
    /// Changes to these columns of a row that was there.
    Update(BTreeSet<String>),
    /// A row in the place of the one that was there: it was deleted and inserted again.
    Replace,
    /// A row that was there is gone.
    Delete,
}

impl Net {
    /// What one edit amounts to.
    pub fn of(operation: &Operation) -> Net {
        match operation.kind {
            OperationKind::Insert => Net::Insert,
            OperationKind::Update => Net::Update(operation.changed.iter().cloned().collect()),
            OperationKind::Delete => Net::Delete,
        }
    }

    /// What this amounts to when `later` follows.
    #[must_use]
    pub fn then(self, later: Net) -> Net {
        match (self, later) {
            (Net::Nothing, later) => later,
            (earlier, Net::Nothing) => earlier,
            (Net::Insert, Net::Delete) => Net::Nothing,
            (Net::Insert, Net::Insert | Net::Update(_) | Net::Replace) => Net::Insert,
            (Net::Update(mut columns), Net::Update(more)) => {
                columns.extend(more);
                Net::Update(columns)
            }
            (Net::Update(_) | Net::Delete | Net::Replace, Net::Insert | Net::Replace)
            | (Net::Delete | Net::Replace, Net::Update(_)) => Net::Replace,
            (Net::Update(_) | Net::Replace | Net::Delete, Net::Delete) => Net::Delete,
        }
    }
}

/// What `operations`, oldest first, amount to.
pub fn coalesce(operations: &[Operation]) -> Net {
    operations.iter().map(Net::of).fold(Net::Nothing, Net::then)
}

#[cfg(test)]
mod tests;
