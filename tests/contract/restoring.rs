//! The ways back from the trash, and the documented one that is none.

use serde_json::{Value, json};

use super::{
    answer::{ids, text},
    probe::Probe,
    server::{Table, on_each_server},
    twenty::{Twenty, on_twenty},
};

async fn deleted(twenty: &Twenty, probe: &Probe<'_>) -> Value {
    let id = probe.create(json!({"name": "one"})).await["id"].clone();
    twenty.delete(&format!("{}?soft_delete=true", probe.one(&id))).await.with(200);
    id
}

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn a_patch_that_clears_deleted_at_restores() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let id = deleted(twenty, &probe).await;
        assert!(probe.patch(&id, json!({"deletedAt": null})).await["deletedAt"].is_null());
        assert_eq!(probe.read(&id).await["name"], "one");
    })
    .await;
}

/// "Soft delete, restore, destroy"
#[tokio::test]
async fn the_restore_route_takes_a_filter_and_never_an_id() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let id = deleted(twenty, &probe).await;
        let route = format!("/rest/restore/{}", probe.plural);
        let by_id = format!("{route}/{}", text(&id));
        twenty.patch(&by_id, &json!({})).await.refused(400, "invalid");
        let with_filter = format!("{route}?filter=id[eq]:{}", text(&id));
        let restored = twenty.patch(&with_filter, &json!({})).await.subject(200);
        assert_eq!(ids(&restored), [text(&id)]);
        assert!(probe.read(&id).await["deletedAt"].is_null());
    })
    .await;
}

/// "Soft delete, restore, destroy", "Guarded updates"
#[tokio::test]
async fn an_update_of_many_that_clears_deleted_at_restores_them() {
    on_each_server(&[], async |server| {
        let made = server.made_many(Table::Parent, 3).await;
        for gone in &made[..2] {
            server.trash(Table::Parent, &json!(gone)).await;
        }
        let filter = json!({"and": [{"id": {"in": made}}, {"deletedAt": {"is": "NOT_NULL"}}]});
        let patch = json!({"deletedAt": null, "name": "back"});
        assert_eq!(server.update(Table::Parent, &filter, &patch).await, Ok(made[..2].to_vec()));
        assert_eq!(server.total(Table::Parent, false).await, 3);
        let names: Vec<bool> = server
            .look(Table::Parent, &made)
            .await
            .iter()
            .map(|one| one["name"] == "back")
            .collect();
        assert_eq!(names, [true, true, false]);
    })
    .await;
}
