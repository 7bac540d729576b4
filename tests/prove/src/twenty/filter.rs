//! Whether a record passes a filter, operator by operator, as the server's WHERE decides it.

use serde_json::Value as Json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    objects::Object,
    record::{Column, Image, Value},
};

/// Whether a record passes all of these filters.
pub(super) fn passes_all(object: &Object, record: &Image, filters: &[Json]) -> bool {
    filters.iter().all(|filter| passes(object, record, filter))
}

fn passes(object: &Object, record: &Image, filter: &Json) -> bool {
    let Some(members) = filter.as_object() else { return false };
    // The server applies only one of several operators.
    assert_eq!(members.len(), 1, "only one of several operators counts: {filter}");
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    members.iter().all(|(key, value)| match key.as_str() {
        "and" => list(value).iter().all(|filter| passes(object, record, filter)),
        "or" => list(value).iter().any(|filter| passes(object, record, filter)),
        _ => compares(object, record, key, value),
    })
}

fn compares(object: &Object, record: &Image, key: &str, value: &Json) -> bool {
    let first = |value: &Json| {
        let (name, value) = value.as_object()?.iter().next()?;
        Some((name.clone(), value.clone()))
    };
    let here = |part: Option<&str>| {
        let at = |column: &Column| column.path.key == key && column.path.part == part;
        object.columns().iter().position(at)
    };
    let Some((name, inner)) = first(value) else { return false };
    let (index, operator, value) = match (here(Some(&name)), here(None)) {
        (Some(index), _) => match first(&inner) {
            Some((operator, value)) => (index, operator, value),
            None => return false,
        },
        (None, Some(index)) => (index, name, inner),
        (None, None) => panic!("the filter names no column: {key}"),
    };
    let Some(held) = record.get(index) else { return false };
    match (operator.as_str(), held) {
        ("is", held) => (*held == Value::Null) == (value == "NULL"),
        (_, Value::Null) => false,
        ("in", held) => value.as_array().is_some_and(|all| all.iter().any(|one| equals(held, one))),
        ("eq", held) => equals(held, &value),
        ("gte", Value::Timestamp(time)) => moment(&value).is_some_and(|other| *time >= other),
        ("lt", Value::Timestamp(time)) => moment(&value).is_some_and(|other| *time < other),
        (other, held) => panic!("no operator {other} for {held:?}"),
    }
}

fn moment(value: &Json) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()
}

fn equals(held: &Value, value: &Json) -> bool {
    match held {
        Value::Text(text) => value.as_str() == Some(text),
        Value::Uuid(id) => value.as_str() == Some(&id.to_string()),
        Value::Integer(number) => value.as_i64() == Some(*number),
        Value::Double(number) => value.as_f64() == Some(*number),
        Value::Decimal(number) => {
            number.as_str().parse::<f64>().ok().is_some_and(|number| value.as_f64() == Some(number))
        }
        Value::Boolean(flag) => value.as_bool() == Some(*flag),
        Value::Timestamp(time) => moment(value) == Some(*time),
        Value::Null | Value::Date(_) | Value::List(_) | Value::Json(_) => false,
    }
}
