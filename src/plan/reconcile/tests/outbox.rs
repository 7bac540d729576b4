//! How the entries of the outbox end.

use super::*;

/// Statements of people hold these words: docs/sql.md.
#[test]
fn the_words_in_the_outbox_and_of_conflicts_stay() {
    let outcomes = [
        Outcome::Nothing,
        Outcome::Agreed,
        Outcome::Merged,
        Outcome::Written,
        Outcome::Refused,
        Outcome::Conflict,
    ];
    let words = ["nothing", "agreed", "merged", "written", "refused", "conflict"];
    assert_eq!(outcomes.map(Outcome::as_str), words);
    let kinds = [
        ConflictKind::Field,
        ConflictKind::DeletedAtSource,
        ConflictKind::DeletedInMirror,
        ConflictKind::NotKept,
    ];
    let words = ["field", "deleted_at_source", "deleted_in_mirror", "not_kept"];
    assert_eq!(kinds.map(ConflictKind::as_str), words);
    let resolutions = [
        Resolution::Policy(Policy::Newest),
        Resolution::Deletes(DeletePolicy::EditRestores),
        Resolution::SourceKeeps,
    ];
    let words = ["newest", "edit_restores", "source_keeps"];
    assert_eq!(resolutions.map(Resolution::as_str), words);
}

#[test]
fn an_operation_has_its_word_and_is_found_by_it() {
    let operations = [OperationKind::Insert, OperationKind::Update, OperationKind::Delete];
    assert_eq!(operations.map(OperationKind::as_str), ["insert", "update", "delete"]);
    for operation in operations {
        assert_eq!(OperationKind::named(operation.as_str()), Some(operation));
    }
    assert_eq!(OperationKind::named("truncate"), None);
}

pub(super) fn outcomes(found: &Reconciled) -> Vec<(i64, Outcome)> {
    found.settled.iter().map(|settled| (settled.operation, settled.outcome)).collect()
}

#[test]
fn each_entry_ends_as_the_columns_it_changed() {
    let base = image(&[("text", text("b")), ("count", Value::Integer(1))]);
    let mirror = image(&[
        ("text", text("m")),
        ("count", Value::Integer(1)),
        ("flag", Value::Boolean(true)),
        ("number", Value::Double(1.0)),
    ]);
    let mut local = pending(Some(base), Some(mirror));
    local.operations = ["text", "count", "flag", "number"]
        .iter()
        .zip(1..)
        .map(|(column, id)| updated(id, column))
        .collect();
    local.operations.push(Operation { kind: OperationKind::Insert, ..updated(5, "text") });
    let source = row(&[
        ("text", text("s")),
        ("count", Value::Integer(7)),
        ("flag", Value::Boolean(true)),
        ("number", Value::Double(1.0)),
    ]);
    let found = decide(&local, &Sighting::Present(source));
    assert_eq!(
        outcomes(&found),
        [
            (1, Outcome::Conflict),
            // It was undone here, and the source's later value taken.
            (2, Outcome::Merged),
            (3, Outcome::Agreed),
            (4, Outcome::Agreed),
            // An insert touched all of them: the greatest counts.
            (5, Outcome::Conflict),
        ]
    );
}

#[test]
fn an_entry_is_settled_by_the_write_that_included_it_and_not_before_its_columns_are_done() {
    let base = image(&[("text", text("b")), ("count", Value::Integer(1))]);
    let mirror = image(&[("text", text("m")), ("count", Value::Integer(3))]);
    let mut local = pending(Some(base), Some(mirror));
    local.sent = Some(sent(&[("text", text("m")), ("count", Value::Integer(2))]));
    // The count was set to 2, which was sent, and then to 3.
    local.operations = vec![updated(1, "text"), updated(2, "count"), updated(3, "count")];
    let stored = row(&[("text", text("m")), ("count", Value::Integer(2))]);
    let through = |through| {
        let acknowledgement = Acknowledgement { answer: Answer::Written(stored.clone()), through };
        acknowledge(rules(&Policies::default()), &local, &acknowledgement)
    };
    let found = through(2);
    assert_eq!(outcomes(&found), [(1, Outcome::Written), (2, Outcome::Written)]);
    assert_eq!((found.mirror, found.next), (MirrorStep::Keep, Next::Push));
    assert_eq!(outcomes(&through(1)), [(1, Outcome::Written)]);
}

#[test]
fn an_equal_value_was_written_if_it_was_sent_and_is_else_agreed() {
    let mut local = pending(Some(of_text("b")), Some(of_text("m")));
    local.operations = vec![updated(1, "text")];
    let equal = Sighting::Present(row(&[("text", text("m"))]));
    assert_eq!(outcomes(&decide(&local, &equal)), [(1, Outcome::Agreed)]);
    local.sent = Some(sent(&[("count", Value::Integer(1))]));
    assert_eq!(
        outcomes(&decide(&local, &equal)),
        [(1, Outcome::Agreed)],
        "it was not in the write"
    );
    local.sent = Some(sent(&[("text", text("m"))]));
    assert_eq!(outcomes(&decide(&local, &equal)), [(1, Outcome::Written)]);
}

#[test]
fn an_edit_that_cannot_be_sent_now_is_not_settled_by_that() {
    let policies = Policies::default();
    let (base, mut mirror) = (of_text("b"), of_text("b"));
    mirror.set(at("emails_primary_email"), Some(text("a@x.io")));
    let mut held = pending(Some(base), Some(mirror));
    held.waiting = [at("emails_primary_email"), at("emails_additional_emails")].into();
    let unchanged = |found: Reconciled| {
        assert_eq!((found.base, found.next), (NewBase::Unchanged, Next::Nothing));
        assert_eq!((found.mirror, found.settled), (MirrorStep::Keep, vec![]));
    };
    unchanged(decide(&held, &Sighting::Unseen));
    let pulled = Table { direction: Direction::Pull, ..TABLE.clone() };
    let local = pending(Some(of_text("b")), Some(of_text("m")));
    unchanged(reconcile(Rules { table: &pulled, ..rules(&policies) }, &local, &Sighting::Unseen));
    let mut lost = pending(Some(of_text("b")), Some(of_text("b")));
    lost.operations = vec![updated(1, "age"), updated(2, "text")];
    let table = losing("age");
    unchanged(reconcile(Rules { table: &table, ..rules(&policies) }, &lost, &Sighting::Unseen));
    assert_eq!(decide(&lost, &Sighting::Unseen).base, NewBase::Settled, "without a lost column");
}

#[test]
fn the_newest_entry_stays_while_something_is_to_be_sent_or_waits() {
    let mut edited = pending(Some(of_text("b")), Some(of_text("later")));
    edited.sent = Some(sent(&[("text", text("m"))]));
    edited.operations = vec![updated(1, "text")];
    let answer = Answer::Written(row(&[("text", text("m"))]));
    let found =
        acknowledge(rules(&Policies::default()), &edited, &Acknowledgement { answer, through: 1 });
    assert_eq!((outcomes(&found), found.next), (vec![], Next::Push));
    let mut waiting = pending(Some(of_text("b")), Some(of_text("m")));
    waiting.operations = vec![updated(1, "count"), updated(2, "count")];
    let mut source = row(&[]);
    source.values[at("text")] = None;
    let found = decide(&waiting, &Sighting::Present(source));
    assert_eq!((outcomes(&found), found.next), (vec![(1, Outcome::Agreed)], Next::Nothing));
}

/// The test table, in which the field of this column is gone.
fn losing(column: &str) -> Table {
    let lost = vec![LostColumn { name: column.to_owned(), cause: LostCause::Removed }];
    Table { lost, ..TABLE.clone() }
}

#[test]
fn an_edit_of_a_column_whose_field_is_gone_waits_and_is_refused_when_the_record_goes() {
    let policies = Policies::default();
    let table = losing("age");
    let rules = Rules { table: &table, ..rules(&policies) };
    let mut local = pending(Some(of_text("b")), Some(of_text("b")));
    local.operations = vec![updated(1, "age"), updated(2, "text")];
    let found = reconcile(rules, &local, &Sighting::Present(row(&[("text", text("s"))])));
    assert_eq!(outcomes(&found), [(2, Outcome::Merged)]);
    let NewBase::Pending { base: Some(base), waiting, .. } = found.base else { panic!("settled") };
    assert_eq!((base.get(at("text")), waiting), (Some(&text("s")), vec![]));
    assert_eq!(found.next, Next::Nothing);
    let gone = reconcile(rules, &local, &Sighting::Absent);
    assert_eq!(outcomes(&gone), [(1, Outcome::Refused), (2, Outcome::Nothing)]);
    // Deleted here as well, a record in the trash stays there: no field that comes back makes a difference.
    let buried = Image::of(&dead("b"));
    let deleted = Operation { kind: OperationKind::Delete, ..updated(3, "-") };
    let mut without = pending(Some(buried), None);
    without.operations = vec![updated(1, "age"), deleted];
    let unseen = reconcile(rules, &without, &Sighting::Unseen);
    assert_eq!(outcomes(&unseen), [(1, Outcome::Refused), (3, Outcome::Nothing)]);
    // An insert says of no column that it was changed.
    local.operations = vec![Operation { kind: OperationKind::Insert, ..updated(1, "age") }];
    let found = reconcile(rules, &local, &Sighting::Present(row(&[("text", text("b"))])));
    assert_eq!(found.base, NewBase::Settled);
}

/// What refused the record was changed here and agreed on; nothing newer than the refusal was left to have it tried.
#[test]
fn while_anything_is_to_be_sent_the_newest_entry_is_not_settled() {
    let count = |value: i64| ("count", Value::Integer(value));
    let base = image(&[("text", text("b")), count(1)]);
    let mirror = image(&[("text", text("m")), count(2)]);
    let mut local = pending(Some(base), Some(mirror));
    local.operations = vec![updated(1, "text"), updated(2, "count"), updated(3, "count")];
    let agreed = Sighting::Present(row(&[("text", text("b")), count(2)]));
    let found = decide(&local, &agreed);
    assert_eq!((outcomes(&found), found.next), (vec![(2, Outcome::Agreed)], Next::Push));
    // Where the rest only waits, nothing is tried, and so nothing is kept for it.
    let policies = Policies { object: Policy::Hold, ..Policies::default() };
    let held = with(&policies, &local, &Sighting::Present(row(&[("text", text("s")), count(2)])));
    assert_eq!(outcomes(&held), [(2, Outcome::Agreed), (3, Outcome::Agreed)]);
}

#[test]
fn an_entry_that_lost_against_a_delete_says_so() {
    let mut local = pending(Some(of_text("b")), Some(of_text("m")));
    local.operations = vec![updated(1, "text")];
    for sighting in [Sighting::Tombstone(dead("b")), Sighting::Absent] {
        let found = decide(&local, &sighting);
        assert_eq!(outcomes(&found), [(1, Outcome::Conflict)], "{sighting:?}");
        let untouched = Pending { mirror: Some(of_text("b")), ..local.clone() };
        assert_eq!(outcomes(&decide(&untouched, &sighting)), [(1, Outcome::Nothing)]);
    }
}

#[test]
fn what_the_source_made_of_a_value_is_taken_and_only_its_loss_is_told() {
    let answered = |stored: &str| {
        let mut local = pending(Some(of_text("b")), Some(of_text("m")));
        local.sent = Some(sent(&[("text", text("m"))]));
        local.operations = vec![updated(1, "text")];
        let answer = Answer::Written(row(&[("text", text(stored))]));
        let acknowledgement = Acknowledgement { answer, through: 1 };
        let found = acknowledge(rules(&Policies::default()), &local, &acknowledgement);
        assert_eq!(found.base, NewBase::Settled);
        (kinds(&found.conflicts), outcomes(&found))
    };
    let lost = vec![(ConflictKind::NotKept, Some(Side::Source))];
    assert_eq!(answered("m"), (vec![], vec![(1, Outcome::Written)]));
    assert_eq!(answered("M!"), (vec![], vec![(1, Outcome::Written)]));
    assert_eq!(answered("-"), (lost.clone(), vec![(1, Outcome::Refused)]));
    assert_eq!(answered("b"), (lost, vec![(1, Outcome::Refused)]));
}

#[test]
fn a_write_in_doubt_is_not_told_as_a_value_that_was_not_kept() {
    let mut local = pending(Some(of_text("b")), Some(of_text("b")));
    local.sent = Some(sent(&[("text", text("m"))]));
    local.operations = vec![updated(1, "text"), updated(2, "text")];
    let cleared = row(&[("text", text("-")), ("updated_at", Value::Timestamp(LATER))]);
    let found = decide(&local, &Sighting::Present(cleared));
    assert_eq!((&found.conflicts, &found.base), (&vec![], &NewBase::Settled));
    assert_eq!(outcomes(&found), [(1, Outcome::Merged), (2, Outcome::Merged)]);
}
