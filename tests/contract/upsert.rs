//! Upsert, and why nobody should use it.

use serde_json::{Value, json};

use super::{
    answer::text,
    twenty::{Twenty, fresh_id, on_twenty},
};

fn domain() -> Value {
    json!({"primaryLinkUrl": format!("https://contract-{}.example", fresh_id())})
}

async fn upsert(twenty: &Twenty, body: &Value) -> Value {
    if let Some(id) = body["id"].as_str() {
        twenty.owns("companies", id);
    }
    twenty.post("/rest/companies?upsert=true", body).await.subject(201)
}

async fn read(twenty: &Twenty, id: &Value) -> Value {
    twenty.get(&format!("/rest/companies/{}", text(id))).await.subject(200)
}

/// "Upsert"
#[tokio::test]
async fn it_revives_what_somebody_deleted() {
    on_twenty(async |twenty| {
        let made = twenty.create("companies", json!({"name": "Contract test"})).await;
        let path = format!("/rest/companies/{}", text(&made["id"]));
        twenty.delete(&format!("{path}?soft_delete=true")).await.with(200);
        upsert(twenty, &json!({"id": made["id"], "name": "Contract test, revived"})).await;
        let revived = read(twenty, &made["id"]).await;
        assert_eq!(
            (&revived["name"], &revived["deletedAt"]),
            (&json!("Contract test, revived"), &json!(null))
        );
    })
    .await;
}

/// "Upsert"
#[tokio::test]
async fn with_a_new_id_and_a_taken_value_it_changes_the_other_record() {
    on_twenty(async |twenty| {
        let domain = domain();
        let other = json!({"name": "Contract test", "domainName": domain, "employees": 3});
        let other = twenty.create("companies", other).await;
        let ours = fresh_id();
        let body = json!({"id": ours, "name": "Contract test, taken over", "domainName": domain});
        assert_eq!(upsert(twenty, &body).await["id"], other["id"]);
        let path = format!("/rest/companies/{ours}");
        twenty.get(&path).await.refused(404, "Record not found");
        let changed = read(twenty, &other["id"]).await;
        assert_eq!((&changed["name"], &changed["employees"]), (&body["name"], &json!(3)));
    })
    .await;
}

/// "Upsert"
#[tokio::test]
async fn it_gives_the_record_a_new_position() {
    on_twenty(async |twenty| {
        let made =
            twenty.create("companies", json!({"name": "Contract test", "position": 7})).await;
        let kept = json!({"id": made["id"], "name": "Contract test, same place?"});
        upsert(twenty, &kept).await;
        assert_ne!(read(twenty, &made["id"]).await["position"], 7);
    })
    .await;
}
