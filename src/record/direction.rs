//! Which way the records of an object travel.
//!
//! It exists as a word of its own because configuration, plans and SQL all speak of it.

use serde::{Deserialize, Serialize};

/// Which way the records of an object travel.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Mirrored, and local changes are written back.
    Both,
    /// Mirrored only.
    Pull,
    /// Not mirrored.
    Off,
}

impl Direction {
    /// The word in configuration and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Both => "both",
            Direction::Pull => "pull",
            Direction::Off => "off",
        }
    }
}
