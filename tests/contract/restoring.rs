//! The ways back from the trash, and the documented one that is none.

use serde_json::{Value, json};

use super::{
    answer::{ids, sorted_ids, text},
    probe::Probe,
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
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let gone = [deleted(twenty, &probe).await, deleted(twenty, &probe).await];
        let live = probe.create(json!({})).await["id"].clone();
        let filter = json!({"and": [
            {"id": {"in": [gone[0], gone[1], live]}}, {"deletedAt": {"is": "NOT_NULL"}},
        ]});
        let hits = probe.update_many(&filter, &json!({"deletedAt": null})).await.subject(200);
        let mut wanted = gone.each_ref().map(text);
        wanted.sort();
        assert_eq!(sorted_ids(&hits), wanted);
        assert_eq!(probe.listed("").await["totalCount"], 3);
    })
    .await;
}
