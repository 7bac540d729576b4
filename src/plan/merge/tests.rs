//! The table of a unit, and its properties over random triples.

use proptest::prelude::*;

use super::{Reference, Seen, Verdict, merge, see};
use crate::{
    plan::{
        fixture::{NOON, TABLE, at, image, text},
        policy::{Policy, Side, Times},
    },
    record::{Image, Unit, Value, units},
};

/// Nothing is known.
const UNKNOWN: Reference<'static> =
    Reference { base: None, sent: None, given_up: None, arrived: false, moved: true };

const TIMES: Times = Times { source: NOON, mirror: NOON };

fn unit(name: &str) -> Unit {
    units(&TABLE.columns).into_iter().find(|unit| unit.columns.contains(&at(name))).unwrap()
}

#[test]
fn each_row_of_the_table_holds() {
    for (equal, source_changed, mirror_changed, verdict) in [
        (true, true, true, Verdict::Agreed),
        (true, false, false, Verdict::Agreed),
        (false, true, false, Verdict::TakeSource),
        (false, false, false, Verdict::TakeSource),
        (false, false, true, Verdict::PushMirror),
        (false, true, true, Verdict::Conflict(Some(Side::Source))),
    ] {
        let seen = Seen { equal, source_changed, mirror_changed };
        assert_eq!(merge(seen, Policy::Source, TIMES), verdict, "{seen:?}");
    }
}

fn of_text(value: &str) -> Image {
    image(&[("text", text(value))])
}

fn sent_text(value: &str) -> Image {
    let mut sent = Image::unknown(TABLE.columns.len());
    sent.set(at("text"), Some(text(value)));
    sent
}

fn verdict(
    base: Option<&str>,
    sent: Option<&str>,
    arrived: bool,
    source: &str,
    mirror: &str,
) -> Verdict {
    let (base, sent) = (base.map(of_text), sent.map(sent_text));
    let (base, sent) = (base.as_ref(), sent.as_ref());
    let reference = Reference { base, sent, arrived, moved: arrived, ..UNKNOWN };
    let seen = see(&TABLE.columns, &unit("text"), reference, &of_text(source), &of_text(mirror));
    merge(seen.unwrap(), Policy::Hold, TIMES)
}

#[test]
fn a_write_that_arrived_moves_the_base() {
    let conflict = Verdict::Conflict(None);
    for (base, sent, arrived, source, mirror, expected) in [
        // It arrived: a later edit is an edit of it.
        (Some("b"), Some("x"), false, "x", "x", Verdict::Agreed),
        (Some("b"), Some("x"), false, "x", "y", Verdict::PushMirror),
        // It did not.
        (Some("b"), Some("x"), false, "b", "x", Verdict::PushMirror),
        (Some("b"), Some("x"), false, "b", "b", Verdict::Agreed),
        // Who knows: somebody else's value is never taken for ours.
        (Some("b"), Some("x"), false, "z", "x", conflict),
        // It is known to have arrived: what is there now is what the source made of it.
        (Some("b"), Some("x"), true, "z", "x", Verdict::TakeSource),
        (Some("b"), Some("x"), true, "z", "y", conflict),
        // A record inserted here.
        (None, None, false, "-", "y", Verdict::PushMirror),
        (None, None, false, "z", "-", Verdict::TakeSource),
        (None, None, false, "z", "y", conflict),
        (None, Some("x"), false, "x", "y", Verdict::PushMirror),
        (None, Some("x"), true, "z", "x", Verdict::TakeSource),
    ] {
        let found = verdict(base, sent, arrived, source, mirror);
        assert_eq!(found, expected, "{base:?} {sent:?} {arrived} {source} {mirror}");
    }
}

#[test]
fn a_value_taken_back_after_a_write_in_doubt_is_a_change() {
    let (base, sent) = (of_text("b"), sent_text("x"));
    let see = |moved| {
        let reference = Reference { base: Some(&base), sent: Some(&sent), moved, ..UNKNOWN };
        see(&TABLE.columns, &unit("text"), reference, &base, &of_text("x")).unwrap()
    };
    assert!(!see(false).source_changed);
    assert!(see(true).source_changed);
}

/// Cleared fields came back, and values that Twenty's users had cleared: a create arrived after it was looked for.
#[test]
fn a_create_that_was_given_up_may_have_arrived_late() {
    let (conflict, nothing) = (Verdict::Conflict(None), "-");
    for (given_up, source, mirror, expected) in [
        // It arrived: what was done here since is sent.
        ("x", "x", nothing, Verdict::PushMirror),
        ("x", "x", "y", Verdict::PushMirror),
        ("x", "x", "x", Verdict::Agreed),
        // It was changed there since, or is another record.
        ("x", nothing, "x", conflict),
        ("x", "z", "x", conflict),
        ("x", "z", nothing, Verdict::TakeSource),
        // It said nothing of the field.
        (nothing, "z", "y", conflict),
        (nothing, nothing, "y", Verdict::PushMirror),
    ] {
        let sent = sent_text(given_up);
        let reference = Reference { given_up: Some(&sent), ..UNKNOWN };
        let (source, mirror) = (of_text(source), of_text(mirror));
        let seen = see(&TABLE.columns, &unit("text"), reference, &source, &mirror).unwrap();
        assert_eq!(merge(seen, Policy::Hold, TIMES), expected, "{given_up} {source:?} {mirror:?}");
    }
}

#[test]
fn a_later_create_tells_of_what_it_left_out_and_of_nothing_else() {
    let (source, mirror) = (of_text("-"), of_text("x"));
    let (earlier, nothing) = (sent_text("x"), Image::unknown(TABLE.columns.len()));
    for (sent, expected) in [
        (&nothing, Verdict::PushMirror),
        // Both set it, so somebody cleared it.
        (&earlier, Verdict::Conflict(None)),
    ] {
        let reference = Reference { given_up: Some(&earlier), sent: Some(sent), ..UNKNOWN };
        let seen = see(&TABLE.columns, &unit("text"), reference, &source, &mirror).unwrap();
        assert_eq!(merge(seen, Policy::Hold, TIMES), expected);
    }
}

#[test]
fn what_the_source_does_not_show_is_not_seen() {
    let base = of_text("b");
    let reference = Reference { base: Some(&base), ..UNKNOWN };
    let hidden = Image::unknown(TABLE.columns.len());
    assert_eq!(see(&TABLE.columns, &unit("text"), reference, &hidden, &of_text("m")), None);
}

#[test]
fn a_field_younger_than_the_base_is_filled_if_empty_and_else_in_conflict() {
    let mut base = of_text("b");
    base.set(at("text"), None);
    let reference = Reference { base: Some(&base), ..UNKNOWN };
    let seen =
        |mirror| see(&TABLE.columns, &unit("text"), reference, &of_text("s"), &of_text(mirror));
    assert_eq!(merge(seen("-").unwrap(), Policy::Hold, TIMES), Verdict::TakeSource);
    assert_eq!(merge(seen("m").unwrap(), Policy::Hold, TIMES), Verdict::Conflict(None));
}

fn email(value: u8) -> Image {
    let value = match value {
        0 => Value::Null,
        1 => text("a@x.io"),
        2 => text("A@x.io"),
        _ => text("b@x.io"),
    };
    image(&[("emails_primary_email", value)])
}

fn swapped(verdict: Verdict) -> Verdict {
    let other = |side| match side {
        Side::Source => Side::Mirror,
        Side::Mirror => Side::Source,
    };
    match verdict {
        Verdict::Agreed => Verdict::Agreed,
        Verdict::TakeSource => Verdict::PushMirror,
        Verdict::PushMirror => Verdict::TakeSource,
        Verdict::Conflict(winner) => Verdict::Conflict(winner.map(other)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40_000, ..ProptestConfig::default() })]

    #[test]
    fn swapping_the_sides_and_the_policy_swaps_the_verdict(
        (base, source, mirror) in (0..4u8, 0..4u8, 0..4u8),
        (policy, other) in prop_oneof![
            Just((Policy::Source, Policy::Mirror)), Just((Policy::Mirror, Policy::Source)),
            Just((Policy::Hold, Policy::Hold)), Just((Policy::Newest, Policy::Newest)),
        ],
        lag in prop_oneof![3..100i64, -100..-2i64],
    ) {
        let (base, source, mirror) = (email(base), email(source), email(mirror));
        let reference = Reference { base: Some(&base), ..UNKNOWN };
        let lagging = NOON + time::Duration::seconds(lag);
        let see = |a, b| see(&TABLE.columns, &unit("emails_primary_email"), reference, a, b).unwrap();
        let here = merge(see(&source, &mirror), policy, Times { source: NOON, mirror: lagging });
        let there = merge(see(&mirror, &source), other, Times { source: lagging, mirror: NOON });
        prop_assert_eq!(swapped(here), there);
    }

    #[test]
    fn the_outcome_is_the_value_of_a_side_and_the_only_change_survives(
        (base, source, mirror) in (0..4u8, 0..4u8, 0..4u8)
    ) {
        let images = [base, source, mirror].map(email);
        let same = |a: usize, b: usize| crate::record::canonical::units_equal(
            &TABLE.columns, &unit("emails_primary_email"), &images[a], &images[b]).unwrap();
        let reference = Reference { base: Some(&images[0]), ..UNKNOWN };
        let seen = see(&TABLE.columns, &unit("emails_primary_email"), reference, &images[1], &images[2]).unwrap();
        let expected = match (same(0, 1), same(0, 2), same(1, 2)) {
            (_, _, true) => Verdict::Agreed,
            (false, true, false) => Verdict::TakeSource,
            (true, false, false) => Verdict::PushMirror,
            _ => Verdict::Conflict(None),
        };
        prop_assert_eq!(merge(seen, Policy::Hold, TIMES), expected);
    }
}
