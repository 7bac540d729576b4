//! Tells systemd how the daemon is: ready, alive, reloading, stopping, and one line for `systemctl status`.
//!
//! It exists so that a supervisor restarts what hangs and waits for what is only slow. Invariants: the watchdog is fed
//! only while every loop moves; without `NOTIFY_SOCKET` nothing is sent; a supervisor that does not listen is no reason
//! to stop.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::Board;

/// How often there is something to say, unless the watchdog wants it more often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What each attempt to open the mirror adds to the time that systemd gives a start.
const OPENING: Duration = Duration::from_mins(3);

impl Board {
    /// Keeps systemd informed until `stop`.
    pub async fn notify_systemd(self, stop: CancellationToken) {
        let every =
            sd_notify::watchdog_enabled().map_or(LOOK_EVERY, |limit| limit / 4).min(LOOK_EVERY);
        let mut said = String::new();
        loop {
            let line = self.in_a_line();
            if line != said {
                send(&[NotifyState::Status(&line)]);
                said = line;
            }
            if !self.is_ready() && self.is_opened() {
                self.set_ready();
                send(&[NotifyState::Ready]);
            }
            if self.hanging().is_empty() {
                send(&[if self.is_ready() { NotifyState::Watchdog } else { more_time() }]);
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(every) => {}
            }
        }
        send(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
    }

    /// The configuration is read anew. Before the daemon was ready, that is still its start.
    pub fn reloading(&self) {
        if self.is_ready()
            && let Ok(now) = NotifyState::monotonic_usec_now()
        {
            send(&[NotifyState::Reloading, now]);
        }
    }

    /// The daemon goes on, by the new configuration or by the old one.
    pub fn reloaded(&self) {
        if self.is_ready() {
            send(&[NotifyState::Ready]);
        }
    }
}

fn more_time() -> NotifyState<'static> {
    NotifyState::ExtendTimeoutUsec(u32::try_from(OPENING.as_micros()).unwrap_or(u32::MAX))
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "could not tell systemd");
    }
}
