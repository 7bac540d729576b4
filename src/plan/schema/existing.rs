//! What the mirror holds already: the tables the program made, and what the catalog says of them.
//!
//! It exists because people alter tables too: the plan compares what was recorded with what is really there.
//! Invariant: a column that is recorded but not in the catalog counts as missing and is added again.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::{CaptureTrigger, LostColumn};
use crate::record::{Column, ObjectId};

/// The mirror's tables before a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Existing {
    /// The workspace that is mirrored.
    pub workspace_id: Uuid,
    /// Whether the schema is there.
    pub schema_exists: bool,
    /// The tables the program made.
    pub tables: Vec<ExistingTable>,
    /// Names of other relations in the schema, which the program must not touch.
    pub foreign: Vec<String>,
}

/// One table the program made.
#[derive(Debug, Clone, PartialEq)]
pub struct ExistingTable {
    /// The object it mirrors.
    pub object_id: ObjectId,
    /// The object's plural name when the table got its name.
    pub name_plural: String,
    /// The table's name.
    pub name: String,
    /// Its comment.
    pub comment: Option<String>,
    /// The columns recorded, by field.
    pub columns: Vec<ExistingColumn>,
    /// The columns really there, by name.
    pub catalog: BTreeMap<String, CatalogColumn>,
    /// The columns whose field was gone.
    pub lost: Vec<LostColumn>,
    /// How often its columns have changed.
    pub generation: i64,
    /// The triggers of ours that it has and that are always on, by role.
    pub triggers: Vec<CaptureTrigger>,
}

/// A column as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct ExistingColumn {
    /// The field it belongs to.
    pub field_id: Uuid,
    /// The part of a composite field, or empty.
    pub part: String,
    /// The JSON key when the column got its name.
    pub key: String,
    /// The column's name.
    pub name: String,
}

/// A column as the catalog has it.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogColumn {
    /// Its type, as `format_type` prints it.
    pub kind: String,
    /// Its comment.
    pub comment: Option<String>,
}

impl Existing {
    pub(super) fn table(&self, object_id: ObjectId) -> Option<&ExistingTable> {
        self.tables.iter().find(|table| table.object_id == object_id)
    }

    pub(super) fn table_names(&self) -> HashSet<String> {
        let own = self.tables.iter().map(|table| table.name.clone());
        own.chain(self.foreign.iter().cloned()).collect()
    }
}

impl ExistingTable {
    pub(super) fn column(&self, wanted: &Column) -> Option<&ExistingColumn> {
        let part = wanted.path.part.unwrap_or_default();
        self.columns.iter().find(|column| column.field_id == wanted.field_id && column.part == part)
    }

    /// The comment that `column` has so far, under the name it has so far.
    pub(super) fn comment_of(&self, column: &Column) -> Option<&String> {
        let name = self.column(column).map(|known| &known.name)?;
        let catalog = self.catalog.get(name).filter(|catalog| catalog.kind == column.kind.sql());
        catalog.and_then(|catalog| catalog.comment.as_ref())
    }
}
