//! How long it takes to read what was never read.
//!
//! It exists because a first load within a budget of calls can take hours, and nobody can plan with "it runs".
//! Invariants: pure; every object costs at least one call; where no limit is known, no time is told.

use std::time::Duration;

use serde::Serialize;

/// Records on a page.
const PAGE: u64 = 200;

/// An object that was never read to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// Records read so far.
    pub seen: u64,
    /// All of them, where they were counted.
    pub total: Option<u64>,
}

/// How fast calls may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many calls …
    pub calls: u32,
    /// … in so long.
    pub window: Duration,
}

/// What a first load still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Objects that were never read to the end.
    pub objects: u64,
    /// Their records that were read so far.
    pub seen: u64,
    /// All of their records, as far as they were counted.
    pub total: u64,
    /// Calls that are still to be made.
    pub calls: u64,
    /// How long these take at the budget's pace, if there is one.
    pub seconds: Option<u64>,
}

/// What is still to be done for these objects; nothing where there are none.
pub fn estimate(unread: &[Unread], pace: Option<Pace>) -> Option<Estimate> {
    let total = |object: &Unread| object.total.unwrap_or_default().max(object.seen);
    let calls: u64 = unread.iter().map(|object| pages(total(object) - object.seen)).sum();
    (!unread.is_empty()).then(|| Estimate {
        objects: unread.len() as u64,
        seen: unread.iter().map(|object| object.seen).sum(),
        total: unread.iter().map(total).sum(),
        calls,
        seconds: pace.and_then(|pace| seconds(calls, pace)),
    })
}

fn pages(records: u64) -> u64 {
    records.div_ceil(PAGE).max(1)
}

fn seconds(calls: u64, pace: Pace) -> Option<u64> {
    let milliseconds = u128::from(calls) * pace.window.as_millis();
    u64::try_from(milliseconds.checked_div(u128::from(pace.calls))?.div_ceil(1000)).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Estimate, Pace, Unread, estimate};

    const NINETY: Option<Pace> = Some(Pace { calls: 90, window: Duration::from_mins(1) });

    #[test]
    fn every_page_is_a_call_and_an_empty_object_is_one_too() {
        for (seen, total, calls) in [
            (0, Some(0), 1),
            (0, Some(200), 1),
            (0, Some(201), 2),
            (400, Some(1000), 3),
            (0, None, 1),
        ] {
            let told = estimate(&[Unread { seen, total }], None).unwrap();
            assert_eq!((told.calls, told.seconds), (calls, None), "{seen} of {total:?}");
        }
    }

    #[test]
    fn the_time_is_that_of_the_budget() {
        let unread = [
            Unread { seen: 2_000, total: Some(18_000) },
            Unread { seen: 0, total: Some(2_000) },
            Unread { seen: 50, total: Some(40) },
        ];
        let told = estimate(&unread, NINETY).unwrap();
        let expected =
            Estimate { objects: 3, seen: 2_050, total: 20_050, calls: 91, seconds: Some(61) };
        assert_eq!(told, expected);
        assert_eq!(
            estimate(&unread, Some(Pace { calls: 0, ..NINETY.unwrap() })).unwrap().seconds,
            None
        );
        assert_eq!(estimate(&[], NINETY), None);
    }
}
