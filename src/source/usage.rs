//! How many calls were made, for what, and what became of them.
//!
//! It exists so that an operator can see who spends the budget. Invariant: a call counts as often as the server
//! counts it, and each attempt by itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Lane, problem::Problem};

/// Calls by lane and outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage([Calls; Lane::ALL.len()]);

/// Calls by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// Answered as asked.
    pub answered: u64,
    /// Refused for what they asked, or because of the key.
    pub refused: u64,
    /// Refused because the limit was reached.
    pub throttled: u64,
    /// Lost, late, or answered with what cannot be read.
    pub failed: u64,
}

impl Usage {
    /// The calls of a lane.
    pub fn of(&self, lane: Lane) -> Calls {
        self.0[lane as usize]
    }
}

impl Calls {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.answered + self.refused + self.throttled + self.failed
    }
}

/// The counters behind [`Usage`].
#[derive(Debug, Default)]
pub(super) struct Counters([Outcomes; Lane::ALL.len()]);

#[derive(Debug, Default)]
struct Outcomes {
    answered: AtomicU64,
    refused: AtomicU64,
    throttled: AtomicU64,
    failed: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, lane: Lane, cost: u32, problem: Option<&Problem>) {
        let outcomes = &self.0[lane as usize];
        let counter = match problem {
            None => &outcomes.answered,
            Some(Problem::Throttled { .. }) => &outcomes.throttled,
            Some(Problem::Refused(_) | Problem::Key(_)) => &outcomes.refused,
            Some(
                Problem::Connect(_)
                | Problem::Timeout
                | Problem::Interrupted(_)
                | Problem::TooLarge { .. }
                | Problem::Redirect { .. }
                | Problem::Replaced
                | Problem::Unavailable { .. }
                | Problem::Unreadable { .. },
            ) => &outcomes.failed,
        };
        counter.fetch_add(cost.into(), Ordering::Relaxed);
    }

    pub(super) fn usage(&self) -> Usage {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage(std::array::from_fn(|lane| {
            let Outcomes { answered, refused, throttled, failed } = &self.0[lane];
            Calls {
                answered: read(answered),
                refused: read(refused),
                throttled: read(throttled),
                failed: read(failed),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, Lane, Problem};

    #[test]
    fn calls_are_counted_by_lane_and_outcome() {
        let counters = Counters::default();
        counters.count(Lane::Push, 3, None);
        counters.count(Lane::Push, 1, Some(&Problem::Timeout));
        let throttled = Problem::Throttled { limit: None, retry_after: None };
        counters.count(Lane::Sweep, 2, Some(&throttled));
        let usage = counters.usage();
        let push = usage.of(Lane::Push);
        assert_eq!((push.answered, push.failed, push.total()), (3, 1, 4));
        assert_eq!((usage.of(Lane::Sweep).throttled, usage.of(Lane::Pull).total()), (2, 0));
    }
}
