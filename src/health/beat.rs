//! The heartbeat of a loop: a sign that it moved.
//!
//! It exists because a loop that hangs looks like one that has nothing to do. A loop is entered with
//! [`Health::turning`]; whatever runs inside it, however deep, calls [`beat`] when something came to an end that could
//! have taken for ever: an exchange with Twenty, a page, a turn. Invariant: a beat belongs to the loop in which it
//! happens, so a loop that moves does not hide one that hangs.

use std::{future::Future, time::Duration};

use super::Health;

/// How often a loop that waits for its turn says so.
const WAITING_BEAT: Duration = Duration::from_secs(10);

tokio::task_local! {
    static TURNING: Turning;
}

/// A loop that turns, for as long as this value lives.
struct Turning {
    health: Health,
    name: &'static str,
}

impl Drop for Turning {
    fn drop(&mut self) {
        self.health.leave(self.name);
    }
}

impl Health {
    /// Runs a loop, which is expected to [`beat`] until it ends.
    pub async fn turning<T>(&self, name: &'static str, run: impl Future<Output = T>) -> T {
        self.enter(name);
        TURNING.scope(Turning { health: self.clone(), name }, run).await
    }
}

/// The loop that this is called in has moved. Outside of a loop nobody minds.
pub fn beat() {
    // An error means that no loop is watched, as in every command but `run`.
    let _ = TURNING.try_with(|turning| turning.health.enter(turning.name));
}

/// Waits for something that may rightly take for ever, such as the next tick, and beats meanwhile.
pub async fn waiting<T>(event: impl Future<Output = T>) -> T {
    tokio::pin!(event);
    loop {
        beat();
        if let Ok(happened) = tokio::time::timeout(WAITING_BEAT, &mut event).await {
            return happened;
        }
    }
}
