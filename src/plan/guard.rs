//! The condition under which the source takes an update: the field still holds the old value, or already the new.
//!
//! It exists because the source knows no versions: the filter of an update-many becomes the WHERE of one UPDATE, an
//! atomic compare-and-set (docs/twenty.md, "Guarded updates"). The new value belongs to it, because the source looks
//! for the changed records with the same filter to tell others of them, and because it makes a repeat harmless.
//!
//! Invariants: one operator per filter object, for the source applies only one; a value that cannot be matched
//! exactly has no filter at all, and the version just read stands in for it.

use serde_json::{Value as Json, json};
use time::{Duration, OffsetDateTime};

use crate::record::{Column, FieldKind, Value, canonical};

pub(super) mod value;

/// The filters of which one matches where `column` holds `value`; `None` if no filter says so exactly.
pub fn alternatives(column: &Column, value: &Value) -> Option<Vec<Json>> {
    value::filters(column, value)
        .map(|filters| filters.into_iter().map(|filter| within(column, filter)).collect())
}

/// The guard of one column: it holds `old` or `new`; `None` if no filter says so.
pub fn old_or_new(column: &Column, old: &Value, new: &Value) -> Option<Json> {
    let mut filters = alternatives(column, old)?;
    for filter in alternatives(column, &stored(column, new))? {
        if !filters.contains(&filter) {
            filters.push(filter);
        }
    }
    Some(any_of(filters))
}

/// The guard of columns that no filter can compare with their old values: the record is as it was read, or holds
/// the new values, as far as filters can tell these.
pub fn version_or_new<'a>(
    read_at: OffsetDateTime,
    new: impl IntoIterator<Item = (&'a Column, &'a Value)>,
) -> Json {
    let version = instant("updatedAt", None, read_at);
    let tell = |(column, value): (&Column, &Value)| {
        alternatives(column, value).or_else(|| value::new_only(column, value)).map(any_of)
    };
    match new.into_iter().map(tell).collect::<Option<Vec<Json>>>() {
        Some(filters) if !filters.is_empty() => {
            json!({"or": [version, {"and": filters}]})
        }
        Some(_) | None => version,
    }
}

/// The record is not in the trash: an edit of trash would be seen by nobody.
pub fn is_live() -> Json {
    json!({"deletedAt": {"is": "NULL"}})
}

/// In the trash or not: mentioning `deletedAt` makes the source look there.
pub fn live_or_deleted() -> Json {
    json!({"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]})
}

/// The value as the source will store it.
fn stored(column: &Column, value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(canonical::stored_text(column, text).into_owned()),
        other => other.clone(),
    }
}

fn any_of(mut filters: Vec<Json>) -> Json {
    match filters.len() {
        1 => filters.remove(0),
        _ => json!({"or": filters}),
    }
}

/// What a filter says of a column, at the column's place.
enum Condition {
    /// One operator.
    Is(&'static str, Json),
    /// The millisecond that begins here.
    Within(OffsetDateTime),
}

fn within(column: &Column, condition: Condition) -> Json {
    let (key, part) = (column.path.key.as_str(), column.path.part);
    match condition {
        Condition::Is(operator, value) => at(key, part, &json!({operator: value})),
        Condition::Within(time) => instant(key, part, time),
    }
}

fn at(key: &str, part: Option<&str>, filter: &Json) -> Json {
    match part {
        Some(part) => json!({key: {part: filter}}),
        None => json!({key: filter}),
    }
}

/// Equality matches nothing where the source stores microseconds.
fn instant(key: &str, part: Option<&str>, time: OffsetDateTime) -> Json {
    let next = time.saturating_add(Duration::MILLISECOND);
    json!({"and": [
        at(key, part, &json!({"gte": value::timestamp(time)})),
        at(key, part, &json!({"lt": value::timestamp(next)})),
    ]})
}

/// Whether the source keeps empty text and null apart in this column, so that a guard must ask for both.
fn is_free_text(column: &Column) -> bool {
    match &column.field_kind {
        FieldKind::Text
        | FieldKind::RichText
        | FieldKind::FullName
        | FieldKind::Emails
        | FieldKind::Phones
        | FieldKind::Links
        | FieldKind::Currency
        | FieldKind::Address => true,
        FieldKind::Uuid
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
        | FieldKind::RichTextV2
        | FieldKind::Actor
        | FieldKind::ManyToOne { .. }
        | FieldKind::OneToMany
        | FieldKind::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests;
