//! Whether a record passes a filter, operator by operator, as the server's WHERE decides it.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    objects::Object,
    record::{Image, Value},
};

/// Of several operators in one object the server applies the first in this order, and no other.
const OPERATORS: [&str; 8] = ["eq", "gt", "gte", "in", "lt", "lte", "is", "like"];

/// Whether a record passes all of these filters.
pub(super) fn passes_all(object: &Object, record: &Image, filters: &[Json]) -> bool {
    filters.iter().all(|filter| passes(object, record, filter))
}

fn passes(object: &Object, record: &Image, filter: &Json) -> bool {
    let Some(members) = filter.as_object() else { return false };
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    members.iter().all(|(key, value)| match key.as_str() {
        "and" => list(value).iter().all(|filter| passes(object, record, filter)),
        "or" => list(value).iter().any(|filter| passes(object, record, filter)),
        _ => compares(object, record, key, value),
    })
}

/// Whether each named part of a field is as it should be.
fn compares(object: &Object, record: &Image, key: &str, value: &Json) -> bool {
    let columns = object.columns().iter().enumerate();
    let mut named = columns.filter(|(_, column)| column.path.key == key).peekable();
    assert!(named.peek().is_some(), "the filter names no column: {key}");
    named.all(|(index, column)| {
        let asked = match column.path.part {
            Some(part) => value.get(part),
            None => Some(value),
        };
        let Some(asked) = asked.and_then(Json::as_object) else { return true };
        record.get(index).is_some_and(|held| holds(held, asked))
    })
}

fn holds(held: &Value, asked: &Map<String, Json>) -> bool {
    let Some(operator) = OPERATORS.into_iter().find(|name| asked.contains_key(*name)) else {
        panic!("no operator in {asked:?}");
    };
    let value = &asked[operator];
    match (operator, held) {
        ("is", held) => (*held == Value::Null) == (value == "NULL"),
        (_, Value::Null) => false,
        ("in", held) => value.as_array().is_some_and(|all| all.iter().any(|one| equals(held, one))),
        ("eq", held) => equals(held, value),
        ("like", held) => value.as_str().is_some_and(|pattern| is_like(held, pattern)),
        (operator, held) => order(held, value).is_some_and(|order| match operator {
            "gt" => order.is_gt(),
            "gte" => order.is_ge(),
            "lt" => order.is_lt(),
            _ => order.is_le(),
        }),
    }
}

fn moment(value: &Json) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()
}

fn order(held: &Value, value: &Json) -> Option<Ordering> {
    match held {
        Value::Timestamp(time) => Some(time.cmp(&moment(value)?)),
        Value::Uuid(id) => Some(id.cmp(&Uuid::parse_str(value.as_str()?).ok()?)),
        Value::Double(number) => number.partial_cmp(&value.as_f64()?),
        held => panic!("no order of {held:?}"),
    }
}

fn equals(held: &Value, value: &Json) -> bool {
    match held {
        Value::Text(text) => value.as_str() == Some(text),
        Value::Uuid(id) => value.as_str() == Some(&id.to_string()),
        Value::Integer(number) => value.as_i64() == Some(*number),
        Value::Double(number) => value.as_f64() == Some(*number),
        Value::Decimal(number) => {
            let asked = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            number.as_str().parse::<f64>().ok().is_some_and(|number| asked == Some(number))
        }
        Value::Boolean(flag) => value.as_bool() == Some(*flag),
        Value::Timestamp(time) => moment(value) == Some(*time),
        Value::Date(day) => value.as_str() == Some(&day.to_string()),
        Value::Null | Value::List(_) | Value::Json(_) => false,
    }
}

/// A pattern in which every sign stands for itself: the program asks for no other.
fn is_like(held: &Value, pattern: &str) -> bool {
    let mut signs = pattern.chars();
    let mut literal = String::new();
    while let Some(sign) = signs.next() {
        assert!(sign != '%' && sign != '_', "a pattern that matches more: {pattern}");
        literal.extend(if sign == '\\' { signs.next() } else { Some(sign) });
    }
    *held == Value::Text(literal)
}
