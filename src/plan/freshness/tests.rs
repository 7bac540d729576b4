use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{Candidate, Outline, Reason, Rules, Sight, Walked, Watch, decide, rest};
use crate::record::ObjectId;

const NOON: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const INTERVAL: Duration = Duration::from_secs(30);
const OVERLAP: Duration = Duration::from_mins(1);
const RULES: Rules = Rules { overlap: OVERLAP, longest: Duration::from_hours(1) };

fn after(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What is seen at a second after noon: so many records, the newest changed at that second after noon.
fn sight(at: u64, records: u64, newest: i64) -> Sight {
    let newest = Some(NOON + time::Duration::seconds(newest));
    Sight { outline: Outline { records, newest }, served_at: NOON + after(at) }
}

/// An object that was walked at noon, when it had ten records, the newest of that second after noon.
fn walked(newest: i64) -> Watch {
    let mut watch = Watch::default();
    note(&mut watch, Some(&sight(0, 10, newest)), 0, false);
    watch
}

fn note(watch: &mut Watch, sight: Option<&Sight>, at: u64, found: bool) {
    watch.note(Walked { sight, now: after(at), shortest: INTERVAL, found }, RULES);
}

fn reason(watch: &Watch, sight: Option<&Sight>, at: u64, asked: bool) -> Option<Reason> {
    let object = Uuid::from_u128(1);
    let candidate = Candidate { object, watch, sight, asked };
    // No turn is due.
    decide(&[candidate], after(at), RULES, &mut after(at)).get(&object).copied()
}

#[test]
fn an_object_is_walked_when_it_shows_a_change_and_left_alone_while_it_does_not() {
    for (what, newest, seen, expected) in [
        ("nothing changed", -900, sight(30, 10, -900), None),
        ("one was edited", -900, sight(30, 10, 12), Some(Reason::Changed)),
        ("one was created with an old time", -900, sight(30, 11, -900), Some(Reason::Changed)),
        ("one was destroyed", -900, sight(30, 9, -900), Some(Reason::Changed)),
        ("the newest was dated back", -900, sight(30, 10, -950), Some(Reason::Changed)),
        ("the overlap has not passed", -3, sight(30, 10, -3), None),
        ("somebody committed late", -3, sight(60, 10, -3), Some(Reason::Late)),
        ("the overlap had passed before", -60, sight(60, 10, -60), None),
        ("the newest time has yet to come", 7_000, sight(30, 10, 7_000), Some(Reason::Ahead)),
        ("the server's clock may lag by a second", 31, sight(30, 10, 31), None),
    ] {
        let at = u64::try_from((seen.served_at - NOON).whole_seconds()).unwrap();
        assert_eq!(reason(&walked(newest), Some(&seen), at, false), expected, "{what}");
    }
    let seen = sight(30, 10, -900);
    assert_eq!(reason(&Watch::default(), Some(&seen), 30, false), Some(Reason::First));
    assert_eq!(reason(&walked(-900), Some(&seen), 30, true), Some(Reason::Asked));
}

#[test]
fn an_object_that_lost_its_turn_is_walked_when_the_longest_interval_has_passed() {
    for (at, expected) in [(3_599, None), (3_600, Some(Reason::Turn)), (4_000, Some(Reason::Turn))]
    {
        let seen = sight(at, 10, -900);
        assert_eq!(reason(&walked(-900), Some(&seen), at, false), expected, "{at}");
    }
}

#[test]
fn what_was_committed_late_is_looked_for_once() {
    let mut watch = walked(-3);
    assert!(!watch.is_settled());
    let seen = sight(90, 10, -3);
    assert_eq!(reason(&watch, Some(&seen), 90, false), Some(Reason::Late));
    note(&mut watch, Some(&seen), 90, false);
    assert!(watch.is_settled());
    assert_eq!(reason(&watch, Some(&sight(120, 10, -3)), 120, false), None);
}

#[test]
fn an_object_that_is_not_shown_is_walked_less_and_less_until_something_is_found() {
    let mut watch = walked(-900);
    let mut walks = Vec::new();
    for at in (30..8_000).step_by(30) {
        if reason(&watch, None, at, false).is_some() {
            note(&mut watch, None, at, false);
            walks.push(at);
        }
    }
    assert_eq!(walks, [30, 60, 120, 240, 480, 960, 1_920, 3_840, 7_440], "an hour at most");
    note(&mut watch, None, 9_000, true);
    assert_eq!(reason(&watch, None, 9_030, false), Some(Reason::Unseen));
}

#[test]
fn only_fewer_records_than_before_are_a_loss() {
    let watch = walked(-900);
    assert!(watch.has_lost(&sight(30, 9, -900)));
    assert!(!watch.has_lost(&sight(30, 10, -900)) && !watch.has_lost(&sight(30, 11, -900)));
    assert!(!Watch::default().has_lost(&sight(30, 0, -900)));
}

#[test]
fn times_and_intervals_beyond_all_bounds_are_no_trouble() {
    let newest = Some(datetime!(9999-12-31 23:59:59.999 UTC));
    let seen = Sight { outline: Outline { records: 1, newest }, served_at: NOON };
    let rules = Rules { overlap: Duration::MAX, longest: Duration::MAX };
    let mut watch = Watch::default();
    for sight in [Some(&seen), None, None] {
        watch.note(Walked { sight, now: after(1), shortest: Duration::MAX, found: false }, rules);
    }
    let candidate =
        Candidate { object: Uuid::nil(), watch: &watch, sight: Some(&seen), asked: false };
    let mut last_turn = Duration::ZERO;
    assert_eq!(decide(&[candidate], after(2), rules, &mut last_turn).len(), 1);
    let none = Rules { overlap: Duration::ZERO, longest: Duration::ZERO };
    assert_eq!(decide(&[candidate], after(2), none, &mut last_turn).len(), 1);
    assert!(decide(&[], after(2), none, &mut last_turn).is_empty());
    assert_eq!(rest(Duration::MAX, INTERVAL, RULES.longest), RULES.longest);
}

/// Watches so many idle objects for some hours; when each was walked, by the second.
fn idle(objects: u128, hours: u64) -> BTreeMap<ObjectId, Vec<u64>> {
    let ids: Vec<ObjectId> = (0..objects).map(Uuid::from_u128).collect();
    let mut watches: BTreeMap<ObjectId, Watch> = ids.iter().map(|id| (*id, walked(-900))).collect();
    let mut walks: BTreeMap<ObjectId, Vec<u64>> = ids.iter().map(|id| (*id, vec![0])).collect();
    let mut last_turn = Duration::ZERO;
    for at in (30..=hours * 3_600).step_by(30) {
        let seen = sight(at, 10, -900);
        let candidate = |(object, watch): (&ObjectId, &Watch)| (*object, watch.clone());
        let known: Vec<(ObjectId, Watch)> = watches.iter().map(candidate).collect();
        let candidates: Vec<Candidate<'_>> = known
            .iter()
            .map(|(object, watch)| Candidate {
                object: *object,
                watch,
                sight: Some(&seen),
                asked: false,
            })
            .collect();
        for (object, reason) in decide(&candidates, after(at), RULES, &mut last_turn) {
            assert_eq!(reason, Reason::Turn);
            note(watches.get_mut(&object).unwrap(), Some(&seen), at, false);
            walks.get_mut(&object).unwrap().push(at);
        }
    }
    walks
}

/// The most calls that any ten minutes take in which nothing changes.
fn most_in_ten_minutes(objects: u128, calls_per_probe: usize) -> usize {
    let walks = idle(objects, 6);
    let in_window = |from: u64| {
        let is_in = |at: &&u64| (from..from + 600).contains(*at);
        walks.values().map(|walks| walks.iter().filter(is_in).count()).sum::<usize>()
    };
    let walks = (30..=6 * 3_600 - 600).step_by(30).map(in_window).max().unwrap();
    walks + 20 * calls_per_probe
}

#[test]
fn thirty_idle_objects_take_a_twentieth_of_a_hundred_calls_a_minute() {
    // Once an hour each: two requests count records, one looks for a restored backup, one looks what the server can do.
    let hourly = 4;
    assert_eq!(most_in_ten_minutes(30, 1) + hourly, 29);
    assert_eq!(most_in_ten_minutes(30, 2) + hourly, 49, "a newer server takes twenty root fields");
}

#[test]
fn each_idle_object_is_walked_within_the_longest_interval_and_the_walks_are_spread() {
    for (objects, at_once) in [(1, 1), (30, 1), (200, 2)] {
        let walks = idle(objects, 6);
        for times in walks.values() {
            let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(gaps.max().unwrap() <= 3_600 + 30, "{objects}: {times:?}");
        }
        let mut at: BTreeMap<u64, usize> = BTreeMap::new();
        walks.values().flatten().filter(|at| **at > 0).for_each(|second| {
            *at.entry(*second).or_default() += 1;
        });
        assert!(at.values().max() <= Some(&at_once), "{objects}: {at:?}");
    }
}

/// What a transaction does to a record.
#[derive(Debug, Clone, Copy)]
enum Act {
    Write,
    Destroy,
}

#[derive(Debug, Clone, Copy)]
struct Transaction {
    started: u64,
    took: u64,
    record: u8,
    act: Act,
}

fn transactions() -> impl Strategy<Value = Vec<Transaction>> {
    let act = prop_oneof![5 => Just(Act::Write), 1 => Just(Act::Destroy)];
    let one = (0..600u64, prop_oneof![Just(0u64), 0..=60u64], 0..4u8, act);
    let one =
        one.prop_map(|(started, took, record, act)| Transaction { started, took, record, act });
    prop::collection::vec(one, 0..12)
}

/// The records at a second: of each the number of its last write and its time of change.
fn committed(transactions: &[Transaction], at: u64) -> BTreeMap<u8, (usize, u64)> {
    let mut order: Vec<(usize, &Transaction)> = transactions.iter().enumerate().collect();
    order.sort_by_key(|(number, one)| (one.started + one.took, *number));
    let mut records = BTreeMap::new();
    for (number, one) in order.into_iter().filter(|(_, one)| one.started + one.took <= at) {
        match one.act {
            Act::Write => drop(records.insert(one.record, (number, one.started))),
            Act::Destroy => drop(records.remove(&one.record)),
        }
    }
    records
}

proptest! {
    #[test]
    fn whatever_is_committed_is_read_by_walks_that_only_probes_ask_for(all in transactions()) {
        let rules = Rules { longest: Duration::from_hours(100), ..RULES };
        let (object, mut watch, mut last_turn) = (Uuid::nil(), Watch::default(), Duration::ZERO);
        let (mut mirror, mut watermark) = (BTreeMap::new(), None);
        let (mut lost, mut walks) = (BTreeSet::new(), 0);
        for at in (0..900).step_by(30) {
            let records = committed(&all, at);
            let newest = records.values().map(|(_, changed)| *changed).max();
            let newest = newest.map(|newest| NOON + after(newest));
            let outline = Outline { records: records.len() as u64, newest };
            let seen = Sight { outline, served_at: NOON + after(at) };
            let candidate = Candidate { object, watch: &watch, sight: Some(&seen), asked: false };
            if decide(&[candidate], after(at), rules, &mut last_turn).is_empty() {
                continue;
            }
            let since = watermark.map_or(0, |watermark: u64| watermark.saturating_sub(60));
            mirror.extend(records.into_iter().filter(|(_, (_, changed))| *changed >= since));
            if watch.has_lost(&seen) {
                lost.insert(at);
            }
            watch.note(Walked { sight: Some(&seen), now: after(at), shortest: INTERVAL, found: true }, rules);
            watermark = Some(at);
            walks += 1;
        }
        let source = committed(&all, 900);
        let read: BTreeMap<u8, (usize, u64)> =
            mirror.iter().filter(|(record, _)| source.contains_key(record)).map(|(r, v)| (*r, *v)).collect();
        prop_assert_eq!(&read, &source);
        // At most twice for each transaction, and once at the beginning.
        prop_assert!(walks <= 1 + 2 * all.len(), "{} walks", walks);
        let only_writes = all.iter().all(|one| matches!(one.act, Act::Write));
        prop_assert!(!only_writes || lost.is_empty(), "nothing was destroyed");
    }
}
