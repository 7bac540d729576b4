//! Shows the effective configuration: every setting, its value, and where it was read.
//!
//! It exists because "which of my three places won?" is the first question about any configuration. Invariant:
//! a secret is never in a [`Setting`]; of a database URL only the password is hidden.

use std::{collections::BTreeMap, fmt};

use config::{Config as Layers, Value, ValueKind};
use serde::Serialize;
use url::Url;

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key's path.
    pub key: String,
    /// The value, with secrets hidden.
    pub value: String,
    /// Where it was read.
    pub origin: String,
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} = {} ({})", self.key, self.value, self.origin)
    }
}

/// Every setting, by key.
pub(super) fn settings(layers: &Layers, short_names: &BTreeMap<&str, &str>) -> Vec<Setting> {
    let mut found = Vec::new();
    collect("", &layers.cache, &mut found);
    for setting in &mut found {
        if let Some(name) = short_names.get(setting.key.as_str()) {
            (*name).clone_into(&mut setting.origin);
        }
    }
    found.sort_by(|left, right| left.key.cmp(&right.key));
    found
}

/// Where the value under `key` was read.
pub(super) fn origin(layers: &Layers, key: &str) -> Option<String> {
    Some(place(first_leaf(found(layers, key)?)))
}

/// Whether nobody set what stands under `key`.
pub(super) fn is_built_in(layers: &Layers, key: &str) -> bool {
    found(layers, key).is_some_and(|value| value.origin().is_none())
}

fn found<'a>(layers: &'a Layers, key: &str) -> Option<&'a Value> {
    let mut value = &layers.cache;
    for part in key.split('.') {
        let ValueKind::Table(table) = &value.kind else { return None };
        value = table.get(part)?;
    }
    Some(value)
}

/// A table has no origin of its own.
pub(super) fn first_leaf(value: &Value) -> &Value {
    match &value.kind {
        ValueKind::Table(table) => table.values().next().map_or(value, first_leaf),
        _ => value,
    }
}

fn collect(path: &str, value: &Value, found: &mut Vec<Setting>) {
    if let ValueKind::Table(table) = &value.kind {
        for (name, value) in table {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            collect(&path, value, found);
        }
        return;
    }
    found.push(Setting { key: path.to_owned(), value: shown(path, value), origin: place(value) });
}

fn shown(key: &str, value: &Value) -> String {
    let of_workspace = key.strip_prefix("workspaces.").and_then(|rest| rest.split_once('.'));
    match of_workspace.map_or(key, |(_, own)| own) {
        "source.api_key" | "webhook.secret" => "(hidden)".to_owned(),
        "mirror.database_url" => without_password(&value.to_string()),
        _ => value.to_string(),
    }
}

fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return "(hidden)".to_owned() };
    // A password can stand in the query, too.
    url.set_query(None);
    if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
        return "(hidden)".to_owned();
    }
    url.to_string()
}

pub(super) fn place(value: &Value) -> String {
    match value.origin() {
        None => "built in".to_owned(),
        Some(origin) => origin.to_owned(),
    }
}
