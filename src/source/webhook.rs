//! The webhooks that the server knows.
//!
//! It exists so that registering is one command. By REST, whose shape is known for both versions: a bare list in
//! 2025, an envelope in 2026 (docs/twenty.md, "Webhooks"). Invariants: a secret is held as one from the moment it is
//! read; making one is sent again only if nothing can have happened.

use bytes::Bytes;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{
    client::{Again, Client},
    error::SourceError,
    problem::{Problem, Unreadable},
    transport::{Answer, Request},
};

/// Metadata costs nothing.
const FREE: u32 = 0;

/// Every event of every object: what is not mirrored is cheaply ignored.
const EVERYTHING: &str = "*.*";

/// A webhook as the server tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Where it calls.
    pub target_url: String,
    /// Which events it is called for.
    #[serde(default)]
    pub operations: Vec<String>,
    /// What it signs with, where the server tells it.
    pub secret: Option<SecretString>,
}

impl Webhook {
    /// Whether it calls for every event.
    pub fn is_for_everything(&self) -> bool {
        self.operations.iter().any(|operation| operation == EVERYTHING)
    }

    /// Whether it signs with this secret; `None` if the server does not tell.
    pub fn signs_with(&self, secret: &SecretString) -> Option<bool> {
        let told = self.secret.as_ref().map(ExposeSecret::expose_secret);
        let told =
            told.filter(|told| !told.is_empty() && !told.chars().all(|letter| letter == '*'));
        told.map(|told| told == secret.expose_secret())
    }
}

impl Client {
    /// Every webhook of the workspace.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, SourceError> {
        let request = self.about_webhooks(Method::GET, None, None);
        self.read(|| "list the webhooks".to_owned(), &request, FREE, |answer| read(&answer)).await
    }

    /// Has the server call `url` for every event, signing with `secret`.
    ///
    /// # Errors
    /// The server refuses, or it is not known whether it did it.
    pub async fn add_webhook(
        &self,
        url: &Url,
        secret: &SecretString,
    ) -> Result<Webhook, SourceError> {
        let body = json!({
            "targetUrl": url,
            "operations": [EVERYTHING],
            "description": "twenty-sync",
            "secret": secret.expose_secret(),
        });
        self.write("register the webhook", Method::POST, None, Some(&body)).await
    }

    /// Has a webhook call for every event and sign with `secret`.
    ///
    /// # Errors
    /// The server refuses, or it is not known whether it did it.
    pub async fn change_webhook(
        &self,
        id: Uuid,
        secret: &SecretString,
    ) -> Result<Webhook, SourceError> {
        let body = json!({"operations": [EVERYTHING], "secret": secret.expose_secret()});
        self.write("change the webhook", Method::PATCH, Some(id), Some(&body)).await
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// The server refuses, or it is not known whether it did it.
    pub async fn remove_webhook(&self, id: Uuid) -> Result<(), SourceError> {
        let _: Value = self.write("remove the webhook", Method::DELETE, Some(id), None).await?;
        Ok(())
    }

    /// Whether a worker runs, which sends the events; `None` if the server does not tell.
    pub async fn has_worker(&self) -> Option<bool> {
        let url = self.transport().url(&["healthz", "worker"]);
        let request = Request { method: Method::GET, url, json: None };
        match self.send(&request, FREE, Again::WhileUntouched, |_| Ok(())).await {
            Ok(()) => Some(true),
            Err(Problem::Unavailable { .. }) => Some(false),
            Err(_) => None,
        }
    }

    fn about_webhooks(&self, method: Method, id: Option<Uuid>, body: Option<&Value>) -> Request {
        let id = id.map(|id| id.to_string());
        let path = ["rest", "metadata", "webhooks"].into_iter().chain(id.as_deref());
        let url = self.transport().url(&path.collect::<Vec<_>>());
        Request { method, url, json: body.map(|body| Bytes::from(body.to_string())) }
    }

    async fn write<T: DeserializeOwned>(
        &self,
        operation: &str,
        method: Method,
        id: Option<Uuid>,
        body: Option<&Value>,
    ) -> Result<T, SourceError> {
        let request = self.about_webhooks(method, id, body);
        let result = self.send(&request, FREE, Again::WhileUntouched, |answer| read(&answer)).await;
        result.map_err(|problem| SourceError::Call { operation: operation.to_owned(), problem })
    }
}

/// Reads an answer, bare or in an envelope: `{"data": {"NAME": …}}`.
fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Problem> {
    let value: Value =
        serde_json::from_str(&answer.body).map_err(|_| answer.unreadable(Unreadable::Json))?;
    let inner = match value.get("data").and_then(Value::as_object) {
        Some(data) => data.values().next().cloned().unwrap_or_default(),
        None => value,
    };
    serde_json::from_value(inner).map_err(|_| answer.unreadable(Unreadable::Missing("webhook")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::{Answer, Webhook, read};

    fn answer(body: &serde_json::Value) -> Answer {
        let (headers, took) = (HeaderMap::new(), Duration::ZERO);
        Answer { status: 200, headers, body: body.to_string(), took }
    }

    #[test]
    fn both_shapes_of_an_answer_are_read_and_an_empty_one_is_none() {
        let hook = json!({"id": uuid::Uuid::nil(), "targetUrl": "https://a.example/", "operations": ["*.*"]});
        for body in [json!([hook]), json!({"data": {"webhooks": [hook]}})] {
            let hooks: Vec<Webhook> = read(&answer(&body)).unwrap();
            assert!(hooks.len() == 1 && hooks[0].is_for_everything(), "{hooks:?}");
        }
        for body in [hook.clone(), json!({"data": {"createWebhook": hook}})] {
            assert_eq!(read::<Webhook>(&answer(&body)).unwrap().target_url, "https://a.example/");
        }
        // A webhook that is not there is an empty object.
        assert!(read::<Webhook>(&answer(&json!({}))).is_err());
    }

    #[test]
    fn a_secret_that_is_not_told_is_not_compared() {
        let hook = |secret: Option<&str>| Webhook {
            id: uuid::Uuid::nil(),
            target_url: String::new(),
            operations: Vec::new(),
            secret: secret.map(Into::into),
        };
        let ours = "ours".into();
        for (told, expected) in [
            (Some("ours"), Some(true)),
            (Some("other"), Some(false)),
            (None, None),
            (Some("****"), None),
        ] {
            assert_eq!(hook(told).signs_with(&ours), expected, "{told:?}");
        }
    }
}
