//! Webhooks by GraphQL: list, make, change, remove.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::nodes::Node;
use crate::error::ServerError;
use crate::graphql::execute::Out;
use crate::world::{Webhook, World};

/// Runs a root field of webhooks.
pub(super) fn run(
    world: &mut World,
    field: &str,
    arguments: &Map<String, Value>,
) -> Result<Out<Node>, ServerError> {
    let empty = Map::new();
    let input = arguments.get("input").and_then(Value::as_object).unwrap_or(&empty);
    let node = |hook: &Webhook| Node::Webhook(Box::new(hook.clone()));
    let wanted = text(input, "id").and_then(|id| Uuid::try_parse(&id).ok());
    let at = world.webhooks.iter().position(|hook| Some(hook.id) == wanted);
    Ok(match field {
        "webhooks" => Out::Many(world.webhooks.iter().map(node).collect()),
        "createWebhook" => {
            let hook = create(world, input)?;
            world.webhooks.push(hook.clone());
            Out::One(node(&hook))
        }
        "deleteWebhook" => {
            let removed = at.map(|at| world.webhooks.remove(at));
            Out::Leaf(Value::Bool(removed.is_some()))
        }
        _ => {
            let Some(at) = at else { return Ok(Out::Leaf(Value::Null)) };
            if field == "updateWebhook" {
                let now = world.clock().now();
                update(&mut world.webhooks[at], input, now);
            }
            Out::One(node(&world.webhooks[at]))
        }
    })
}

fn text(input: &Map<String, Value>, key: &str) -> Option<String> {
    input.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}

fn operations(input: &Map<String, Value>) -> Option<Vec<String>> {
    let items = input.get("operations")?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
}

fn create(world: &World, input: &Map<String, Value>) -> Result<Webhook, ServerError> {
    let secret = text(input, "secret").ok_or_else(|| {
        ServerError::database(
            "null value in column \"secret\" of relation \"webhook\" violates not-null constraint",
        )
    })?;
    let now = world.clock().now();
    Ok(Webhook {
        id: Uuid::new_v4(),
        target_url: text(input, "targetUrl").unwrap_or_default(),
        operations: operations(input).unwrap_or_else(|| vec!["*.*".to_owned()]),
        description: text(input, "description"),
        secret,
        created_at: now,
        updated_at: now,
    })
}

fn update(hook: &mut Webhook, input: &Map<String, Value>, now: i64) {
    if let Some(target_url) = text(input, "targetUrl") {
        hook.target_url = target_url;
    }
    if let Some(operations) = operations(input) {
        hook.operations = operations;
    }
    if let Some(secret) = text(input, "secret") {
        hook.secret = secret;
    }
    hook.description = text(input, "description").or(hook.description.take());
    hook.updated_at = now;
}
