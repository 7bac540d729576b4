//! Unique values, and who can hold one.

use serde_json::{Value, json};

use super::{
    answer::text,
    twenty::{Twenty, fresh_id, on_twenty},
};

fn address() -> String {
    format!("contract-{}@example.com", fresh_id())
}

/// Creates a person that the server may refuse.
async fn person(twenty: &Twenty, email: &str) -> super::answer::Answer {
    let id = fresh_id();
    twenty.owns("people", &id);
    let name = json!({"firstName": "Contract", "lastName": "Test"});
    twenty
        .post("/rest/people", &json!({"id": id, "name": name, "emails": {"primaryEmail": email}}))
        .await
}

/// "Unique values"
#[tokio::test]
async fn a_taken_value_is_refused_by_the_fields_label_and_does_not_say_who_holds_it() {
    on_twenty(async |twenty| {
        let email = address();
        let holder = person(twenty, &email).await.subject(201);
        let refused = person(twenty, &email.to_uppercase()).await;
        refused.refused(400, "Duplicate ");
        refused.refused(400, &format!("with value {email}. Please set a unique one."));
        assert!(!refused.body.to_string().contains(&text(&holder["id"])));
    })
    .await;
}

/// "Unique values"
#[tokio::test]
async fn a_deleted_record_keeps_its_unique_values_and_a_destroyed_one_does_not() {
    on_twenty(async |twenty| {
        let email = address();
        let holder = text(&person(twenty, &email).await.subject(201)["id"]);
        twenty.delete(&format!("/rest/people/{holder}?soft_delete=true")).await.with(200);
        person(twenty, &email).await.refused(400, "Please set a unique one.");
        let filter = format!("emails.primaryEmail[eq]:\"{email}\"");
        let listed = twenty.get(&format!("/rest/people?filter={filter}")).await.with(200);
        assert_eq!(listed["totalCount"], 0, "no list shows the holder");
        let with_trash = format!("/rest/people?filter=and({filter},deletedAt[is]:NOT_NULL)");
        let listed = twenty.get(&with_trash).await.with(200);
        assert_eq!(listed["data"]["people"][0]["id"], json!(holder));
        let query = "query($f: PersonFilterInput!) {
            people(first: 1, filter: $f) { edges { node { id } } } }";
        let is = |state: &str| json!({"deletedAt": {"is": state}});
        let filter = json!({"and": [
            {"emails": {"primaryEmail": {"eq": email}}}, {"id": {"neq": fresh_id()}},
            {"or": [is("NULL"), is("NOT_NULL")]},
        ]});
        let found = twenty.graphql(query, &json!({"f": filter})).await.subject(200);
        assert_eq!(found["edges"][0]["node"]["id"], json!(holder));
        twenty.delete(&format!("/rest/people/{holder}")).await.with(200);
        person(twenty, &email).await.with(201);
    })
    .await;
}

/// "Unique values"
#[tokio::test]
async fn additional_addresses_may_be_shared() {
    on_twenty(async |twenty| {
        let shared = address();
        for _ in 0..2 {
            let emails = json!({"primaryEmail": address(), "additionalEmails": [shared]});
            let made: Value = twenty.create("people", json!({"emails": emails})).await;
            assert_eq!(made["emails"]["additionalEmails"], json!([shared]));
        }
    })
    .await;
}
