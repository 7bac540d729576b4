//! What the catalog says about a table or column, so that `\d+` in psql is documentation.
//!
//! It exists because the workspace's labels and descriptions are the best account of what a column means.
//! Invariant: the text is a function of the model alone, so an unchanged model changes no comment.

use super::Scoped;
use crate::record::{Column, Direction, Field, FieldKind};

pub(super) fn of_table(scoped: Scoped<'_>) -> String {
    let object = scoped.object;
    let way = match scoped.direction {
        Direction::Both => "",
        Direction::Pull | Direction::Off => " [read-only]",
    };
    sentence(&object.label_plural, object.description.as_deref()) + way
}

pub(super) fn of_column(field: &Field, column: &Column) -> String {
    let label = match column.path.part {
        Some(part) => format!("{} ({part})", field.label),
        None => field.label.clone(),
    };
    let note = match &field.kind {
        FieldKind::Unknown(kind) => format!(" [read-only: type {kind} is not known]"),
        _ => String::new(),
    };
    sentence(&label, field.description.as_deref()) + &note
}

/// Label and description in one line; PostgreSQL refuses NUL characters.
fn sentence(label: &str, description: Option<&str>) -> String {
    let text = match description.filter(|text| !text.is_empty() && *text != label) {
        Some(description) => format!("{label}: {description}"),
        None => label.to_owned(),
    };
    text.replace('\0', "")
}
