//! Mutations: create, update, soft delete, destroy, restore; one record or many.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::nodes::Node;
use super::{Number, filter, object_of};
use crate::error::ServerError;
use crate::filter::{Filter, Operator};
use crate::graphql::execute::Out;
use crate::world::{Actor, Object, Row, World};

const VERBS: [&str; 5] = ["create", "update", "delete", "destroy", "restore"];

/// Runs a root field of a mutation.
pub(super) fn run(
    world: &mut World,
    actor: &Actor,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<Out<Node>, ServerError> {
    let verbs = VERBS.iter().filter_map(|verb| Some((*verb, name.strip_prefix(verb)?)));
    let known = |(verb, of): (&'static str, &str)| Some((verb, object_of(world.objects(), of)?));
    let found = { verbs }.find_map(known);
    let (verb, (object, number)) = found.expect("a validated mutation belongs to an object");
    let mut rows = match verb {
        "create" => create(world, &object, actor, arguments)?,
        "update" => update(world, &object, number, arguments)?,
        _ => remove(world, &object, verb, &hit(&object, arguments))?,
    };
    if number == Number::Many {
        let node = |row| Node::Record(Arc::clone(&object), Box::new(row));
        return Ok(Out::Many(rows.into_iter().map(node).collect()));
    }
    let row = rows.pop().ok_or_else(ServerError::record_not_found)?;
    Ok(Out::One(Node::Record(object, Box::new(row))))
}

/// The records that an operation means: one by `id`, or those that pass `filter`.
fn hit(object: &Object, arguments: &Map<String, Value>) -> Filter {
    match arguments.get("id") {
        Some(id) => Filter::compare("id", Operator::Eq, id.clone()),
        None => filter::read(object, arguments.get("filter")),
    }
}

fn body(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn create(
    world: &mut World,
    object: &Object,
    actor: &Actor,
    arguments: &Map<String, Value>,
) -> Result<Vec<Row>, ServerError> {
    let bodies = match arguments.get("data") {
        Some(Value::Array(items)) => items.iter().map(body).collect(),
        Some(one) => vec![body(one)],
        None => Vec::new(),
    };
    let upsert = arguments.get("upsert") == Some(&Value::Bool(true));
    world.create_many(object, bodies, upsert, actor)
}

fn update(
    world: &mut World,
    object: &Object,
    number: Number,
    arguments: &Map<String, Value>,
) -> Result<Vec<Row>, ServerError> {
    let body = arguments.get("data").map(body).unwrap_or_default();
    if number == Number::Many {
        return world.update_where(object, &hit(object, arguments), &body);
    }
    let id = arguments.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = Uuid::try_parse(id).map_err(|_| {
        ServerError::database(format!("invalid input syntax for type uuid: \"{id}\""))
    })?;
    world.update_one(object, id, &body).map(|row| vec![row])
}

fn remove(
    world: &mut World,
    object: &Object,
    verb: &str,
    wanted: &Filter,
) -> Result<Vec<Row>, ServerError> {
    match verb {
        "delete" => world.soft_delete_where(object, wanted),
        "destroy" => world.destroy_where(object, wanted),
        _ => world.restore_where(object, wanted),
    }
}
