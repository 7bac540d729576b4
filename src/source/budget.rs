//! How many calls we allow ourselves, and when.
//!
//! It exists because the server counts the calls of a whole workspace, says nothing until they are used up, and
//! forgets fractions of a token at every call (docs/twenty.md, "Rate limits"): paced evenly, half of the limit is
//! lost. So calls go in volleys, with rests that fill whole tokens in between. Invariants: the ledger is a
//! pure function of the times it is given; a bucket is never thought fuller than the server's own, as long as
//! nobody else calls; a refused call pauses everyone who shares the budget.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::Mutex as Turn,
    time::{Instant, sleep_until},
};

mod bucket;
mod ledger;

use ledger::Ledger;

/// A number of calls in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many calls.
    pub calls: u32,
    /// In how long.
    pub window: Duration,
}

impl Limit {
    /// The limit that a text of the server names: `Limit reached (100 tokens per 60000 ms)`.
    pub(super) fn in_text(text: &str) -> Option<Limit> {
        let (_, numbers) = text.split_once("Limit reached (")?;
        let (calls, rest) = numbers.split_once(" tokens per ")?;
        let (milliseconds, _) = rest.split_once(" ms")?;
        let (calls, milliseconds) = (calls.parse().ok()?, milliseconds.parse().ok()?);
        let sane = (1..=1_000_000).contains(&calls) && (100..=3_600_000).contains(&milliseconds);
        sane.then(|| Limit { calls, window: Duration::from_millis(milliseconds) })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} calls in {:?}", self.calls, self.window)
    }
}

/// The budget of one workspace; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Instant,
    /// Whoever holds it is next. It is fair, so nobody starves.
    turn: Turn<()>,
    ledger: std::sync::Mutex<Ledger>,
}

/// A call under way. Dropping it, answered or not, tells the ledger that it is over.
#[derive(Debug)]
pub(super) struct Permit(Arc<Shared>);

impl Budget {
    /// A budget of `calls_per_minute`; 0 sets no limit of our own.
    pub(super) fn new(calls_per_minute: u32) -> Budget {
        let own = (calls_per_minute > 0)
            .then_some(Limit { calls: calls_per_minute, window: Duration::from_mins(1) });
        let ledger = std::sync::Mutex::new(Ledger::new(own));
        Budget(Arc::new(Shared { started: Instant::now(), turn: Turn::new(()), ledger }))
    }

    /// Waits until `cost` calls may be made.
    pub(super) async fn acquire(&self, cost: u32) -> Permit {
        let _turn = self.0.turn.lock().await;
        loop {
            let asked = self.0.with(|ledger, now| ledger.take(now, cost));
            match asked {
                Ok(()) => return Permit(Arc::clone(&self.0)),
                Err(until) => sleep_until(self.0.started + until).await,
            }
        }
    }

    /// The server said that the limit is reached.
    pub(super) fn refused(&self, limit: Option<Limit>, retry_after: Option<Duration>) {
        self.0.with(|ledger, now| ledger.refused(now, limit, retry_after));
    }

    /// The server took a call.
    pub(super) fn accepted(&self) {
        self.0.with(|ledger, _| ledger.accepted());
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Ledger, Duration) -> T) -> T {
        let mut ledger = self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut ledger, self.started.elapsed())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.with(Ledger::settle);
    }
}

#[cfg(test)]
mod tests;
