//! Input objects as filters and orders.
//!
//! An operator object is read as the server reads it: the operators are looked at in the order in which the type
//! defines them, and only the first one that is there counts.

use serde_json::{Map, Value};

use crate::filter::{Filter, Operator};
use crate::world::{Direction, Field, Object, OrderBy, parts};

/// The operators in the order in which every filter type defines its own.
pub(super) const OPERATORS: [&str; 15] = [
    "eq",
    "gt",
    "gte",
    "in",
    "lt",
    "lte",
    "neq",
    "startsWith",
    "like",
    "ilike",
    "regex",
    "iregex",
    "containsAny",
    "containsIlike",
    "is",
];

/// The filter types with their operators.
pub(super) fn operators_of(filter: &str) -> Option<&'static [&'static str]> {
    Some(match filter {
        "UUIDFilter" | "DateTimeFilter" | "DateFilter" | "FloatFilter" | "IntFilter"
        | "BigFloatFilter" => &["eq", "gt", "gte", "in", "lt", "lte", "neq", "is"],
        "StringFilter" => &[
            "eq",
            "gt",
            "gte",
            "in",
            "lt",
            "lte",
            "neq",
            "startsWith",
            "like",
            "ilike",
            "regex",
            "iregex",
            "is",
        ],
        "BooleanFilter" => &["eq", "is"],
        "RawJsonFilter" => &["like", "is"],
        "ArrayFilter" => &["containsIlike", "is"],
        _ => return None,
    })
}

/// The filter that an argument asks for.
pub(super) fn read(object: &Object, given: Option<&Value>) -> Filter {
    let empty = Map::new();
    let given = given.and_then(Value::as_object).unwrap_or(&empty);
    Filter::And(given.iter().filter_map(|(key, value)| entry(object, key, value)).collect())
}

fn entry(object: &Object, key: &str, value: &Value) -> Option<Filter> {
    let all = || -> Vec<Filter> {
        let items = value.as_array().into_iter().flatten();
        items.map(|item| read(object, Some(item))).collect()
    };
    match key {
        "and" => return Some(Filter::And(all())),
        "or" => return Some(Filter::Or(all())),
        "not" => return Some(Filter::Not(Box::new(read(object, Some(value))))),
        _ => {}
    }
    let field = object.fields.iter().find(|field| field.key() == key)?;
    let given = value.as_object()?;
    let parts = parts(&field.kind);
    if parts.is_empty() {
        return comparison(key.to_owned(), given);
    }
    let part =
        |(sub, _): &(&str, _)| comparison(format!("{key}.{sub}"), given.get(*sub)?.as_object()?);
    Some(Filter::And(parts.iter().filter_map(part).collect()))
}

fn comparison(path: String, given: &Map<String, Value>) -> Option<Filter> {
    let name = OPERATORS.iter().find(|name| given.contains_key(**name))?;
    let operator = Operator::named(name).expect("the schema offers only operators that exist");
    Some(Filter::compare(path, operator, given[*name].clone()))
}

/// The order that `orderBy` asks for.
pub(super) fn order(object: &Object, given: Option<&Value>) -> Vec<OrderBy> {
    let mut keys = Vec::new();
    for entry in given.and_then(Value::as_array).into_iter().flatten() {
        for (key, value) in entry.as_object().into_iter().flatten() {
            let field = object.fields.iter().find(|field| field.key() == key);
            keys.extend(sort_keys(field, key, value));
        }
    }
    keys
}

fn sort_keys(field: Option<&Field>, key: &str, value: &Value) -> Vec<OrderBy> {
    let direction = |value: &Value| value.as_str().and_then(Direction::named);
    let subs = field.map(|field| parts(&field.kind)).unwrap_or_default();
    let part = |(sub, _): &(&str, _)| {
        Some(OrderBy { path: format!("{key}.{sub}"), direction: direction(value.get(*sub)?)? })
    };
    if subs.is_empty() {
        direction(value)
            .map(|direction| OrderBy { path: key.to_owned(), direction })
            .into_iter()
            .collect()
    } else {
        subs.iter().filter_map(part).collect()
    }
}
