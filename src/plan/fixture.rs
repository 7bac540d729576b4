//! A table with fields of many types, for the tests of the planner.

use std::sync::LazyLock;

use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{
    pending::{DeletedRecords, Pending, Rules},
    policy::Policies,
    schema::Table,
};
use crate::record::{
    Column, DeleteMode, Direction, Field, FieldKind, Image, NumberKind, Row, Value,
    column::columns_of,
};

/// When everything began.
pub(super) const NOON: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

/// The record that the tests are about.
pub(super) const ID: Uuid = Uuid::from_u128(0x00d8_cde2_a6ee_4048_8ca4_3d63_bc6b_4a82);

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table {
    object_id: Uuid::from_u128(1),
    name_singular: "gadget".to_owned(),
    name_plural: "gadgets".to_owned(),
    name: "gadgets".to_owned(),
    direction: Direction::Both,
    lost: Vec::new(),
    generation: 0,
    columns: columns(&kinds()),
});

/// The columns of fields with these names and types.
pub(super) fn columns(kinds: &[(&str, FieldKind)]) -> Vec<Column> {
    let field = |(index, (name, kind)): (usize, &(&str, FieldKind))| Field {
        id: Uuid::from_u128(100 + index as u128),
        name: (*name).to_owned(),
        label: (*name).to_owned(),
        description: None,
        kind: kind.clone(),
        is_active: true,
        is_nullable: true,
        is_unique: false,
        options: Vec::new(),
    };
    kinds.iter().enumerate().map(field).flat_map(|field| columns_of(&field)).collect()
}

fn kinds() -> Vec<(&'static str, FieldKind)> {
    vec![
        ("id", FieldKind::Uuid),
        ("createdAt", FieldKind::DateTime),
        ("updatedAt", FieldKind::DateTime),
        ("deletedAt", FieldKind::DateTime),
        ("createdBy", FieldKind::Actor),
        ("position", FieldKind::Position),
        ("text", FieldKind::Text),
        ("count", FieldKind::Number(NumberKind::Integer)),
        ("number", FieldKind::Number(NumberKind::Double)),
        ("exact", FieldKind::Numeric),
        ("flag", FieldKind::Boolean),
        ("due", FieldKind::DateTime),
        ("day", FieldKind::Date),
        ("select", FieldKind::Select),
        ("rating", FieldKind::Rating),
        ("tags", FieldKind::MultiSelect),
        ("list", FieldKind::Array),
        ("json", FieldKind::RawJson),
        ("uuid", FieldKind::Uuid),
        ("name", FieldKind::FullName),
        ("emails", FieldKind::Emails),
        ("phones", FieldKind::Phones),
        ("link", FieldKind::Links),
        ("revenue", FieldKind::Currency),
        ("address", FieldKind::Address),
        ("body", FieldKind::RichTextV2),
        ("company", FieldKind::ManyToOne { join_column: "companyId".to_owned() }),
        ("files", FieldKind::Unknown("FILES".to_owned())),
    ]
}

/// The place of the column with this name.
pub(super) fn at(name: &str) -> usize {
    TABLE.columns.iter().position(|column| column.name == name).unwrap()
}

/// The rules of the test table.
pub(super) fn rules(policies: &Policies) -> Rules<'_> {
    Rules {
        table: &TABLE,
        policies,
        deleted: DeletedRecords::Remove,
        delete_mode: DeleteMode::Soft,
    }
}

/// Text, unless it is `-`, which is null.
pub(super) fn text(text: &str) -> Value {
    if text == "-" { Value::Null } else { Value::Text(text.to_owned()) }
}

/// A record that holds these values and nulls.
pub(super) fn image(values: &[(&str, Value)]) -> Image {
    let mut image = Image::empty(TABLE.columns.len());
    image.set(at("id"), Some(Value::Uuid(ID)));
    image.set(at("updated_at"), Some(Value::Timestamp(NOON)));
    for (name, value) in values {
        image.set(at(name), Some(value.clone()));
    }
    image
}

/// The same as the source shows it.
pub(super) fn row(values: &[(&str, Value)]) -> Row {
    as_row(&image(values))
}

/// An image as the source shows it.
pub(super) fn as_row(image: &Image) -> Row {
    let time = |name| match image.get(at(name)) {
        Some(Value::Timestamp(time)) => Some(*time),
        _ => None,
    };
    let values = image.values().to_vec();
    Row { id: ID, updated_at: time("updated_at").unwrap(), deleted_at: time("deleted_at"), values }
}

/// A record with local edits.
pub(super) fn pending(base: Option<Image>, mirror: Option<Image>) -> Pending {
    Pending {
        id: ID,
        base,
        sent: None,
        given_up: None,
        mirror,
        operations: Vec::new(),
        changed_at: NOON,
        waiting: std::collections::BTreeSet::new(),
    }
}
