//! What can be wrong with the configuration.
//!
//! It exists so that a typing error costs a person one look: the message names the key and where it was read, the
//! hint says what to write. Invariant: no message holds a secret.

use std::{fmt, path::PathBuf};

use super::secret::Readers;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A layer cannot be read or does not fit.
    #[error("cannot read the configuration: {0}")]
    Layer(String),
    /// A key that no setting has.
    #[error("unknown setting {key}{}", At(.origin.as_deref()))]
    Unknown {
        /// The key's path.
        key: String,
        /// Where it was read.
        origin: Option<String>,
        /// The keys that would be known there.
        known: String,
    },
    /// A setting without which nothing works.
    #[error("{what} is not set")]
    Missing {
        /// The setting, in words.
        what: &'static str,
        /// How to set it.
        hint: &'static str,
    },
    /// A setting that makes no sense.
    #[error("{key} makes no sense: {reason}")]
    Invalid {
        /// The key's path.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// What is wrong with one of several workspaces.
    #[error("workspace {name}")]
    OfWorkspace {
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        cause: Box<ConfigError>,
    },
    /// Two workspaces that would get into each other's way.
    #[error("workspaces {left} and {right} {what}")]
    Clash {
        /// One of them.
        left: String,
        /// The other one.
        right: String,
        /// What they share, as it follows their names.
        what: &'static str,
        /// What to write instead.
        hint: &'static str,
    },
    /// A file with a secret that cannot be read.
    #[error("cannot read {key} from {}", .path.display())]
    SecretFile {
        /// The key of the path.
        key: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        cause: std::io::Error,
    },
    /// A file with a secret that is none.
    #[error("refusing {key}: {readers} may read {}", .path.display())]
    SecretExposed {
        /// The key of the path.
        key: &'static str,
        /// The path.
        path: PathBuf,
        /// Who else may read it.
        readers: Readers,
    },
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ConfigError::Layer(_) => {
                Some("`twenty-sync config check` shows every setting and where it was read".into())
            }
            ConfigError::Unknown { known, .. } => Some(format!("known here: {known}")),
            ConfigError::Missing { hint, .. }
            | ConfigError::Invalid { hint, .. }
            | ConfigError::Clash { hint, .. } => Some((*hint).to_owned()),
            ConfigError::OfWorkspace { cause, .. } => cause.hint(),
            ConfigError::SecretFile { .. } => {
                Some("check the path, and that this user may read the file".into())
            }
            ConfigError::SecretExposed { path, .. } => Some(format!(
                "chmod 600 {} and have the user own it that twenty-sync runs as; a group may read it if root owns it \
                 (chmod 640)",
                path.display()
            )),
        }
    }
}

/// Where a setting was read, as the end of a sentence.
struct At<'a>(Option<&'a str>);

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(origin) => write!(formatter, ", read in {origin}"),
            None => Ok(()),
        }
    }
}
