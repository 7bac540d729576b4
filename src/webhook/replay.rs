//! Which deliveries came before.
//!
//! It exists because a delivery that was overheard can be sent again while its time is still near. Invariants: the
//! signature is what is remembered, because the nonce is not signed; the number of entries is bounded, and where it
//! is reached the oldest goes, since a replay that gets through costs one look and nothing else.

use std::collections::{HashSet, VecDeque};

use super::{TOLERANCE_MILLISECONDS, signature::Signature};

/// A delivery may be dated into the future by the tolerance, and is accepted for as long after that.
const KEPT_MILLISECONDS: i64 = 2 * TOLERANCE_MILLISECONDS;

/// Signatures that were accepted lately.
#[derive(Debug)]
pub(super) struct Replays {
    most: usize,
    known: HashSet<Signature>,
    order: VecDeque<(i64, Signature)>,
}

impl Replays {
    /// Remembers at most so many.
    pub(super) fn new(most: usize) -> Replays {
        Replays { most, known: HashSet::new(), order: VecDeque::new() }
    }

    /// Whether this is the first time, given that it is noted now (in milliseconds).
    pub(super) fn is_first(&mut self, now: i64, signature: Signature) -> bool {
        while self.order.front().is_some_and(|(noted, _)| now - noted > KEPT_MILLISECONDS) {
            self.forget_oldest();
        }
        if !self.known.insert(signature) {
            return false;
        }
        self.order.push_back((now, signature));
        if self.order.len() > self.most {
            self.forget_oldest();
        }
        true
    }

    fn forget_oldest(&mut self) {
        if let Some((_, signature)) = self.order.pop_front() {
            self.known.remove(&signature);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_MILLISECONDS, Replays};

    #[test]
    fn the_second_time_is_noticed_until_the_delivery_is_too_old_anyway() {
        let mut replays = Replays::new(10);
        assert!(replays.is_first(0, [1; 32]));
        assert!(!replays.is_first(1, [1; 32]));
        assert!(!replays.is_first(KEPT_MILLISECONDS, [1; 32]));
        assert!(replays.is_first(KEPT_MILLISECONDS + 1, [1; 32]));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut replays = Replays::new(2);
        for number in 0..100 {
            assert!(replays.is_first(0, [number; 32]));
        }
        assert_eq!((replays.order.len(), replays.known.len()), (2, 2));
        assert!(!replays.is_first(0, [99; 32]) && replays.is_first(0, [0; 32]));
    }
}
