//! What a deletion does to other records, without a trace in their times.

use serde_json::{Value, json};

use super::{
    answer::text,
    twenty::{Twenty, on_twenty},
};

/// A company, a person who works there, and a note about the company.
struct Family {
    company: Value,
    person: Value,
    target: Value,
}

async fn family(twenty: &Twenty) -> Family {
    let company = twenty.create("companies", json!({"name": "Contract test"})).await;
    let name = json!({"firstName": "Contract", "lastName": "Test"});
    let person = twenty.create("people", json!({"name": name, "companyId": company["id"]})).await;
    let note = twenty.create("notes", json!({"title": "Contract test"})).await;
    let target = json!({"noteId": note["id"], "companyId": company["id"]});
    let target = twenty.create("noteTargets", target).await;
    Family { company, person, target }
}

async fn found(twenty: &Twenty, plural: &str, record: &Value) -> Value {
    let path = format!("/rest/{plural}?filter=id[eq]:{}", text(&record["id"]));
    twenty.get(&path).await.with(200)["data"][plural][0].clone()
}

/// "Trash and cascades", "What moves updatedAt"
#[tokio::test]
async fn destroying_a_parent_clears_references_without_moving_updated_at() {
    on_twenty(async |twenty| {
        let family = family(twenty).await;
        let path = format!("/rest/companies/{}", text(&family.company["id"]));
        twenty.delete(&path).await.with(200);
        let person = found(twenty, "people", &family.person).await;
        assert_eq!(person["companyId"], Value::Null);
        assert_eq!(person["updatedAt"], family.person["updatedAt"]);
        assert_eq!(found(twenty, "noteTargets", &family.target).await, Value::Null);
    })
    .await;
}

/// "Trash and cascades"
#[tokio::test]
async fn a_soft_delete_does_not_cascade() {
    on_twenty(async |twenty| {
        let family = family(twenty).await;
        let path = format!("/rest/companies/{}?soft_delete=true", text(&family.company["id"]));
        twenty.delete(&path).await.with(200);
        assert_eq!(found(twenty, "people", &family.person).await, family.person);
        assert_eq!(found(twenty, "noteTargets", &family.target).await, family.target);
    })
    .await;
}
