//! Walks over pages, honest and hostile.

use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::{
    Checkpoint, PageFacts, Step, Walk, WalkError, advance, are_shown_again, begin, is_behind,
};

const NOW: time::OffsetDateTime = datetime!(2026-11-24 08:00 UTC);

fn page(ids: &[u128], end_cursor: Option<&str>, has_next: bool, total: u64) -> PageFacts {
    PageFacts {
        served_at: NOW,
        records: ids.iter().map(|&id| Some((Uuid::from_u128(id), Some(NOW)))).collect(),
        end_cursor: end_cursor.map(str::to_owned),
        has_next,
        total,
    }
}

fn more(walk: &Walk, facts: &PageFacts) -> Walk {
    match advance(walk, facts, 2).unwrap() {
        Step::More(walk) => walk,
        Step::Done(_) => panic!("the walk ended"),
    }
}

#[test]
fn the_watermark_is_the_time_at_which_the_walk_began() {
    let first = more(&Walk::default(), &page(&[1, 2], Some("2"), true, 3));
    let last = PageFacts { served_at: NOW + Duration::HOUR, ..page(&[3], Some("3"), false, 3) };
    let done = Checkpoint { watermark: Some(NOW), walk: None };
    assert_eq!(advance(&first, &last, 2), Ok(Step::Done(done.clone())));
    assert_eq!(begin(&done, Duration::MINUTE).since, Some(NOW - Duration::MINUTE));
}

/// A record was refused as older than asked for: the filter holds whole milliseconds, and the watermark did not.
#[test]
fn a_record_of_the_millisecond_that_is_asked_for_is_not_older_than_it() {
    let read_in = NOW + Duration::nanoseconds(123_456_789);
    let shown = NOW + Duration::milliseconds(123);
    let walk = begin(&Checkpoint { watermark: Some(read_in), walk: None }, Duration::ZERO);
    assert_eq!(walk.since, Some(shown));
    let mut facts = page(&[1], Some("1"), false, 1);
    facts.records = vec![Some((Uuid::from_u128(1), Some(shown)))];
    assert!(advance(&walk, &facts, 2).is_ok());
}

#[test]
fn a_walk_under_way_is_taken_up_where_it_stopped() {
    let walk = more(&Walk::default(), &page(&[1, 2], Some("2"), true, 3));
    assert_eq!(
        begin(&Checkpoint { watermark: None, walk: Some(walk.clone()) }, Duration::MINUTE),
        walk
    );
}

#[test]
fn a_cursor_that_stands_is_an_error() {
    let walk = more(&Walk::default(), &page(&[1, 2], Some("2"), true, 9));
    for cursor in [None, Some("2")] {
        assert_eq!(
            advance(&walk, &page(&[3, 4], cursor, true, 9), 2),
            Err(WalkError::CursorStands)
        );
    }
    assert_eq!(advance(&walk, &page(&[], Some("9"), true, 9), 2), Err(WalkError::CursorStands));
}

#[test]
fn an_id_that_repeats_is_an_error_within_a_page_and_across_pages() {
    let walk = more(&Walk::default(), &page(&[1, 5], Some("5"), true, 9));
    for ids in [&[5, 6][..], &[4], &[7, 7], &[8, 7]] {
        assert!(
            matches!(
                advance(&walk, &page(ids, Some("x"), true, 9), 2),
                Err(WalkError::IdRepeats(_))
            ),
            "{ids:?}"
        );
    }
}

#[test]
fn a_record_older_than_asked_for_is_an_error() {
    let walk = Walk { since: Some(NOW + Duration::MILLISECOND), ..Walk::default() };
    let error = advance(&walk, &page(&[1], None, false, 1), 2);
    assert_eq!(error, Err(WalkError::FilterIgnored(Uuid::from_u128(1))));
}

#[test]
fn a_listing_that_ends_early_is_not_complete() {
    let walk = more(&Walk::default(), &page(&[1, 2], Some("2"), true, 10));
    let error = advance(&walk, &page(&[3], Some("3"), false, 10), 2);
    assert_eq!(error, Err(WalkError::EndedEarly { seen: 3, counted: 10 }));
}

#[test]
fn records_that_come_or_go_during_the_walk_do_not_make_it_incomplete() {
    for (total, then) in [(2, 3), (3, 3), (3, 2)] {
        let walk = more(&Walk::default(), &page(&[1, 2], Some("2"), true, total));
        let last = advance(&walk, &page(&[3], Some("3"), false, then), 2);
        assert!(matches!(last, Ok(Step::Done(_))), "{total} {then}");
    }
}

/// One record was destroyed and another was not shown: the counts agreed.
#[test]
fn where_records_came_or_went_the_end_is_asked_for_once_more() {
    let first = more(&Walk::default(), &page(&[1, 2], Some("2"), true, 4));
    let cut = page(&[3], Some("3"), false, 3);
    let walk = more(&first, &cut);
    assert_eq!(walk.cursor.as_deref(), Some("3"));
    let rest = more(&walk, &page(&[4], Some("4"), true, 3));
    for walk in [&walk, &rest] {
        let end = advance(walk, &page(&[], None, false, 3), 2);
        assert!(matches!(end, Ok(Step::Done(_))));
    }
    let empty = more(&more(&first, &page(&[3], Some("3"), true, 3)), &page(&[], None, false, 3));
    assert_eq!((empty.cursor.as_deref(), empty.ended), (Some("3"), true));
    for cursor in [None, Some("2")] {
        let last = PageFacts { end_cursor: cursor.map(str::to_owned), ..cut.clone() };
        let error = advance(&first, &last, 2);
        assert_eq!(error, Err(WalkError::EndedEarly { seen: 3, counted: 4 }));
    }
}

#[test]
fn a_record_that_could_not_be_read_counts_as_seen() {
    let facts = PageFacts { records: vec![None], ..page(&[], None, false, 1) };
    assert!(matches!(advance(&Walk::default(), &facts, 2), Ok(Step::Done(_))));
}

#[test]
fn a_walk_without_end_is_stopped() {
    // Twice the pages that the count needs, and ten: records come while they are read.
    for (total, limit, pages) in [(4, 2, 15), (9, 2, 21), (0, 2, 11), (3, 0, 17)] {
        let mut walk = Walk::default();
        let error = (1..1000).find_map(|id| {
            match advance(&walk, &page(&[id], Some(&id.to_string()), true, total), limit) {
                Ok(Step::More(next)) => {
                    walk = next;
                    None
                }
                Ok(Step::Done(_)) => panic!("the walk ended"),
                Err(error) => Some(error),
            }
        });
        assert_eq!(error, Some(WalkError::Endless { pages }), "{total} by {limit}");
    }
}

#[test]
fn an_empty_object_is_complete_at_once() {
    assert!(matches!(advance(&Walk::default(), &page(&[], None, false, 0), 2), Ok(Step::Done(_))));
}

#[test]
fn a_clock_behind_what_is_asked_for_shows_on_the_first_page_only() {
    let walk = |since, pages| Walk { since, pages, ..Walk::default() };
    for (since, pages, expected) in [
        (None, 0, false),
        (Some(NOW), 0, false),
        (Some(NOW + Duration::SECOND), 0, true),
        (Some(NOW + Duration::SECOND), 1, false),
        (Some(NOW - Duration::SECOND), 0, false),
    ] {
        assert_eq!(is_behind(&walk(since, pages), NOW), expected, "{since:?} {pages}");
    }
}

#[test]
fn a_column_is_shown_again_when_it_is_no_longer_withheld() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for (withheld, now, expected) in [
        (&[][..], &["a"][..], false),
        (&["a"], &["a"], false),
        (&["a", "b"], &["a"], true),
        (&["a"], &[], true),
    ] {
        assert_eq!(
            are_shown_again(&names(withheld), &names(now)),
            expected,
            "{withheld:?} {now:?}"
        );
    }
}

#[test]
fn each_reason_not_to_believe_a_page_says_what_was_seen() {
    let id = Uuid::from_u128(7);
    for (error, told) in [
        (WalkError::CursorStands, vec!["cursor".to_owned()]),
        (WalkError::IdRepeats(id), vec![id.to_string(), "twice".to_owned()]),
        (WalkError::FilterIgnored(id), vec![id.to_string(), "filter".to_owned()]),
        (WalkError::EndedEarly { seen: 31, counted: 42 }, vec!["31".to_owned(), "42".to_owned()]),
        (WalkError::Endless { pages: 53 }, vec!["53".to_owned()]),
    ] {
        let text = error.to_string();
        assert!(told.iter().all(|word| text.contains(word)), "{text}");
    }
}
