//! Records in every combination of states, one claim at a time.

use time::{Duration, OffsetDateTime};

use super::{
    Acknowledgement, Answer, Conflict, ConflictKind, MirrorStep, NewBase, Next, Outcome,
    Reconciled, Resolution, acknowledge, reconcile,
};
use crate::{
    plan::{
        fixture::{NOON, TABLE, as_row, at, image, pending, row, rules, text},
        pending::{DeletedRecords, Operation, OperationKind, Pending, Rules, Sighting},
        policy::{DeletePolicy, Policies, Policy, Side},
        schema::{LostCause, LostColumn, Table},
    },
    record::{DeleteMode, Direction, Image, Row, Value},
};

mod deletes;
mod fields;
mod outbox;

const LATER: OffsetDateTime = NOON.saturating_add(Duration::MINUTE);

fn of_text(value: &str) -> Image {
    image(&[("text", text(value))])
}

fn dead(value: &str) -> Row {
    row(&[
        ("text", text(value)),
        ("deleted_at", Value::Timestamp(LATER)),
        ("updated_at", Value::Timestamp(LATER)),
    ])
}

fn sent(values: &[(&str, Value)]) -> Image {
    let mut sent = Image::unknown(TABLE.columns.len());
    for (name, value) in values {
        sent.set(at(name), Some(value.clone()));
    }
    sent
}

fn updated(id: i64, column: &str) -> Operation {
    let changed = vec![column.to_owned()];
    Operation { id, kind: OperationKind::Update, changed, changed_at: NOON }
}

fn decide(pending: &Pending, sighting: &Sighting) -> Reconciled {
    reconcile(rules(&Policies::default()), pending, sighting)
}

fn with(policies: &Policies, pending: &Pending, sighting: &Sighting) -> Reconciled {
    reconcile(rules(policies), pending, sighting)
}

fn edit_restores() -> Policies {
    Policies { deletes: DeletePolicy::EditRestores, ..Policies::default() }
}

fn kinds(conflicts: &[Conflict]) -> Vec<(ConflictKind, Option<Side>)> {
    conflicts.iter().map(|conflict| (conflict.kind, conflict.winner)).collect()
}

fn base_text(reconciled: &Reconciled) -> Option<&Value> {
    match &reconciled.base {
        NewBase::Pending { base: Some(base), .. } => base.get(at("text")),
        NewBase::Pending { base: None, .. } | NewBase::Unchanged | NewBase::Settled => None,
    }
}

#[test]
fn different_fields_edited_on_both_sides_both_survive() {
    let source = row(&[("text", text("b")), ("count", Value::Integer(7))]);
    let mut local = pending(Some(of_text("b")), Some(of_text("m")));
    local.operations = vec![updated(1, "text")];
    let found = decide(&local, &Sighting::Present(source));
    assert_eq!(found.mirror, MirrorStep::Update(vec![(at("count"), Value::Integer(7))]));
    assert_eq!((found.next, found.conflicts, found.settled), (Next::Push, vec![], vec![]));
}

#[test]
fn one_field_edited_on_both_sides_is_a_conflict_that_keeps_both_values() {
    let local = pending(Some(of_text("b")), Some(of_text("m")));
    let source = Sighting::Present(row(&[("text", text("s"))]));
    let found = decide(&local, &source);
    assert_eq!(found.mirror, MirrorStep::Update(vec![(at("text"), text("s"))]));
    assert_eq!((&found.base, found.next), (&NewBase::Settled, Next::Nothing));
    let [conflict] = &found.conflicts[..] else { panic!("{found:?}") };
    assert_eq!(conflict.field.as_deref(), Some("text"));
    let json = |values| conflict.json(&TABLE.columns, values);
    assert_eq!(json(&conflict.base), r#"{"text":"b"}"#);
    assert_eq!(json(&conflict.source), r#"{"text":"s"}"#);
    assert_eq!(json(&conflict.mirror), r#"{"text":"m"}"#);
    let mirror_wins =
        with(&Policies { object: Policy::Mirror, ..Policies::default() }, &local, &source);
    assert_eq!((&mirror_wins.mirror, mirror_wins.next), (&MirrorStep::Keep, Next::Push));
    assert_eq!(base_text(&mirror_wins), Some(&text("s")), "the guard compares with what is there");
}

#[test]
fn a_held_field_waits_and_the_rest_of_the_record_flows() {
    let mirror = image(&[("text", text("m")), ("count", Value::Integer(2))]);
    let mut local = pending(Some(of_text("b")), Some(mirror));
    local.operations = vec![updated(1, "text"), updated(2, "count")];
    let source = row(&[("text", text("s")), ("flag", Value::Boolean(true))]);
    let mut policies = Policies::default();
    policies.fields.insert("text".to_owned(), Policy::Hold);
    let found = with(&policies, &local, &Sighting::Present(source));
    assert_eq!(found.mirror, MirrorStep::Update(vec![(at("flag"), Value::Boolean(true))]));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::Field, None)]);
    assert_eq!((base_text(&found), found.next), (Some(&text("b")), Next::Push));
    let NewBase::Pending { waiting, .. } = found.base else { panic!("settled") };
    assert_eq!(waiting, [at("text")]);
}

#[test]
fn a_key_that_the_source_does_not_show_is_neither_changed_nor_overwritten() {
    let mut source = row(&[]);
    source.values[at("text")] = None;
    let untouched = decide(
        &pending(Some(of_text("b")), Some(of_text("b"))),
        &Sighting::Present(source.clone()),
    );
    assert_eq!((untouched.mirror, untouched.base), (MirrorStep::Keep, NewBase::Settled));
    let edited =
        decide(&pending(Some(of_text("b")), Some(of_text("m"))), &Sighting::Present(source));
    assert_eq!((&edited.mirror, edited.next), (&MirrorStep::Keep, Next::Nothing));
    assert_eq!(base_text(&edited), Some(&text("b")));
}

#[test]
fn a_local_delete_is_sent_and_wins_over_the_sources_edit() {
    let local = pending(Some(of_text("b")), None);
    let unchanged = decide(&local, &Sighting::Present(row(&[("text", text("b"))])));
    assert_eq!((unchanged.next, kinds(&unchanged.conflicts)), (Next::Push, vec![]));
    let edited = Sighting::Present(row(&[("text", text("s"))]));
    let found = decide(&local, &edited);
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::DeletedInMirror, Some(Side::Mirror))]);
    assert_eq!((base_text(&found), found.next), (Some(&text("s")), Next::Push), "told once");
    assert_eq!(with(&edit_restores(), &local, &edited).next, Next::Push, "it is the same record");
    let later = row(&[("text", text("s")), ("updated_at", Value::Timestamp(LATER))]);
    let restored = with(&edit_restores(), &local, &Sighting::Present(later.clone()));
    assert_eq!((restored.mirror, restored.base), (MirrorStep::Insert(later), NewBase::Settled));
}

#[test]
fn the_sources_delete_wins_over_a_local_edit_and_keeps_it() {
    let local = pending(Some(of_text("b")), Some(of_text("m")));
    let found = decide(&local, &Sighting::Tombstone(dead("b")));
    assert_eq!((&found.mirror, &found.base), (&MirrorStep::Remove, &NewBase::Settled));
    let [conflict] = &found.conflicts[..] else { panic!("{found:?}") };
    assert_eq!(
        (conflict.kind, &conflict.mirror[..]),
        (ConflictKind::DeletedAtSource, &[Some(text("m"))][..])
    );
    let restored = with(&edit_restores(), &local, &Sighting::Tombstone(dead("b")));
    assert_eq!(
        (restored.next, kinds(&restored.conflicts)),
        (Next::Push, vec![(ConflictKind::DeletedAtSource, Some(Side::Mirror))])
    );
    let NewBase::Pending { base: Some(base), .. } = restored.base else { panic!("settled") };
    assert_eq!(base.get(at("deleted_at")), Some(&Value::Timestamp(LATER)), "it will be restored");
}

#[test]
fn a_destroyed_record_goes_and_its_edit_is_kept_or_creates_it_anew() {
    let local = pending(Some(of_text("b")), Some(of_text("m")));
    let found = decide(&local, &Sighting::Absent);
    assert_eq!((&found.mirror, &found.base), (&MirrorStep::Remove, &NewBase::Settled));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::DeletedAtSource, Some(Side::Source))]);
    let anew = with(&edit_restores(), &local, &Sighting::Absent);
    assert_eq!(anew.base, NewBase::Pending { base: None, waiting: vec![], given_up: None });
    let untouched = decide(&pending(Some(of_text("b")), Some(of_text("b"))), &Sighting::Absent);
    assert_eq!((untouched.mirror, untouched.conflicts), (MirrorStep::Remove, vec![]));
}

#[test]
fn deleted_on_both_sides_is_settled() {
    let local = pending(Some(of_text("b")), None);
    for sighting in [Sighting::Absent, Sighting::Tombstone(dead("b"))] {
        let found = decide(&local, &sighting);
        assert_eq!((found.mirror, found.base), (MirrorStep::Keep, NewBase::Settled));
        assert_eq!(found.conflicts, []);
    }
    let policies = Policies::default();
    let keeping = Rules { deleted: DeletedRecords::Keep, ..rules(&policies) };
    let found = reconcile(keeping, &local, &Sighting::Tombstone(dead("b")));
    assert_eq!(found.mirror, MirrorStep::Insert(dead("b")));
}

#[test]
fn a_row_inserted_under_an_id_in_the_trash_restores_it() {
    let local = pending(None, Some(of_text("m")));
    let mut buried = dead("old");
    buried.values[at("count")] = Some(Value::Integer(5));
    let found = decide(&local, &Sighting::Tombstone(buried));
    let MirrorStep::Update(patch) = &found.mirror else { panic!("{found:?}") };
    assert!(patch.contains(&(at("count"), Value::Integer(5))), "what it left empty is filled");
    assert!(patch.iter().all(|(index, _)| *index != at("deleted_at") && *index != at("text")));
    assert_eq!((base_text(&found), found.next), (Some(&text("old")), Next::Push));
}

#[test]
fn an_insert_meets_its_own_earlier_attempt() {
    let mut local = pending(None, Some(of_text("later")));
    local.sent = Some(sent(&[("text", text("first"))]));
    let arrived =
        Sighting::Present(row(&[("text", text("first")), ("position", Value::Double(3.0))]));
    let found = decide(&local, &arrived);
    assert_eq!((base_text(&found), found.next), (Some(&text("first")), Next::Push));
    assert_eq!(found.conflicts, []);
    let missing = decide(&local, &Sighting::Absent);
    let given_up = local.sent.clone();
    let again = Pending { given_up: given_up.clone(), sent: None, ..local.clone() };
    let waits = NewBase::Pending { base: None, waiting: vec![], given_up };
    assert_eq!((missing.base, missing.next), (waits.clone(), Next::Push));
    assert_eq!(
        decide(&again, &Sighting::Absent).base,
        waits,
        "it is not forgotten by a second look"
    );
    let accepted = Pending { sent: Some(sent(&[("count", Value::Integer(1))])), ..again.clone() };
    let written = Answer::Written(row(&[("count", Value::Integer(1))]));
    let acknowledgement = Acknowledgement { answer: written, through: 1 };
    let found = acknowledge(rules(&Policies::default()), &accepted, &acknowledgement);
    assert_eq!((found.next, found.conflicts), (Next::Push, vec![]), "what it left out is sent now");
    let late = decide(&again, &arrived);
    assert_eq!((base_text(&late), late.next), (Some(&text("first")), Next::Push));
    let buried = decide(
        &Pending { mirror: Some(of_text("first")), ..local },
        &Sighting::Tombstone(dead("first")),
    );
    assert_eq!((buried.mirror, buried.conflicts), (MirrorStep::Remove, vec![]));
}

#[test]
fn an_insert_meets_somebody_elses_record() {
    let mirror = image(&[("text", text("mine")), ("count", Value::Integer(2))]);
    let theirs = row(&[("text", text("theirs")), ("flag", Value::Boolean(true))]);
    let found = decide(&pending(None, Some(mirror)), &Sighting::Present(theirs));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::Field, Some(Side::Source))]);
    assert_eq!(found.next, Next::Push, "the count that they left empty is sent");
}

#[test]
fn an_insert_that_was_deleted_again_comes_to_nothing_or_is_deleted_if_it_arrived() {
    let local = pending(None, None);
    assert_eq!(decide(&local, &Sighting::Unseen).base, NewBase::Settled);
    let doubtful = Pending { sent: Some(sent(&[("text", text("a"))])), ..local };
    assert_eq!(decide(&doubtful, &Sighting::Unseen).next, Next::Read);
    let arrived = decide(&doubtful, &Sighting::Present(row(&[("text", text("a"))])));
    assert_eq!((arrived.next, arrived.conflicts), (Next::Push, vec![]));
    assert_eq!(decide(&doubtful, &Sighting::Absent).base, NewBase::Settled);
}

#[test]
fn a_row_deleted_and_inserted_again_survives_its_own_delete() {
    let mut local = pending(Some(of_text("b")), Some(of_text("again")));
    local.sent = Some(sent(&[("deleted_at", Value::Timestamp(NOON))]));
    let arrived = decide(&local, &Sighting::Tombstone(dead("b")));
    let updated_at = MirrorStep::Update(vec![(at("updated_at"), Value::Timestamp(LATER))]);
    assert_eq!((arrived.mirror, arrived.next), (updated_at, Next::Push));
    assert_eq!(arrived.conflicts, []);
    let lost = decide(&local, &Sighting::Present(row(&[("text", text("b"))])));
    assert_eq!((lost.next, lost.conflicts), (Next::Push, vec![]));
}

#[test]
fn the_mirror_takes_what_the_source_made_of_what_it_still_holds() {
    let phone = |number: &str, country: &str, calling: &str| {
        [
            ("phones_primary_phone_number", text(number)),
            ("phones_primary_phone_country_code", text(country)),
            ("phones_primary_phone_calling_code", text(calling)),
        ]
    };
    let mut mirror = image(&phone("+972501234567", "-", "-"));
    let mut local = pending(Some(image(&[])), Some(mirror.clone()));
    local.sent = Some(sent(
        &[
            phone("+972501234567", "-", "-").to_vec(),
            vec![("phones_additional_phones", Value::Null)],
        ]
        .concat(),
    ));
    local.operations = vec![updated(1, "phones_primary_phone_number")];
    let stored = row(&phone("501234567", "IL", "+972"));
    let acknowledgement = Acknowledgement { answer: Answer::Written(stored.clone()), through: 1 };
    let found = acknowledge(rules(&Policies::default()), &local, &acknowledgement);
    let MirrorStep::Update(patch) = &found.mirror else { panic!("{found:?}") };
    assert!(patch.contains(&(at("phones_primary_phone_number"), text("501234567"))));
    assert_eq!((found.base, found.settled[0].outcome), (NewBase::Settled, Outcome::Written));

    mirror.set(at("phones_primary_phone_number"), Some(text("+972509999999")));
    // The later edit has an entry of its own.
    let operations = [1, 2].map(|id| updated(id, "phones_primary_phone_number")).to_vec();
    let edited = Pending { mirror: Some(mirror), operations, ..local };
    let found = acknowledge(rules(&Policies::default()), &edited, &acknowledgement);
    assert_eq!((found.mirror, found.next), (MirrorStep::Keep, Next::Push), "a later edit survives");
    assert_eq!((found.conflicts, found.settled.len()), (vec![], 1), "what was sent is settled");
}

#[test]
fn a_value_that_the_source_took_and_did_not_keep_is_told_and_not_sent_for_ever() {
    let mut local = pending(Some(of_text("b")), Some(of_text("m")));
    local.sent = Some(sent(&[("text", text("m"))]));
    local.operations = vec![updated(1, "text")];
    let answer = Answer::Written(row(&[("text", text("b"))]));
    let found =
        acknowledge(rules(&Policies::default()), &local, &Acknowledgement { answer, through: 1 });
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::NotKept, Some(Side::Source))]);
    assert_eq!((found.base, found.settled[0].outcome), (NewBase::Settled, Outcome::Refused));
}

#[test]
fn a_write_in_doubt_is_never_taken_for_somebody_elses_value() {
    let mut local = pending(Some(of_text("b")), Some(of_text("m")));
    local.sent = Some(sent(&[("text", text("m"))]));
    let arrived = decide(&local, &Sighting::Present(row(&[("text", text("m"))])));
    assert_eq!((arrived.base, arrived.conflicts), (NewBase::Settled, vec![]));
    let lost = decide(&local, &Sighting::Present(row(&[("text", text("b"))])));
    assert_eq!((lost.next, lost.conflicts), (Next::Push, vec![]));
    let theirs = decide(&local, &Sighting::Present(row(&[("text", text("s"))])));
    assert_eq!(kinds(&theirs.conflicts), [(ConflictKind::Field, Some(Side::Source))]);
}

#[test]
fn an_edit_taken_back_is_settled_and_spelt_as_before() {
    let base = image(&[("emails_primary_email", text("a@x.io"))]);
    let mirror = image(&[("emails_primary_email", text("A@x.io"))]);
    let found = decide(&pending(Some(base), Some(mirror)), &Sighting::Unseen);
    assert_eq!(
        found.mirror,
        MirrorStep::Update(vec![(at("emails_primary_email"), text("a@x.io"))])
    );
    assert_eq!(found.base, NewBase::Settled);
}

#[test]
fn a_restore_of_a_kept_row_is_sent_and_a_purge_ends_it() {
    let policies = Policies::default();
    let keeping = Rules { deleted: DeletedRecords::Keep, ..rules(&policies) };
    let base = Image::of(&dead("b"));
    let local = pending(Some(base.clone()), Some(of_text("b")));
    assert_eq!(reconcile(keeping, &local, &Sighting::Tombstone(dead("b"))).next, Next::Push);
    assert_eq!(
        reconcile(keeping, &local, &Sighting::Present(as_row(&of_text("b")))).base,
        NewBase::Settled
    );
    let purged = reconcile(keeping, &local, &Sighting::Absent);
    assert_eq!((purged.mirror, purged.conflicts.len()), (MirrorStep::Remove, 1));
    let mut edited = base.clone();
    edited.set(at("text"), Some(text("m")));
    let trash =
        reconcile(keeping, &pending(Some(base), Some(edited)), &Sighting::Tombstone(dead("b")));
    assert_eq!(trash.mirror, MirrorStep::Update(vec![(at("text"), text("b"))]));
    assert_eq!(trash.conflicts.len(), 1);
}

#[test]
fn a_delete_that_was_acknowledged_is_settled_or_undone_by_a_later_insert() {
    let acknowledgement = Acknowledgement { answer: Answer::Deleted { at: LATER }, through: 1 };
    let done = acknowledge(
        rules(&Policies::default()),
        &pending(Some(of_text("b")), None),
        &acknowledgement,
    );
    assert_eq!((done.mirror, done.base), (MirrorStep::Keep, NewBase::Settled));
    let again = pending(Some(of_text("b")), Some(of_text("c")));
    let found = acknowledge(rules(&Policies::default()), &again, &acknowledgement);
    let NewBase::Pending { base: Some(base), .. } = found.base else { panic!("settled") };
    assert_eq!(base.get(at("deleted_at")), Some(&Value::Timestamp(LATER)));
}

#[test]
fn the_newer_edit_wins_where_the_policy_says_so() {
    let policies = || Policies { object: Policy::Newest, ..Policies::default() };
    let source = row(&[("text", text("s")), ("updated_at", Value::Timestamp(LATER))]);
    for (seconds, winner) in [(-1, Side::Source), (1, Side::Source), (3, Side::Mirror)] {
        let mut local = pending(Some(of_text("b")), Some(of_text("m")));
        local.operations = vec![Operation {
            changed_at: LATER + Duration::seconds(seconds),
            ..updated(1, "text")
        }];
        let found = with(&policies(), &local, &Sighting::Present(source.clone()));
        assert_eq!(kinds(&found.conflicts), [(ConflictKind::Field, Some(winner))]);
    }
}

/// Found by `prove`, history 32: the row was deleted while its restore was on its way, and came back.
#[test]
fn a_row_deleted_while_its_restore_was_sent_is_deleted_again() {
    let mut pending = pending(Some(Image::of(&dead("old"))), None);
    pending.sent = Some(sent(&[("text", text("new"))]));
    let decided = decide(&pending, &Sighting::Present(row(&[("text", text("new"))])));
    assert_eq!((&decided.mirror, decided.next), (&MirrorStep::Keep, Next::Push));
    assert_eq!(base_text(&decided), Some(&text("new")));
}
