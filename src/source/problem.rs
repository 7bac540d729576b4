//! What can come of one attempt, beside an answer: the table from every complaint to its class.
//!
//! It exists so that each fault has one class, whichever route it came by. Invariants: the table is exhaustive,
//! and what it does not know is classed by status; a passing fault is never taken for a refusal because of a
//! value in its text.

use std::time::Duration;

use super::{
    budget::Limit,
    complaint::Complaint,
    refusal::{self, Refusal, RefusalKind},
    text::ServerText,
};

/// Why an attempt brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No connection; nothing was sent.
    #[error("could not connect")]
    Connect(#[source] reqwest::Error),
    /// No answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection ended before the answer did.
    #[error("the connection was lost before the answer was complete")]
    Interrupted(#[source] reqwest::Error),
    /// An answer beyond what fits in memory.
    #[error("the answer is larger than {} MiB", .limit >> 20)]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// A redirect, which is not followed: the key would go to another place.
    #[error("the server answered with a redirect to {to}")]
    Redirect {
        /// Where to, without query.
        to: String,
    },
    /// Too many calls.
    #[error("the server's limit of calls is reached{}", limit.map(|limit| format!(" ({limit})")).unwrap_or_default())]
    Throttled {
        /// What the server says it allows.
        limit: Option<Limit>,
        /// When to come back, where something on the way says so.
        retry_after: Option<Duration>,
    },
    /// This program may not write any more; nothing was sent.
    #[error("the lease on the mirror has run out")]
    Replaced,
    /// The key is refused.
    #[error("{0}")]
    Key(KeyRefusal),
    /// Twenty is in trouble, or something before it.
    #[error("the server is in trouble (status {status}){}", detail(.text))]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// In the server's words.
        text: ServerText,
    },
    /// Refused for good.
    #[error("the server refused: {0}")]
    Refused(Refusal),
    /// Not an answer of Twenty's, or a broken one.
    #[error("cannot read the answer (status {status}): {reason}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: Unreadable,
    },
}

/// Why the key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Revoked or deleted.
    #[error("the API key was revoked")]
    Revoked,
    /// Past its end.
    #[error("the API key has expired")]
    Expired,
    /// Not a token at all, by the server's reading.
    #[error("the server cannot read the API key")]
    Malformed,
    /// Signed by another server, or with a secret that was changed.
    #[error("the API key was not made by this server")]
    Foreign,
    /// It did not arrive.
    #[error("the API key did not reach the server")]
    Absent,
    /// Its workspace is gone.
    #[error("the workspace of the API key does not exist")]
    NoWorkspace,
    /// It has no role.
    #[error("the API key has no role")]
    NoRole,
    /// Anything else.
    #[error("the server refused the API key: {0}")]
    Other(ServerText),
}

/// What is wrong with an unreadable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A web page.
    #[error("it is a web page, not Twenty's API")]
    Page,
    /// Not JSON, or cut off.
    #[error("it is no complete JSON")]
    Json,
    /// Bytes that are no text.
    #[error("it is no UTF-8")]
    Text,
    /// JSON, but not what was asked for.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// Records that nobody asked for: a filter was ignored.
    #[error("it has records that were not asked for")]
    Unasked,
}

fn detail(text: &ServerText) -> String {
    if text.raw().is_empty() { String::new() } else { format!(": {text}") }
}

impl Problem {
    /// Whether the same request may get an answer soon.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Problem::Connect(_)
            | Problem::Timeout
            | Problem::Interrupted(_)
            | Problem::Throttled { .. }
            | Problem::Unavailable { .. } => true,
            Problem::Unreadable { status, .. } => (200..300).contains(status),
            Problem::TooLarge { .. }
            | Problem::Redirect { .. }
            | Problem::Replaced
            | Problem::Key(_)
            | Problem::Refused(_) => false,
        }
    }

    /// The class of an answer that is no success. `body` is as it came.
    pub(super) fn of_answer(status: u16, body: &str, retry_after: Option<Duration>) -> Problem {
        if body.trim_start().starts_with('<') {
            return of_page(status, retry_after);
        }
        of_complaint(Complaint::read(status, body), retry_after)
    }
}

/// Something in front of Twenty speaks.
fn of_page(status: u16, retry_after: Option<Duration>) -> Problem {
    match status {
        429 => Problem::Throttled { limit: None, retry_after },
        408 | 500.. => Problem::Unavailable { status, text: ServerText::default() },
        _ => Problem::Unreadable { status, reason: Unreadable::Page },
    }
}

/// The class of a complaint; the order of the questions matters.
pub(super) fn of_complaint(complaint: Complaint, retry_after: Option<Duration>) -> Problem {
    if is_throttling(&complaint) {
        return Problem::Throttled { limit: Limit::in_text(complaint.text.raw()), retry_after };
    }
    if let Some(refusal) = key_refusal(&complaint) {
        return Problem::Key(refusal);
    }
    if is_permission(&complaint) {
        return refused(RefusalKind::Permission, complaint);
    }
    if is_cold(complaint.text.raw()) {
        return Problem::Unavailable { status: complaint.status, text: complaint.text };
    }
    match refusal::kind(&complaint) {
        Some(kind) => refused(kind, complaint),
        None => of_status(complaint),
    }
}

fn refused(kind: RefusalKind, complaint: Complaint) -> Problem {
    Problem::Refused(Refusal { kind, status: Some(complaint.status), message: complaint.text })
}

fn of_status(complaint: Complaint) -> Problem {
    let status = complaint.status;
    match status {
        408 | 425 | 500.. => Problem::Unavailable { status, text: complaint.text },
        // GraphQL answers 200 for faults of its own, too; without a code they are faults of the request.
        _ if complaint.code.as_deref().is_some_and(is_server_fault) => {
            Problem::Unavailable { status, text: complaint.text }
        }
        404 => refused(RefusalKind::NotFound, complaint),
        _ => refused(RefusalKind::Other, complaint),
    }
}

fn is_server_fault(code: &str) -> bool {
    matches!(code, "INTERNAL_SERVER_ERROR" | "TIMEOUT" | "SERVICE_UNAVAILABLE")
}

fn is_throttling(complaint: &Complaint) -> bool {
    complaint.status == 429
        || complaint.has_code("LIMIT_REACHED")
        || complaint.text.raw().starts_with("Limit reached")
}

fn key_refusal(complaint: &Complaint) -> Option<KeyRefusal> {
    let known = match complaint.text.raw().trim_end_matches('.') {
        "This API Key is revoked" => Some(KeyRefusal::Revoked),
        "Token has expired" => Some(KeyRefusal::Expired),
        "No payload" => Some(KeyRefusal::Malformed),
        "Token invalid" | "Unknown token error" => Some(KeyRefusal::Foreign),
        "Missing authentication token" => Some(KeyRefusal::Absent),
        "API key has no role assigned" => Some(KeyRefusal::NoRole),
        _ => None,
    };
    let named = || {
        complaint.codes().find_map(|code| match code {
            "WORKSPACE_NOT_FOUND" => Some(KeyRefusal::NoWorkspace),
            "API_KEY_ROLE_NOT_FOUND" => Some(KeyRefusal::NoRole),
            "UNAUTHENTICATED" => Some(KeyRefusal::Other(complaint.text.clone())),
            _ => None,
        })
    };
    let by_status = || (complaint.status == 401).then(|| KeyRefusal::Other(complaint.text.clone()));
    known.or_else(named).or_else(by_status)
}

fn is_permission(complaint: &Complaint) -> bool {
    let text = complaint.text.raw();
    complaint.status == 403
        || complaint.has_code("FORBIDDEN")
        || complaint.has_code("PERMISSION_DENIED")
        || text == "Forbidden resource"
        || text.starts_with("Entity performing the request does not have permission")
}

/// The server's caches are being built, or a statement took too long: both pass.
fn is_cold(text: &str) -> bool {
    ["Metadata cache version not found", "No data sources found", "Query read timeout"]
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests;
