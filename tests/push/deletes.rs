//! Deletes and restores, alone and against an edit of the other side.

use fake_twenty::World;
use serde_json::json;
use uuid::Uuid;

use super::scene::{Kind, Scene, kind_of};

/// Deletes a person by SQL; its id.
async fn delete_one(scene: &Scene) -> Uuid {
    let id = scene.some("people", 0);
    assert_eq!(scene.sql(&format!("delete from twenty.people where id = '{id}'")).await, 1);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_row_goes_to_the_trash() {
    let scene = Scene::of(World::sample()).await;
    let id = delete_one(&scene).await;
    scene.sync().await;
    assert!(scene.is_in_trash("people", id));
    assert_eq!(scene.row("people", id).await, None);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_deletes_are_hard_nothing_is_left() {
    let scene = Scene::with(World::sample(), &[("PUSH__DELETES", "hard")]).await;
    let id = delete_one(&scene).await;
    scene.sync().await;
    assert_eq!(scene.record("people", id), None);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_twenty_clears_when_a_record_is_destroyed_is_cleared_here_at_once() {
    let scene = Scene::with(World::sample(), &[("PUSH__DELETES", "hard")]).await;
    let company = scene
        .id("select company_id from twenty.people where company_id is not null order by id limit 1")
        .await;
    let employees = format!("select count(*) from twenty.people where company_id = '{company}'");
    assert!(scene.number(&employees).await > 0);
    let delete = format!("delete from twenty.companies where id = '{company}'");
    assert_eq!(scene.sql(&delete).await, 1);
    scene.sync().await;
    assert_eq!(scene.number(&employees).await, 0);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_deletes_are_one_request() {
    let loose = [("FUSE__SHARE", "1")];
    let scene = Scene::with(World::with_people(120), &loose).await;
    let some = "select id from twenty.people order by id limit 100";
    assert_eq!(scene.sql(&format!("delete from twenty.people where id in ({some})")).await, 100);
    scene.sync().await;
    assert_eq!(scene.writes().len(), 1);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_inserted_again_with_its_id_is_restored_with_its_new_values() {
    let scene = Scene::of(World::sample()).await;
    let id = delete_one(&scene).await;
    scene.sync().await;
    scene
        .sql(&format!("insert into twenty.people (id, name_first_name) values ('{id}', 'Phoenix')"))
        .await;
    scene.sync().await;
    assert_eq!(scene.live("people", id)["name"]["firstName"], "Phoenix");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_deleted_and_inserted_again_before_it_was_sent_is_an_update() {
    let scene = Scene::of(World::sample()).await;
    let id = delete_one(&scene).await;
    scene
        .sql(&format!("insert into twenty.people (id, name_first_name) values ('{id}', 'Phoenix')"))
        .await;
    scene.sync().await;
    let kinds: Vec<_> = scene.writes().iter().filter_map(|call| kind_of(&call.info)).collect();
    assert!(!kinds.contains(&Kind::Delete) && !kinds.contains(&Kind::Create), "{kinds:?}");
    assert_eq!(scene.live("people", id)["name"]["firstName"], "Phoenix");
    assert_eq!(scene.live("people", id)["city"], "");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_here_beats_an_edit_there_which_is_kept_as_a_conflict() {
    let scene = Scene::of(World::sample()).await;
    let id = delete_one(&scene).await;
    scene.edit("people", id, &json!({"city": "Nuuk"}));
    scene.sync().await;
    assert!(scene.is_in_trash("people", id));
    let conflict = scene.conflict().await;
    assert_eq!((conflict.record_id, conflict.kind.as_str()), (id, "deleted_in_mirror"));
    assert_eq!(conflict.source.unwrap()["city"], "Nuuk");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_there_beats_an_edit_here_which_is_kept_as_a_conflict() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{id}'")).await;
    scene.stage.fake.world(|world| world.soft_delete("people", id));
    scene.sync().await;
    assert!(scene.is_in_trash("people", id));
    assert_eq!(scene.row("people", id).await, None);
    let conflict = scene.conflict().await;
    assert_eq!((conflict.record_id, conflict.kind.as_str()), (id, "deleted_at_source"));
    assert_eq!(conflict.mirror.unwrap()["city"], "Turku");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_there_without_an_edit_here_is_no_conflict() {
    let scene = Scene::of(World::sample()).await;
    let id = delete_one(&scene).await;
    scene.stage.fake.world(|world| world.soft_delete("people", id));
    scene.sync().await;
    assert_eq!(scene.writes(), []);
    assert_eq!(scene.conflicts().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_edits_restore_an_edit_here_brings_the_record_back() {
    let scene = Scene::with(World::sample(), &[("PUSH__EDIT_RESTORES", "true")]).await;
    let id = scene.some("people", 0);
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{id}'")).await;
    scene.stage.fake.world(|world| world.soft_delete("people", id));
    scene.sync().await;
    assert_eq!(scene.live("people", id)["city"], "Turku");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_edits_restore_an_edit_there_brings_the_row_back() {
    let scene = Scene::with(World::sample(), &[("PUSH__EDIT_RESTORES", "true")]).await;
    let id = delete_one(&scene).await;
    scene.edit("people", id, &json!({"city": "Nuuk"}));
    scene.sync().await;
    assert_eq!(scene.live("people", id)["city"], "Nuuk");
    assert_eq!(scene.row("people", id).await.unwrap()["city"], "Nuuk");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_destroyed_there_does_not_come_back_by_an_edit_here() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{id}'")).await;
    scene.stage.fake.world(|world| world.destroy("people", id));
    scene.sync().await;
    assert_eq!(scene.record("people", id), None);
    assert_eq!(scene.row("people", id).await, None);
    assert_eq!(scene.conflict().await.mirror.unwrap()["city"], "Turku");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_deleted_rows_are_kept_clearing_deleted_at_restores() {
    let scene = Scene::with(World::sample(), &[("PULL__DELETED_RECORDS", "keep")]).await;
    let id = scene.some("people", 0);
    scene.stage.fake.world(|world| world.soft_delete("people", id));
    scene.sync().await;
    scene.sql(&format!("update twenty.people set deleted_at = null where id = '{id}'")).await;
    scene.sync().await;
    scene.live("people", id);
    assert!(scene.row("people", id).await.unwrap()["deleted_at"].is_null());
    assert_eq!(scene.pending().await, Vec::<String>::new());
}

/// A restore by SQL; the requests that the program sent for it must be one update that clears `deletedAt`, because
/// only that is announced as a change, not as another delete.
async fn assert_restored_by_an_update(scene: &Scene, id: Uuid) {
    scene.stage.fake.clear_calls();
    scene.sync().await;
    scene.live("people", id);
    let writes = scene.writes();
    let restores: Vec<_> =
        writes.iter().filter(|call| call.info.body.contains(r#""deletedAt":null"#)).collect();
    assert_eq!(restores.len(), 1, "{writes:?}");
    assert!(writes.iter().all(|call| !call.info.path.contains("/restore")), "{writes:?}");
    assert!(restores[0].info.body.contains("update"), "{restores:?}");
    scene.sync().await;
    assert_eq!(scene.pending().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_by_sql_reaches_twenty_as_an_update() {
    for (deleted, restore) in [
        ("remove", "insert into twenty.people (id, city) values ('ID', 'Nara')"),
        ("keep", "update twenty.people set deleted_at = null where id = 'ID'"),
    ] {
        let scene = Scene::with(World::sample(), &[("PULL__DELETED_RECORDS", deleted)]).await;
        let id = scene.some("people", 0);
        scene.stage.fake.world(|world| world.soft_delete("people", id));
        scene.sync().await;
        scene.sql(&restore.replace("ID", &id.to_string())).await;
        assert_restored_by_an_update(&scene, id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_in_twenty_reaches_the_mirror() {
    for deleted in ["remove", "keep"] {
        let scene = Scene::with(World::sample(), &[("PULL__DELETED_RECORDS", deleted)]).await;
        let id = scene.some("people", 0);
        scene.stage.fake.world(|world| world.soft_delete("people", id));
        scene.sync().await;
        scene.stage.fake.world(|world| world.restore("people", id));
        scene.sync().await;
        let row = scene.row("people", id).await.expect("the row is back");
        assert!(row["deleted_at"].is_null(), "{deleted}: {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_of_a_record_that_was_purged_is_a_conflict_and_is_not_tried_again() {
    let scene = Scene::with(World::sample(), &[("PULL__DELETED_RECORDS", "keep")]).await;
    let id = scene.some("people", 0);
    scene.stage.fake.world(|world| world.soft_delete("people", id));
    scene.sync().await;
    scene.sql(&format!("update twenty.people set deleted_at = null where id = '{id}'")).await;
    scene.stage.fake.world(|world| {
        world.set_clock(world.clock().advanced(std::time::Duration::from_hours(16 * 24)));
        world.empty_trash(14)
    });
    scene.sync().await;
    assert_eq!((scene.record("people", id), scene.row("people", id).await), (None, None));
    let conflict = scene.conflict().await;
    assert_eq!((conflict.record_id, conflict.kind.as_str()), (id, "deleted_at_source"));
    assert_eq!(scene.pending().await, Vec::<String>::new());
    scene.stage.fake.clear_calls();
    scene.sync().await;
    assert_eq!(scene.writes(), []);
}
