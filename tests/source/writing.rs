//! Writes: sent once, unless the server surely did nothing.

use serde_json::{Value, json};
use twenty_sync::{
    record::{DeleteMode, Ids},
    source::{
        Change, Delete, GuardedUpdate, NewRecord, NewRecords, ObjectNames, Patch, RefusalKind,
        Sent, SourceFault,
    },
};
use uuid::Uuid;

use super::{
    reading::{ADA, decoder},
    stand_in::{Play, Received, StandIn},
};

const LIMIT: &str = "Limit reached (100 tokens per 100 ms)";

fn people() -> ObjectNames<'static> {
    ObjectNames::new("person", "people").unwrap()
}

fn update(number: u128) -> GuardedUpdate {
    let patch = json!({"city": format!("city {number}")}).as_object().unwrap().clone();
    GuardedUpdate {
        ids: Ids::one(Uuid::from_u128(number)),
        guards: Vec::new(),
        change: Change::Set(Patch::new(patch).unwrap()),
    }
}

fn hit(number: u128) -> Value {
    json!([{"id": Uuid::from_u128(number), "updatedAt": "2026-11-25T07:08:33.123Z"}])
}

fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).unwrap()
}

fn ids(sent: &Sent<Vec<twenty_sync::source::Hit>>) -> Vec<u128> {
    match sent {
        Sent::Done(hits) => hits.iter().map(|hit| hit.id.as_u128()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_update_is_one_mutation_whose_answer_names_the_records() {
    let server = StandIn::playing(vec![Play::ok(&json!({"data": {"m0": hit(1)}}))]).await;
    let sent = server.client().update(people(), &update(1)).await.unwrap();
    assert_eq!(ids(&sent), [1]);
    let sent = body(&server.received()[0]);
    assert_eq!(
        sent["query"],
        "mutation($f0: PersonFilterInput! $d0: PersonUpdateInput! ) \
         { m0: updatePeople(filter: $f0, data: $d0) { id updatedAt } }"
    );
    assert_eq!(sent["variables"]["d0"], json!({"city": "city 1"}));
}

#[tokio::test]
async fn a_write_whose_fate_is_unknown_is_not_repeated() {
    for play in [
        Play::HangUp,
        Play::Answer(502, "<html>".to_owned()),
        Play::Answer(500, String::new()),
        Play::Half(json!({"data": {"m0": []}}).to_string()),
    ] {
        let server = StandIn::playing(vec![play.clone()]).await;
        let client = server.client();
        let sent = client.update(people(), &update(1)).await.unwrap();
        assert!(matches!(sent, Sent::Unknown(_)), "{play:?}: {sent:?}");
        assert_eq!(server.lines().len(), 1, "{play:?}");
    }
}

#[tokio::test]
async fn a_write_that_the_limit_stopped_is_sent_again() {
    let limited = json!({"errors": [{"message": LIMIT, "extensions": {"subCode": "LIMIT_REACHED"}}], "data": {"m0": null}});
    let script = vec![
        Play::ok(&limited),
        Play::rest_error(429, LIMIT),
        Play::ok(&json!({"data": {"m0": hit(1)}})),
    ];
    let server = StandIn::playing(script).await;
    assert_eq!(ids(&server.client().update(people(), &update(1)).await.unwrap()), [1]);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_refused_key_is_an_error_of_the_write() {
    let server = StandIn::playing(vec![Play::rest_error(401, "Token has expired.")]).await;
    let error = server.client().update(people(), &update(1)).await.unwrap_err();
    assert_eq!(error.fault(), SourceFault::Unauthorised);
}

#[tokio::test]
async fn each_of_several_updates_has_an_outcome_of_its_own() {
    let refused =
        |message: &str| json!({"message": message, "extensions": {"code": "BAD_USER_INPUT"}});
    let answer = json!({
        "errors": [refused("Duplicate Emails with value a@b.c. Please set a unique one."), refused(LIMIT)],
        "data": {"m0": hit(1), "m1": null, "m2": [], "m3": null},
    });
    let server =
        StandIn::playing(vec![Play::ok(&answer), Play::ok(&json!({"data": {"m0": hit(4)}}))]).await;
    let client = server.client();
    let sent =
        client.update_each(people(), &[update(1), update(2), update(3), update(4)]).await.unwrap();
    assert_eq!(ids(&sent[0]), [1]);
    let unique = RefusalKind::Unique { label: "Emails".to_owned() };
    assert!(matches!(&sent[1], Sent::Refused(refusal) if refusal.kind == unique), "{:?}", sent[1]);
    assert_eq!((ids(&sent[2]), ids(&sent[3])), (vec![], vec![4]));
    assert_eq!(
        body(&server.received()[1])["variables"]["d0"],
        json!({"city": "city 4"}),
        "only what did not run"
    );
    assert_eq!(client.usage().total(), 5);
}

#[tokio::test]
async fn an_outcome_that_could_be_anothers_is_unknown() {
    let answer = json!({"errors": [{"message": "Record not found"}], "data": {"m0": null, "m1": null, "m2": hit(3)}});
    let server = StandIn::playing(vec![Play::ok(&answer)]).await;
    let sent =
        server.client().update_each(people(), &[update(1), update(2), update(3)]).await.unwrap();
    assert!(matches!(sent[..2], [Sent::Unknown(_), Sent::Unknown(_)]), "{sent:?}");
    assert_eq!(ids(&sent[2]), [3]);
}

#[tokio::test]
async fn a_server_that_wants_one_root_field_is_remembered() {
    let server = StandIn::acting(|_, received| {
        if received.body.contains("m1: ") {
            return Play::ok(
                &json!({"errors": [{"message": "Duplicate root resolver: \"updatePeople\""}]}),
            );
        }
        let number = if received.body.contains("city 1") { 1 } else { 2 };
        Play::ok(&json!({"data": {"m0": hit(number)}}))
    })
    .await;
    let client = server.client();
    for calls in [3, 5] {
        let sent = client.update_each(people(), &[update(1), update(2)]).await.unwrap();
        assert_eq!((ids(&sent[0]), ids(&sent[1])), (vec![1], vec![2]));
        assert_eq!(server.lines().len(), calls);
    }
}

#[tokio::test]
async fn one_bad_patch_does_not_keep_the_others_out() {
    let server = StandIn::acting(|_, received| {
        if received.body.contains("city 2") {
            let message = r#"Field "nope" is not defined by type "PersonUpdateInput"."#;
            let body =
                json!({"errors": [{"message": message, "extensions": {"code": "BAD_USER_INPUT"}}]});
            return Play::Answer(400, body.to_string());
        }
        Play::ok(&json!({"data": {"m0": hit(1)}}))
    })
    .await;
    let sent = server.client().update_each(people(), &[update(1), update(2)]).await.unwrap();
    assert_eq!(ids(&sent[0]), [1]);
    assert!(
        matches!(&sent[1], Sent::Refused(refusal) if refusal.kind == RefusalKind::UnknownField)
    );
}

#[tokio::test]
async fn soft_and_hard_deletes_have_different_names_and_always_ids() {
    let server = StandIn::playing(vec![Play::ok(&json!({"data": {"m0": [{"id": ADA}]}}))]).await;
    let client = server.client();
    for mode in [DeleteMode::Soft, DeleteMode::Destroy] {
        let delete = Delete { ids: Ids::one(ADA), mode };
        assert_eq!(ids(&client.delete(people(), &delete).await.unwrap()), [ADA.as_u128()]);
    }
    let restore =
        GuardedUpdate { ids: Ids::one(ADA), guards: Vec::new(), change: Change::Restore(None) };
    client.update(people(), &restore).await.unwrap();
    let sent: Vec<Value> = server.received().iter().map(body).collect();
    for (sent, root) in sent.iter().zip(["deletePeople(", "destroyPeople(", "updatePeople("]) {
        assert!(sent["query"].as_str().unwrap().contains(root), "{sent}");
        assert_eq!(sent["variables"]["f0"]["and"][0], json!({"id": {"in": [ADA]}}));
    }
    assert_eq!(sent[2]["variables"]["d0"], json!({"deletedAt": null}));
}

#[tokio::test]
async fn records_are_created_with_our_ids_and_come_back_as_they_are_kept() {
    let created = json!({"data": {"createPeople": [{"id": ADA, "updatedAt": "2026-11-25T07:08:33.123Z", "amount": "1.50"}]}});
    let server = StandIn::playing(vec![Play::Answer(201, created.to_string())]).await;
    let fields = json!({"amount": "1.50"}).as_object().unwrap().clone();
    let records = NewRecords::new(vec![NewRecord { id: ADA, fields }]).unwrap();
    let Sent::Done(kept) = server.client().create(people(), &records, &decoder()).await.unwrap()
    else {
        panic!("not created");
    };
    assert_eq!(kept[0].decoded.as_ref().unwrap().id, ADA);
    assert!(kept[0].json.contains(r#""amount":"1.50""#));
    assert_eq!(server.lines(), ["POST /rest/batch/people"]);
    assert_eq!(body(&server.received()[0]), json!([{"amount": "1.50", "id": ADA}]));
}

#[tokio::test]
async fn a_create_that_arrived_before_says_so_and_a_missing_parent_is_no_outage() {
    let parent = r#"insert or update on table "person" violates foreign key constraint "FK_e""#;
    for (status, message, kind) in [
        (400, "A duplicate entry was detected", RefusalKind::DuplicateEntry),
        (500, parent, RefusalKind::MissingParent),
    ] {
        let server = StandIn::playing(vec![Play::rest_error(status, message)]).await;
        let records =
            NewRecords::new(vec![NewRecord { id: ADA, fields: serde_json::Map::new() }]).unwrap();
        let sent = server.client().create(people(), &records, &decoder()).await.unwrap();
        assert!(matches!(&sent, Sent::Refused(refusal) if refusal.kind == kind), "{sent:?}");
    }
}
