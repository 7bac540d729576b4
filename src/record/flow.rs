//! One of the two flows of an object.
//!
//! It exists because a flow can stand still by itself while the other goes on. Invariant: the words are those of SQL
//! and of the command line.

use serde::{Deserialize, Serialize};

/// One of the two flows of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// From the source to the mirror.
    Pull,
    /// From the mirror to the source.
    Push,
}

impl Flow {
    /// The word in SQL and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Flow::Pull => "pull",
            Flow::Push => "push",
        }
    }
}
