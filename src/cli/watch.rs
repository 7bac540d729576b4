//! What watches `run` from outside: the endpoint for operators, and the supervisor.
//!
//! Invariants: an address that somebody asked for is had or the program does not start; the built-in one is not worth
//! a day without sync, so where it is taken, by a second daemon say, this one goes on without.

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::exit::{self, Failure};
use crate::{
    config,
    health::{Health, ListenError, Listener},
};

/// Starts both; they end when the value is dropped.
pub(super) async fn start(
    config: &config::Health,
    health: &Health,
    stop: &CancellationToken,
) -> Result<JoinSet<()>, Failure> {
    let mut watchers = JoinSet::new();
    match Listener::bind(config).await {
        Ok(Some(listener)) => {
            watchers.spawn(listener.serve(health.clone()));
        }
        Ok(None) => {}
        Err(error) if config.is_built_in => {
            let (hint, error) = (error.hint(), exit::chain(&error));
            tracing::warn!(
                event = "endpoint_missing",
                error,
                hint,
                "syncing without answering operators"
            );
        }
        Err(error) => return Err(Failure::from(error)),
    }
    watchers.spawn(health.clone().notify_systemd(stop.clone()));
    Ok(watchers)
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Failure {
        let hint = Some(error.hint());
        Failure { hint, ..Failure::configuration(exit::chain(&error)) }
    }
}
