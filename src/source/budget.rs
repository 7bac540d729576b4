//! How many calls we allow ourselves, and when.
//!
//! It exists because the server counts the calls of a whole workspace, says nothing until they are used up, and
//! forgets fractions of a token at every call (docs/twenty.md, "Rate limits"): paced evenly, half of the limit is
//! lost. So calls go in volleys, with rests that fill whole tokens in between. What a person waits for goes before
//! what can wait. Invariants: ledger and queue are pure functions of what they are given; a bucket is never thought
//! fuller than the server's own, as long as nobody else calls; a refused call pauses everyone who shares the budget.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

mod bucket;
mod ledger;
mod queue;

use ledger::Ledger;
pub use queue::Lane;
use queue::Queue;

/// How long somebody waits for others before looking at the queue again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

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

    /// How fast it lets calls pass.
    fn calls_a_day(self) -> u128 {
        u128::from(self.calls) * 86_400_000 / self.window.as_millis().max(1)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} calls in {:?}", self.calls, self.window)
    }
}

/// What is left of the budget, by the slowest of the limits that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetState {
    /// The limit.
    pub limit: Limit,
    /// Calls that could be made at this moment.
    pub left: u32,
    /// Calls of the limit that sweeps and backfills leave to others.
    pub reserve: u32,
}

/// The budget of one workspace; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Instant,
    /// Somebody came, went or gave up: who goes next may be another.
    changed: Notify,
    book: std::sync::Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    ledger: Ledger,
    queue: Queue,
}

/// What somebody who waits is to do.
enum Turn {
    Go,
    /// It is the next one, and not before this time.
    At(Duration),
    /// Others go first.
    Wait,
}

impl Book {
    fn ask(&mut self, now: Duration, ticket: u64) -> Turn {
        let ledger = &self.ledger;
        let next = self.queue.next(|waiter| ledger.allows(now, waiter.lane, waiter.cost));
        let Some(next) = next.filter(|next| next.ticket == ticket) else { return Turn::Wait };
        match self.ledger.take(now, next.lane, next.cost) {
            Ok(()) => {
                self.queue.served(ticket);
                Turn::Go
            }
            Err(until) => Turn::At(until),
        }
    }
}

/// A place in the queue. Dropping it leaves the queue.
struct Place<'a> {
    shared: &'a Shared,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.with(|book, _| book.queue.left(self.ticket));
        self.shared.changed.notify_waiters();
    }
}

/// A call under way. Dropping it, answered or not, tells the ledger that it is over.
#[derive(Debug)]
pub(super) struct Permit(Arc<Shared>);

impl Budget {
    /// A budget of `calls_per_minute`; 0 sets no limit of our own. Sweeps and backfills leave `reserve` of them.
    pub(super) fn new(calls_per_minute: u32, reserve: u32) -> Budget {
        let own = (calls_per_minute > 0)
            .then_some(Limit { calls: calls_per_minute, window: Duration::from_mins(1) });
        let book = Book { ledger: Ledger::new(own, reserve), queue: Queue::default() };
        Budget(Arc::new(Shared {
            started: Instant::now(),
            changed: Notify::new(),
            book: std::sync::Mutex::new(book),
        }))
    }

    /// Waits until `cost` calls of a lane may be made.
    pub(super) async fn acquire(&self, lane: Lane, cost: u32) -> Permit {
        let shared = &*self.0;
        let place = Place { shared, ticket: shared.with(|book, _| book.queue.join(lane, cost)) };
        loop {
            let mut changed = std::pin::pin!(shared.changed.notified());
            changed.as_mut().enable();
            match shared.with(|book, now| book.ask(now, place.ticket)) {
                Turn::Go => return Permit(Arc::clone(&self.0)),
                Turn::At(until) => tokio::select! {
                    // With the time, somebody who was passed over too often may have become the next.
                    () = sleep_until(shared.started + until) => shared.changed.notify_waiters(),
                    () = changed => {}
                },
                // Who is next can change with the ledger alone; nobody must wait for a word that never comes.
                Turn::Wait => drop(timeout(LOOK_AGAIN, changed).await),
            }
        }
    }

    /// The server said that the limit is reached.
    pub(super) fn refused(&self, limit: Option<Limit>, retry_after: Option<Duration>) {
        self.0.with(|book, now| book.ledger.refused(now, limit, retry_after));
    }

    /// What is left; `None` while no limit is known.
    pub(super) fn state(&self) -> Option<BudgetState> {
        self.0.with(|book, now| book.ledger.state(now))
    }

    /// The server took a call.
    pub(super) fn accepted(&self) {
        self.0.with(|book, _| book.ledger.accepted());
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Book, Duration) -> T) -> T {
        let mut book = self.book.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut book, self.started.elapsed())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.with(|book, now| book.ledger.settle(now));
    }
}

#[cfg(test)]
mod tests;
