//! What a process allows itself to call, and when: the ledger and the queue of `src/source/budget.rs`.
//!
//! It exists because the program's budget waits by a clock of its own, and histories have theirs. Invariants: who may
//! call, and when to ask again, is decided by the program's own pure parts; whoever is dropped while waiting leaves the
//! queue; a call that is over, answered or not, is told to the ledger.

#[path = "../../../../src/source/budget/bucket.rs"]
mod bucket;
#[expect(dead_code, reason = "the program's own file; what is left of a budget is only shown")]
#[path = "../../../../src/source/budget/ledger.rs"]
mod ledger;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the program's own file; lanes have names for people"
)]
#[path = "../../../../src/source/budget/queue.rs"]
mod queue;

use std::{cell::RefCell, time::Duration};

pub(super) use self::queue::Lane;
use self::{ledger::Ledger, queue::Queue};

/// A number of calls in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) calls: u32,
    pub(crate) window: Duration,
}

impl Limit {
    fn calls_a_day(self) -> u128 {
        u128::from(self.calls) * 86_400_000 / self.window.as_millis().max(1)
    }
}

/// What is left of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BudgetState {
    limit: Limit,
    left: u32,
    reserve: u32,
}

/// What somebody who waits is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    /// It is the next one, and not before this time.
    At(Duration),
    /// Others go first.
    Wait,
}

/// The budget of one process.
#[derive(Debug)]
pub(super) struct Budget {
    ledger: RefCell<Ledger>,
    queue: RefCell<Queue>,
}

impl Budget {
    pub(super) fn new(own: Option<Limit>, reserve: u32) -> Budget {
        Budget { ledger: RefCell::new(Ledger::new(own, reserve)), queue: RefCell::default() }
    }

    pub(super) fn join(&self, lane: Lane, cost: u32) -> Place<'_> {
        Place { budget: self, ticket: self.queue.borrow_mut().join(lane, cost) }
    }

    fn ask(&self, now: Duration, ticket: u64) -> Turn {
        let (mut ledger, mut queue) = (self.ledger.borrow_mut(), self.queue.borrow_mut());
        let next = queue.next(|waiter| ledger.allows(now, waiter.lane, waiter.cost));
        let Some(next) = next.filter(|next| next.ticket == ticket) else { return Turn::Wait };
        match ledger.take(now, next.lane, next.cost) {
            Ok(()) => {
                queue.served(ticket);
                Turn::Go
            }
            Err(until) => Turn::At(until),
        }
    }

    pub(super) fn accepted(&self) {
        self.ledger.borrow_mut().accepted();
    }

    pub(super) fn refused(&self, now: Duration, limit: Limit) {
        self.ledger.borrow_mut().refused(now, Some(limit), None);
    }

    pub(super) fn settle(&self, now: Duration) {
        self.ledger.borrow_mut().settle(now);
    }
}

/// A place in the queue.
pub(super) struct Place<'a> {
    budget: &'a Budget,
    ticket: u64,
}

impl Place<'_> {
    pub(super) fn ask(&self, now: Duration) -> Turn {
        self.budget.ask(now, self.ticket)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.budget.queue.borrow_mut().left(self.ticket);
    }
}
