//! Answers, and the shapes of the errors that REST prints.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::auth::AuthFailure;
use crate::error::ServerError;

/// An answer before faults and headers are applied.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
    /// Records in the answer, for the log of calls.
    pub(crate) rows: usize,
    /// The request that the real server never answers.
    pub(crate) never: bool,
    /// Whether an `ETag` is sent: everywhere but in GraphQL and in refusals of tokens.
    pub(crate) tagged: bool,
    /// Whether `X-Twenty-Fields-Capped` says that records were cut.
    pub(crate) capped: bool,
    /// What `Content-Encoding` says.
    pub(crate) encoding: Option<&'static str>,
}

const JSON: &str = "application/json; charset=utf-8";

impl Reply {
    /// JSON that is printed already.
    pub(crate) fn printed(status: u16, body: String, rows: usize) -> Self {
        Self {
            status,
            body: Bytes::from(body),
            content_type: JSON,
            rows,
            never: false,
            tagged: true,
            capped: false,
            encoding: None,
        }
    }

    /// JSON.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::printed(status, body.to_string(), 0)
    }

    /// Anything that is no JSON.
    pub(crate) fn text(status: u16, body: &str) -> Self {
        let content_type = "text/html; charset=utf-8";
        Self { content_type, ..Self::printed(status, body.to_owned(), 0) }
    }

    /// These bytes, whatever they are.
    pub(crate) fn raw(body: Bytes, gzip: bool) -> Self {
        let encoding = gzip.then_some("gzip");
        Self { body, encoding, ..Self::empty(200).untagged() }
    }

    /// The same answer without an `ETag`.
    pub(crate) fn untagged(mut self) -> Self {
        self.tagged = false;
        self
    }

    /// No body at all.
    pub(crate) fn empty(status: u16) -> Self {
        Self::printed(status, String::new(), 0)
    }

    /// No answer at all: the connection stays open until the client gives up.
    pub(crate) fn never() -> Self {
        Self { never: true, ..Self::empty(200) }
    }

    /// An error in the shape of the REST core.
    pub(crate) fn error(error: &ServerError) -> Self {
        Self::json(
            error.status,
            &json!({"statusCode": error.status, "error": error.name, "messages": [error.message]}),
        )
    }

    /// An error in the shape of the framework: `message`, not `messages`.
    pub(crate) fn framework(status: u16, name: &str, message: &str) -> Self {
        Self::json(status, &json!({"statusCode": status, "message": message, "error": name}))
    }

    /// A refused token in the shape of the REST middleware.
    pub(crate) fn refused(failure: AuthFailure) -> Self {
        let (status, name, message) = failure.parts();
        let body = json!({"statusCode": status, "messages": [message], "error": name});
        Self { content_type: "application/json", ..Self::json(status, &body).untagged() }
    }

    /// A path that no controller knows.
    pub(crate) fn not_found(method: &str, path: &str) -> Self {
        Self::framework(404, "Not Found", &format!("Cannot {method} {path}"))
    }
}

impl From<ServerError> for Reply {
    fn from(error: ServerError) -> Self {
        Self::error(&error)
    }
}
