//! `sync.wait` with the program at work: a session hears what became of its own changes.

use fake_twenty::World;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::scene::Scene;

/// Makes changes in one session and waits there: operation, outcome and reason of each.
async fn hear(scene: &Scene, changes: &str) -> Vec<(String, String, Option<String>)> {
    let mut session = scene.pool.acquire().await.unwrap();
    run(&mut session, changes).await;
    sqlx::query_as("select operation, outcome, reason from sync.wait('30 s')")
        .fetch_all(&mut *session)
        .await
        .unwrap()
}

async fn run(session: &mut PgConnection, changes: &str) {
    sqlx::raw_sql(AssertSqlSafe(changes.to_owned())).execute(session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hears_that_its_changes_were_written() {
    let scene = Scene::of(World::sample()).await;
    let daemon = scene.daemon("1h");
    let id = scene.some("people", 0);
    let heard = hear(
        &scene,
        &format!(
            "insert into twenty.companies (name) values ('Heard'); \
             update twenty.people set city = 'Turku' where id = '{id}'; \
             delete from twenty.tasks where status = 'DONE'"
        ),
    )
    .await;
    assert!(heard.len() > 2);
    assert!(heard.iter().all(|(_, outcome, _)| outcome == "written"), "{heard:?}");
    assert_eq!(scene.live("people", id)["city"], "Turku");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hears_that_a_change_was_refused_and_why() {
    let scene = Scene::of(World::sample()).await;
    let daemon = scene.daemon("1h");
    let id = scene.some("machines", 0);
    let heard =
        hear(&scene, &format!("update twenty.machines set state = 'NOPE' where id = '{id}'")).await;
    assert_eq!(heard.len(), 1);
    let (operation, outcome, reason) = &heard[0];
    assert_eq!((operation.as_str(), outcome.as_str()), ("update", "refused"));
    assert!(reason.as_ref().is_some_and(|reason| !reason.is_empty()));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hears_that_twenty_had_changed_the_field_meanwhile() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene.edit("people", id, &json!({"city": "there"}));
    let daemon = scene.daemon("1h");
    let heard =
        hear(&scene, &format!("update twenty.people set city = 'here' where id = '{id}'")).await;
    // The daemon's first look may come before the edit here or after it.
    let outcome = heard[0].1.as_str();
    let city = scene.live("people", id)["city"].clone();
    let expected = if outcome == "conflict" { "there" } else { "here" };
    assert_eq!(city, expected, "{heard:?}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_a_session_hears_that_its_change_waits() {
    let scene = Scene::of(World::sample()).await;
    let mut session = scene.pool.acquire().await.unwrap();
    run(&mut session, "update twenty.people set city = 'Turku'").await;
    let heard: Vec<String> = sqlx::query_scalar("select outcome from sync.wait('200 ms')")
        .fetch_all(&mut *session)
        .await
        .unwrap();
    assert!(!heard.is_empty() && heard.iter().all(|outcome| outcome == "waiting"), "{heard:?}");
}
