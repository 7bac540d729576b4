//! Webhooks by REST: a bare array, secrets in clear, a bare `true` for a removal.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Request, map};
use crate::error::ServerError;
use crate::server::Reply;
use crate::value::input::is_valid_id;
use crate::value::stamp;
use crate::world::{Webhook, World};

/// Answers a request; `rest` is what follows `webhooks` in path and query, which this controller tells apart.
pub(super) fn handle(world: &mut World, request: &Request<'_>, rest: &str) -> Reply {
    let path = rest.split('?').next().unwrap_or_default().trim_matches('/');
    let id = match path {
        "" => None,
        text if is_valid_id(text) => Uuid::try_parse(text).ok(),
        _ => return super::refusal(&ServerError::new(400, "Bad Request", "Invalid UUID", "")),
    };
    answer(world, request, id).unwrap_or_else(Reply::from)
}

fn answer(
    world: &mut World,
    request: &Request<'_>,
    id: Option<Uuid>,
) -> Result<Reply, ServerError> {
    let body = map(request.body);
    Ok(match (request.method, id) {
        ("GET", None) => {
            let hooks: Vec<Value> = world.webhooks.iter().map(|hook| print(world, hook)).collect();
            Reply::json(200, &Value::Array(hooks))
        }
        ("GET", Some(id)) => Reply::json(200, &maybe(world, world.webhook(id))),
        ("POST", None) => {
            let hook = world.add_webhook(&body)?;
            Reply::json(201, &print(world, &hook))
        }
        ("PATCH" | "PUT", Some(id)) => {
            let hook = world.update_webhook(id, &body)?;
            Reply::json(200, &maybe(world, hook.as_ref()))
        }
        ("DELETE", Some(id)) => Reply::text(200, &world.remove_webhook(id).to_string()),
        (method, _) => Reply::not_found(method, request.target),
    })
}

/// A webhook that is not there is an empty object, with status 200.
fn maybe(world: &World, hook: Option<&Webhook>) -> Value {
    hook.map_or_else(|| json!({}), |hook| print(world, hook))
}

fn print(world: &World, hook: &Webhook) -> Value {
    json!({
        "id": hook.id,
        "targetUrl": hook.target_url,
        "operations": hook.operations,
        "description": hook.description,
        "secret": hook.secret,
        "workspaceId": world.workspace_id,
        "createdAt": stamp::to_wire(hook.created_at),
        "updatedAt": stamp::to_wire(hook.updated_at),
        "deletedAt": null,
    })
}
