//! Signals: the end, now or between two pages, and a new configuration.
//!
//! Invariant: the first SIGTERM or SIGINT asks, the second one ends at once; nothing is lost by either.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Failure;

/// What `run` is told.
#[derive(Debug)]
pub(super) struct Signals {
    /// Whether to end.
    pub(super) stop: CancellationToken,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Signals, Failure> {
        Ok(Signals { stop: stop_on_signals()?, hang_up: heard(SignalKind::hangup())? })
    }

    /// Waits for SIGHUP.
    pub(super) async fn told_to_reload(&mut self) {
        if self.hang_up.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// A token that the first signal cancels; the second one ends the process.
pub(super) fn stop_on_signals() -> Result<CancellationToken, Failure> {
    let mut terminate = heard(SignalKind::terminate())?;
    let mut interrupt = heard(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            if asked.is_cancelled() {
                #[expect(clippy::exit, reason = "a second signal means now")]
                std::process::exit(code);
            }
            tracing::info!(
                event = "stopping",
                "stopping after the page under way; once more ends at once"
            );
            asked.cancel();
        }
    });
    Ok(stop)
}

fn heard(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::failed(format!("could not listen for signals: {error}")))
}
