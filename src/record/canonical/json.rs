//! JSON as a value: the order of keys, the spelling of numbers and white space do not count.
//!
//! It exists beside `serde_json::Value` because that holds numbers as floats: two large numbers that differ in their
//! last digits would be equal. Invariant: what nests deeper than [`DEEPEST`] is compared as text, so no document
//! exhausts the stack.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::number::Number;

const DEEPEST: usize = 64;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
    /// Too deep, or no JSON: as it was written.
    Opaque(String),
}

impl Json {
    pub(super) fn parse(text: &str) -> Json {
        parse(text.trim(), 0)
    }

    /// Changes every text.
    pub(super) fn map_text(self, change: &dyn Fn(&str) -> String) -> Json {
        match self {
            Json::Text(text) => Json::Text(change(&text)),
            Json::List(items) => {
                Json::List(items.into_iter().map(|item| item.map_text(change)).collect())
            }
            Json::Object(members) => Json::Object(
                members.into_iter().map(|(key, value)| (key, value.map_text(change))).collect(),
            ),
            other @ (Json::Null | Json::Boolean(_) | Json::Number(_) | Json::Opaque(_)) => other,
        }
    }

    /// Changes the texts under `key` in the objects of a list.
    pub(super) fn map_key(self, key: &str, change: &dyn Fn(&str) -> String) -> Json {
        let member = |(name, value): (String, Json)| {
            let value = if name == key { value.map_text(change) } else { value };
            (name, value)
        };
        match self {
            Json::List(items) => {
                Json::List(items.into_iter().map(|item| item.map_key(key, change)).collect())
            }
            Json::Object(members) => Json::Object(members.into_iter().map(member).collect()),
            other @ (Json::Null
            | Json::Boolean(_)
            | Json::Number(_)
            | Json::Text(_)
            | Json::Opaque(_)) => other,
        }
    }

    /// Null for whatever is empty, and no member that is null.
    pub(super) fn without_empty(self) -> Json {
        match self {
            Json::Text(text) if text.is_empty() => Json::Null,
            Json::List(items) if items.is_empty() => Json::Null,
            Json::List(items) => Json::List(items.into_iter().map(Json::without_empty).collect()),
            Json::Object(members) => {
                let full = members.into_iter().map(|(key, value)| (key, value.without_empty()));
                let full: BTreeMap<_, _> = full.filter(|(_, value)| *value != Json::Null).collect();
                if full.is_empty() { Json::Null } else { Json::Object(full) }
            }
            other @ (Json::Null
            | Json::Boolean(_)
            | Json::Number(_)
            | Json::Text(_)
            | Json::Opaque(_)) => other,
        }
    }
}

fn parse(text: &str, depth: usize) -> Json {
    if depth > DEEPEST {
        return Json::Opaque(text.to_owned());
    }
    let value = match text.as_bytes().first() {
        Some(b'{') => object(text, depth),
        Some(b'[') => list(text, depth),
        Some(b'"') => serde_json::from_str(text).ok().map(Json::Text),
        Some(b'n') => (text == "null").then_some(Json::Null),
        Some(b't' | b'f') => serde_json::from_str(text).ok().map(Json::Boolean),
        Some(_) => Some(Json::Number(Number::of(text))),
        None => None,
    };
    value.unwrap_or_else(|| Json::Opaque(text.to_owned()))
}

fn object(text: &str, depth: usize) -> Option<Json> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let member = |(key, value): (String, &RawValue)| (key, parse(value.get(), depth + 1));
    Some(Json::Object(members.into_iter().map(member).collect()))
}

fn list(text: &str, depth: usize) -> Option<Json> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(Json::List(items.into_iter().map(|item| parse(item.get(), depth + 1)).collect()))
}
