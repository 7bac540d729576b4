//! What is merged, guarded and sent as one: a column, or all columns of a composite that only makes sense whole.
//!
//! It exists because the source blanks the parts of LINKS, EMAILS and PHONES that a write leaves out, derives one
//! part of a rich text from the other, and because an amount means nothing without its currency: taking one part
//! from each side would make a value that nobody wrote. Names and addresses are merged part by part.

use uuid::Uuid;

use super::{Column, FieldKind};

/// Columns that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The field.
    pub field_id: Uuid,
    /// What people know it by: `emails`, `name.firstName`, `jobTitle`.
    pub name: String,
    /// The key in a record's JSON.
    pub key: String,
    /// The places of its columns, ascending.
    pub columns: Vec<usize>,
}

/// Whether a field of this type travels as a whole.
pub fn is_whole(kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Emails
        | FieldKind::Phones
        | FieldKind::Links
        | FieldKind::Currency
        | FieldKind::RichTextV2
        | FieldKind::Actor => true,
        FieldKind::Uuid
        | FieldKind::Text
        | FieldKind::Number(_)
        | FieldKind::Numeric
        | FieldKind::Boolean
        | FieldKind::DateTime
        | FieldKind::Date
        | FieldKind::Select
        | FieldKind::MultiSelect
        | FieldKind::Rating
        | FieldKind::Array
        | FieldKind::RawJson
        | FieldKind::Position
        | FieldKind::TsVector
        | FieldKind::RichText
        | FieldKind::FullName
        | FieldKind::Address
        | FieldKind::ManyToOne { .. }
        | FieldKind::OneToMany
        | FieldKind::Unknown(_) => false,
    }
}

/// The units of a table with these columns, in the order of their first columns.
pub fn units(columns: &[Column]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let whole = is_whole(&column.field_kind);
        let same =
            |unit: &&mut Unit| unit.field_id == column.field_id && unit.key == column.path.key;
        match units.iter_mut().rfind(same).filter(|_| whole) {
            Some(unit) => unit.columns.push(index),
            None => units.push(unit(column, index, whole)),
        }
    }
    units
}

fn unit(column: &Column, index: usize, whole: bool) -> Unit {
    let key = column.path.key.clone();
    let name = match column.path.part.filter(|_| !whole) {
        Some(part) => format!("{key}.{part}"),
        None => key.clone(),
    };
    Unit { field_id: column.field_id, name, key, columns: vec![index] }
}
