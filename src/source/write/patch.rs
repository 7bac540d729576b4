//! The fields that a write sets.
//!
//! It exists because the server writes whatever it is sent: an `id` in a patch changes the primary key, an
//! `updatedAt` hides the change from every other reader, and an empty patch still counts as a change. Invariant: a
//! patch has a field, and none of those.

use serde_json::{Map, Value};

/// Keys that belong to the server.
const FORBIDDEN: &[&str] = &["id", "createdAt", "updatedAt", "deletedAt", "searchVector"];

/// Fields and their new values, as the API takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch(Map<String, Value>);

/// Why a patch cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchFault {
    /// No field at all.
    #[error("a patch needs at least one field")]
    Empty,
    /// A field that clients must leave alone.
    #[error("a patch must not set {0}")]
    Forbidden(String),
}

impl Patch {
    /// A patch of these fields.
    ///
    /// # Errors
    /// No field, or one that belongs to the server.
    pub fn new(fields: Map<String, Value>) -> Result<Patch, PatchFault> {
        if fields.is_empty() {
            return Err(PatchFault::Empty);
        }
        match fields.keys().find(|key| FORBIDDEN.contains(&key.as_str())) {
            Some(key) => Err(PatchFault::Forbidden(key.clone())),
            None => Ok(Patch(fields)),
        }
    }

    /// The fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}
