//! Fields that wait, are held, or have a time of their own.

use super::*;

#[test]
fn the_time_of_an_edit_is_that_of_its_own_field() {
    let policies = Policies { object: Policy::Newest, ..Policies::default() };
    let mirror = image(&[("text", text("m")), ("count", Value::Integer(2))]);
    let mut local = pending(Some(of_text("b")), Some(mirror));
    let much_later = Operation { changed_at: LATER + Duration::HOUR, ..updated(2, "count") };
    local.operations = vec![updated(1, "text"), much_later];
    let source = row(&[("text", text("s")), ("updated_at", Value::Timestamp(LATER))]);
    let found = with(&policies, &local, &Sighting::Present(source.clone()));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::Field, Some(Side::Source))]);
    // Without an entry of its own, that of the record.
    local.operations.clear();
    local.changed_at = LATER + Duration::HOUR;
    let found = with(&policies, &local, &Sighting::Present(source));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::Field, Some(Side::Mirror))]);
}

#[test]
fn what_the_source_does_not_show_waits_if_the_mirror_wrote_it() {
    let mut hidden = row(&[]);
    hidden.values[at("text")] = None;
    let waiting = |base, mirror| match decide(
        &pending(base, mirror),
        &Sighting::Present(hidden.clone()),
    )
    .base
    {
        NewBase::Pending { waiting, .. } => waiting,
        NewBase::Settled | NewBase::Unchanged => Vec::new(),
    };
    assert_eq!(waiting(None, Some(of_text("m"))), [at("text")]);
    assert!(waiting(None, Some(of_text("-"))).is_empty());
    assert_eq!(waiting(Some(of_text("b")), Some(of_text("-"))), [at("text")]);
    assert!(waiting(Some(of_text("b")), Some(of_text("b"))).is_empty());
}

#[test]
fn what_was_sent_of_a_field_that_is_out_of_sight_is_agreed_on_only_if_it_arrived() {
    let mut hidden = row(&[]);
    hidden.values[at("text")] = None;
    let mut local = pending(None, Some(of_text("m")));
    let base_of = |found: Reconciled| match found.base {
        NewBase::Pending { base, .. } => base.unwrap().get(at("text")).cloned(),
        NewBase::Settled | NewBase::Unchanged => panic!("settled"),
    };
    let seen = Sighting::Present(hidden.clone());
    assert_eq!(base_of(decide(&local, &seen)), Some(text("-")), "it was never sent");
    local.sent = Some(sent(&[("text", text("m"))]));
    assert_eq!(base_of(decide(&local, &seen)), None, "the create may have been somebody else's");
    let cleared = Pending { mirror: Some(of_text("-")), ..local.clone() };
    assert_eq!(base_of(decide(&cleared, &seen)), None, "what it was cleared from may be there");
    let written = Acknowledgement { answer: Answer::Written(hidden), through: 1 };
    local.base = Some(of_text("b"));
    let arrived = acknowledge(rules(&Policies::default()), &local, &written);
    assert_eq!(base_of(arrived), Some(text("m")), "the old value would hide that it came back");
    let reverted = Pending { mirror: Some(of_text("b")), ..local };
    assert_eq!(base_of(decide(&reverted, &seen)), None, "what was sent may be there");
}

#[test]
fn a_held_conflict_over_a_value_that_was_taken_back_stays_one() {
    let policies = Policies { object: Policy::Hold, ..Policies::default() };
    let mut local = pending(Some(of_text("b")), Some(of_text("x")));
    local.sent = Some(sent(&[("text", text("x"))]));
    // The record changed since: the write may have arrived, and somebody may have taken it back.
    let source = row(&[("text", text("b")), ("updated_at", Value::Timestamp(LATER))]);
    let found = with(&policies, &local, &Sighting::Present(source.clone()));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::Field, None)]);
    let NewBase::Pending { base: Some(base), waiting, .. } = found.base else { panic!("settled") };
    assert_eq!((base.get(at("text")), &waiting), (None, &vec![at("text")]));
    // However the mirror's value looks meanwhile: the base that would tell is forgotten.
    for value in ["x", "-"] {
        let again = Pending {
            base: Some(base.clone()),
            mirror: Some(of_text(value)),
            sent: None,
            waiting: waiting.iter().copied().collect(),
            ..local.clone()
        };
        let found = with(&policies, &again, &Sighting::Present(source.clone()));
        assert_eq!(kinds(&found.conflicts), [(ConflictKind::Field, None)], "{value}");
    }
}

#[test]
fn no_place_in_a_list_is_left_to_the_source() {
    let there = row(&[("position", Value::Double(2.0))]);
    let taken = MirrorStep::Update(vec![(at("position"), Value::Double(2.0))]);
    for base in [None, Some(image(&[("position", Value::Double(1.0))]))] {
        let found = decide(&pending(base, Some(image(&[]))), &Sighting::Present(there.clone()));
        assert_eq!((&found.mirror, &found.base), (&taken, &NewBase::Settled));
        assert_eq!(found.conflicts, []);
    }
    let moved = pending(
        Some(image(&[("position", Value::Double(2.0))])),
        Some(image(&[("position", Value::Double(3.0))])),
    );
    assert_eq!(decide(&moved, &Sighting::Present(there)).next, Next::Push);
}

#[test]
fn only_what_waits_without_a_base_is_in_conflict_whatever_the_mirror_holds() {
    let policies = Policies { object: Policy::Hold, ..Policies::default() };
    let source = Sighting::Present(row(&[("text", text("s"))]));
    let taken = MirrorStep::Update(vec![(at("text"), text("s"))]);
    let mut unknown = of_text("b");
    unknown.set(at("text"), None);
    let conflict = vec![(ConflictKind::Field, None)];
    for (what, base, mirror, waits, expected) in [
        ("a field younger than the base", &unknown, "-", false, vec![]),
        ("a conflict whose base is forgotten", &unknown, "-", true, conflict.clone()),
        ("an edit that waited and was taken back", &of_text("b"), "b", true, vec![]),
        ("an edit that waits", &of_text("b"), "m", true, conflict),
    ] {
        let mut local = pending(Some(base.clone()), Some(of_text(mirror)));
        local.waiting = if waits { [at("text")].into() } else { [].into() };
        let found = with(&policies, &local, &source);
        assert_eq!(kinds(&found.conflicts), expected, "{what}");
        assert_eq!(found.mirror == taken, expected.is_empty(), "{what}");
    }
}

/// Both made the record; the field waited for a person, was then cleared in Twenty, and the value from here was sent.
#[test]
fn a_held_field_of_a_record_made_on_both_sides_waits_whatever_comes() {
    let policies = Policies { object: Policy::Hold, ..Policies::default() };
    let local = pending(None, Some(of_text("m")));
    let shown = |value: &str| Sighting::Present(row(&[("text", text(value))]));
    let found = with(&policies, &local, &shown("s"));
    let NewBase::Pending { base: Some(base), waiting, .. } = found.base else { panic!("settled") };
    assert_eq!((base.get(at("text")), &waiting[..]), (None, &[at("text")][..]));
    let waiting = waiting.into_iter().collect();
    let cleared = with(&policies, &Pending { base: Some(base), waiting, ..local }, &shown("-"));
    assert_eq!((cleared.mirror, cleared.next), (MirrorStep::Keep, Next::Nothing));
}
