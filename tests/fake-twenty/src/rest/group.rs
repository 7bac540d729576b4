//! `GET /rest/{plural}/groupBy`

use serde_json::{Map, Value};

use super::params::Params;
use crate::error::ServerError;
use crate::server::{Context, Reply};
use crate::world::{Aggregate, Dimension, Granularity, Object, Wire};

/// A bare array of groups; aggregates are strings.
pub(super) fn group_by(
    context: &mut Context<'_>,
    object: &Object,
    params: &Params,
) -> Result<Reply, ServerError> {
    let filter = params.filter()?;
    let dimensions = dimensions(params.get("group_by"))?;
    let names: Vec<String> = parsed(params.get("aggregate").unwrap_or("[]"))?;
    context.throttle.take(1)?;
    let rows = context.world.select(object, &filter)?;
    let groups = context.world.group_by(object, rows, &dimensions)?;
    let mut answer = Vec::with_capacity(groups.len());
    for group in groups {
        let mut entry = Map::new();
        for name in &names {
            let (what, path) = aggregate(object, name).ok_or_else(|| unknown(name))?;
            let value = context.world.aggregate(object, &group.rows, what, &path, Wire::Rest);
            entry.insert(name.clone(), as_text(value));
        }
        entry.insert("groupByDimensionValues".to_owned(), Value::Array(group.values));
        answer.push(Value::Object(entry));
    }
    Ok(Reply::json(200, &Value::Array(answer)))
}

fn as_text(value: Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value,
        other => Value::from(other.to_string()),
    }
}

fn unknown(name: &str) -> ServerError {
    ServerError::plain(format!("Invalid aggregate field: {name}"))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ServerError> {
    serde_json::from_str(text)
        .map_err(|_| ServerError::bad_request(format!("Invalid JSON: {text}")))
}

/// `[{"stage":true},{"closeDate":{"granularity":"DAY"}},{"name":{"firstName":true}}]`
fn dimensions(text: Option<&str>) -> Result<Vec<Dimension>, ServerError> {
    let text = text.ok_or_else(|| ServerError::bad_request("'group_by' is missing"))?;
    let keys: Vec<Map<String, Value>> = parsed(text)?;
    Ok(keys.iter().flat_map(|key| key.iter().map(|(name, value)| dimension(name, value))).collect())
}

fn dimension(name: &str, value: &Value) -> Dimension {
    let granularity = value["granularity"].as_str().and_then(Granularity::named);
    let sub = value
        .as_object()
        .and_then(|parts| parts.keys().next())
        .filter(|_| value["granularity"].is_null());
    let path = sub.map_or_else(|| name.to_owned(), |sub| format!("{name}.{sub}"));
    Dimension { path, granularity }
}

/// `countNotEmptyId` and the like: a function and the capitalised name of a column.
fn aggregate(object: &Object, name: &str) -> Option<(Aggregate, String)> {
    if name == "totalCount" {
        return Some((Aggregate::Count, String::new()));
    }
    let functions = [
        ("countNotEmpty", Aggregate::CountNotEmpty),
        ("countEmpty", Aggregate::CountEmpty),
        ("countUniqueValues", Aggregate::CountUnique),
        ("min", Aggregate::Min),
        ("max", Aggregate::Max),
        ("sum", Aggregate::Sum),
        ("avg", Aggregate::Avg),
    ];
    let (prefix, what) = functions.into_iter().find(|(prefix, _)| name.starts_with(prefix))?;
    let wanted = &name[prefix.len()..];
    let column =
        object.columns.iter().find(|column| column.database_name().eq_ignore_ascii_case(wanted))?;
    let path = column.sub.map_or_else(|| column.key.clone(), |sub| format!("{}.{sub}", column.key));
    Some((what, path))
}
