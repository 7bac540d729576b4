//! One change to the mirror's tables, as a value.
//!
//! It exists so that a plan can be shown before it is run. Invariant: no step drops anything.

use super::CaptureTrigger;
use crate::record::Column;

/// One change to the mirror's tables.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Create the schema.
    CreateSchema,
    /// Create a table with all its columns.
    CreateTable {
        /// The table.
        table: String,
        /// Its columns.
        columns: Vec<Column>,
    },
    /// Rename a table whose object was renamed.
    RenameTable {
        /// The name so far.
        from: String,
        /// The name from now on.
        to: String,
    },
    /// Rename a column whose field was renamed, or set one aside whose type changed.
    RenameColumn {
        /// The table.
        table: String,
        /// The name so far.
        from: String,
        /// The name from now on.
        to: String,
    },
    /// Add a column. The object is then read anew, to fill it.
    AddColumn {
        /// The table.
        table: String,
        /// The column.
        column: Column,
    },
    /// Index a column that refers to another record.
    CreateIndex {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Make `id` the primary key again.
    AddKey {
        /// The table.
        table: String,
    },
    /// Have rows without an id get one again.
    GenerateIds {
        /// The table.
        table: String,
    },
    /// Describe a table, or one of its columns, in the catalog.
    Comment {
        /// The table.
        table: String,
        /// The column; `None` for the table itself.
        column: Option<String>,
        /// The text.
        text: String,
    },
    /// Have local changes of a table captured, or refused; in place of what triggers of ours it had.
    Capture {
        /// The table.
        table: String,
        /// The triggers, by role.
        triggers: Vec<CaptureTrigger>,
    },
    /// Read an object from the start: a column came back.
    ReadAnew {
        /// The table.
        table: String,
    },
}

impl Step {
    /// Whether who knew the table before the step does not know it now.
    pub(super) fn outdates(&self) -> bool {
        match self {
            Step::CreateTable { .. }
            | Step::RenameTable { .. }
            | Step::RenameColumn { .. }
            | Step::AddColumn { .. }
            | Step::ReadAnew { .. } => true,
            Step::CreateSchema
            | Step::CreateIndex { .. }
            | Step::AddKey { .. }
            | Step::GenerateIds { .. }
            | Step::Comment { .. }
            | Step::Capture { .. } => false,
        }
    }
}
