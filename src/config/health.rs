//! Where `run` answers operators.
//!
//! It exists because an address and a secret are judged together. Invariants: "off" is the only word beside an address;
//! a token that could be guessed is refused before anything listens.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{ConfigError, Health, secret};

/// What nobody guesses.
const SHORTEST_TOKEN: usize = 16;

/// Where `run` answers operators: a page at `/`, and `/livez`, `/readyz`, `/metrics` and `/api/status`; see
/// [operations.md](operations.md).
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthSettings {
    /// The address and port; `off` has it answer nobody. Beyond loopback, the page and the state need a token.
    listen: String,
    /// A file with the token that shows the page and the state, of 16 characters or more.
    token_file: Option<PathBuf>,
}

impl HealthSettings {
    pub(super) fn read(&self, is_built_in: bool) -> Result<Health, ConfigError> {
        let listen = if self.listen == "off" { None } else { Some(address(&self.listen)?) };
        let token = self.token_file.as_deref().map(token).transpose()?;
        Ok(Health { listen, is_built_in, token })
    }
}

fn address(text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| ConfigError::Invalid {
        key: "health.listen",
        reason: format!("{text:?} is no address with a port"),
        hint: "write an address and a port, such as 127.0.0.1:9464 or [::1]:9464, or \"off\"",
    })
}

fn token(file: &Path) -> Result<SecretString, ConfigError> {
    let token = secret::read("health.token_file", None, Some(file))?
        .expect("a file that can be read holds something, if only nothing");
    if token.expose_secret().len() < SHORTEST_TOKEN {
        return Err(ConfigError::Invalid {
            key: "health.token_file",
            reason: format!("the token is shorter than {SHORTEST_TOKEN} characters"),
            hint: "make one with: openssl rand -hex 32",
        });
    }
    Ok(token)
}
