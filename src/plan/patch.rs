//! What is sent: the JSON of a create or an update, by GraphQL or REST alike.
//!
//! It exists because the source is particular about it (docs/twenty.md, "Writing"): composites that it blanks unless
//! they are whole, empty values that must not be null, decimals that only text keeps exact. Invariants: `id`,
//! `createdAt`, `updatedAt` and `deletedAt` are never in an update; no composite is null; no decimal passes through
//! a float; relations go by the key of their id.

use serde_json::{Map, Value as Json, json};

use super::guard::value::{date, number_json, timestamp};
use crate::record::{Column, FieldKind, Image, Unit, Value, canonical, unit::is_whole};

/// The body of a request.
pub type Body = Map<String, Json>;

/// The values of `units` in `image`, as the source wants them.
pub fn body<'a>(
    columns: &[Column],
    units: impl IntoIterator<Item = &'a Unit>,
    image: &Image,
) -> Body {
    let mut body = Body::new();
    for unit in units {
        if columns[unit.columns[0]].field_kind == FieldKind::RichTextV2 {
            body.insert(unit.key.clone(), rich_text(columns, unit, image));
        } else {
            add(&mut body, columns, unit, image);
        }
    }
    body
}

fn add(body: &mut Body, columns: &[Column], unit: &Unit, image: &Image) {
    for &index in &unit.columns {
        let Some(value) = image.get(index) else { continue };
        let column = &columns[index];
        let value = json_of(column, value);
        match column.path.part {
            None => drop(body.insert(unit.key.clone(), value)),
            Some(part) => {
                let whole = body.entry(unit.key.clone()).or_insert_with(|| json!({}));
                if let Some(parts) = whole.as_object_mut() {
                    parts.insert(part.to_owned(), value);
                }
            }
        }
    }
}

/// Only the markdown: the source makes the blocks from it. To clear it, both.
fn rich_text(columns: &[Column], unit: &Unit, image: &Image) -> Json {
    let markdown = unit.columns.iter().find(|&&index| columns[index].path.part == Some("markdown"));
    match markdown.and_then(|&index| image.get(index)) {
        Some(Value::Text(text)) if !text.is_empty() => json!({"markdown": text}),
        Some(_) | None => json!({"blocknote": null, "markdown": null}),
    }
}

/// One value as the source wants it.
pub fn json_of(column: &Column, value: &Value) -> Json {
    match value {
        Value::Null => empty(column),
        Value::Text(text) if text.is_empty() => empty(column),
        Value::Text(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Double(number) => number_json(*number).unwrap_or(Json::Null),
        Value::Decimal(number) => json!(number.as_str()),
        Value::Boolean(flag) => json!(flag),
        Value::Uuid(id) => json!(id),
        Value::Timestamp(time) => json!(timestamp(*time)),
        Value::Date(day) => json!(date(*day)),
        Value::List(items) => json!(items),
        Value::Json(text) => json_document(text),
    }
}

/// The source parses a JSON text that arrives as a string, so a document that is a string is quoted once more; so is
/// one that is too deep to be rebuilt here.
fn json_document(text: &str) -> Json {
    match serde_json::from_str::<Json>(text) {
        Ok(Json::String(_)) | Err(_) => json!(text),
        Ok(document) => document,
    }
}

/// Free text is never null at the source, and an option is never the empty text.
fn empty(column: &Column) -> Json {
    match &column.field_kind {
        FieldKind::Text | FieldKind::RichText | FieldKind::FullName => json!(""),
        kind if is_part_of_text(column, kind) => json!(""),
        _ => Json::Null,
    }
}

fn is_part_of_text(column: &Column, kind: &FieldKind) -> bool {
    let text = column.kind == crate::record::ColumnType::Text;
    text && (*kind == FieldKind::Address || is_whole(kind) && *kind != FieldKind::RichTextV2)
}

/// The units that a create sends: those with a value.
pub fn is_worth_sending(columns: &[Column], unit: &Unit, image: &Image) -> bool {
    canonical::unit_empty(columns, unit, image) == Some(false)
}

#[cfg(test)]
mod tests;
