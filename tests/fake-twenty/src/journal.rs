//! The log of calls, so that a test can say what a client sent, how often, and what it cost.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::Value;

/// Calls that are kept; older ones are forgotten, so that a server can run for days.
const KEPT: usize = 200_000;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallInfo {
    /// HTTP method.
    pub method: String,
    /// Path and query as they were sent, percent-encoded.
    pub path: String,
    /// The body as text.
    pub body: String,
}

impl CallInfo {
    /// The body as JSON, or null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The document of a GraphQL request.
    pub fn document(&self) -> Option<String> {
        let known = self.path == "/graphql" || self.path == "/metadata";
        let body = if known { self.json() } else { Value::Null };
        body["query"].as_str().map(ToOwned::to_owned)
    }

    /// The path without its query.
    pub fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or(&self.path)
    }
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What arrived.
    pub info: CallInfo,
    /// When it arrived.
    pub at: Instant,
    /// Status of the answer; none where no answer was sent.
    pub status: Option<u16>,
    /// Records in the answer.
    pub rows: usize,
    /// Tokens of the rate limit that it took.
    pub tokens: u64,
    /// Whether the request was applied.
    pub applied: bool,
}

/// The calls so far.
#[derive(Debug, Default)]
pub(crate) struct Journal(VecDeque<Call>);

impl Journal {
    pub(crate) fn note(&mut self, call: Call) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(call);
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        self.0.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
