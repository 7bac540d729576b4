//! Registered webhooks: made, changed and removed by REST, by GraphQL and by tests alike.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Webhook, World};
use crate::error::ServerError;

impl World {
    /// Registers a webhook from a body. The column of the secret takes no NULL, so it must be sent.
    pub fn add_webhook(&mut self, body: &Map<String, Value>) -> Result<Webhook, ServerError> {
        let secret = text(body, "secret").ok_or_else(|| {
            ServerError::bad_request(
                "null value in column \"secret\" of relation \"webhook\" violates not-null constraint",
            )
        })?;
        let now = self.clock.now();
        let hook = Webhook {
            id: Uuid::new_v4(),
            target_url: target(body)?.unwrap_or_default(),
            operations: operations(body).unwrap_or_else(|| vec!["*.*".to_owned()]),
            description: text(body, "description"),
            secret,
            created_at: now,
            updated_at: now,
        };
        self.webhooks.push(hook.clone());
        Ok(hook)
    }

    /// A webhook by its id.
    pub fn webhook(&self, id: Uuid) -> Option<&Webhook> {
        self.webhooks.iter().find(|hook| hook.id == id)
    }

    /// Changes what a body names; `None` when there is no such webhook.
    pub fn update_webhook(
        &mut self,
        id: Uuid,
        body: &Map<String, Value>,
    ) -> Result<Option<Webhook>, ServerError> {
        let (target_url, now) = (target(body)?, self.clock.now());
        let Some(hook) = self.webhooks.iter_mut().find(|hook| hook.id == id) else {
            return Ok(None);
        };
        hook.target_url = target_url.unwrap_or_else(|| hook.target_url.clone());
        hook.operations = operations(body).unwrap_or_else(|| hook.operations.clone());
        hook.secret = text(body, "secret").unwrap_or_else(|| hook.secret.clone());
        hook.description = text(body, "description").or(hook.description.take());
        hook.updated_at = now;
        Ok(Some(hook.clone()))
    }

    /// Removes a webhook; false when there is none.
    pub fn remove_webhook(&mut self, id: Uuid) -> bool {
        let before = self.webhooks.len();
        self.webhooks.retain(|hook| hook.id != id);
        self.webhooks.len() < before
    }
}

fn text(body: &Map<String, Value>, key: &str) -> Option<String> {
    body.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}

/// Any http or https URL will do, the machine itself included.
fn target(body: &Map<String, Value>) -> Result<Option<String>, ServerError> {
    let Some(text) = text(body, "targetUrl") else { return Ok(None) };
    let known = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if known {
        Ok(Some(text))
    } else {
        Err(ServerError::bad_request("Invalid target URL provided"))
    }
}

fn operations(body: &Map<String, Value>) -> Option<Vec<String>> {
    let items = body.get("operations")?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
}
