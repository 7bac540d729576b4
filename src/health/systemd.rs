//! Tells systemd how the daemon is: ready, alive, stopping, and one line for `systemctl status`.
//!
//! It exists so that a supervisor restarts what hangs and waits for what is only slow. Invariants: the watchdog is fed
//! only while every loop moves; without `NOTIFY_SOCKET` nothing is sent; a supervisor that does not listen is no reason
//! to stop.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::Health;

/// How often there is something to say, unless the watchdog wants it more often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What each attempt to open the mirror adds to the time that systemd gives a start.
const OPENING: Duration = Duration::from_mins(3);

impl Health {
    /// Keeps systemd informed until `stop`.
    pub async fn notify_systemd(self, stop: CancellationToken) {
        let every =
            sd_notify::watchdog_enabled().map_or(LOOK_EVERY, |limit| limit / 4).min(LOOK_EVERY);
        let (mut ready, mut said) = (false, String::new());
        loop {
            let line = self.in_a_line();
            if line != said {
                send(&[NotifyState::Status(&line)]);
                said = line;
            }
            if !ready && self.known().reading.is_some() {
                ready = true;
                send(&[NotifyState::Ready]);
            }
            if self.hanging().is_empty() {
                send(&[if ready { NotifyState::Watchdog } else { more_time() }]);
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(every) => {}
            }
        }
        send(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
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
