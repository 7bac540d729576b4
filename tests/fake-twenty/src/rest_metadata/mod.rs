//! `/rest/metadata`: objects, fields and webhooks.
//!
//! The real server answers objects and fields by a call to its own GraphQL; that is why a query string breaks the
//! path, lists have no pages, and some keys are missing. Webhooks have a controller of their own with other habits.

mod print;
mod webhooks;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::ServerError;
use crate::graphql::position_cursor;
use crate::server::Reply;
use crate::value::input::is_valid_id;
use crate::world::World;

/// One request to the metadata API whose token was accepted.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// Path and query: this API does not tell them apart.
    pub(crate) target: &'a str,
    pub(crate) body: &'a Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Field,
}

impl Kind {
    fn named(segment: &str) -> Option<Self> {
        match segment {
            "objects" => Some(Self::Object),
            "fields" => Some(Self::Field),
            _ => None,
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Object => "objects",
            Self::Field => "fields",
        }
    }

    fn singular(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Field => "field",
        }
    }

    fn key(self, verb: &str) -> String {
        let name = match self {
            Self::Object => "Object",
            Self::Field => "Field",
        };
        format!("{verb}One{name}")
    }
}

/// Answers a request.
pub(crate) fn handle(world: &mut World, request: &Request<'_>) -> Reply {
    let path = request.target.strip_prefix("/rest/metadata/").unwrap_or_default();
    if let Some(rest) = path.strip_prefix("webhooks") {
        return webhooks::handle(world, request, rest);
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let Some(kind) = segments.first().and_then(|name| Kind::named(name)) else {
        return unknown(request.target, segments.first().copied().unwrap_or_default());
    };
    let id = match segments.get(1) {
        Some(text) if is_valid_id(text) => Uuid::try_parse(text).ok(),
        Some(_) => return refusal(&ServerError::new(400, "Bad Request", "Invalid UUID", "")),
        None => None,
    };
    let answer = match (request.method, id) {
        ("GET", None) => Ok(list(world, kind)),
        ("GET", Some(id)) => one(world, kind, id).map(|item| wrapped(kind.singular(), &item)),
        ("POST", None) => create(world, kind, request.body),
        ("PATCH" | "PUT", Some(id)) => update(world, kind, id, request.body),
        ("DELETE", Some(id)) => remove(world, kind, id),
        _ => return unknown(request.target, path),
    };
    match answer {
        Ok(body) => Reply::json(if request.method == "POST" { 201 } else { 200 }, &body),
        Err(error) => refusal(&error),
    }
}

fn unknown(target: &str, segment: &str) -> Reply {
    let examples = "Valid examples: /rest/metadata/fields or /rest/metadata/objects";
    let message = format!(
        "Query path '{target}' invalid. Metadata path \"{segment}\" does not exist. {examples}"
    );
    Reply::framework(400, "Bad Request", &message)
}

/// Every refusal of the inner call becomes a 400 of this shape.
fn refusal(error: &ServerError) -> Reply {
    Reply::json(
        400,
        &json!({"statusCode": 400, "messages": [error.message], "error": "Bad Request"}),
    )
}

fn wrapped(key: &str, item: &Value) -> Value {
    json!({"data": {key: item}})
}

fn list(world: &World, kind: Kind) -> Value {
    let items: Vec<Value> = match kind {
        Kind::Object => world.objects().iter().map(|object| print::object(world, object)).collect(),
        Kind::Field => {
            let objects = world.objects().iter();
            objects.flat_map(|object| print::fields(world, object)).collect()
        }
    };
    let cursor = |at: Option<usize>| at.map(position_cursor);
    let info = json!({
        "hasNextPage": false,
        "startCursor": cursor((!items.is_empty()).then_some(0)),
        "endCursor": cursor(items.len().checked_sub(1)),
    });
    json!({"data": {kind.plural(): items}, "pageInfo": info})
}

fn one(world: &World, kind: Kind, id: Uuid) -> Result<Value, ServerError> {
    let missing = || ServerError::record_not_found();
    match kind {
        Kind::Object => {
            let object = world.object_by_id(id).ok_or_else(missing)?;
            Ok(print::object(world, &object))
        }
        Kind::Field => {
            let mut objects = world.objects().iter();
            let found = objects.find_map(|object| Some((object, object.field_by_id(id)?)));
            let (object, field) = found.ok_or_else(missing)?;
            Ok(print::field(world, object, field))
        }
    }
}

fn create(world: &mut World, kind: Kind, body: &Value) -> Result<Value, ServerError> {
    let body = map(body);
    let id = match kind {
        Kind::Object => world.create_object(&body)?,
        Kind::Field => world.create_field(&body)?,
    };
    Ok(wrapped(&kind.key("create"), &one(world, kind, id)?))
}

fn update(world: &mut World, kind: Kind, id: Uuid, body: &Value) -> Result<Value, ServerError> {
    let body = map(body);
    match kind {
        Kind::Object => world.update_object(id, &body)?,
        Kind::Field => world.update_field(id, &body)?,
    }
    Ok(wrapped(&kind.key("update"), &one(world, kind, id)?))
}

fn remove(world: &mut World, kind: Kind, id: Uuid) -> Result<Value, ServerError> {
    let item = one(world, kind, id)?;
    match kind {
        Kind::Object => world.drop_object(id)?,
        Kind::Field => world.drop_field(id)?,
    }
    Ok(wrapped(&kind.key("delete"), &item))
}

fn map(body: &Value) -> Map<String, Value> {
    body.as_object().cloned().unwrap_or_default()
}
