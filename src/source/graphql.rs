//! GraphQL over HTTP: one request, and what its answer says.
//!
//! It exists because GraphQL reports almost everything with status 200 (docs/twenty.md, "GraphQL"). Invariants:
//! values travel as variables, never in the query; a name is put into a query only if it can be a name there; an
//! answer without `data` is its first error, classed like any other.

use bytes::Bytes;
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::{
    client::Client,
    complaint::GraphError,
    error::SourceError,
    problem::{Problem, Unreadable, of_complaint},
    transport::{Answer, Request},
};

/// An answer: what it brought, and what it complains about.
#[derive(Debug, Deserialize)]
pub(super) struct Reply<'a> {
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) errors: Vec<GraphError>,
}

impl Client {
    /// The request for `query` at `path`.
    pub(super) fn graphql(&self, path: &str, query: &str, variables: &Value) -> Request {
        let json = serde_json::json!({"query": query, "variables": variables});
        let url = self.transport().url(&[path]);
        Request { method: Method::POST, url, json: Some(Bytes::from(json.to_string())) }
    }
}

/// Reads `data`, if nothing is complained about.
pub(super) fn data<T: DeserializeOwned>(answer: &Answer) -> Result<T, Problem> {
    let reply = reply(answer)?;
    if let Some(error) = reply.errors.first() {
        return Err(of_complaint(error.complaint(answer.status), None));
    }
    let data = reply.data.ok_or_else(|| answer.unreadable(Unreadable::Missing("data")))?;
    serde_json::from_str(data.get())
        .map_err(|_| answer.unreadable(Unreadable::Missing("data of the right form")))
}

pub(super) fn reply(answer: &Answer) -> Result<Reply<'_>, Problem> {
    serde_json::from_str(&answer.body).map_err(|_| answer.unreadable(Unreadable::Json))
}

/// `name`, if it can be a name in a query.
pub(super) fn checked_name(name: &str) -> Result<&str, SourceError> {
    let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let is_name = starts && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { Ok(name) } else { Err(SourceError::Name(name.to_owned())) }
}
