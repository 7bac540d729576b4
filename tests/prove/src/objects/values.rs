//! What people write into the fields that only varied histories have.
//!
//! It exists beside [`super::values()`] so that the plain histories stay as they are. Invariants: what is a person's own
//! is written by nobody else; a value is spelt as the side keeps it on which it is written.

use serde_json::json;
use time::{Date, Duration, macros::date};

use super::Object;
use crate::record::{Column, Decimal, FieldKind, Value};

const DAY: Date = date!(2026 - 01 - 01);

/// What somebody writes into a unit; nothing where the type is none of these.
pub(super) fn values(
    object: &Object,
    unit: usize,
    choice: usize,
    number: u32,
) -> Option<Vec<Value>> {
    let column = &object.columns()[object.units[unit].columns[0]];
    let number = if choice > 1 { number } else { 0 };
    let full = choice > 0;
    let some = |value: Value| vec![if full { value } else { Value::Null }];
    Some(match &column.field_kind {
        FieldKind::Numeric => some(decimal(&format!("{number}.250"))),
        FieldKind::Boolean => some(Value::Boolean(number.is_multiple_of(2))),
        FieldKind::Rating => some(text(format!("RATING_{}", 1 + number % 5))),
        FieldKind::Date => some(Value::Date(DAY.saturating_add(Duration::days(number.into())))),
        FieldKind::RawJson => some(Value::Json(document(number))),
        FieldKind::FullName => vec![text(if full { format!("N{number}") } else { String::new() })],
        FieldKind::Address => vec![address(column, full, number)],
        FieldKind::RichTextV2 if full => {
            let blocks = json!([{ "id": format!("c{number}"), "text": number }]);
            vec![text(blocks.to_string()), text(format!("50% _of_ {number}"))]
        }
        FieldKind::RichTextV2 => vec![Value::Null, Value::Null],
        FieldKind::Links => links(full, number),
        _ => return None,
    })
}

fn text(text: String) -> Value {
    Value::Text(text)
}

fn decimal(digits: &str) -> Value {
    Decimal::parse(digits).map_or(Value::Null, Value::Decimal)
}

/// Lists, texts and objects, nested and empty: JSON knows what is null from what is empty.
fn document(number: u32) -> String {
    let value = match number % 7 {
        1 => json!([number, []]),
        2 => json!(format!("text {number}")),
        3 => json!({"a": {"n": number, "x": null}, "b": []}),
        4 => json!(number),
        _ => json!({"n": number, "said": "yes"}),
    };
    value.to_string()
}

fn address(column: &Column, full: bool, number: u32) -> Value {
    let is_number = matches!(column.path.part, Some("addressLat" | "addressLng"));
    match (is_number, full) {
        (true, true) => decimal(&format!("{number}.5")),
        (true, false) => Value::Null,
        (false, true) => text(format!("Way {number}")),
        (false, false) => text(String::new()),
    }
}

/// With and without label, and spelt in capitals. Nobody writes a second link without a first one: that the server moves
/// it to the first place counts as an edit of Twenty (docs/invariants.md, I8).
fn links(full: bool, number: u32) -> Vec<Value> {
    let nothing = || text(String::new());
    if !full {
        return vec![nothing(), nothing(), Value::Null];
    }
    let more = json!([{ "label": "more", "url": format!("https://m{number}.io") }]);
    match number % 3 {
        0 => vec![nothing(), text(format!("HTTPS://X{number}.io/Path/")), Value::Null],
        1 => vec![
            text(format!("L{number}")),
            text(format!("https://x{number}.io")),
            Value::Json(more.to_string()),
        ],
        _ => vec![text("label".to_owned()), text(format!("x{number}.io")), Value::Null],
    }
}

/// Whether many write this, so that it says nothing that it comes back.
pub(crate) fn is_common(object: &Object, unit: usize, said: &str) -> bool {
    let kind = &object.columns()[object.units[unit].columns[0]].field_kind;
    if matches!(kind, FieldKind::Boolean | FieldKind::Rating) {
        return true;
    }
    values(object, unit, 1, 0).is_some_and(|same| {
        let same: Vec<Option<Value>> = same.into_iter().map(Some).collect();
        let image = super::partial(object, &object.units[unit].columns, &same);
        super::meaning(object, unit, &image) == said
    })
}
