//! Which columns of a mirrored table people may write.
//!
//! It exists because capture, planner and documentation must agree on it: a column that is refused here never has a
//! local edit, so the planner lets the source win it without a conflict. Invariant: the answer follows from the
//! table and the column alone.

use std::borrow::Cow;

use super::schema::Table;
use crate::record::{Column, Direction, FieldKind};

/// What a local write to a column does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It travels to the source.
    Write,
    /// It travels with a new record; later changes are refused, with this reason.
    WriteOnInsert(Cow<'static, str>),
    /// It is dropped in silence, and the column stays as it was.
    Keep,
    /// Null is taken, and restores the record; anything else is refused, with this reason.
    ClearOnly(Cow<'static, str>),
    /// It is refused, with this reason.
    Refuse(Cow<'static, str>),
}

/// What a local write to `column` of `table` does.
pub fn access(table: &Table, column: &Column) -> Access {
    match table.direction {
        Direction::Both => at_source(table, column),
        Direction::Pull | Direction::Off => Access::Refuse(Cow::Owned(format!(
            "{} are only read from the source; set direction = \"both\" for them to write here",
            table.name_plural
        ))),
    }
}

/// What the source lets a client write, whichever way the records travel now: an edit that was made while they
/// travelled both ways stays an edit.
pub(super) fn at_source(table: &Table, column: &Column) -> Access {
    match column.path.key.as_str() {
        "id" => Access::WriteOnInsert(Cow::Borrowed("the id of a record never changes")),
        "createdAt" => Access::WriteOnInsert(Cow::Borrowed("a record is created only once")),
        "updatedAt" => Access::Keep,
        "deletedAt" => Access::ClearOnly(Cow::Borrowed(
            "use DELETE to delete a record, and set deleted_at to null to restore it",
        )),
        key if is_signed_link(table, key) => Access::Refuse(Cow::Borrowed(
            "the source makes this link anew for each reader; change the file at the source",
        )),
        _ => by_type(column),
    }
}

/// Links to the source's own files, which are different on each read (docs/twenty.md, "Signed links").
fn is_signed_link(table: &Table, key: &str) -> bool {
    match key {
        "avatarUrl" => matches!(table.name_plural.as_str(), "people" | "workspaceMembers"),
        "fullPath" => table.name_plural == "attachments",
        _ => false,
    }
}

fn by_type(column: &Column) -> Access {
    let refuse = |reason: &'static str| Access::Refuse(Cow::Borrowed(reason));
    match &column.field_kind {
        FieldKind::Actor => refuse("the source notes by itself who wrote a record"),
        FieldKind::RichText => refuse("the source no longer accepts this older kind of rich text"),
        FieldKind::RichTextV2 if column.path.part == Some("blocknote") => {
            refuse("the source makes the blocks from the markdown; write the markdown")
        }
        FieldKind::TsVector | FieldKind::OneToMany => refuse("the source derives this value"),
        FieldKind::Unknown(_) => {
            refuse("this version does not know the type of this field, and cannot write it")
        }
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
        | FieldKind::RichTextV2
        | FieldKind::FullName
        | FieldKind::Emails
        | FieldKind::Phones
        | FieldKind::Links
        | FieldKind::Currency
        | FieldKind::Address
        | FieldKind::ManyToOne { .. } => Access::Write,
    }
}

#[cfg(test)]
mod tests;
