//! Many records at once.

use serde_json::{Value, json};

use super::{
    answer::{sorted_ids, text},
    probe::Probe,
    twenty::{fresh_id, on_fake, on_twenty},
};

fn named(count: usize) -> Vec<Value> {
    (0..count).map(|at| json!({"id": fresh_id(), "name": format!("r{at}")})).collect()
}

/// "Batches"
#[tokio::test]
async fn the_answer_to_a_batch_is_matched_by_id_because_its_order_means_nothing() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let bodies = named(60);
        let made = probe.post_many(&bodies).await.subject(201);
        let made = made.as_array().unwrap();
        assert_eq!(made.len(), 60);
        for body in &bodies {
            let answer = made.iter().find(|one| one["id"] == body["id"]).unwrap();
            assert_eq!(answer["name"], body["name"]);
            assert_eq!(answer["updatedAt"], made[0]["updatedAt"], "a batch is one transaction");
        }
    })
    .await;
}

/// "Batches"
#[tokio::test]
async fn more_than_200_records_are_refused_and_none_are_welcome() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let refused = probe.post_many(&named(201)).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert_eq!(probe.post_many(&[]).await.subject(201), json!([]));
        assert_eq!(probe.listed("").await["totalCount"], 0);
    })
    .await;
}

/// "Batches"
#[tokio::test]
async fn one_bad_record_keeps_the_whole_batch_out() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["SELECT", "TEXT"]).await;
        let id = fresh_id();
        let table = [
            ([json!({"name": "good"}), json!({"nope": 1})], 400, "nope"),
            (
                [json!({"name": "good"}), json!({"fSelect": "ZZ"})],
                400,
                "invalid input value for enum",
            ),
            ([json!({"name": "good"}), json!({"fText": null})], 500, "violates not-null"),
            ([json!({"id": id}), json!({"id": id})], 400, "A duplicate entry was detected"),
        ];
        for (bodies, status, message) in table {
            probe.post_many(&bodies).await.refused(status, message);
        }
        assert_eq!(probe.listed("").await["totalCount"], 0);
    })
    .await;
}

/// "Batches", "REST routes"
#[tokio::test]
async fn a_change_of_many_names_the_records_that_its_filter_found() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER"]).await;
        let made = probe.create_many(4).await;
        let filter = format!("filter=id[in]:[{},{},{}]", made[1], made[3], fresh_id());
        let path = probe.list(&filter);
        let wanted = [made[1].clone(), made[3].clone()];
        let updated = twenty.patch(&path, &json!({"fNumber": 7})).await.subject(200);
        assert_eq!(sorted_ids(&updated), wanted);
        assert_eq!(probe.found("fNumber[eq]:7").await, wanted);
        let soft = format!("{path}&soft_delete=true");
        assert_eq!(sorted_ids(&twenty.delete(&soft).await.subject(200)), wanted);
        assert_eq!(sorted_ids(&twenty.delete(&path).await.subject(200)), wanted);
        assert_eq!(probe.any(&json!(made[1])).await, Value::Null);
        assert_eq!(probe.listed("").await["totalCount"], 2);
    })
    .await;
}

/// "Soft delete, restore, destroy", "Guarded updates"
#[tokio::test]
async fn an_update_of_many_reaches_deleted_records_too() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let id = probe.create(json!({"name": "one"})).await["id"].clone();
        twenty.delete(&format!("{}?soft_delete=true", probe.one(&id))).await.with(200);
        let path = probe.list(&format!("filter=id[in]:[{}]", text(&id)));
        let updated = twenty.patch(&path, &json!({"name": "changed"})).await.subject(200);
        assert_eq!(updated[0]["id"], id);
        let kept = probe.any(&id).await;
        assert_eq!((&kept["name"], kept["deletedAt"].is_string()), (&json!("changed"), true));
    })
    .await;
}

/// "REST routes"
#[tokio::test]
async fn a_change_of_many_without_a_filter_is_one_of_the_whole_table() {
    on_fake("holds records of others", async |twenty, _| {
        let total = async |filter: &str| {
            let path = format!("/rest/companies?filter={filter}");
            twenty.get(&path).await.with(200)["totalCount"].clone()
        };
        let (live, gone) =
            (total("deletedAt[is]:NULL").await, total("deletedAt[is]:NOT_NULL").await);
        twenty.patch("/rest/companies", &json!({"employees": 7})).await.with(200);
        assert_eq!(total("and(employees[eq]:7,deletedAt[is]:NULL)").await, live);
        twenty.delete("/rest/companies?soft_delete=true").await.with(200);
        assert_eq!(total("deletedAt[is]:NULL").await, 0);
        assert!(total("deletedAt[is]:NOT_NULL").await.as_u64() > gone.as_u64());
    })
    .await;
}
