use proptest::prelude::*;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{KEPT, Seen, Sentinel, Verdict, choose, judge, note};

const NOON: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

fn at(minute: i64) -> OffsetDateTime {
    NOON + Duration::minutes(minute)
}

fn sentinel(object: u128, id: u128, minute: i64) -> Sentinel {
    Sentinel { object_id: Uuid::from_u128(object), id: Uuid::from_u128(id), updated_at: at(minute) }
}

/// Sentinels by the minutes of their times of change, each with what is shown now.
fn seen(pairs: &[(i64, Option<i64>)]) -> Vec<Seen> {
    let pair = |(id, (minute, shown)): (u128, &(i64, Option<i64>))| {
        (sentinel(1, id, *minute), shown.map(at))
    };
    (0..).zip(pairs).map(pair).collect()
}

#[test]
fn a_restore_is_told_from_what_people_do() {
    let gone = |count: i64| -> Vec<(i64, Option<i64>)> {
        (0..count).map(|minute| (minute + 10, None)).chain([(1, Some(1))]).collect()
    };
    let cases = [
        ("nothing to look at", vec![], Verdict::Unclear),
        ("nothing happened", vec![(1, Some(1)), (2, Some(2))], Verdict::Usual),
        ("all were edited", vec![(1, Some(7)), (2, Some(8))], Verdict::Usual),
        ("two went back", vec![(1, Some(1)), (5, Some(0)), (6, Some(2))], Verdict::Back(at(5))),
        (
            "one went back, one is gone",
            vec![(1, Some(1)), (5, Some(0)), (6, None)],
            Verdict::Back(at(5)),
        ),
        ("all went back", vec![(5, Some(0)), (6, Some(1))], Verdict::Back(at(5))),
        (
            "restored, then edited",
            vec![(4, Some(9)), (5, Some(0)), (6, None)],
            Verdict::Back(at(5)),
        ),
        ("only one went back", vec![(1, Some(1)), (5, Some(0))], Verdict::Usual),
        (
            "a newer one is unchanged",
            vec![(5, Some(0)), (6, Some(1)), (7, Some(7))],
            Verdict::Usual,
        ),
        (
            "one of the same time is unchanged",
            vec![(5, Some(0)), (6, Some(1)), (6, Some(6))],
            Verdict::Usual,
        ),
        (
            "all that went back are of the time of one that did not",
            vec![(6, Some(0)), (6, Some(1)), (6, Some(6))],
            Verdict::Usual,
        ),
        ("the newest were destroyed", vec![(1, Some(1)), (5, None), (6, None)], Verdict::Usual),
        ("all were destroyed", vec![(5, None), (6, None)], Verdict::Usual),
        ("nine are gone", gone(9), Verdict::Usual),
        ("ten are gone", gone(10), Verdict::BackUnlessNewer(at(10))),
        (
            "an older one was destroyed before",
            vec![(1, None), (2, Some(2)), (5, Some(0)), (6, None)],
            Verdict::Back(at(5)),
        ),
    ];
    for (what, pairs, expected) in cases {
        assert_eq!(judge(&seen(&pairs), at(60)), expected, "{what}");
    }
}

#[test]
fn a_source_whose_clock_is_behind_its_own_stamps_tells_nothing() {
    let back = seen(&[(5, Some(0)), (6, Some(1))]);
    assert_eq!(judge(&back, at(6) - Duration::SECOND * 2), Verdict::Unclear);
    assert_eq!(judge(&back, at(6) - Duration::SECOND), Verdict::Back(at(5)));
}

#[test]
fn the_newest_are_looked_at_in_few_objects() {
    let many = (0..30).map(|n| sentinel(1, n, 0)).chain((0..9).map(|n| sentinel(n + 2, n + 30, 1)));
    let chosen = choose(many.collect());
    let mut objects: Vec<Uuid> = chosen.iter().map(|sentinel| sentinel.object_id).collect();
    objects.dedup();
    assert_eq!((chosen.len(), objects.len()), (5, 5));
    assert!(chosen.iter().all(|sentinel| sentinel.updated_at == at(1)));
    assert_eq!(choose((0..30).map(|n| sentinel(1, n, 0)).collect()).len(), 20);
}

#[test]
fn a_time_of_change_that_was_made_up_is_not_remembered() {
    for (seconds, is_remembered) in [(-1, true), (0, true), (1, true), (2, false), (60, false)] {
        let mut newest = Vec::new();
        note(&mut newest, Uuid::nil(), at(8) + Duration::seconds(seconds), at(8));
        assert_eq!(!newest.is_empty(), is_remembered, "{seconds} seconds after the source's time");
    }
}

proptest! {
    /// Whatever the moment of the backup: where two were touched since and one of them is still there, it is seen.
    #[test]
    fn every_restore_that_takes_back_an_edit_and_something_else_is_seen(
        times in prop::collection::btree_set(1_i64..1_000, 2..20),
        backup in 0_usize..18,
        destroyed in prop::collection::vec(any::<bool>(), 20),
    ) {
        let times: Vec<i64> = times.into_iter().collect();
        let backup = backup.min(times.len() - 2);
        let pairs: Vec<(i64, Option<i64>)> = times.iter().enumerate().map(|(index, &minute)| {
            let is_back = index >= backup;
            // The oldest of those taken back is an edit; of the others, some were created since.
            let is_gone = index > backup && destroyed[index];
            (minute, if is_gone { None } else if is_back { Some(0) } else { Some(minute) })
        }).collect();
        prop_assert_eq!(judge(&seen(&pairs), at(2_000)), Verdict::Back(at(times[backup])));
    }

    /// Whatever people edit and destroy, as long as times go forward: at most a question.
    #[test]
    fn work_is_never_taken_for_a_restore(
        pairs in prop::collection::vec((1_i64..1_000, prop::option::of(0_i64..1_000)), 0..20)
    ) {
        let pairs: Vec<(i64, Option<i64>)> = pairs.into_iter()
            .map(|(minute, later)| (minute, later.map(|later| minute + later))).collect();
        let verdict = judge(&seen(&pairs), at(5_000));
        prop_assert!(!matches!(verdict, Verdict::Back(_)), "{verdict:?}");
        let gone = pairs.iter().filter(|(_, shown)| shown.is_none()).count();
        prop_assert!(gone >= 10 || matches!(verdict, Verdict::Usual | Verdict::Unclear));
    }

    #[test]
    fn the_newest_are_remembered_in_whatever_order_they_come(times in prop::collection::vec(0_i64..1_000, 0..40)) {
        let mut newest = Vec::new();
        for (id, minute) in (0..).zip(&times) {
            note(&mut newest, Uuid::from_u128(id), at(*minute), at(2_000));
        }
        let mut expected = times;
        expected.sort_unstable_by(|left, right| right.cmp(left));
        expected.truncate(KEPT);
        let minutes: Vec<i64> = newest.iter().map(|(_, time)| (*time - NOON).whole_minutes()).collect();
        prop_assert_eq!(minutes, expected);
    }
}
