//! Asks a receiver how deliveries have fared, as a signed delivery of our own.
//!
//! It exists so that one can tell an address that leads nowhere from a wrong secret and from a Twenty that sends
//! nothing. Invariants: a redirect is not followed; an answer is believed only where it has the form of ours.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use super::{
    SIGNATURE, TIMESTAMP, delivery::PROBE, receiver::milliseconds, signature::sign, tally::Tally,
};
use crate::config::is_loopback;

const PATIENCE: Duration = Duration::from_secs(10);

/// More than any answer of ours.
const LARGEST_ANSWER: usize = 4 << 10;

/// Why a receiver does not tell.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No HTTP client.
    #[error("could not set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// Nobody is there.
    #[error("nothing answers at the address")]
    Unreachable(#[source] reqwest::Error),
    /// A receiver with another secret.
    #[error("the receiver there has another secret")]
    Secret,
    /// A receiver whose clock is elsewhere.
    #[error("the clock of the receiver there is more than five minutes off")]
    Clock,
    /// A receiver of another workspace.
    #[error("the receiver there serves another workspace")]
    Workspace,
    /// Something that is no receiver of ours.
    #[error("what answers there is not twenty-sync (status {status})")]
    Stranger {
        /// The HTTP status.
        status: u16,
    },
}

/// Sends probes.
#[derive(Debug)]
pub struct Prober {
    http: reqwest::Client,
    /// For this machine: past any proxy.
    direct: reqwest::Client,
    secret: SecretString,
    workspace_id: Uuid,
}

impl Prober {
    /// Signs with this secret, for this workspace.
    ///
    /// # Errors
    /// No HTTP client can be set up.
    pub fn new(secret: SecretString, workspace_id: Uuid) -> Result<Prober, ProbeError> {
        let builder = || {
            reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none())
        };
        let http = builder().build().map_err(ProbeError::Client)?;
        let direct = builder().no_proxy().build().map_err(ProbeError::Client)?;
        Ok(Prober { http, direct, secret, workspace_id })
    }

    /// Asks the receiver at `url`.
    ///
    /// # Errors
    /// Nobody answers, or not as it should.
    pub async fn ask(&self, url: &Url) -> Result<Tally, ProbeError> {
        let body = serde_json::json!({
            "eventName": PROBE,
            "workspaceId": self.workspace_id,
            // No two probes are equal, so none is taken for a replay.
            "id": Uuid::new_v4(),
        });
        let (body, now) = (body.to_string(), milliseconds().to_string());
        let signature = sign(&self.secret, &now, body.as_bytes());
        let http = if is_loopback(url) { &self.direct } else { &self.http };
        let request = http.post(url.clone()).header(TIMESTAMP, now);
        let answer = request.header(SIGNATURE, signature).body(body).send().await;
        let answer = answer.map_err(|error| ProbeError::Unreachable(error.without_url()))?;
        let status = answer.status().as_u16();
        judge(status, &text_of(answer).await)
    }
}

async fn text_of(mut answer: reqwest::Response) -> String {
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        text.extend_from_slice(&chunk);
        if text.len() > LARGEST_ANSWER {
            break;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn judge(status: u16, text: &str) -> Result<Tally, ProbeError> {
    let stranger = ProbeError::Stranger { status };
    if status == 200 {
        return serde_json::from_str(text).map_err(|_| stranger);
    }
    Err(match text.trim_end().strip_prefix("twenty-sync: ") {
        Some(_) if status == 403 => ProbeError::Workspace,
        Some("the time is not near") => ProbeError::Clock,
        Some(_) if status == 401 => ProbeError::Secret,
        _ => stranger,
    })
}

#[cfg(test)]
mod tests {
    use super::{ProbeError, judge};
    use crate::webhook::{Refusal, Tally};

    fn refused(refusal: Refusal) -> ProbeError {
        judge(refusal.status(), &format!("twenty-sync: {refusal}\n")).unwrap_err()
    }

    #[test]
    fn a_tally_is_read_and_each_refusal_recognised() {
        let tally = Tally { events: 3, ..Tally::default() };
        assert_eq!(judge(200, &serde_json::to_string(&tally).unwrap()).unwrap(), tally);
        assert!(matches!(refused(Refusal::Signature), ProbeError::Secret));
        assert!(matches!(refused(Refusal::Time), ProbeError::Clock));
        assert!(matches!(refused(Refusal::Workspace), ProbeError::Workspace));
    }

    #[test]
    fn a_proxy_that_answers_by_itself_is_a_stranger() {
        for (status, text) in [(200, "<html>"), (401, "log in"), (404, ""), (200, "{}")] {
            let error = judge(status, text).unwrap_err();
            assert!(matches!(error, ProbeError::Stranger { .. }), "{status}: {error}");
        }
    }
}
