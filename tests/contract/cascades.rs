//! What a deletion does to other records, without a trace in their times.

use serde_json::{Value, json};

use super::server::{Server, Table, on_each_server};

/// A parent, a child that it has twice over, and a link to it.
struct Family {
    parent: Value,
    child: Value,
    grandchild: Value,
    link: Value,
}

async fn family(server: &Server<'_>) -> Family {
    let parent = server.made(Table::Parent, json!({"name": "Contract test"})).await;
    let child = server.made(Table::Child, json!({"parentId": parent["id"]})).await;
    let both = json!({"parentId": parent["id"], "bossId": child["id"]});
    let grandchild = server.made(Table::Child, both).await;
    let link = server.made(Table::Link, json!({"parentId": parent["id"]})).await;
    Family { parent, child, grandchild, link }
}

/// "Trash and cascades", "What moves updatedAt"
#[tokio::test]
async fn destroying_a_parent_clears_references_without_moving_updated_at() {
    on_each_server(&[], async |server| {
        let family = family(server).await;
        server.tick();
        server.destroy(Table::Parent, &family.parent["id"]).await;
        for (child, boss) in
            [(&family.child, Value::Null), (&family.grandchild, family.child["id"].clone())]
        {
            let read = server.read(Table::Child, &child["id"]).await;
            assert_eq!((&read["parentId"], &read["bossId"]), (&Value::Null, &boss));
            assert_eq!(read["updatedAt"], child["updatedAt"]);
        }
        assert_eq!(server.read(Table::Link, &family.link["id"]).await, Value::Null);
        server.destroy(Table::Child, &family.child["id"]).await;
        let read = server.read(Table::Child, &family.grandchild["id"]).await;
        assert_eq!(read["bossId"], Value::Null);
        assert_eq!(read["updatedAt"], family.grandchild["updatedAt"]);
    })
    .await;
}

/// "Trash and cascades"
#[tokio::test]
async fn what_lies_in_the_trash_loses_what_it_refers_to_as_well() {
    on_each_server(&[], async |server| {
        let family = family(server).await;
        server.trash(Table::Child, &family.child["id"]).await;
        server.trash(Table::Link, &family.link["id"]).await;
        let trashed = server.read(Table::Child, &family.child["id"]).await;
        server.tick();
        server.destroy(Table::Parent, &family.parent["id"]).await;
        let read = server.read(Table::Child, &family.child["id"]).await;
        assert_eq!(read["parentId"], Value::Null);
        assert_eq!(
            (&read["updatedAt"], &read["deletedAt"]),
            (&trashed["updatedAt"], &trashed["deletedAt"])
        );
        assert_eq!(server.read(Table::Link, &family.link["id"]).await, Value::Null);
    })
    .await;
}

/// "Trash and cascades"
#[tokio::test]
async fn a_soft_delete_does_not_cascade() {
    on_each_server(&[], async |server| {
        let family = family(server).await;
        server.tick();
        server.trash(Table::Parent, &family.parent["id"]).await;
        for (table, record) in [
            (Table::Child, &family.child),
            (Table::Child, &family.grandchild),
            (Table::Link, &family.link),
        ] {
            assert_eq!(&server.read(table, &record["id"]).await, record);
        }
    })
    .await;
}
