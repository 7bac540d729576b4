//! Records that go, or come back.

use super::{outbox::outcomes, *};

#[test]
fn a_record_that_somebody_takes_out_of_the_trash_comes_back() {
    let back = row(&[("text", text("b"))]);
    let mut local = pending(Some(Image::of(&dead("b"))), None);
    local.operations = vec![Operation { kind: OperationKind::Delete, ..updated(1, "text") }];
    let found = decide(&local, &Sighting::Present(back.clone()));
    assert_eq!(
        (&found.mirror, &found.base),
        (&MirrorStep::Insert(back.clone()), &NewBase::Settled)
    );
    assert_eq!(outcomes(&found), [(1, Outcome::Merged)]);
    local.sent = Some(sent(&[("deleted_at", Value::Timestamp(NOON))]));
    assert_eq!(decide(&local, &Sighting::Present(back.clone())).mirror, MirrorStep::Insert(back));
}

#[test]
fn what_the_source_edited_before_both_deleted_it_is_kept_in_a_conflict() {
    let mut local = pending(Some(of_text("b")), None);
    local.operations = vec![Operation { kind: OperationKind::Delete, ..updated(1, "text") }];
    let found = decide(&local, &Sighting::Tombstone(dead("s")));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::DeletedInMirror, Some(Side::Mirror))]);
    assert_eq!(found.conflicts[0].columns, [at("text")]);
    assert_eq!(outcomes(&found), [(1, Outcome::Agreed)]);
    for base in [None, Some(Image::of(&dead("b")))] {
        let found = decide(&pending(base, None), &Sighting::Tombstone(dead("s")));
        assert_eq!(found.conflicts, [], "nothing was agreed on, or it was in the trash already");
    }
}

#[test]
fn a_place_in_a_list_is_no_reason_to_keep_a_deleted_record() {
    let base = image(&[("text", text("b")), ("position", Value::Double(1.0))]);
    let moved = row(&[("text", text("b")), ("position", Value::Double(2.0))]);
    let local = pending(Some(base), None);
    for policies in [Policies::default(), edit_restores()] {
        let found = with(&policies, &local, &Sighting::Present(moved.clone()));
        assert_eq!((found.mirror, found.next), (MirrorStep::Keep, Next::Push));
        assert_eq!(found.conflicts, []);
    }
}

/// The source changed the record somewhere; what was sent may never have arrived, and nobody else wrote the old value.
#[test]
fn the_value_before_a_write_in_doubt_is_no_reason_to_keep_a_deleted_record() {
    let mut local = pending(Some(of_text("b")), None);
    local.sent = Some(sent(&[("text", text("m"))]));
    let moved = row(&[("text", text("b")), ("updated_at", Value::Timestamp(LATER))]);
    for policies in [Policies::default(), edit_restores()] {
        let found = with(&policies, &local, &Sighting::Present(moved.clone()));
        assert_eq!((found.mirror, found.next), (MirrorStep::Keep, Next::Push));
        assert_eq!(found.conflicts, []);
    }
}

/// A field was added in Twenty, and each row that had just been deleted here came back.
#[test]
fn a_field_that_is_younger_than_the_base_is_no_edit_that_brings_a_row_back() {
    let mut local = pending(Some(of_text("b")), None);
    local.base.as_mut().unwrap().set(at("count"), None);
    let shown = Sighting::Present(row(&[("text", text("b")), ("count", Value::Integer(1))]));
    let found = with(&edit_restores(), &local, &shown);
    assert_eq!((&found.mirror, found.next), (&MirrorStep::Keep, Next::Push));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::DeletedInMirror, Some(Side::Mirror))]);
    // One that waits for a decision was changed there.
    local.waiting.insert(at("count"));
    let found = with(&edit_restores(), &local, &shown);
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::DeletedInMirror, Some(Side::Source))]);
}

/// The row was deleted and inserted anew while Twenty showed the field under another name: its value was settled unsent.
#[test]
fn what_the_source_does_not_show_keeps_its_base_and_waits_in_a_row_that_is_inserted_anew() {
    let mut hidden = row(&[]);
    hidden.values[at("text")] = None;
    let shown = Sighting::Present(hidden);
    let deleted = decide(&pending(Some(of_text("b")), None), &shown);
    assert_eq!((base_text(&deleted), deleted.next), (Some(&text("b")), Next::Push));
    let mut unknown = of_text("b");
    unknown.set(at("text"), None);
    for base in [of_text("b"), unknown] {
        let found = decide(&pending(Some(base), Some(of_text("m"))), &shown);
        let NewBase::Pending { waiting, .. } = found.base else { panic!("settled") };
        assert_eq!((found.mirror, waiting), (MirrorStep::Keep, vec![at("text")]));
    }
}

#[test]
fn what_a_delete_leaves_is_what_lies_in_the_trash() {
    let policies = Policies::default();
    let acknowledgement = Acknowledgement { answer: Answer::Deleted { at: LATER }, through: 1 };
    let local = pending(Some(of_text("b")), None);
    let after = |deleted, delete_mode, local: &Pending| {
        let rules = Rules { deleted, delete_mode, ..rules(&policies) };
        acknowledge(rules, local, &acknowledgement)
    };
    let (keep, remove) = (DeletedRecords::Keep, DeletedRecords::Remove);
    let kept = after(keep, DeleteMode::Soft, &local);
    assert_eq!((kept.mirror, kept.base), (MirrorStep::Insert(dead("b")), NewBase::Settled));
    assert_eq!(after(remove, DeleteMode::Soft, &local).mirror, MirrorStep::Keep);
    // A field of it waited, and what it was is not known: no row is better than half of one.
    let mut held = local.clone();
    held.waiting.insert(at("count"));
    held.base.as_mut().unwrap().set(at("count"), None);
    assert_eq!(after(keep, DeleteMode::Soft, &held).mirror, MirrorStep::Keep);
    assert_eq!(after(keep, DeleteMode::Destroy, &local).mirror, MirrorStep::Keep);
    // Inserted again meanwhile: what is there no more has to be created.
    let again = Pending { mirror: Some(of_text("c")), ..local };
    let found = after(remove, DeleteMode::Destroy, &again);
    assert_eq!(found.base, NewBase::Pending { base: None, waiting: vec![], given_up: None });
    let found = after(remove, DeleteMode::Soft, &again);
    assert_eq!(
        found.base,
        NewBase::Pending { base: Some(Image::of(&dead("b"))), waiting: vec![], given_up: None }
    );
}

#[test]
fn a_row_of_the_trash_that_was_deleted_here_comes_back_where_such_rows_are_kept() {
    let policies = Policies::default();
    let local = pending(Some(Image::of(&dead("b"))), None);
    let keeping = Rules { deleted: DeletedRecords::Keep, ..rules(&policies) };
    let found = reconcile(keeping, &local, &Sighting::Unseen);
    assert_eq!((found.mirror, found.base), (MirrorStep::Insert(dead("b")), NewBase::Settled));
    assert_eq!(decide(&local, &Sighting::Unseen).mirror, MirrorStep::Keep);
    let nothing = reconcile(keeping, &pending(None, None), &Sighting::Unseen);
    assert_eq!((nothing.mirror, nothing.base), (MirrorStep::Keep, NewBase::Settled));
}

#[test]
fn an_edit_of_a_row_in_the_trash_brings_nothing_back_that_was_purged() {
    let policies = edit_restores();
    let keeping = Rules { deleted: DeletedRecords::Keep, ..rules(&policies) };
    let local = pending(Some(Image::of(&dead("b"))), Some(Image::of(&dead("m"))));
    let found = reconcile(keeping, &local, &Sighting::Absent);
    assert_eq!((found.mirror, found.base), (MirrorStep::Remove, NewBase::Settled));
    assert_eq!(kinds(&found.conflicts), [(ConflictKind::DeletedAtSource, Some(Side::Source))]);
}
