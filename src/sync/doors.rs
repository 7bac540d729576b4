//! The sockets at which webhooks are heard.
//!
//! It exists because they outlive a configuration: whoever calls meanwhile waits for a moment rather than being refused.
//! Invariant: an address has one socket.

use std::{collections::BTreeMap, net::SocketAddr};

use super::SyncError;
use crate::{
    config::{Config, Workspace},
    webhook::Receiver,
};

/// The sockets, by the address that the configuration names.
#[derive(Debug, Default)]
pub struct Doors(BTreeMap<SocketAddr, Receiver>);

impl Doors {
    /// Listens where the workspaces want to.
    ///
    /// # Errors
    /// An address cannot be had.
    pub async fn open(workspaces: &[Workspace]) -> Result<Doors, SyncError> {
        let mut doors = Doors::default();
        doors.widen(workspaces).await?;
        Ok(doors)
    }

    /// Listens where these workspaces want to, too.
    ///
    /// # Errors
    /// An address cannot be had; then no other socket was opened.
    pub async fn widen(&mut self, workspaces: &[Workspace]) -> Result<(), SyncError> {
        let mut opened = BTreeMap::new();
        for address in addresses(workspaces).filter(|address| !self.0.contains_key(address)) {
            let listening = |cause| SyncError::Listen { address, cause };
            opened.insert(address, Receiver::bind(address).await.map_err(listening)?);
            tracing::info!(event = "webhook_listens", %address, "listening for webhooks");
        }
        self.0.append(&mut opened);
        Ok(())
    }

    /// Stops listening where none of these workspaces wants to.
    pub fn keep(&mut self, workspaces: &[Workspace]) {
        self.0.retain(|address, _| addresses(workspaces).any(|wanted| wanted == *address));
    }

    /// Where a workspace hears webhooks, if it does.
    pub fn of(&self, config: &Config) -> Option<Receiver> {
        self.0.get(&config.webhook.listen?).cloned()
    }
}

fn addresses(workspaces: &[Workspace]) -> impl Iterator<Item = SocketAddr> {
    workspaces.iter().filter_map(|workspace| workspace.config.webhook.listen)
}
