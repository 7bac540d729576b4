//! Which filters match exactly one value of a column.

use serde_json::{Value as Json, json};
use time::{Date, OffsetDateTime};

use super::{Condition, is_free_text};
use crate::record::{Column, ColumnType, Decimal, FieldKind, Value, canonical};

/// Conditions of which one holds where the column has `value`; `None` if no filter compares it exactly.
pub(super) fn filters(column: &Column, value: &Value) -> Option<Vec<Condition>> {
    if column.field_kind == FieldKind::RichTextV2 {
        return None;
    }
    let exactly = |value: Json| Some(vec![Condition::Is("eq", value)]);
    match value {
        Value::Null => Some(nothing(column)),
        Value::Text(text) if text.is_empty() => Some(nothing(column)),
        Value::Text(text) => exactly(json!(text)),
        Value::Integer(number) => i32::try_from(*number).ok().and_then(|n| exactly(json!(n))),
        Value::Double(number) => exactly(number_json(*number)?),
        Value::Decimal(number) => exactly(decimal(number)?),
        Value::Boolean(flag) => exactly(json!(flag)),
        Value::Uuid(id) => exactly(json!(id)),
        Value::Timestamp(time) => Some(vec![Condition::Within(*time)]),
        Value::Date(day) => exactly(json!(date(*day))),
        Value::List(_) | Value::Json(_) => None,
    }
}

/// A filter for a new value where none compares the old one exactly: after the write it finds the record again.
pub(super) fn new_only(column: &Column, value: &Value) -> Option<Vec<Json>> {
    match (&column.field_kind, column.path.part, value) {
        (FieldKind::RichTextV2, Some("markdown"), Value::Text(text)) if !text.is_empty() => {
            Some(vec![super::within(column, Condition::Is("like", json!(literally(text))))])
        }
        _ => None,
    }
}

/// Null; and in free text also the empty text, which versions of the source store in its place.
fn nothing(column: &Column) -> Vec<Condition> {
    let null = Condition::Is("is", json!("NULL"));
    match column.kind {
        ColumnType::Text if is_free_text(column) => {
            vec![Condition::Is("eq", json!("")), null]
        }
        ColumnType::Uuid
        | ColumnType::Text
        | ColumnType::Integer
        | ColumnType::Double
        | ColumnType::Numeric
        | ColumnType::Boolean
        | ColumnType::Timestamp
        | ColumnType::Date
        | ColumnType::TextArray
        | ColumnType::Json => vec![null],
    }
}

/// A decimal as a number, if a double prints it again: the source reads filters as doubles.
fn decimal(number: &Decimal) -> Option<Json> {
    let double: f64 = number.as_str().parse().ok()?;
    let printed = Value::Decimal(Decimal::parse(&double.to_string())?);
    canonical::identical(&printed, &Value::Decimal(number.clone()))
        .then(|| number_json(double))
        .flatten()
}

/// A finite number; whole ones without a fraction, as far as doubles tell them apart.
pub(in crate::plan) fn number_json(number: f64) -> Option<Json> {
    #[expect(clippy::cast_possible_truncation, reason = "the number is whole and below 2^53")]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        return Some(json!(number as i64));
    }
    number.is_finite().then(|| json!(number))
}

/// LIKE without wildcards.
fn literally(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// A time in UTC, with milliseconds.
pub(in crate::plan) fn timestamp(time: OffsetDateTime) -> String {
    let (hour, minute, second) = time.to_hms();
    let day = date(time.date());
    format!("{day}T{hour:02}:{minute:02}:{second:02}.{:03}Z", time.millisecond())
}

/// A day; years of more than four digits have a sign, as in ISO 8601.
pub(in crate::plan) fn date(day: Date) -> String {
    let (year, month, number) = (day.year(), u8::from(day.month()), day.day());
    match year {
        0..=9999 => format!("{year:04}-{month:02}-{number:02}"),
        _ => format!("{year:+07}-{month:02}-{number:02}"),
    }
}
