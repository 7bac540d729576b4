//! What writes look like, and what their answers mean.

use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

use super::{
    CREATES_PER_CALL, Change, GuardedUpdate, NewRecord, NewRecords, ObjectNames, Patch, PatchFault,
    Sent,
};
use crate::{
    record::Ids,
    source::{Problem, SourceError},
};

const ADA: Uuid = uuid!("20202020-b000-4485-94de-70c2a98daef2");

fn fields(json: &Value) -> Map<String, Value> {
    json.as_object().unwrap().clone()
}

#[test]
fn a_patch_sets_something_and_leaves_the_servers_own_fields_alone() {
    assert_eq!(Patch::new(Map::new()), Err(PatchFault::Empty));
    for key in ["id", "createdAt", "updatedAt", "deletedAt"] {
        assert_eq!(
            Patch::new(fields(&json!({key: null}))),
            Err(PatchFault::Forbidden(key.to_owned()))
        );
    }
}

#[test]
fn a_batch_of_new_records_has_no_id_twice_and_an_end() {
    let record = |id| NewRecord { id, fields: Map::new() };
    assert_eq!(NewRecords::new(vec![]), None);
    assert_eq!(NewRecords::new(vec![record(ADA), record(ADA)]), None);
    let many = (0..=CREATES_PER_CALL as u128).map(|id| record(Uuid::from_u128(id))).collect();
    assert_eq!(NewRecords::new(many), None);
    assert_eq!(
        NewRecords::new(vec![NewRecord { id: ADA, fields: fields(&json!({"updatedAt": "x"})) }]),
        None
    );
}

#[test]
fn an_update_is_bound_to_its_ids_to_its_guards_and_to_live_records() {
    let update = GuardedUpdate {
        ids: Ids::one(ADA),
        guards: vec![json!({"or": [{"city": {"eq": "Oslo"}}, {"city": {"eq": "Rome"}}]})],
        change: Change::Set(Patch::new(fields(&json!({"city": "Rome"}))).unwrap()),
    };
    let mutation = update.mutation(ObjectNames::new("person", "people").unwrap());
    assert_eq!(mutation.root, "updatePeople");
    assert_eq!(mutation.data, Some(json!({"city": "Rome"})));
    let expected = json!({"and": [
        {"id": {"in": [ADA]}},
        {"or": [{"city": {"eq": "Oslo"}}, {"city": {"eq": "Rome"}}]},
        {"deletedAt": {"is": "NULL"}},
    ]});
    assert_eq!(mutation.filter, expected);
}

#[test]
fn a_name_that_is_no_name_never_reaches_a_query() {
    for name in ["", "people{id}", "a b", "1a", "é", "people\n"] {
        assert!(matches!(ObjectNames::new("person", name), Err(SourceError::Name(_))), "{name:?}");
    }
}

#[test]
fn what_may_have_arrived_is_unknown_and_what_surely_did_not_is_an_error() {
    assert!(matches!(Sent::<()>::of(Problem::Timeout), Ok(Sent::Unknown(_))));
    assert!(matches!(
        Sent::<()>::of(Problem::of_answer(502, "<html>", None)),
        Ok(Sent::Unknown(_))
    ));
    assert!(matches!(
        Sent::<()>::of(Problem::of_answer(429, "", None)),
        Err(Problem::Throttled { .. })
    ));
    assert!(matches!(Sent::<()>::of(Problem::of_answer(401, "", None)), Err(Problem::Key(_))));
    let constraint = r#"{"statusCode":500,"messages":["insert or update on table \"person\" violates foreign key constraint"]}"#;
    assert!(matches!(
        Sent::<()>::of(Problem::of_answer(500, constraint, None)),
        Ok(Sent::Refused(_))
    ));
}

#[test]
fn a_restore_finds_records_in_and_out_of_the_trash() {
    let update =
        GuardedUpdate { ids: Ids::one(ADA), guards: vec![], change: Change::Restore(None) };
    let mutation = update.mutation(ObjectNames::new("person", "people").unwrap());
    assert_eq!(mutation.data, Some(json!({"deletedAt": null})));
    let both = json!({"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]});
    assert_eq!(mutation.filter, json!({"and": [{"id": {"in": [ADA]}}, both]}));
}
