//! A body becomes cells: the server's own rewriting first, the database's casts second.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{cast, links, phones, rich_text};
use crate::error::ServerError;
use crate::world::{Cell, Column, Field, Object, World};

/// The cells that a body writes, with the index of their column.
pub(crate) type Cells = Vec<(usize, Cell)>;

/// Turns a body into cells. The key `position` may be `"first"` or `"last"`; the caller has replaced these.
pub(crate) fn cells(
    world: &World,
    object: &Object,
    body: &Map<String, Value>,
) -> Result<Cells, ServerError> {
    let mut cells = Vec::new();
    for (key, value) in body {
        if let Some(field) =
            object.fields.iter().find(|field| field.is_active && field.key() == key)
        {
            for (at, column, part) in parts(object, field, value)? {
                cells.push((at, cast::for_write(world, object, column, &part)?));
            }
        } else if let Some(field) =
            object.fields.iter().find(|f| f.is_active && f.is_relation() && f.name == *key)
        {
            cells.extend(connect(world, object, field, value)?);
        } else {
            return Err(object.missing_field(key));
        }
    }
    Ok(cells)
}

type Parts<'a> = Vec<(usize, &'a Column, Value)>;

fn parts<'a>(object: &'a Object, field: &Field, value: &Value) -> Result<Parts<'a>, ServerError> {
    let rewritten = match field.kind.as_str() {
        "EMAILS" => emails(required(value)?),
        "LINKS" => links::rewrite(required(value)?)?,
        "PHONES" => phones::rewrite(required(value)?)?,
        "RICH_TEXT_V2" => rich_text::rewrite(required(value)?),
        "RICH_TEXT" => {
            return Err(ServerError::plain(
                "Rich text is not supported, please use RICH_TEXT_V2 instead",
            ));
        }
        "FULL_NAME" | "ADDRESS" | "CURRENCY" | "ACTOR" => return Ok(as_sent(object, field, value)),
        "RAW_JSON" => return scalar(object, field, &raw_json(value)?),
        _ => return scalar(object, field, value),
    };
    let columns = object.columns_of(&field.name);
    let named = |(at, column): (usize, &'a Column)| {
        let value = rewritten.iter().find(|(sub, _)| Some(*sub) == column.sub)?.1.clone();
        Some((at, column, value))
    };
    Ok(columns.filter_map(named).collect())
}

fn scalar<'a>(object: &'a Object, field: &Field, value: &Value) -> Result<Parts<'a>, ServerError> {
    if field.name == "id" && field.kind == "UUID" {
        check_id(value)?;
    }
    Ok(object.columns_of(field.key()).map(|(at, column)| (at, column, value.clone())).collect())
}

/// A composite without a rewriting rule: the given parts are written, and null for the whole writes nothing.
fn as_sent<'a>(object: &'a Object, field: &Field, value: &Value) -> Parts<'a> {
    let given =
        |(at, column): (usize, &'a Column)| Some((at, column, value.get(column.sub?)?.clone()));
    object.columns_of(&field.name).filter_map(given).collect()
}

/// The transformer walks over the value's keys, which null does not have.
fn required(value: &Value) -> Result<&Map<String, Value>, ServerError> {
    let message = "Cannot convert undefined or null to object";
    value
        .as_object()
        .ok_or_else(|| ServerError::new(400, "TypeError", message, "INTERNAL_SERVER_ERROR"))
}

/// Lower case, a missing primary address is the empty text, a missing list stays untouched.
fn emails(given: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let primary = given.get("primaryEmail").and_then(Value::as_str).unwrap_or_default();
    let mut parts = vec![("primaryEmail", Value::from(primary.to_lowercase()))];
    if let Some(list) = given.get("additionalEmails") {
        parts.push(("additionalEmails", lowered(list)));
    }
    parts
}

fn lowered(list: &Value) -> Value {
    match list {
        Value::Array(items) => Value::Array(items.iter().map(lowered).collect()),
        Value::String(text) => serde_json::from_str::<Vec<Value>>(text).map_or_else(
            |_| Value::from(text.to_lowercase()),
            |items| items.iter().map(lowered).collect(),
        ),
        other => other.clone(),
    }
}

/// Text is parsed as JSON, with the error of JavaScript's parser.
fn raw_json(value: &Value) -> Result<Value, ServerError> {
    let Some(text) = value.as_str() else { return Ok(value.clone()) };
    serde_json::from_str(text).map_err(|_| {
        let first = text.chars().next().map_or(String::new(), |c| c.to_string());
        let message = if text.is_empty() {
            "Unexpected end of JSON input".to_owned()
        } else {
            format!("Unexpected token '{first}', \"{text}\" is not valid JSON")
        };
        ServerError::new(400, "SyntaxError", message, "INTERNAL_SERVER_ERROR")
    })
}

/// Ids are UUIDs of versions 1 to 5 with the RFC variant.
pub(crate) fn is_valid_id(text: &str) -> bool {
    let Ok(id) = Uuid::try_parse(text) else { return false };
    let variant = matches!(id.as_bytes()[8] >> 6, 0b10);
    text.len() == 36 && variant && (1..=5).contains(&id.get_version_num())
}

fn check_id(value: &Value) -> Result<(), ServerError> {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    if is_valid_id(&text) || value.is_null() {
        return Ok(());
    }
    Err(ServerError::plain(format!("Value \"{text}\" is not a valid UUID")))
}

/// A relation under its own name: `connect` and `disconnect` work, anything else is dropped in silence.
fn connect(
    world: &World,
    object: &Object,
    field: &Field,
    value: &Value,
) -> Result<Cells, ServerError> {
    let Some(column) = object.column_index(field.key()).filter(|_| field.is_many_to_one()) else {
        return Ok(Vec::new());
    };
    if value["disconnect"] == true {
        return Ok(vec![(column, Cell::Null)]);
    }
    let (Some(wanted), Some(link)) = (value["connect"]["where"].as_object(), field.link()) else {
        return Ok(Vec::new());
    };
    let target =
        world.object_by_id(link.target_object).ok_or_else(ServerError::record_not_found)?;
    let conditions = flat_conditions(wanted);
    let mut found = Vec::new();
    for row in world.table(&target).rows().values() {
        let holds = |(path, value): &(String, Value)| {
            let at = target.column_index(path);
            at.and_then(|at| row.cells[at].to_sql_text()).as_deref() == value.as_str()
        };
        if conditions.iter().all(holds) && !target.is_deleted(row) {
            found.push(target.id_of(row));
        }
    }
    match found.as_slice() {
        [id] => Ok(vec![(column, Cell::Uuid(*id))]),
        _ => Err(not_connected(&field.name, found.len(), &target, &conditions)),
    }
}

fn flat_conditions(wanted: &Map<String, Value>) -> Vec<(String, Value)> {
    let flat = |(key, value): (&String, &Value)| match value {
        Value::Object(parts) => {
            parts.iter().map(|(sub, v)| (format!("{key}.{sub}"), v.clone())).collect()
        }
        other => vec![(key.clone(), other.clone())],
    };
    wanted.iter().flat_map(flat).collect()
}

fn not_connected(
    name: &str,
    found: usize,
    target: &Object,
    conditions: &[(String, Value)],
) -> ServerError {
    let spell = |(path, value): &(String, Value)| {
        let column = target
            .column_index(path)
            .map_or_else(|| path.clone(), |at| target.columns[at].database_name());
        format!("{column} = {}", value.as_str().unwrap_or_default())
    };
    let conditions: Vec<String> = conditions.iter().map(spell).collect();
    let conditions = conditions.join(" and ");
    ServerError::bad_request(format!(
        "Expected 1 record to connect to {name}, but found {found} for {conditions}"
    ))
}
