//! What is not sent: records that nobody touched, changes that are none, and everything that was sent already.

use fake_twenty::World;
use serde_json::json;

use super::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_nobody_touched_is_never_sent() {
    let scene = Scene::of(World::sample()).await;
    let touched = scene.some("people", 3);
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{touched}'")).await;
    scene.sync().await;
    let writes = scene.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    for place in (0..20).filter(|place| *place != 3) {
        let other = scene.some("people", place).to_string();
        assert!(!writes[0].info.body.contains(&other), "{other} was sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_from_twenty_is_not_sent_back() {
    let scene = Scene::of(World::sample()).await;
    for place in 0..20 {
        scene.edit(
            "people",
            scene.some("people", place),
            &json!({"city": format!("City {place}")}),
        );
    }
    scene.sync().await;
    assert_eq!(scene.writes(), []);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_changes_nothing_or_was_taken_back_is_not_sent() {
    let scene = Scene::of(World::sample()).await;
    scene.sql("update twenty.people set city = city").await;
    scene.sql("update twenty.people set city = city || '!'").await;
    scene.sql("update twenty.people set city = left(city, -1)").await;
    scene.sync().await;
    assert_eq!(scene.writes(), []);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_came_and_went_before_it_was_sent_is_not_sent() {
    let scene = Scene::of(World::sample()).await;
    scene.sql("insert into twenty.companies (name) values ('Brief')").await;
    scene.sql("delete from twenty.companies where name = 'Brief'").await;
    scene.sync().await;
    assert_eq!(scene.writes(), []);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_twenty_would_rewrite_to_what_it_has_is_not_sent_for_ever() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene
        .sql(&format!(
            "update twenty.people set emails_primary_email = upper(emails_primary_email), \
             linkedin_link_primary_link_url = linkedin_link_primary_link_url || '/' where id = '{id}'"
        ))
        .await;
    scene.sync().await;
    assert!(scene.writes().len() <= 1, "{:?}", scene.writes());
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_edits_of_a_record_are_one_write() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    for number in 0..10 {
        scene.sql(&format!("update twenty.people set city = 'C{number}' where id = '{id}'")).await;
    }
    scene.sync().await;
    assert_eq!(scene.writes().len(), 1);
    assert_eq!(scene.live("people", id)["city"], "C9");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_work_on_both_sides_two_more_runs_write_nothing_anywhere() {
    let scene = Scene::of(World::sample()).await;
    for place in 0..8 {
        scene.edit(
            "people",
            scene.some("people", place),
            &json!({"jobTitle": format!("Job {place}")}),
        );
    }
    scene.sql("update twenty.people set city = 'Turku'").await;
    scene
        .sql("update twenty.machines set labels = labels || '{new}', readings = '{\"n\": 1}'")
        .await;
    scene.sql("update twenty.notes set body_v2_markdown = 'rewritten'").await;
    scene.sql("insert into twenty.companies (name) select 'Company ' || n from generate_series(1, 5) n").await;
    scene.sql("delete from twenty.tasks where status = 'DONE'").await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}
