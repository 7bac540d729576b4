//! When two values mean the same, although they are written differently.
//!
//! It exists because the source rewrites values (docs/twenty.md, "What the server rewrites"): compared letter by
//! letter, what was sent and what came back would differ for ever, and each pull would look like somebody's change.
//!
//! Invariants: equality is reflexive, symmetric and transitive; an unknown value equals nothing and differs from
//! nothing, so it is never taken for a change; no number passes through a float on its way to a comparison.

mod json;
mod link;
mod number;
mod phone;

use std::borrow::Cow;

use self::{json::Json, link::normal_link, number::Number};
use super::{Column, FieldKind, Image, Unit, Value};

/// Whether `a` and `b` mean the same in `column`.
///
/// Null, empty text, an empty list and an empty part of a composite are one and the same. Raw JSON is compared by
/// value, strictly: the source keeps an empty list and null apart there.
pub fn equal(column: &Column, a: &Value, b: &Value) -> bool {
    form(column, a) == form(column, b)
}

/// Whether `value` is empty in `column`.
pub fn is_empty(column: &Column, value: &Value) -> bool {
    form(column, value) == Form::Empty
}

/// Whether the mirror would store `a` and `b` alike: exact, but for how a number or JSON is spelt.
pub fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Decimal(a), Value::Decimal(b)) => Number::of(a.as_str()) == Number::of(b.as_str()),
        (Value::Json(a), Value::Json(b)) => Json::parse(a) == Json::parse(b),
        _ => a == b,
    }
}

/// Whether two images mean the same in `unit`; `None` if a value is unknown in either.
pub fn units_equal(columns: &[Column], unit: &Unit, a: &Image, b: &Image) -> Option<bool> {
    let pair = |&index: &usize| Some((&columns[index], a.get(index)?, b.get(index)?));
    let pairs: Vec<_> = unit.columns.iter().map(pair).collect::<Option<_>>()?;
    let has_markdown = |(column, a, b): &(&Column, &Value, &Value)| {
        is_markdown(column) && !(is_empty(column, a) && is_empty(column, b))
    };
    let by_markdown = pairs.iter().any(has_markdown);
    let counts = |column: &Column| !by_markdown || is_markdown(column);
    Some(pairs.iter().all(|(column, a, b)| !counts(column) || equal(column, a, b)))
}

/// Whether `image` is empty in `unit`; `None` if a value is unknown.
pub fn unit_empty(columns: &[Column], unit: &Unit, image: &Image) -> Option<bool> {
    let empty = |&index: &usize| Some(is_empty(&columns[index], image.get(index)?));
    unit.columns.iter().map(empty).try_fold(true, |all, empty| Some(empty? && all))
}

/// Whether `stored` can be what the source made of `sent`, beyond meaning the same: a phone number is split into
/// the national number and its codes, and with the markdown its blocks are cleared. `None` if a value is unknown.
pub fn may_have_become(
    columns: &[Column],
    unit: &Unit,
    sent: &Image,
    stored: &Image,
) -> Option<bool> {
    let equal = units_equal(columns, unit, sent, stored)?;
    let is_phone = |&index: &usize| columns[index].field_kind == FieldKind::Phones;
    let is_cleared = |&index: &usize| {
        let column = &columns[index];
        is_markdown(column) && sent.get(index).is_some_and(|value| is_empty(column, value))
    };
    Some(
        equal
            || unit.columns.iter().any(is_phone) && phone::split(columns, unit, sent, stored)
            || unit.columns.iter().any(is_cleared) && unit_empty(columns, unit, stored)?,
    )
}

fn is_markdown(column: &Column) -> bool {
    column.field_kind == FieldKind::RichTextV2 && column.path.part == Some("markdown")
}

/// A value without what does not count.
#[derive(Debug, PartialEq)]
enum Form<'a> {
    Empty,
    Text(Cow<'a, str>),
    Number(Number),
    Double(f64),
    Json(Json),
    Other(&'a Value),
}

fn form<'a>(column: &Column, value: &'a Value) -> Form<'a> {
    match value {
        Value::Null => Form::Empty,
        Value::Text(text) if text.is_empty() => Form::Empty,
        Value::List(items) if items.is_empty() => Form::Empty,
        Value::Text(text) => Form::Text(text_form(column, text)),
        Value::Integer(number) => Form::Number(Number::of(&number.to_string())),
        Value::Decimal(number) => Form::Number(Number::of(number.as_str())),
        Value::Double(number) => Form::Double(*number),
        Value::Json(text) => json_form(column, Json::parse(text)),
        Value::Boolean(_)
        | Value::Uuid(_)
        | Value::Timestamp(_)
        | Value::Date(_)
        | Value::List(_) => Form::Other(value),
    }
}

fn text_form<'a>(column: &Column, text: &'a str) -> Cow<'a, str> {
    #[cfg(feature = "planted")]
    if crate::mistakes::is(crate::mistakes::Bug::SpellingCounts) {
        return Cow::Borrowed(text);
    }
    match (&column.field_kind, column.path.part) {
        (FieldKind::Emails, _) => Cow::Owned(text.to_lowercase()),
        (FieldKind::Links, Some("primaryLinkUrl")) => normal_link(text),
        _ => Cow::Borrowed(text),
    }
}

fn json_form(column: &Column, json: Json) -> Form<'static> {
    let json = match &column.field_kind {
        FieldKind::Emails => json.map_text(&|text| text.to_lowercase()).without_empty(),
        FieldKind::Links => {
            json.map_key("url", &|url| normal_link(url).into_owned()).without_empty()
        }
        FieldKind::Phones => json.without_empty(),
        _ => json,
    };
    if json == Json::Null { Form::Empty } else { Form::Json(json) }
}

/// The text as the source would store it, for a guard that is to match after the write.
pub fn stored_text<'a>(column: &Column, text: &'a str) -> Cow<'a, str> {
    text_form(column, text)
}

#[cfg(test)]
mod tests;
