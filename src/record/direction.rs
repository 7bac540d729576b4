//! Which way the records of an object travel.
//!
//! It exists as a word of its own because configuration, plans and SQL all speak of it.

use serde::{Deserialize, Serialize};

/// Which way the records of an object travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Source to mirror, and local changes back.
    Both,
    /// Source to mirror only.
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
