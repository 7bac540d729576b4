//! `/open-api` and `/rest/open-api`: enough of the document to tell what the server can do.
//!
//! Its limits are as wrong as the real ones: a list "of at most 60", and a route to restore one record that the
//! server always refuses.

use serde_json::{Map, Value, json};

use super::Reply;
use crate::world::{Object, World};

/// The document, without any path when the caller is unknown.
pub(super) fn answer(world: &World, path: &str, known: bool) -> Reply {
    let paths = match path {
        "/open-api/core" if known => core(world),
        "/open-api/metadata" if known => metadata(),
        "/open-api/core" | "/open-api/metadata" => Map::new(),
        _ => return Reply::not_found("GET", path),
    };
    let schemas = if known { schemas(world) } else { Map::new() };
    Reply::json(
        200,
        &json!({
            "openapi": "3.1.1",
            "info": {"title": "Twenty Api", "version": "v0.1"},
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        }),
    )
}

fn core(world: &World) -> Map<String, Value> {
    world
        .objects()
        .iter()
        .filter(|object| object.is_active)
        .flat_map(|object| routes(object))
        .collect()
}

fn routes(object: &Object) -> Vec<(String, Value)> {
    let name = &object.name_plural;
    let soft = || operation(&["filter", "soft_delete"]);
    vec![
        (
            format!("/{name}"),
            json!({
                "get": operation(&["order_by", "filter", "limit", "depth", "starting_after", "ending_before"]),
                "post": operation(&["depth", "upsert"]),
                "patch": operation(&["depth", "filter"]),
                "delete": soft(),
            }),
        ),
        (format!("/batch/{name}"), json!({"post": operation(&["depth", "upsert"])})),
        (
            format!("/{name}/{{id}}"),
            json!({
                "get": operation(&["depth"]),
                "patch": operation(&["depth"]),
                "delete": operation(&["soft_delete"]),
            }),
        ),
        (format!("/{name}/duplicates"), json!({"post": operation(&["depth"])})),
        (format!("/restore/{name}/{{id}}"), json!({"patch": operation(&["depth"])})),
        (format!("/restore/{name}"), json!({"patch": operation(&["filter", "depth"])})),
        (format!("/{name}/merge"), json!({"patch": operation(&["depth"])})),
        (
            format!("/{name}/groupBy"),
            json!({"get": operation(&["filter", "group_by", "aggregate"])}),
        ),
    ]
}

fn operation(parameters: &[&str]) -> Value {
    let parameter = |name: &&str| {
        let schema = match *name {
            "limit" => json!({"type": "integer", "minimum": 0, "maximum": 60, "default": 60}),
            "depth" => json!({"type": "integer", "enum": [0, 1], "default": 1}),
            "upsert" | "soft_delete" => json!({"type": "boolean", "default": false}),
            _ => json!({"type": "string"}),
        };
        json!({"name": name, "in": "query", "required": false, "schema": schema})
    };
    let parameters: Vec<Value> = parameters.iter().map(parameter).collect();
    json!({"parameters": parameters, "security": [{"bearerAuth": []}]})
}

fn metadata() -> Map<String, Value> {
    let mut paths = Map::new();
    for name in ["objects", "fields", "webhooks"] {
        let none = || operation(&[]);
        paths.insert(format!("/{name}"), json!({"get": none(), "post": none()}));
        paths.insert(
            format!("/{name}/{{id}}"),
            json!({"get": none(), "patch": none(), "delete": none()}),
        );
    }
    paths
}

/// One schema for each object, without the keys that the server writes by itself.
fn schemas(world: &World) -> Map<String, Value> {
    let hidden = ["id", "createdAt", "updatedAt", "deletedAt"];
    let schema = |object: &Object| {
        let keys = object.keys().into_iter().filter(|key| !hidden.contains(key));
        let properties: Map<String, Value> = keys.map(|key| (key.to_owned(), json!({}))).collect();
        json!({"type": "object", "properties": properties})
    };
    let active = world.objects().iter().filter(|object| object.is_active);
    active.map(|object| (pascal(&object.name_singular), schema(object))).collect()
}

fn pascal(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    first.to_uppercase() + rest
}
