//! Both sides changed the same field: who wins, and where the other value is kept.

use fake_twenty::{Clock, World};
use serde_json::json;
use uuid::Uuid;

use super::scene::Scene;

const CITY: &str = "city";

/// Both sides change a person's city; its id.
async fn both_change(scene: &Scene) -> Uuid {
    let id = scene.some("people", 0);
    scene.edit("people", id, &json!({CITY: "there"}));
    scene.sql(&format!("update twenty.people set city = 'here' where id = '{id}'")).await;
    id
}

/// Both sides hold `city`, and the only conflict says that it won against the other one.
async fn assert_won(scene: &Scene, id: Uuid, city: &str) {
    assert_eq!(scene.live("people", id)[CITY], city);
    let conflict = scene.conflict().await;
    assert_eq!((conflict.record_id, conflict.field.as_deref()), (id, Some(CITY)));
    assert_eq!(
        (conflict.source.unwrap()[CITY].clone(), conflict.mirror.unwrap()[CITY].clone()),
        (json!("there"), json!("here"))
    );
    let winner = if city == "here" { "mirror" } else { "source" };
    assert_eq!((conflict.winner.as_deref(), conflict.resolution.as_str()), (Some(winner), winner));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_twenty_wins_and_the_local_value_is_kept_as_a_conflict() {
    let scene = Scene::of(World::sample()).await;
    let id = both_change(&scene).await;
    scene.sync().await;
    assert_won(&scene, id, "there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_mirror_the_local_value_wins() {
    let scene = Scene::with(World::sample(), &[("PUSH__POLICY", "mirror")]).await;
    let id = both_change(&scene).await;
    scene.sync().await;
    assert_won(&scene, id, "here").await;
}

/// Under `newest`, with a source whose clock is moved by so many seconds.
async fn newest(seconds: i64, winner: &str) {
    let scene = Scene::with(World::sample(), &[("PUSH__POLICY", "newest")]).await;
    scene.stage.fake.world(|world| world.set_clock(Clock::Shifted(seconds * 1_000_000)));
    let id = both_change(&scene).await;
    scene.stage.fake.world(|world| world.set_clock(Clock::Real));
    scene.sync().await;
    assert_won(&scene, id, winner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_newest_a_clearly_later_local_edit_wins() {
    newest(-10, "here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_newest_a_later_edit_in_twenty_wins() {
    newest(10, "there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_newest_twenty_wins_where_the_times_are_too_near_to_each_other() {
    newest(0, "there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_hold_the_field_waits_and_the_rest_of_the_record_goes_on() {
    let scene = Scene::with(World::sample(), &[("PUSH__POLICY", "hold")]).await;
    let id = both_change(&scene).await;
    scene.sql(&format!("update twenty.people set job_title = 'Chief' where id = '{id}'")).await;
    scene.sync_to_attention().await;
    let record = scene.live("people", id);
    assert_eq!((&record[CITY], &record["jobTitle"]), (&json!("there"), &json!("Chief")));
    assert_eq!(scene.row("people", id).await.unwrap()[CITY], "here");
    for _ in 0..2 {
        scene.sync_to_attention().await;
    }
    let conflict = scene.conflict().await;
    assert_eq!((conflict.resolution.as_str(), conflict.winner), ("held", None));
    assert!(scene.pending().await[0].contains("held"), "{:?}", scene.pending().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_field_is_released_when_both_sides_come_to_hold_the_same() {
    let scene = Scene::with(World::sample(), &[("PUSH__POLICY", "hold")]).await;
    let id = both_change(&scene).await;
    scene.sync_to_attention().await;
    scene.edit("people", id, &json!({CITY: "here"}));
    scene.sync().await;
    assert_eq!(scene.conflict().await.resolution, "agreed");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_a_policy_of_its_own() {
    let settings = [("PUSH__POLICY", "hold"), ("OBJECTS__PEOPLE__POLICY", "mirror")];
    let scene = Scene::with(World::sample(), &settings).await;
    let id = both_change(&scene).await;
    scene.sync().await;
    assert_won(&scene, id, "here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_has_a_policy_of_its_own() {
    let settings =
        [("OBJECTS__PEOPLE__POLICY", "hold"), ("OBJECTS__PEOPLE__FIELDS__CITY__POLICY", "mirror")];
    let scene = Scene::with(World::sample(), &settings).await;
    let id = both_change(&scene).await;
    scene.sync().await;
    assert_won(&scene, id, "here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn different_fields_of_a_record_are_merged_without_a_conflict() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene.edit("people", id, &json!({CITY: "Nuuk"}));
    scene.sql(&format!("update twenty.people set job_title = 'Chief' where id = '{id}'")).await;
    scene.sync().await;
    let record = scene.live("people", id);
    assert_eq!((&record[CITY], &record["jobTitle"]), (&json!("Nuuk"), &json!("Chief")));
    assert_eq!(scene.conflicts().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_value_on_both_sides_is_neither_sent_nor_a_conflict() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene.edit("people", id, &json!({CITY: "Turku"}));
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{id}'")).await;
    scene.sync().await;
    assert_eq!(scene.writes(), []);
    assert_eq!(scene.conflicts().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_an_address_that_both_sides_changed_are_merged() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("companies", 0);
    scene.edit("companies", id, &json!({"address": {"addressCity": "Nuuk"}}));
    scene
        .sql(&format!("update twenty.companies set address_postcode = '20100' where id = '{id}'"))
        .await;
    scene.sync().await;
    let address = scene.live("companies", id)["address"].clone();
    assert_eq!(
        (&address["addressCity"], &address["addressPostcode"]),
        (&json!("Nuuk"), &json!("20100"))
    );
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_twenty_between_two_runs_that_was_read_first_is_no_conflict() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene.edit("people", id, &json!({CITY: "Nuuk"}));
    scene.sync().await;
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{id}'")).await;
    scene.sync().await;
    assert_eq!(scene.live("people", id)[CITY], "Turku");
    assert_eq!(scene.conflicts().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}
