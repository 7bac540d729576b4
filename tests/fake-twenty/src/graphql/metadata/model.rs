//! Mutations of the data model by GraphQL.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::nodes::Node;
use crate::error::ServerError;
use crate::graphql::execute::Out;
use crate::world::World;

/// Runs a root field that changes objects or fields.
pub(super) fn run(
    world: &mut World,
    field: &str,
    arguments: &Map<String, Value>,
) -> Result<Out<Node>, ServerError> {
    let input = arguments.get("input").unwrap_or(&Value::Null);
    let id = input["id"].as_str().and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_default();
    let part = |key: &str| input[key].as_object().cloned().unwrap_or_default();
    match field {
        "createOneObject" => {
            let id = world.create_object(&part("object"))?;
            object(world, id)
        }
        "updateOneObject" => {
            world.update_object(id, &part("update"))?;
            object(world, id)
        }
        "deleteOneObject" => {
            let before = object(world, id);
            world.drop_object(id)?;
            before
        }
        "createOneField" => {
            let id = world.create_field(&part("field"))?;
            one_field(world, id)
        }
        "updateOneField" => {
            world.update_field(id, &part("update"))?;
            one_field(world, id)
        }
        _ => {
            let before = one_field(world, id);
            world.drop_field(id)?;
            before
        }
    }
}

fn object(world: &World, id: Uuid) -> Result<Out<Node>, ServerError> {
    world.object_by_id(id).map(|object| Out::One(Node::Object(object))).ok_or_else(super::missing)
}

fn one_field(world: &World, id: Uuid) -> Result<Out<Node>, ServerError> {
    let found = world.objects().iter().find_map(|object| {
        let at = object.fields.iter().position(|field| field.id == id)?;
        Some(Node::Field(Arc::clone(object), at, None))
    });
    found.map(Out::One).ok_or_else(super::missing)
}
