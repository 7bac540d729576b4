//! PostgreSQL's casts: how a value becomes a cell, and which error a bad one raises.
//!
//! The real server checks little by itself; most bad values travel to the database and come back as an internal
//! error with the database's text, an unknown enum value as a 400.

use serde_json::Value;
use uuid::Uuid;

use super::{number, stamp};
use crate::error::ServerError;
use crate::world::{Cell, Column, Kind, Object, World};

/// A filter's or cursor's value: REST sends everything as text.
pub(crate) fn for_filter(
    world: &World,
    object: &Object,
    column: &Column,
    value: &Value,
) -> Result<Cell, ServerError> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    match column.kind {
        Kind::Number => number_text(value),
        Kind::EnumList | Kind::TextList | Kind::Json => Ok(list_or_text(value)),
        _ => for_write(world, object, column, value),
    }
}

fn list_or_text(value: &Value) -> Cell {
    match value {
        Value::String(text) => {
            serde_json::from_str(text).map_or_else(|_| Cell::text(text.as_str()), Cell::json)
        }
        other => Cell::json(other.clone()),
    }
}

fn number_text(value: &Value) -> Result<Cell, ServerError> {
    let float = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    float.map(Cell::Number).ok_or_else(|| bad_syntax("double precision", &spelled(value)))
}

/// A value that is written, after the server's own rewriting.
pub(crate) fn for_write(
    world: &World,
    object: &Object,
    column: &Column,
    value: &Value,
) -> Result<Cell, ServerError> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let text = spelled(value);
    if text.contains('\0') && column.kind != Kind::Json {
        return Err(ServerError::database("invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    match column.kind {
        Kind::Uuid => uuid(&text),
        Kind::Text => Ok(Cell::text(text)),
        Kind::Number => Ok(float(value, &text)),
        Kind::Numeric => {
            number::decimal(&text).map(Cell::text).ok_or_else(|| bad_syntax("numeric", &text))
        }
        Kind::Boolean => boolean(&text),
        Kind::Instant => {
            let parsed = stamp::parse(&text, world.clock().now());
            parsed.map(Cell::Instant).ok_or_else(|| bad_instant(&text))
        }
        Kind::Date => date(world, &text),
        Kind::Enum => enumerated(world, object, column, &text).map(Cell::text),
        Kind::EnumList => enum_list(world, object, column, value),
        Kind::TextList => text_list(value),
        Kind::Json => Ok(Cell::json(number::through_javascript(value.clone()))),
        Kind::Vector => {
            let message =
                format!("cannot insert a non-DEFAULT value into column \"{}\"", column.key);
            Err(ServerError::database(message))
        }
    }
}

/// A value as the driver puts it into the statement.
fn spelled(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), number::to_text)
        }
        other => other.to_string(),
    }
}

fn bad_syntax(kind: &str, text: &str) -> ServerError {
    ServerError::database(format!("invalid input syntax for type {kind}: \"{text}\""))
}

fn bad_instant(text: &str) -> ServerError {
    let looks_like_one = text.len() >= 10 && text.as_bytes()[0].is_ascii_digit();
    if looks_like_one {
        ServerError::database(format!("date/time field value out of range: \"{text}\""))
    } else {
        bad_syntax("timestamp with time zone", text)
    }
}

fn uuid(text: &str) -> Result<Cell, ServerError> {
    if text.is_empty() {
        return Ok(Cell::Null);
    }
    Uuid::try_parse(text).map(Cell::Uuid).map_err(|_| bad_syntax("uuid", text))
}

/// A number that is none becomes NaN in the column and reads back as null.
fn float(value: &Value, text: &str) -> Cell {
    let parsed = value.as_f64().or_else(|| number::parse(text));
    parsed.map_or(Cell::Null, Cell::Number)
}

fn boolean(text: &str) -> Result<Cell, ServerError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Cell::Bool(true)),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(Cell::Bool(false)),
        _ => Err(bad_syntax("boolean", text)),
    }
}

/// A timestamp is cut at the T, without a look at its zone.
fn date(world: &World, text: &str) -> Result<Cell, ServerError> {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    if let Some(date) = stamp::parse_date(day) {
        return Ok(Cell::text(format!(
            "{:04}-{:02}-{:02}",
            date.year(),
            u8::from(date.month()),
            date.day()
        )));
    }
    if let Some(micros) = stamp::parse(text, world.clock().now()) {
        return Ok(Cell::text(&stamp::to_wire(micros)[..10]));
    }
    if day.len() >= 8 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return Err(ServerError::database(format!(
            "date/time field value out of range: \"{text}\""
        )));
    }
    Err(bad_syntax("date", text))
}

/// The sources that an ACTOR may name.
const SOURCES: [&str; 9] =
    ["EMAIL", "CALENDAR", "WORKFLOW", "AGENT", "API", "IMPORT", "MANUAL", "SYSTEM", "WEBHOOK"];

fn enumerated(
    world: &World,
    object: &Object,
    column: &Column,
    text: &str,
) -> Result<String, ServerError> {
    let field = object.field_by_id(column.field).expect("a column belongs to a field");
    let known = if column.sub == Some("source") {
        SOURCES.contains(&text)
    } else {
        field.option_values().any(|value| value == text)
    };
    if known {
        return Ok(text.to_owned());
    }
    let name = format!("{}_{}_enum", object.table_name(), column.database_name());
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let name = if plain { name } else { format!("\"{name}\"") };
    let schema = world.schema_name();
    Err(ServerError::bad_request(format!(
        "invalid input value for enum {schema}.{name}: \"{text}\""
    )))
}

fn enum_list(
    world: &World,
    object: &Object,
    column: &Column,
    value: &Value,
) -> Result<Cell, ServerError> {
    let items = value.as_array().ok_or_else(|| malformed_array(value))?;
    let checked =
        items.iter().map(|item| enumerated(world, object, column, &spelled(item)).map(Value::from));
    Ok(Cell::json(Value::Array(checked.collect::<Result<_, _>>()?)))
}

fn text_list(value: &Value) -> Result<Cell, ServerError> {
    let items = value.as_array().ok_or_else(|| malformed_array(value))?;
    let texts = items
        .iter()
        .map(|item| if item.is_null() { Value::Null } else { Value::from(spelled(item)) });
    Ok(Cell::json(Value::Array(texts.collect())))
}

fn malformed_array(value: &Value) -> ServerError {
    ServerError::database(format!("malformed array literal: \"{}\"", spelled(value)))
}
