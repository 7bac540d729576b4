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
    let id = input.get("id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
    let id = id.unwrap_or_default();
    let one = |hook: Webhook| Out::One(Node::Webhook(Box::new(hook)));
    let maybe = |hook: Option<Webhook>| hook.map_or(Out::Leaf(Value::Null), one);
    Ok(match field {
        "webhooks" => {
            let node = |hook: &Webhook| Node::Webhook(Box::new(hook.clone()));
            Out::Many(world.webhooks.iter().map(node).collect())
        }
        "createWebhook" => one(world.add_webhook(input)?),
        "updateWebhook" => maybe(world.update_webhook(id, input)?),
        "deleteWebhook" => Out::Leaf(Value::Bool(world.remove_webhook(id))),
        _ => maybe(world.webhook(id).cloned()),
    })
}
