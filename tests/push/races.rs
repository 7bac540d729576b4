//! Somebody edits the record in Twenty between the program's last read and its write, every time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use fake_twenty::World;
use serde_json::json;

use super::{
    history::{EMAIL, Field, HAZARDS, History, LABELS, NAME, READINGS},
    scene::{Kind, Scene, kind_of},
};

const ROUNDS: u32 = 20;

/// In each round SQL edits a field, and Twenty's users edit `theirs` just before the program's first write arrives.
async fn race(ours: Field, theirs: Field, policy: &str) -> (Scene, History) {
    let scene = Scene::with(World::sample(), &[("PUSH__POLICY", policy)]).await;
    let (record, history) = (scene.some("machines", 0), History::default());
    let (armed, numbers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(1)));
    let (trigger, next, notes) = (Arc::clone(&armed), Arc::clone(&numbers), history.clone());
    scene.stage.fake.on_request(Box::new(move |call, world| {
        let is_ours =
            kind_of(call) == Some(Kind::Update) && call.body.contains(&record.to_string());
        if is_ours && trigger.swap(false, SeqCst) {
            notes.edit_source(world, record, theirs, next.fetch_add(1, SeqCst));
        }
    }));
    let daemon = scene.daemon("300ms");
    for round in 0..ROUNDS {
        armed.store(true, SeqCst);
        history.edit_mirror(&scene, record, ours, numbers.fetch_add(1, SeqCst)).await;
        scene.settled().await;
        assert!(!armed.load(SeqCst), "round {round}: the program settled the edit without a write");
    }
    daemon.stop().await;
    scene.stage.fake.clear_on_request();
    scene.sync_at_last().await;
    assert_eq!(history.len(), 2 * ROUNDS as usize);
    (scene, history)
}

/// Both sides edit the same field: nothing is lost, and every time one value is a conflict.
async fn same_field(field: Field, policy: &str) {
    let (scene, history) = race(field, field, policy).await;
    history.assert_nothing_lost(&scene, &format!("{} under {policy}", field.column)).await;
    assert_eq!(scene.conflicts().await.len(), ROUNDS as usize);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_text_between_read_and_write_is_never_overwritten() {
    same_field(NAME, "source").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_an_email_between_read_and_write_is_never_overwritten() {
    same_field(EMAIL, "source").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_json_document_between_read_and_write_is_never_overwritten() {
    same_field(READINGS, "source").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_multi_select_between_read_and_write_is_never_overwritten() {
    same_field(HAZARDS, "source").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_list_between_read_and_write_is_never_overwritten() {
    same_field(LABELS, "source").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_mirror_wins_what_it_overwrites_is_kept_as_a_conflict() {
    same_field(NAME, "mirror").await;
    same_field(READINGS, "mirror").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_another_field_between_read_and_write_is_merged() {
    for (ours, theirs) in [(NAME, LABELS), (READINGS, NAME), (READINGS, LABELS)] {
        let (scene, history) = race(ours, theirs, "source").await;
        let context = format!("{} beside {}", ours.column, theirs.column);
        history.assert_nothing_lost(&scene, &context).await;
        assert_eq!(scene.conflicts().await.len(), 0, "{context}");
        scene.assert_quiet_and_equal().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_deleted_between_read_and_write_stays_deleted() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("machines", 0);
    let armed = AtomicBool::new(true);
    scene.stage.fake.on_request(Box::new(move |call, world| {
        if kind_of(call) == Some(Kind::Update) && armed.swap(false, SeqCst) {
            world.soft_delete("machines", id);
        }
    }));
    scene.sql(&format!("update twenty.machines set name = 'Late' where id = '{id}'")).await;
    scene.sync_at_last().await;
    assert!(scene.is_in_trash("machines", id));
    assert_eq!(scene.row("machines", id).await, None);
    assert_eq!(scene.conflict().await.mirror.unwrap()["name"], "Late");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_here_while_the_write_is_under_way_survives_and_goes_next() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("machines", 0);
    let daemon = scene.daemon("1h");
    for number in 0..10 {
        let slow = fake_twenty::Effect::Slow(std::time::Duration::from_millis(150));
        scene.stage.fake.fault(
            fake_twenty::Fault::new(slow).when(|call| kind_of(call) == Some(Kind::Update)).next(1),
        );
        scene.stage.fake.clear_calls();
        scene
            .sql(&format!("update twenty.machines set name = 'a{number}' where id = '{id}'"))
            .await;
        while scene.writes().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        scene
            .sql(&format!("update twenty.machines set name = 'b{number}' where id = '{id}'"))
            .await;
        scene.settled().await;
        assert_eq!(scene.live("machines", id)["name"], json!(format!("b{number}")));
    }
    daemon.stop().await;
    assert_eq!(scene.conflicts().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}
