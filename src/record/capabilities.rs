//! What the server can do, as far as it differs by version.
//!
//! It exists because one key opens servers of several ages, and what is safe to send depends on it
//! (docs/twenty.md, "Version differences"). Invariant: the version is for people; decisions rest on what was seen.

/// Which of its REST interfaces the server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The one of all newer servers: trash, restore, bulk writes.
    Common,
    /// The older one: it destroys instead of deleting, shows nothing of the trash, and counts only what is still to
    /// come of a listing.
    Legacy,
    /// Not told: the server was asked, and its answers leave it open.
    Unseen,
}

impl Rest {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Rest::Common => "common",
            Rest::Legacy => "legacy",
            Rest::Unseen => "unseen",
        }
    }

    /// The interface by its word.
    pub fn named(word: &str) -> Option<Rest> {
        [Rest::Common, Rest::Legacy, Rest::Unseen].into_iter().find(|rest| rest.as_str() == word)
    }
}

/// What the server can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Its version; servers of 2025 do not tell.
    pub version: Option<String>,
    /// Its REST interface.
    pub rest: Rest,
}

impl Capabilities {
    /// The version as people read it.
    pub fn version_text(&self) -> &str {
        self.version.as_deref().unwrap_or("of 2025 (it does not tell its version)")
    }
}
