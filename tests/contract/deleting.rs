//! Soft delete and destroy: opposite defaults in the two APIs.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    answer::text,
    probe::{ANY, Probe},
    server::{Removal, Table, by_id, id_of, on_each_server},
    twenty::on_twenty,
};

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn soft_deleted_records_are_invisible_unless_deleted_at_is_mentioned() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create_many(2).await;
        let (live, gone) = (&made[0], &made[1]);
        let path = probe.one(&json!(gone));
        twenty.delete(&format!("{path}?soft_delete=true")).await.with(200);
        twenty.get(&path).await.refused(404, "Record not found");
        let table = [
            (format!("id[eq]:{gone}"), vec![]),
            (format!("id[in]:[{live},{gone}]"), vec![live]),
            ("deletedAt[is]:NULL".to_owned(), vec![live]),
            ("deletedAt[is]:NOT_NULL".to_owned(), vec![gone]),
            (ANY.to_owned(), vec![live, gone]),
            (format!("and(id[eq]:{gone},{ANY})"), vec![gone]),
            // A mention anywhere is enough.
            (
                "or(deletedAt[is]:NULL,deletedAt[gte]:\"2000-01-01T00:00:00Z\")".to_owned(),
                vec![live, gone],
            ),
        ];
        for (filter, wanted) in table {
            let body = probe.listed(&format!("filter={filter}")).await;
            assert_eq!(
                super::answer::ids(&body["data"][&probe.plural]).iter().collect::<Vec<_>>(),
                wanted,
                "{filter}"
            );
            assert_eq!(body["totalCount"], json!(wanted.len()), "{filter}");
        }
        assert_eq!(probe.listed("").await["totalCount"], 1);
    })
    .await;
}

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn a_delete_by_rest_destroys_unless_it_says_soft_and_the_answers_are_the_same() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let id = probe.create(json!({})).await["id"].clone();
        let path = probe.one(&id);
        let soft = twenty.delete(&format!("{path}?soft_delete=true")).await.with(200);
        assert!(probe.any(&id).await["deletedAt"].is_string());
        let hard = twenty.delete(&path).await.with(200);
        assert_eq!(soft, hard);
        assert_eq!(probe.any(&id).await, Value::Null);
        twenty.delete(&path).await.refused(404, "Record not found");
    })
    .await;
}

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn a_delete_by_graphql_is_soft_and_destroy_has_its_own_name() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create_many(2).await;
        let filter = format!("filter: {{id: {{in: {}}}}}", json!(made));
        let mutation =
            |verb: &str| format!("mutation {{ {}({filter}) {{ id }} }}", probe.root(verb));
        let deleted = twenty.graphql(&mutation("delete"), &json!({})).await.subject(200);
        assert_eq!(super::answer::sorted_ids(&deleted), made);
        assert_eq!(probe.found("deletedAt[is]:NOT_NULL").await, made);
        let gone = twenty.graphql(&mutation("destroy"), &json!({})).await.subject(200);
        assert_eq!(super::answer::sorted_ids(&gone), made);
        assert_eq!(probe.found(ANY).await, Vec::<String>::new());
        let one = format!(
            "mutation {{ {}(id: \"{}\") {{ id }} }}",
            probe.root_of_one("destroy"),
            made[0]
        );
        let answer = twenty.graphql(&one, &json!({})).await;
        answer.refused(200, "Record not found");
        assert_eq!(answer.code(), "NOT_FOUND");
    })
    .await;
}

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn deleting_twice_succeeds_twice_and_restarts_the_clock() {
    on_each_server(&[], async |server| {
        let made = server.made(Table::Parent, json!({})).await;
        server.trash(Table::Parent, &made["id"]).await;
        let first = text(&server.read(Table::Parent, &made["id"]).await["deletedAt"]);
        server.tick();
        let again = server.delete(Table::Parent, &by_id(&made["id"]), Removal::Soft).await;
        assert_eq!(again, [id_of(&made)]);
        let read = server.read(Table::Parent, &made["id"]).await;
        assert!(text(&read["deletedAt"]) > first);
        assert_eq!(read["updatedAt"], read["deletedAt"]);
    })
    .await;
}

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn a_removal_names_the_records_that_it_found_and_what_is_destroyed_is_in_no_count() {
    on_each_server(&[], async |server| {
        let made = server.made_many(Table::Parent, 4).await;
        // It is hit once, however often it is named.
        let some = json!({"id": {"in": [made[0], made[2], made[0], Uuid::new_v4()]}});
        let totals = async || {
            (server.total(Table::Parent, false).await, server.total(Table::Parent, true).await)
        };
        assert_eq!(server.delete(Table::Parent, &some, Removal::Soft).await, [made[0], made[2]]);
        assert_eq!(totals().await, (2, 4));
        let some = json!({"id": {"in": [made[2], made[3]]}});
        assert_eq!(server.delete(Table::Parent, &some, Removal::ForEver).await, [made[2], made[3]]);
        assert_eq!(totals().await, (1, 2));
        assert_eq!(server.delete(Table::Parent, &some, Removal::ForEver).await, Vec::<Uuid>::new());
        assert_eq!(server.delete(Table::Parent, &some, Removal::Soft).await, Vec::<Uuid>::new());
        // Its id is free again.
        let again = server.made(Table::Parent, json!({"id": made[2], "name": "again"})).await;
        assert_eq!((&again["name"], &again["deletedAt"]), (&json!("again"), &Value::Null));
    })
    .await;
}

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn a_patch_of_a_deleted_record_succeeds_and_leaves_it_deleted() {
    on_each_server(&[], async |server| {
        let made = server.made(Table::Parent, json!({"name": "before"})).await;
        server.trash(Table::Parent, &made["id"]).await;
        let kept = server.patch(Table::Parent, &made["id"], json!({"name": "after"})).await;
        assert_eq!((&kept["name"], kept["deletedAt"].is_string()), (&json!("after"), true));
    })
    .await;
}
