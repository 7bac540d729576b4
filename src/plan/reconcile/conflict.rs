//! What lost, or waits for a person.
//!
//! It exists so that no value disappears: a conflict holds all three states of the columns it is about.

use crate::{
    plan::policy::{DeletePolicy, Policy, Side},
    record::{Column, Image, Value, image::to_json},
};

/// Values of which at most one can stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// What stood against what.
    pub kind: ConflictKind,
    /// The field; `None` if it is about the record.
    pub field: Option<String>,
    /// The columns.
    pub columns: Vec<usize>,
    /// What both sides last agreed on, by column.
    pub base: Vec<Option<Value>>,
    /// What the source holds, by column; unknown where the record is gone.
    pub source: Vec<Option<Value>>,
    /// What the mirror holds, by column; unknown where the row is gone.
    pub mirror: Vec<Option<Value>>,
    /// Who won; `None` while a person is to decide.
    pub winner: Option<Side>,
    /// By what rule.
    pub resolution: Resolution,
}

/// What stood against what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictKind {
    /// Both sides changed a field.
    Field,
    /// The source deleted what the mirror edited.
    DeletedAtSource,
    /// The mirror deleted what the source edited.
    DeletedInMirror,
    /// The source took a write, but did not keep the value.
    NotKept,
}

impl ConflictKind {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            ConflictKind::Field => "field",
            ConflictKind::DeletedAtSource => "deleted_at_source",
            ConflictKind::DeletedInMirror => "deleted_in_mirror",
            ConflictKind::NotKept => "not_kept",
        }
    }
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// The policy of the field.
    Policy(Policy),
    /// The policy for deletes.
    Deletes(DeletePolicy),
    /// The source has the last word on what it keeps.
    SourceKeeps,
}

impl Resolution {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Resolution::Policy(policy) => policy.as_str(),
            Resolution::Deletes(policy) => policy.as_str(),
            Resolution::SourceKeeps => "source_keeps",
        }
    }
}

impl Conflict {
    /// The values of one state as a JSON object keyed by column name.
    pub fn json(&self, columns: &[Column], values: &[Option<Value>]) -> String {
        let named = self.columns.iter().zip(values);
        to_json(named.map(|(&index, value)| (&columns[index], value.as_ref())))
    }
}

/// The values of `columns` in an image that may not be there.
pub(super) fn values_of(image: Option<&Image>, columns: &[usize]) -> Vec<Option<Value>> {
    columns.iter().map(|&index| image.and_then(|image| image.get(index)).cloned()).collect()
}
