//! What a server says about itself without a key.
//!
//! It exists for `doctor`: whether somebody answers, which version, and what time it is there. Invariant: nothing
//! that syncing depends on comes from here, because older servers say less.

use reqwest::Method;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{
    client::Client,
    error::SourceError,
    problem::{Problem, Unreadable},
    transport::{Answer, Request},
};

/// A server as it presents itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its version; servers of 2025 do not tell (docs/twenty.md, "Version detection").
    pub version: Option<String>,
    /// Its time.
    pub time: OffsetDateTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    app_version: Option<String>,
}

impl Client {
    /// Asks the server who it is. This costs nothing of the budget.
    ///
    /// # Errors
    /// Nobody answers, or something that is no Twenty.
    pub async fn server(&self) -> Result<Server, SourceError> {
        let url = self.transport().url(&["client-config"]);
        let request = Request { method: Method::GET, url, json: None };
        self.read(|| "ask the server who it is".to_owned(), &request, 0, |answer| read(&answer))
            .await
    }
}

fn read(answer: &Answer) -> Result<Server, Problem> {
    let time = answer.served_at()?;
    match serde_json::from_str::<ClientConfig>(&answer.body) {
        Ok(found) => Ok(Server { version: found.app_version, time }),
        Err(_) => Err(answer.unreadable(Unreadable::Missing("configuration for clients"))),
    }
}
