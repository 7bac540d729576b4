//! Who goes next.
//!
//! It exists as a pure part of the budget, so that who waits for whom can be tested as a table. Invariants: a caller
//! of a higher lane goes before those of lower ones, within a lane the first comes first; nobody is passed over for
//! ever: after [`PATIENCE`] others a caller goes next, whatever its lane.

/// What a call is for, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Local changes on their way to the source.
    Push,
    /// What changed at the source, and what else a person may wait for.
    Pull,
    /// Comparing everything.
    Sweep,
    /// Reading an object for the first time.
    Backfill,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Lane; 4] = [Lane::Push, Lane::Pull, Lane::Sweep, Lane::Backfill];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Push => "push",
            Lane::Pull => "pull",
            Lane::Sweep => "sweep",
            Lane::Backfill => "backfill",
        }
    }

    /// Whether it leaves a part of the limit to others.
    pub(super) fn is_spare(self) -> bool {
        matches!(self, Lane::Sweep | Lane::Backfill)
    }
}

/// How many others may go before a caller that came earlier.
pub(super) const PATIENCE: u32 = 20;

/// Somebody who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) ticket: u64,
    pub(super) lane: Lane,
    pub(super) cost: u32,
    /// How many that came later went before.
    passed_over: u32,
}

/// All who wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Vec<Waiter>,
    next_ticket: u64,
}

impl Queue {
    /// Somebody comes; the answer is the ticket.
    pub(super) fn join(&mut self, lane: Lane, cost: u32) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push(Waiter { ticket, lane, cost, passed_over: 0 });
        ticket
    }

    /// Who goes next. `may_go` says whether a caller could go at this moment: one that was passed over too often does
    /// not hold up the others for what is left to strangers.
    pub(super) fn next(&self, may_go: impl Fn(&Waiter) -> bool) -> Option<Waiter> {
        let has_waited = |waiter: &&Waiter| waiter.passed_over >= PATIENCE && may_go(waiter);
        let first = || self.waiting.iter().min_by_key(|waiter| (waiter.lane, waiter.ticket));
        self.waiting.iter().find(has_waited).or_else(first).copied()
    }

    /// Somebody went; those who came earlier were passed over.
    pub(super) fn served(&mut self, ticket: u64) {
        self.left(ticket);
        let earlier = self.waiting.iter_mut().filter(|waiter| waiter.ticket < ticket);
        earlier.for_each(|waiter| waiter.passed_over += 1);
    }

    /// Somebody does not wait any more.
    pub(super) fn left(&mut self, ticket: u64) {
        self.waiting.retain(|waiter| waiter.ticket != ticket);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lane, PATIENCE, Queue};

    fn serve(queue: &mut Queue, may_go: bool) -> Option<Lane> {
        let next = queue.next(|_| may_go)?;
        queue.served(next.ticket);
        Some(next.lane)
    }

    #[test]
    fn the_most_urgent_goes_first_and_within_a_lane_the_first() {
        use Lane::{Backfill, Pull, Push, Sweep};
        for (came, go) in [
            (vec![Backfill, Sweep, Pull, Push], vec![Push, Pull, Sweep, Backfill]),
            (vec![Sweep, Sweep, Push], vec![Push, Sweep, Sweep]),
            (vec![Pull, Backfill, Pull], vec![Pull, Pull, Backfill]),
        ] {
            let mut queue = Queue::default();
            for lane in came {
                queue.join(lane, 1);
            }
            let went: Vec<Lane> = std::iter::from_fn(|| serve(&mut queue, true)).collect();
            assert_eq!(went, go);
        }
        let mut queue = Queue::default();
        let tickets: Vec<u64> = (0..3).map(|_| queue.join(Pull, 1)).collect();
        queue.left(tickets[0]);
        assert_eq!(queue.next(|_| true).map(|waiter| waiter.ticket), Some(tickets[1]));
    }

    #[test]
    fn who_was_passed_over_too_often_goes_next_if_there_is_something_to_spare() {
        let mut queue = Queue::default();
        queue.join(Lane::Backfill, 1);
        for _ in 0..PATIENCE {
            queue.join(Lane::Push, 1);
            assert_eq!(serve(&mut queue, true), Some(Lane::Push));
        }
        queue.join(Lane::Push, 1);
        assert_eq!(serve(&mut queue, false), Some(Lane::Push));
        queue.join(Lane::Push, 1);
        assert_eq!(serve(&mut queue, true), Some(Lane::Backfill));
        assert_eq!(serve(&mut queue, true), Some(Lane::Push));
    }

    fn lane() -> impl Strategy<Value = Lane> {
        (0..Lane::ALL.len()).prop_map(|index| Lane::ALL[index])
    }

    proptest! {
        #[test]
        fn everybody_goes_once_and_nobody_is_passed_over_for_ever(
            first in lane(),
            others in prop::collection::vec(lane(), 0..200),
            crowd in 1_usize..6,
        ) {
            let mut queue = Queue::default();
            let ticket = queue.join(first, 1);
            let mut others = others.into_iter();
            let mut went = 0;
            loop {
                for lane in others.by_ref().take(crowd) {
                    queue.join(lane, 1);
                }
                let next = queue.next(|_| true).expect("somebody waits");
                queue.served(next.ticket);
                if next.ticket == ticket {
                    break;
                }
                went += 1;
                prop_assert!(went <= PATIENCE, "{first:?} waits for {went} others");
            }
        }
    }
}
