//! The API keys, and whether somebody replaced one.
//!
//! It exists because a refused key is replaced in its file, by a person or by what mounts secrets, and neither sends a
//! signal. Invariant: each set of keys is told once, so that a new one that is no better is not tried for ever.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::daemon::Place;
use crate::config::Workspace;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The keys that were tried.
#[derive(Debug)]
pub(super) struct Keys(Vec<SecretString>);

impl Keys {
    pub(super) fn of(workspaces: &[Workspace]) -> Keys {
        Keys(workspaces.iter().map(|workspace| workspace.config.source.api_key.clone()).collect())
    }

    /// Waits until the configuration has other keys.
    pub(super) async fn changed(&mut self, place: &Place<'_>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // What cannot be read now may be half written.
            let Ok(workspaces) = place.workspaces() else { continue };
            let found = Keys::of(&workspaces);
            if !found.is(self) {
                *self = found;
                return;
            }
        }
    }

    fn is(&self, other: &Keys) -> bool {
        let text = |keys: &Keys| {
            keys.0.iter().map(|key| key.expose_secret().to_owned()).collect::<Vec<_>>()
        };
        text(self) == text(other)
    }
}
