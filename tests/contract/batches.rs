//! Many records at once.

use serde_json::{Value, json};

use super::{
    answer::sorted_ids,
    probe::Probe,
    server::{Refusal, Table, by_id, id_of, on_each_server},
    twenty::{fresh_id, on_fake, on_twenty},
};

fn named(count: usize) -> Vec<Value> {
    (0..count).map(|at| json!({"id": fresh_id(), "name": format!("r{at}")})).collect()
}

/// "Batches"
#[tokio::test]
async fn the_answer_to_a_batch_is_matched_by_id_because_its_order_means_nothing() {
    on_each_server(&[], async |server| {
        let bodies = named(60);
        let made = server.create(Table::Parent, &bodies).await.unwrap();
        assert_eq!(made.len(), 60);
        for body in &bodies {
            let answer = made.iter().find(|one| one["id"] == body["id"]).unwrap();
            assert_eq!(answer["name"], body["name"]);
            assert_eq!(answer["updatedAt"], made[0]["updatedAt"], "a batch is one transaction");
        }
    })
    .await;
}

/// "Batches", "Ids", "Errors"
#[tokio::test]
async fn one_bad_record_keeps_the_whole_batch_out() {
    on_each_server(&["TEXT"], async |server| {
        let (live, trashed) = (
            server.made(Table::Parent, json!({})).await,
            server.made(Table::Parent, json!({})).await,
        );
        server.trash(Table::Parent, &trashed["id"]).await;
        let (id, nobody) = (fresh_id(), fresh_id());
        let good = || json!({"id": fresh_id(), "name": "good"});
        let with = |key: &str, value: &Value| json!({"id": fresh_id(), key: value});
        let table = [
            (Table::Parent, json!({"id": live["id"]}), good(), Refusal::DuplicateEntry),
            (Table::Parent, json!({"id": trashed["id"]}), good(), Refusal::DuplicateEntry),
            (Table::Parent, json!({"id": id}), json!({"id": id}), Refusal::DuplicateEntry),
            (Table::Parent, with("fText", &json!(null)), good(), Refusal::Value),
            (Table::Parent, with("fText", &json!("a\0b")), good(), Refusal::Value),
            (Table::Child, with("parentId", &json!(nobody)), good(), Refusal::MissingParent),
            (
                Table::Link,
                with("parentId", &json!(nobody)),
                with("parentId", &live["id"]),
                Refusal::MissingParent,
            ),
        ];
        for (table, bad, good, refusal) in table {
            for bodies in [[bad.clone(), good.clone()], [good.clone(), bad.clone()]] {
                assert_eq!(server.create(table, &bodies).await, Err(refusal), "{bad}");
                let ids = bodies.each_ref().map(id_of);
                let found = server.look(table, &ids).await;
                assert!(
                    found
                        .iter()
                        .all(|one| [&live, &trashed].iter().any(|known| known["id"] == one["id"]))
                );
            }
        }
        assert_eq!(server.total(Table::Parent, true).await, 2);
    })
    .await;
}

/// "Batches"
#[tokio::test]
async fn records_of_one_batch_may_refer_to_each_other() {
    on_each_server(&[], async |server| {
        let (first, second) = (fresh_id(), fresh_id());
        let bodies =
            [json!({"id": first, "bossId": second}), json!({"id": second, "bossId": second})];
        let made = server.create(Table::Child, &bodies).await.unwrap();
        assert_eq!(made.len(), 2);
        for id in [first, second.clone()] {
            assert_eq!(server.read(Table::Child, &json!(id)).await["bossId"], json!(second));
        }
    })
    .await;
}

/// "Errors", "Guarded updates"
#[tokio::test]
async fn an_update_that_one_record_cannot_take_changes_none() {
    on_each_server(&["TEXT"], async |server| {
        let made = server.made_many(Table::Child, 2).await;
        let filter = json!({"id": {"in": made}});
        let nobody = json!({"name": "x", "parentId": fresh_id()});
        let refused = server.update(Table::Child, &filter, &nobody).await;
        assert_eq!(refused, Err(Refusal::MissingParent));
        let names: Vec<Value> = server.look(Table::Child, &made).await;
        assert!(names.iter().all(|one| one["name"] != "x" && one["parentId"].is_null()));
        // What lies in the trash can be referred to.
        let parent = server.made(Table::Parent, json!({})).await;
        server.trash(Table::Parent, &parent["id"]).await;
        let patch = json!({"parentId": parent["id"]});
        assert_eq!(server.update(Table::Child, &filter, &patch).await, Ok(made));
    })
    .await;
}

/// "Soft delete, restore, destroy", "Guarded updates"
#[tokio::test]
async fn an_update_of_many_reaches_deleted_records_too() {
    on_each_server(&[], async |server| {
        let made = server.made(Table::Parent, json!({"name": "one"})).await;
        server.trash(Table::Parent, &made["id"]).await;
        let filter = json!({"id": {"in": [made["id"]]}});
        let patch = json!({"name": "changed"});
        assert_eq!(server.update(Table::Parent, &filter, &patch).await, Ok(vec![id_of(&made)]));
        let kept = server.read(Table::Parent, &made["id"]).await;
        assert_eq!((&kept["name"], kept["deletedAt"].is_string()), (&json!("changed"), true));
        assert_eq!(
            server
                .delete(Table::Parent, &by_id(&made["id"]), super::server::Removal::ForEver)
                .await,
            [id_of(&made)]
        );
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
async fn an_unknown_field_or_option_keeps_the_whole_batch_out() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["SELECT"]).await;
        let table = [
            ([json!({"name": "good"}), json!({"nope": 1})], 400, "nope"),
            (
                [json!({"name": "good"}), json!({"fSelect": "ZZ"})],
                400,
                "invalid input value for enum",
            ),
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
