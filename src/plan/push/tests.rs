//! What is sent, state by state.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::{Basis, ReadReason, Verb, plan, references};
use crate::{
    plan::{
        fixture::{ID, NOON, TABLE, at, image, pending, rules, text},
        pending::{Operation, OperationKind, Pending, Rules},
        policy::Policies,
        schema::Table,
    },
    record::{DeleteMode, Direction, Image, Value},
};

fn planned(pending: &Pending, basis: Basis) -> Verb {
    plan(rules(&Policies::default()), pending, basis)
}

fn stored(base: Option<Image>, mirror: Option<Image>) -> Verb {
    planned(&pending(base, mirror), Basis::Stored)
}

fn dead() -> Image {
    image(&[("deleted_at", Value::Timestamp(NOON)), ("text", text("a"))])
}

#[test]
fn the_states_decide_the_verb() {
    let row = || Some(image(&[("text", text("a"))]));
    let other = || Some(image(&[("text", text("b"))]));
    let kind = |verb| match verb {
        Verb::Nothing => "nothing",
        Verb::Read(_) => "read",
        Verb::Create(_) => "create",
        Verb::Update(_) => "update",
        Verb::Restore(_) => "restore",
        Verb::Delete(_) => "delete",
    };
    for (base, mirror, expected) in [
        (None, row(), "create"),
        (None, None, "nothing"),
        (row(), row(), "nothing"),
        (row(), other(), "update"),
        (row(), None, "delete"),
        (Some(dead()), row(), "restore"),
        (Some(dead()), None, "nothing"),
        (Some(dead()), Some(dead()), "read"),
    ] {
        assert_eq!(kind(stored(base.clone(), mirror.clone())), expected, "{base:?} {mirror:?}");
    }
}

#[test]
fn an_update_sends_and_guards_what_differs_and_nothing_else() {
    let base = image(&[("text", text("a")), ("count", Value::Integer(1))]);
    let mirror = image(&[
        ("text", text("b")),
        ("count", Value::Integer(1)),
        ("created_by_name", text("me")),
    ]);
    let Verb::Update(write) = stored(Some(base), Some(mirror)) else { panic!("no update") };
    assert_eq!(json!(write.body), json!({"text": "b"}));
    assert_eq!(write.guard, [json!({"or": [{"text": {"eq": "a"}}, {"text": {"eq": "b"}}]})]);
    assert_eq!(write.sent.values().iter().flatten().count(), 1);
}

#[test]
fn a_spelling_that_means_the_same_is_not_sent() {
    let base = image(&[
        ("emails_primary_email", text("a@x.io")),
        ("text", text("")),
        ("position", Value::Double(1.0)),
    ]);
    let mirror = image(&[
        ("emails_primary_email", text("A@x.io")),
        ("text", text("-")),
        ("position", Value::Null),
    ]);
    assert_eq!(stored(Some(base), Some(mirror)), Verb::Nothing);
}

#[test]
fn a_create_leaves_out_what_is_empty_and_what_others_write() {
    let mirror = image(&[
        ("created_at", Value::Timestamp(NOON)),
        ("created_by_name", text("me")),
        ("text", text("a")),
        ("name_last_name", text("L")),
    ]);
    let Verb::Create(create) = stored(None, Some(mirror)) else { panic!("no create") };
    let expected = json!({"id": ID, "createdAt": "2026-11-25T12:00:00.000Z", "text": "a", "name": {"lastName": "L"}});
    assert_eq!(json!(create.body), expected);
}

#[test]
fn a_create_can_leave_out_a_reference_that_follows_later() {
    let parent = Uuid::from_u128(7);
    let mirror = image(&[("company_id", Value::Uuid(parent))]);
    assert_eq!(references(&TABLE, &mirror), [(at("company_id"), parent)]);
    let Verb::Create(create) = stored(None, Some(mirror)) else { panic!("no create") };
    assert!(create.body.contains_key("companyId"));
    let create = create.without(&TABLE, &[at("company_id")]);
    assert_eq!((json!(create.body), create.sent.get(at("company_id"))), (json!({"id": ID}), None));
}

#[test]
fn what_no_filter_guards_is_read_first_and_guarded_by_the_version() {
    let mirror = image(&[("tags", Value::List(vec!["A".into()])), ("text", text("b"))]);
    let pending = pending(Some(image(&[("text", text("a"))])), Some(mirror));
    assert_eq!(planned(&pending, Basis::Stored), Verb::Read(ReadReason::NoGuard));
    let Verb::Update(write) = planned(&pending, Basis::JustRead(NOON)) else { panic!("no update") };
    let version = json!({"and": [
        {"updatedAt": {"gte": "2026-11-25T12:00:00.000Z"}},
        {"updatedAt": {"lt": "2026-11-25T12:00:00.001Z"}}
    ]});
    assert_eq!(write.guard[1], version);
    assert_eq!(write.guard[0], json!({"or": [{"text": {"eq": "a"}}, {"text": {"eq": "b"}}]}));
    let Verb::Update(write) = planned(&pending, Basis::VersionOnly(NOON)) else {
        panic!("no update")
    };
    assert_eq!(write.guard, [version]);
}

#[test]
fn markdown_is_guarded_by_version_or_itself() {
    let base = image(&[("body_markdown", text("a")), ("body_blocknote", text("[1]"))]);
    let mirror = image(&[("body_markdown", text("b")), ("body_blocknote", text("[1]"))]);
    let verb = planned(&pending(Some(base), Some(mirror)), Basis::JustRead(NOON));
    let Verb::Update(write) = verb else { panic!("no update") };
    assert_eq!(json!(write.body), json!({"body": {"markdown": "b"}}));
    assert_eq!(write.guard[0]["or"][1], json!({"and": [{"body": {"markdown": {"like": "b"}}}]}));
}

#[test]
fn a_write_in_doubt_is_read_before_anything_else() {
    let mut pending = pending(Some(image(&[])), None);
    pending.sent = Some(Image::unknown(TABLE.columns.len()));
    assert_eq!(planned(&pending, Basis::JustRead(NOON)), Verb::Read(ReadReason::InDoubt));
}

#[test]
fn what_waits_is_not_sent_and_the_rest_is() {
    let mirror = image(&[("text", text("b")), ("count", Value::Integer(2))]);
    let mut pending = pending(Some(image(&[])), Some(mirror));
    pending.waiting = BTreeSet::from([at("text")]);
    let Verb::Update(write) = planned(&pending, Basis::Stored) else { panic!("no update") };
    assert_eq!(json!(write.body), json!({"count": 2}));
}

#[test]
fn a_field_younger_than_the_base_is_read_first() {
    let mut base = image(&[]);
    base.set(at("text"), None);
    let verb = |mirror| stored(Some(base.clone()), Some(mirror));
    assert_eq!(verb(image(&[("text", text("b"))])), Verb::Read(ReadReason::NoBase));
    assert_eq!(verb(image(&[])), Verb::Nothing);
}

#[test]
fn a_restore_clears_the_time_of_the_delete_and_sends_what_differs() {
    let verb = stored(Some(dead()), Some(image(&[("text", text("b"))])));
    let Verb::Restore(write) = verb else { panic!("no restore") };
    assert_eq!(json!(write.body), json!({"deletedAt": null, "text": "b"}));
}

#[test]
fn a_delete_says_how_far_it_goes_and_leaves_a_mark() {
    let policies = Policies::default();
    let rules = Rules { delete_mode: DeleteMode::Destroy, ..rules(&policies) };
    let verb = plan(rules, &pending(Some(image(&[])), None), Basis::Stored);
    let Verb::Delete(delete) = verb else { panic!("no delete") };
    assert_eq!(delete.mode, DeleteMode::Destroy);
    assert!(matches!(delete.sent.get(at("deleted_at")), Some(Value::Timestamp(_))));
}

#[test]
fn nothing_is_sent_for_an_object_that_is_only_pulled() {
    let policies = Policies::default();
    let table = Table { direction: Direction::Pull, ..TABLE.clone() };
    let rules = Rules { table: &table, ..rules(&policies) };
    assert_eq!(plan(rules, &pending(None, Some(image(&[]))), Basis::Stored), Verb::Nothing);
}

/// A company was deleted and inserted anew before either was sent, without its flag: the null that the new row held
/// was sent, and the source, which takes none, refused the record for ever.
#[test]
fn a_row_inserted_anew_leaves_to_the_source_what_may_not_be_null_there() {
    let mut table = TABLE.clone();
    table.columns[at("flag")].is_nullable = false;
    let policies = Policies::default();
    let rules = Rules { table: &table, ..rules(&policies) };
    let base = image(&[("text", text("a")), ("flag", Value::Boolean(false))]);
    let mut pending = pending(Some(base), Some(image(&[("text", text("b"))])));
    let sends_flag = |pending: &Pending| {
        let Verb::Update(write) = plan(rules, pending, Basis::Stored) else { panic!("no update") };
        (write.body.contains_key("text"), write.body.contains_key("flag"))
    };
    // A null that somebody wrote is sent, and refused with a reason.
    assert_eq!(sends_flag(&pending), (true, true));
    pending.operations = vec![Operation {
        id: 1,
        kind: OperationKind::Insert,
        changed: Vec::new(),
        changed_at: NOON,
    }];
    assert_eq!(sends_flag(&pending), (true, false));
}

#[test]
fn only_what_has_no_empty_value_is_left_to_the_source() {
    let mut table = TABLE.clone();
    for name in ["flag", "count", "text", "name_first_name"] {
        table.columns[at(name)].is_nullable = false;
    }
    let policies = Policies::default();
    let rules = Rules { table: &table, ..rules(&policies) };
    let base = image(&[
        ("flag", Value::Boolean(true)),
        ("count", Value::Integer(1)),
        ("number", Value::Double(1.0)),
        ("text", text("a")),
        ("name_first_name", text("A")),
    ]);
    let mut pending = pending(Some(base), Some(image(&[("count", Value::Integer(2))])));
    pending.operations = vec![Operation {
        id: 1,
        kind: OperationKind::Insert,
        changed: Vec::new(),
        changed_at: NOON,
    }];
    let Verb::Update(write) = plan(rules, &pending, Basis::Stored) else { panic!("no update") };
    let expected = json!({"count": 2, "number": null, "text": "", "name": {"firstName": ""}});
    assert_eq!(json!(write.body), expected, "all but the flag");
}
