//! What the server would announce: the input of webhooks.
//!
//! The operations append events exactly as the real server emits them, gaps included: a restore
//! is named `deleted`, destroying many rows is one event, a guarded update that no longer matches is silent, and
//! what the database does by itself (SET NULL, CASCADE) is never announced.

use serde_json::{Map, Value};
use uuid::Uuid;

/// The action in an event's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A new record.
    Created,
    /// A changed record.
    Updated,
    /// A soft delete, and also every restore.
    Deleted,
    /// A record that is gone for good.
    Destroyed,
}

impl Action {
    /// As the event's name spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Destroyed => "destroyed",
        }
    }
}

/// One announcement.
#[derive(Debug, Clone)]
pub struct Event {
    /// The object's metadata id.
    pub object: Uuid,
    /// The object's singular name.
    pub name_singular: String,
    /// What happened.
    pub action: Action,
    /// The record as it was.
    pub before: Option<Map<String, Value>>,
    /// The record as it is.
    pub after: Option<Map<String, Value>>,
    /// Names of the fields whose value changed; only for updates.
    pub updated_fields: Option<Vec<String>>,
    /// When, in microseconds since 1970.
    pub at: i64,
}
