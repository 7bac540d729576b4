//! What a server says about itself without a key, and what it lets itself be seen doing with one.
//!
//! It exists because servers of several ages answer to one client (docs/twenty.md, "Version detection"). Invariants:
//! what syncing depends on is seen, never concluded from a version, because older servers do not tell theirs; the
//! look changes nothing.

use reqwest::Method;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    client::{Again, Client},
    error::SourceError,
    problem::{Problem, Unreadable},
    refusal::RefusalKind,
    transport::{Answer, Request},
};
use crate::record::{Capabilities, Rest};

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

    /// What the server can do; `None` if it does not let itself be seen. `object` is the plural name of one that can
    /// be read.
    ///
    /// # Errors
    /// The server could not be asked within the deadline.
    pub async fn capabilities(&self, object: &str) -> Result<Option<Capabilities>, SourceError> {
        let nobody = Uuid::new_v4().to_string();
        let url = self.transport().url(&["rest", object, &nobody]);
        let request = Request { method: Method::GET, url, json: None };
        let answer = self.send(&request, 1, Again::WhilePassing, |_| Ok(())).await;
        let rest = match answer {
            Ok(()) => None,
            Err(Problem::Refused(refusal)) => rest(refusal.status, &refusal.kind),
            Err(problem) => {
                let operation = "look what the server can do".to_owned();
                return Err(SourceError::Call { operation, problem });
            }
        };
        let Some(rest) = rest else { return Ok(None) };
        // The version is for people only: a proxy that hides it is no reason to stop.
        let version = self.server().await.ok().and_then(|server| server.version);
        Ok(Some(Capabilities { version, rest }))
    }
}

/// The interface that says so of a record which is not there.
fn rest(status: Option<u16>, kind: &RefusalKind) -> Option<Rest> {
    match (status, kind) {
        (Some(404), RefusalKind::NotFound) => Some(Rest::Common),
        (Some(400), RefusalKind::NotFound | RefusalKind::Other) => Some(Rest::Legacy),
        _ => None,
    }
}

fn read(answer: &Answer) -> Result<Server, Problem> {
    let time = answer.served_at()?;
    match serde_json::from_str::<ClientConfig>(&answer.body) {
        Ok(found) => Ok(Server { version: found.app_version, time }),
        Err(_) => Err(answer.unreadable(Unreadable::Missing("configuration for clients"))),
    }
}

#[cfg(test)]
mod tests {
    use super::rest;
    use crate::{record::Rest, source::RefusalKind};

    #[test]
    fn the_interface_is_told_by_how_it_misses_a_record() {
        for (status, kind, expected) in [
            (Some(404), RefusalKind::NotFound, Some(Rest::Common)),
            (Some(400), RefusalKind::NotFound, Some(Rest::Legacy)),
            (Some(400), RefusalKind::Other, Some(Rest::Legacy)),
            (Some(400), RefusalKind::Permission, None),
            (Some(400), RefusalKind::UnknownField, None),
            (Some(403), RefusalKind::Permission, None),
            (None, RefusalKind::Other, None),
        ] {
            assert_eq!(rest(status, &kind), expected, "{status:?} {kind:?}");
        }
    }
}
