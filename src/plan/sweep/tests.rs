//! Searches against sources of every shape, and against counts that lie.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::{Contradiction, IDS_PER_READ, IdRange, Sweep};

/// A source that holds some ids.
struct Source {
    ids: BTreeSet<Uuid>,
    calls: usize,
}

impl Source {
    fn count(&mut self, range: IdRange) -> u64 {
        self.calls += 1;
        let within = self.ids.range(range.from..);
        within.take_while(|id| range.to.is_none_or(|to| **id < to)).count() as u64
    }
}

/// Ids spread as random ones are, ascending.
fn ids(count: u64) -> Vec<Uuid> {
    let spread = |number: u64| {
        let high = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Uuid::from_u64_pair(high, number)
    };
    let mut ids: Vec<Uuid> = (0..count).map(spread).collect();
    ids.sort_unstable();
    ids
}

/// What a search names, after it was asked for; and the calls that took.
fn search(expected: &[Uuid], source: &mut Source) -> BTreeSet<Uuid> {
    let whole = source.count(super::ALL_IDS);
    let mut sweep = Sweep::begin(expected, whole);
    loop {
        let ranges = sweep.ask();
        if ranges.is_empty() {
            break;
        }
        let counts: Vec<u64> = ranges.into_iter().map(|range| source.count(range)).collect();
        sweep.answer(&counts).unwrap();
    }
    let mut absent = BTreeSet::new();
    for suspects in sweep.suspects() {
        source.calls += suspects.len().div_ceil(IDS_PER_READ);
        absent.extend(suspects.iter().filter(|id| !source.ids.contains(id)));
    }
    absent
}

#[test]
fn ten_destroyed_among_a_hundred_thousand_take_at_most_a_hundred_and_fifty_calls() {
    let expected = ids(100_000);
    for offset in [0, 17, 4_999, 9_999] {
        let destroyed: BTreeSet<Uuid> =
            expected.iter().skip(offset).step_by(10_000).copied().collect();
        let left = expected.iter().filter(|id| !destroyed.contains(id)).copied().collect();
        let mut source = Source { ids: left, calls: 0 };
        assert_eq!(search(&expected, &mut source), destroyed);
        println!("{} calls", source.calls);
        assert!(source.calls <= 110, "{} calls", source.calls);
    }
}

#[test]
fn a_source_that_lost_everything_is_read_not_counted() {
    let expected = ids(1_000);
    let mut source = Source { ids: BTreeSet::new(), calls: 0 };
    assert_eq!(search(&expected, &mut source).len(), 1_000);
    assert_eq!(source.calls, 6);
}

#[test]
fn nothing_is_asked_where_the_source_counts_enough() {
    let expected = ids(1_000);
    assert!(Sweep::begin(&expected, 1_000).ask().is_empty());
    assert!(Sweep::begin(&expected, 1_200).ask().is_empty());
    assert!(Sweep::begin(&[], 0).ask().is_empty());
}

#[test]
fn a_half_that_counts_more_than_the_whole_is_a_contradiction() {
    let expected = ids(1_000);
    let mut sweep = Sweep::begin(&expected, 999);
    assert_eq!(sweep.ask().len(), 1);
    let error = Contradiction::Count { counted: 1_000, within: 999 };
    assert_eq!(sweep.answer(&[1_000]), Err(error));
    assert_eq!(error.to_string(), "the server counts 1000 records among 999");
    let error = Contradiction::Answer { given: 3, counted: 4 };
    assert_eq!(error.to_string(), "the server gives 3 records and counts 4");
}

proptest! {
    #[test]
    fn every_destroyed_record_is_found_within_the_calls_that_were_promised(
        count in 1_u64..5_000,
        destroyed in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let expected = ids(count);
        let destroyed: BTreeSet<Uuid> =
            destroyed.iter().map(|index| expected[index.index(expected.len())]).collect();
        let left = expected.iter().filter(|id| !destroyed.contains(id)).copied().collect();
        let mut source = Source { ids: left, calls: 0 };
        prop_assert_eq!(search(&expected, &mut source), destroyed.clone());
        let reads = expected.len().div_ceil(IDS_PER_READ);
        let levels = reads.next_power_of_two().ilog2() as usize + 1;
        let bound = (1 + destroyed.len() * (levels + 1)).min(1 + 3 * reads);
        prop_assert!(source.calls <= bound, "{} calls, promised {bound}", source.calls);
    }

    #[test]
    fn no_record_that_exists_is_named_whatever_else_the_source_holds(
        count in 1_u64..3_000,
        destroyed in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        others in prop::collection::vec(any::<u128>(), 0..40),
    ) {
        let expected = ids(count);
        let destroyed: BTreeSet<Uuid> =
            destroyed.iter().map(|index| expected[index.index(expected.len())]).collect();
        let left = expected.iter().filter(|id| !destroyed.contains(id)).copied();
        let created = others.into_iter().map(Uuid::from_u128);
        let mut source = Source { ids: left.chain(created).collect(), calls: 0 };
        prop_assert!(search(&expected, &mut source).is_subset(&destroyed));
    }

    #[test]
    fn a_search_ends_whatever_is_answered(
        count in 1_u64..2_000,
        whole in 0_u64..2_000,
        answers in prop::collection::vec(0_u64..1_200, 1..64),
    ) {
        let expected = ids(count);
        let mut sweep = Sweep::begin(&expected, whole);
        let mut answers = answers.iter().cycle();
        for _ in 0..2_000 {
            let asked = sweep.ask().len();
            let counts: Vec<u64> = answers.by_ref().take(asked).copied().collect();
            if asked == 0 || sweep.answer(&counts).is_err() {
                return Ok(());
            }
        }
        prop_assert!(false, "it went on and on");
    }
}
