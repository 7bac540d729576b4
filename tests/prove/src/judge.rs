//! Plays a history and lets it panic; and counts how many it takes to find a planted mistake.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    play::{Played, Setup, play},
    tally::Tally,
    world::Wrong,
};

/// Plays one history; what is wrong, if it panicked, is that.
pub fn judge(seed: u64, setup: Setup) -> Played {
    catch_unwind(AssertUnwindSafe(|| play(seed, setup))).unwrap_or_else(|_| {
        let story = "the program panicked".to_owned();
        let wrong = Some(Wrong { invariant: "panic", story });
        Played { wrong, digest: 0, tally: Tally::default(), story: Vec::new() }
    })
}

/// The first of so many histories that is wrong with this mistake, and is not wrong without it; of those with a data model
/// of their own where no other can be.
#[cfg(feature = "planted")]
pub fn hunt(bug: crate::mistakes::Bug, seeds: u64) -> Option<(u64, Wrong)> {
    let setup = if bug.is_varied() { Setup::varied } else { Setup::plain };
    let wrong_with = |seed: u64, bug: Option<crate::mistakes::Bug>| {
        crate::mistakes::plant(bug);
        let wrong = judge(seed, setup(seed)).wrong;
        crate::mistakes::plant(None);
        wrong
    };
    (0..seeds)
        .filter_map(|seed| Some((seed, wrong_with(seed, Some(bug))?)))
        .find(|(seed, _)| wrong_with(*seed, None).is_none())
}
