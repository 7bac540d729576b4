//! What can go wrong at Twenty's side, by operation and subject, with what to do about it.
//!
//! It exists so that an operator reads what was asked and why it failed, not which library noticed. Invariants: a
//! message names objects and counts, never a value, a full URL or the key; the table from error to fault is
//! exhaustive.

use std::path::PathBuf;

use super::{
    key::KeyFault,
    problem::{KeyRefusal, Problem, Unreadable},
    refusal::RefusalKind,
};

/// A failure at the source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The key cannot be a key.
    #[error("cannot use the configured API key")]
    Key(#[source] KeyFault),
    /// The URL cannot be the base of an API.
    #[error("cannot use source.url: {0}")]
    Url(&'static str),
    /// The key would travel in the clear.
    #[error(
        "source.url is http, and {host} is not this machine: the API key would travel unencrypted"
    )]
    Unencrypted {
        /// The host.
        host: String,
    },
    /// The certificates cannot be read.
    #[error("cannot read the certificates in {}", .file.display())]
    Certificates {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        cause: std::io::Error,
    },
    /// No HTTP client.
    #[error("could not set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// A name that cannot stand in a request.
    #[error("the name {0:?} cannot be the name of an object")]
    Name(String),
    /// A call failed.
    #[error("could not {operation}")]
    Call {
        /// What was asked, as it follows "could not".
        operation: String,
        /// Why not.
        #[source]
        problem: Problem,
    },
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFault {
    /// It may work later.
    Retry,
    /// The key is refused: nothing will work until a person acts.
    Unauthorised,
    /// The configuration, or the key's role, must change.
    Configuration,
    /// Another program works in the place of this one.
    Replaced,
}

impl SourceError {
    /// What this means for the caller.
    pub fn fault(&self) -> SourceFault {
        match self {
            SourceError::Key(_)
            | SourceError::Url(_)
            | SourceError::Unencrypted { .. }
            | SourceError::Certificates { .. }
            | SourceError::Client(_)
            | SourceError::Name(_) => SourceFault::Configuration,
            SourceError::Call { problem, .. } => fault_of(problem),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            SourceError::Key(_) => {
                "make a key in Twenty under Settings → APIs & Webhooks and set source.api_key to it"
            }
            SourceError::Url(_) => {
                "set source.url to the server's address, such as https://api.twenty.com"
            }
            SourceError::Unencrypted { .. } => {
                "use https, or set source.allow_http = true in a network you trust"
            }
            SourceError::Certificates { .. } => {
                "source.ca_file takes a PEM file with one or more certificates"
            }
            SourceError::Client(_) => {
                "are this machine's certificate authorities installed? source.ca_file adds some"
            }
            SourceError::Name(_) => return None,
            SourceError::Call { problem, .. } => return hint_of(problem).map(str::to_owned),
        };
        Some(hint.to_owned())
    }

    /// Whether the server does not know the cursor it was given: the walk must begin again.
    pub fn is_cursor_refused(&self) -> bool {
        self.refusal_kind() == Some(&RefusalKind::Cursor)
    }

    /// Whether the server says that a field, option or object is not there: the data model must be read again.
    pub fn is_model_outdated(&self) -> bool {
        matches!(self.refusal_kind(), Some(RefusalKind::UnknownField | RefusalKind::UnknownOption))
    }

    /// Whether the server understood what was asked, and will not do it.
    pub fn is_refused(&self) -> bool {
        self.refusal_kind().is_some()
    }

    /// Whether the server found too much in one request.
    pub(super) fn is_too_complex(&self) -> bool {
        self.refusal_kind() == Some(&RefusalKind::TooComplex)
    }

    fn refusal_kind(&self) -> Option<&RefusalKind> {
        match self {
            SourceError::Call { problem: Problem::Refused(refusal), .. } => Some(&refusal.kind),
            _ => None,
        }
    }
}

fn fault_of(problem: &Problem) -> SourceFault {
    match problem {
        Problem::Key(_) => SourceFault::Unauthorised,
        Problem::Replaced => SourceFault::Replaced,
        Problem::Connect(_)
        | Problem::Timeout
        | Problem::Interrupted(_)
        | Problem::Throttled { .. }
        | Problem::Unavailable { .. } => SourceFault::Retry,
        Problem::Unreadable { status, .. } if (200..300).contains(status) => SourceFault::Retry,
        Problem::Unreadable { .. } | Problem::TooLarge { .. } | Problem::Redirect { .. } => {
            SourceFault::Configuration
        }
        Problem::Refused(refusal) => match refusal.kind {
            // The data model moved under us; the next run reads it again.
            RefusalKind::UnknownField | RefusalKind::UnknownOption | RefusalKind::Cursor => {
                SourceFault::Retry
            }
            RefusalKind::Unique { .. }
            | RefusalKind::DuplicateEntry
            | RefusalKind::Permission
            | RefusalKind::Value
            | RefusalKind::MissingParent
            | RefusalKind::ReadOnly
            | RefusalKind::NotFound
            | RefusalKind::TooComplex
            | RefusalKind::Other => SourceFault::Configuration,
        },
    }
}

fn hint_of(problem: &Problem) -> Option<&'static str> {
    match problem {
        Problem::Connect(_) => Some("is the server up, and source.url right?"),
        Problem::Timeout => Some("is the server overloaded? source.request_timeout can be raised"),
        Problem::Interrupted(_) | Problem::Unavailable { .. } => None,
        Problem::Replaced => Some("twenty-sync status says which one works on it now"),
        Problem::TooLarge { .. } => {
            Some("a record of this object is very large; turn the object off if nobody needs it")
        }
        Problem::Redirect { .. } => {
            Some("set source.url to the address that the redirect leads to")
        }
        Problem::Throttled { .. } => {
            Some("other programs share this limit; lower source.requests_per_minute")
        }
        Problem::Key(refusal) => Some(key_hint(refusal)),
        Problem::Refused(refusal) => match refusal.kind {
            RefusalKind::Permission => {
                Some("give the role of the API key the permission it lacks, or turn the object off")
            }
            RefusalKind::NotFound => Some("is source.url the address of Twenty's server?"),
            RefusalKind::UnknownField
            | RefusalKind::UnknownOption
            | RefusalKind::Cursor
            | RefusalKind::Unique { .. }
            | RefusalKind::DuplicateEntry
            | RefusalKind::Value
            | RefusalKind::MissingParent
            | RefusalKind::ReadOnly
            | RefusalKind::TooComplex
            | RefusalKind::Other => None,
        },
        Problem::Unreadable { reason, .. } => match reason {
            Unreadable::Page => Some(
                "is source.url the address of the server, not of its user interface or a proxy?",
            ),
            Unreadable::Missing("Date header") => {
                Some("something between here and Twenty removes the Date header")
            }
            Unreadable::Json | Unreadable::Text | Unreadable::Missing(_) | Unreadable::Unasked => {
                None
            }
        },
    }
}

fn key_hint(refusal: &KeyRefusal) -> &'static str {
    match refusal {
        KeyRefusal::Revoked | KeyRefusal::Expired => {
            "make a new key in Twenty under Settings → APIs & Webhooks and set source.api_key to it"
        }
        KeyRefusal::Malformed | KeyRefusal::Other(_) => "is source.api_key complete?",
        KeyRefusal::Foreign => "was this key made on the server that source.url names?",
        KeyRefusal::Absent => "does a proxy remove the Authorization header?",
        KeyRefusal::NoWorkspace => "was the workspace deleted, or is source.url another server?",
        KeyRefusal::NoRole => "give the key a role in Twenty under Settings → Roles",
    }
}
