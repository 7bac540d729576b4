//! What moves `updatedAt`, and what does not.

use serde_json::json;

use super::{
    answer::text,
    probe::Probe,
    server::{Table, on_each_server},
    twenty::on_twenty,
};

const LONG_AGO: &str = "2001-02-03T04:05:06.789Z";

/// "What moves updatedAt"
#[tokio::test]
async fn a_patch_moves_it_even_with_equal_values_or_none() {
    on_each_server(&[], async |server| {
        let made = server.made(Table::Parent, json!({"name": "same"})).await;
        let mut last = text(&made["updatedAt"]);
        for patch in [json!({"name": "same"}), json!({}), json!({"position": 7})] {
            server.tick();
            let now = server.patch(Table::Parent, &made["id"], patch.clone()).await;
            assert_eq!(now["createdAt"], made["createdAt"]);
            let now = text(&now["updatedAt"]);
            assert!(now > last, "{patch}: {now} after {last}");
            last = now;
        }
    })
    .await;
}

/// "What moves updatedAt"
#[tokio::test]
async fn the_systems_own_fields_are_written_as_the_client_gives_them() {
    on_each_server(&[], async |server| {
        let given = json!({
            "name": "old", "createdAt": LONG_AGO, "updatedAt": LONG_AGO, "position": 5.5,
        });
        let made = server.made(Table::Parent, given.clone()).await;
        for key in ["createdAt", "updatedAt", "position"] {
            assert_eq!(made[key], given[key], "{key}");
        }
        let ours = server.made(Table::Parent, json!({})).await;
        let hidden = json!({"name": "n", "updatedAt": LONG_AGO});
        let hidden = server.patch(Table::Parent, &ours["id"], hidden).await;
        assert_eq!((&hidden["name"], &hidden["updatedAt"]), (&json!("n"), &json!(LONG_AGO)));
        let trashed =
            server.patch(Table::Parent, &ours["id"], json!({"deletedAt": LONG_AGO})).await;
        assert_eq!(trashed["deletedAt"], LONG_AGO);
        assert_eq!(server.total(Table::Parent, false).await, 1);
    })
    .await;
}

/// "What moves updatedAt"
#[tokio::test]
async fn a_client_may_say_who_created_a_record() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let given = json!({"createdBy": {"source": "IMPORT", "name": "Importer"}});
        assert_eq!(probe.create(given).await["createdBy"]["source"], "IMPORT");
        let ours = probe.create(json!({})).await;
        assert_eq!(ours["createdBy"]["source"], "API");
        assert!(ours["createdBy"]["name"].is_string());
    })
    .await;
}

/// "What moves updatedAt", "Soft delete, restore, destroy"
#[tokio::test]
async fn deleting_and_restoring_move_it_also_when_there_is_nothing_to_restore() {
    on_each_server(&[], async |server| {
        let made = server.made(Table::Parent, json!({})).await;
        server.tick();
        server.trash(Table::Parent, &made["id"]).await;
        let deleted = server.read(Table::Parent, &made["id"]).await;
        assert_eq!(deleted["updatedAt"], deleted["deletedAt"]);
        let mut last = text(&deleted["updatedAt"]);
        assert!(last > text(&made["updatedAt"]));
        for _ in 0..2 {
            server.tick();
            let restore = json!({"deletedAt": null});
            let restored = server.patch(Table::Parent, &made["id"], restore).await;
            let now = text(&restored["updatedAt"]);
            assert!(restored["deletedAt"].is_null() && now > last, "{restored} after {last}");
            last = now;
        }
    })
    .await;
}

/// "What moves updatedAt"
#[tokio::test]
async fn a_child_that_comes_or_goes_does_not_move_its_parent() {
    on_each_server(&[], async |server| {
        let parent = server.made(Table::Parent, json!({"name": "Contract test"})).await;
        server.tick();
        let child = server.made(Table::Child, json!({"parentId": parent["id"]})).await;
        server.tick();
        let left = server.patch(Table::Child, &child["id"], json!({"parentId": null})).await;
        assert!(text(&left["updatedAt"]) > text(&child["updatedAt"]));
        assert_eq!(server.read(Table::Parent, &parent["id"]).await, parent);
    })
    .await;
}
