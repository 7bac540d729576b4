//! Errors that mean something else than their status says.

use serde_json::{Value, json};

use super::{
    answer::text,
    probe::Probe,
    twenty::{fresh_id, on_twenty},
};

/// "Errors"
#[tokio::test]
async fn a_500_is_mostly_the_inputs_fault() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["TEXT"]).await;
        let id = probe.create(json!({})).await["id"].clone();
        twenty.patch(&probe.one(&id), &json!({"id": fresh_id()})).await.refused(500, "violates");
        let table = [
            (json!({"fText": null}), "violates not-null"),
            (json!({"fText": "a\0b"}), "invalid byte sequence"),
            (json!({"searchVector": "x"}), "non-DEFAULT value"),
        ];
        for (body, message) in table {
            let answer = probe.post(&body).await;
            answer.refused(500, message);
            assert_eq!(answer.body["statusCode"], 500, "{}", answer.body);
        }
        let id = fresh_id();
        twenty.owns("people", &id);
        let orphan = json!({"id": id, "companyId": fresh_id()});
        twenty.post("/rest/people", &orphan).await.refused(500, "violates foreign key");
    })
    .await;
}

/// "Errors"
#[tokio::test]
async fn a_record_that_is_missing_and_one_that_is_deleted_give_the_same_404() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let id = probe.create(json!({})).await["id"].clone();
        twenty.delete(&format!("{}?soft_delete=true", probe.one(&id))).await.with(200);
        let deleted = twenty.get(&probe.one(&id)).await.with(404);
        assert_eq!(deleted, twenty.get(&probe.one(&json!(fresh_id()))).await.with(404));
        assert_eq!(deleted["messages"], json!(["Record not found"]));
    })
    .await;
}

/// "REST routes", "Errors"
#[tokio::test]
async fn nothing_is_validated_but_the_names_of_fields() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        probe.post(&json!({"nope": 1})).await.refused(400, "\"nope\" is missing");
        let made = probe.create(json!({})).await;
        let path = probe.one(&made["id"]);
        twenty.patch(&path, &json!({"nope": 1})).await.refused(400, "\"nope\" is missing");
        let id = fresh_id();
        let company = twenty.create("companies", json!({"name": "Contract test"})).await;
        let under_its_own_name = json!({"id": id, "company": company["id"]});
        let person = twenty.create("people", under_its_own_name).await;
        assert_eq!(person["companyId"], Value::Null, "the relation is dropped in silence");
        let path = format!("/rest/people/{}", text(&person["id"]));
        let linked = twenty.patch(&path, &json!({"companyId": company["id"]})).await.subject(200);
        assert_eq!(linked["companyId"], company["id"]);
    })
    .await;
}
