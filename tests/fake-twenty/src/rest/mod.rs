//! The REST core: `/rest/{plural}` and its variants.
//!
//! There is no validation beyond what is written here: unknown parameters are ignored, a missing filter means the
//! whole table, an empty body is an empty record. That is how the real server is.

mod extra;
mod filter_grammar;
mod group;
mod legacy;
mod params;
mod path;
mod projection;
mod read;
mod write;

pub(crate) use params::Params;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::ServerError;
use crate::server::{Context, Reply};
use crate::world::{Actor, Object, World};
use path::Target;

/// One request to the REST core.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) params: Params,
    pub(crate) body: Value,
}

/// Answers a request whose token was accepted.
pub(crate) fn handle(context: &mut Context<'_>, request: &Request<'_>) -> Reply {
    answer(context, request).unwrap_or_else(Reply::from)
}

fn answer(context: &mut Context<'_>, request: &Request<'_>) -> Result<Reply, ServerError> {
    let target = path::parse(context.world, request.method, request.path)?;
    let actor = context
        .identity
        .as_ref()
        .map_or_else(|_| Actor::default(), |identity| identity.actor.clone());
    if context.world.switches.legacy_rest {
        legacy::check(request.method, &target)?;
    }
    match (request.method, target) {
        ("GET", Target::Many(object)) => read::list(context, &object, &request.params),
        ("GET", Target::One(object, id)) => read::one(context, &object, id, &request.params),
        ("GET", Target::GroupBy(object)) => group::group_by(context, &object, &request.params),
        ("POST", Target::Duplicates(object)) => extra::duplicates(context, &object, &request.body),
        ("PATCH", Target::Merge(object)) => extra::merge(context, &object, &request.body),
        ("POST", Target::Batch(object)) => write::create_many(context, &object, request, &actor),
        ("POST", Target::Many(object)) => write::create_one(context, &object, request, &actor),
        ("PATCH" | "PUT", Target::One(object, id)) => {
            write::update_one(context, &object, id, request)
        }
        ("PATCH" | "PUT", Target::Many(object)) => write::update_many(context, &object, request),
        ("PATCH", Target::Restore(object)) => write::restore_many(context, &object, request),
        ("DELETE", Target::One(object, id)) => {
            write::remove_one(context, &object, id, &request.params)
        }
        ("DELETE", Target::Many(object)) => write::remove_many(context, &object, &request.params),
        _ => Err(path::invalid(request.path)),
    }
}

/// `createPerson`, `updatePeople` …: the verb followed by the capitalised name.
fn answer_key(verb: &str, name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{verb}{first}{}", letters.as_str())
}

/// The body as an object. An array becomes an object with its indexes as keys, as in JavaScript.
fn body_fields(body: &Value) -> Map<String, Value> {
    match body {
        Value::Object(map) => map.clone(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| (at.to_string(), item.clone())).collect()
        }
        _ => Map::new(),
    }
}

/// The object of a path segment, or the hint of the real server.
fn find_object(world: &World, name: &str) -> Result<Arc<Object>, ServerError> {
    if let Some(object) = world.object(name) {
        return Ok(object);
    }
    let hint = match world.object_by_singular(name) {
        Some(object) => format!("Did you mean '{}'?", object.name_plural),
        None => "eg: companies".to_owned(),
    };
    Err(ServerError::bad_request(format!("object '{name}' not found. {hint}")))
}
