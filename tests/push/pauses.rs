//! What a person paused stands still without being a failure, is shown, and goes on when it is resumed.

use std::{
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use fake_twenty::{CallInfo, World};
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{
    scene::{Scene, is_write},
    stage::{Ended, finish},
};

async fn command(scene: &Scene, arguments: &[&str]) -> Ended {
    finish(scene.program().args(arguments)).await
}

/// A command that must succeed; what it printed.
async fn done(scene: &Scene, arguments: &[&str]) -> String {
    let ended = command(scene, arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_twice_is_pausing_once_and_says_what_is_the_case() {
    let scene = Scene::of(World::sample()).await;
    for _ in 0..2 {
        assert_eq!(done(&scene, &["pause", "person"]).await, "people: pull and push paused\n");
    }
    assert_eq!(
        done(&scene, &["resume", "people", "--flow", "pull"]).await,
        "people: push paused, pull not\n"
    );
    for _ in 0..2 {
        assert_eq!(done(&scene, &["resume", "people"]).await, "people: not paused\n");
    }
    done(&scene, &["pause", "--all"]).await;
    let objects = scene.number("select count(*) from sync.object").await;
    assert_eq!(scene.number("select count(*) from sync.stop").await, 2 * objects);
    done(&scene, &["resume", "--all"]).await;
    assert_eq!(scene.number("select count(*) from sync.stop").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_object_nor_all_is_wrong_usage_and_an_unknown_object_a_failure() {
    let scene = Scene::of(World::sample()).await;
    for arguments in [&["pause"][..], &["resume"], &["pause", "people", "--all"]] {
        assert_eq!(command(&scene, arguments).await.code, Some(2), "{arguments:?}");
    }
    let ended = command(&scene, &["pause", "people", "peple"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("did you mean people"), "{ended:?}");
    assert_eq!(scene.number("select count(*) from sync.stop").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_lifts_nothing_that_something_else_stopped() {
    let scene = Scene::of(World::sample()).await;
    scene
        .sql(
            "insert into sync.stop (workspace_id, object_id, flow, cause, reason, hint) \
             select workspace_id, object_id, 'pull', 'fuse', 'it would be too much', 'let it go on' \
             from sync.object where name_plural = 'people'",
        )
        .await;
    done(&scene, &["pause", "people"]).await;
    let told = done(&scene, &["resume", "people"]).await;
    assert!(told.contains("people: not paused\npeople: pull is stopped: it would be"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_object_is_neither_read_nor_sent_and_no_failure() {
    let scene = Scene::of(World::sample()).await;
    let (read, edited) = (scene.some("people", 0), scene.some("people", 1));
    done(&scene, &["pause", "people", "--reason", "moving house"]).await;
    scene.edit("people", read, &json!({"city": "Vaasa"}));
    scene.sql(&format!("update twenty.people set city = 'Oulu' where id = '{edited}'")).await;
    scene.stage.fake.clear_calls();
    let ended = scene.run().await;
    assert_eq!(ended.code, Some(0), "a pause is no failure: {ended:?}");
    let line = "people: pull and push are stopped: moving house (twenty-sync resume people)";
    assert!(ended.stdout.contains(line), "{ended:?}");
    assert_eq!(scene.writes(), []);
    assert!(scene.stage.fake.calls().iter().all(|call| call.info.bare_path() != "/rest/people"));
    let status = command(&scene, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    let row = status.stdout.lines().find(|line| line.starts_with("people ")).unwrap();
    assert!(row.ends_with("paused"), "{status:?}");

    done(&scene, &["resume", "people"]).await;
    scene.sync().await;
    assert_eq!(scene.live("people", edited)["city"], "Oulu");
    assert_eq!(scene.row("people", read).await.unwrap()["city"], "Vaasa");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flow_can_be_paused_alone() {
    let scene = Scene::of(World::sample()).await;
    let (read, edited) = (scene.some("people", 0), scene.some("people", 1));
    done(&scene, &["pause", "people", "--flow", "pull"]).await;
    scene.edit("people", read, &json!({"city": "Vaasa"}));
    scene.sql(&format!("update twenty.people set city = 'Oulu' where id = '{edited}'")).await;
    scene.sync().await;
    assert_eq!(scene.live("people", edited)["city"], "Oulu");
    assert_ne!(scene.row("people", read).await.unwrap()["city"], "Vaasa");
    let planned = done(&scene, &["plan"]).await;
    assert!(planned.contains("people: pull is stopped"), "{planned}");
    done(&scene, &["resume", "people"]).await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_refers_to_a_new_record_of_a_paused_object_waits_with_it() {
    let scene = Scene::of(World::sample()).await;
    done(&scene, &["pause", "companies", "--reason", "moving house"]).await;
    let mut session = scene.pool.acquire().await.unwrap();
    let known = scene.some("people", 0);
    sqlx::raw_sql(AssertSqlSafe(format!(
        "with company as (insert into twenty.companies (name) values ('New') returning id), \
         person as (insert into twenty.people (name_first_name, company_id) select 'New', id from company returning id), \
         known as (update twenty.people set company_id = (select id from company) where id = '{known}') \
         insert into twenty.opportunities (name, point_of_contact_id) select 'Big', id from person"
    )))
    .execute(&mut *session)
    .await
    .unwrap();
    for _ in 0..2 {
        let ended = scene.run().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(scene.writes(), []);
    assert_eq!(scene.number("select count(*) from sync.problem").await, 0);
    assert_eq!(scene.number("select count(*) from sync.pending where state = 'stopped'").await, 4);
    let heard: Vec<(String, String, String)> =
        sqlx::query_as("select outcome, reason, hint from sync.wait('30 s')")
            .fetch_all(&mut *session)
            .await
            .unwrap();
    assert_eq!(heard.len(), 4);
    for (outcome, reason, hint) in heard {
        assert_eq!(outcome, "stopped");
        assert!(reason.contains("moving house"), "{reason}");
        assert_eq!(hint, "twenty-sync resume companies");
    }

    done(&scene, &["resume", "companies"]).await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_no_longer_refers_there_goes_at_once() {
    let scene = Scene::of(World::sample()).await;
    done(&scene, &["pause", "companies"]).await;
    scene
        .sql(
            "with company as (insert into twenty.companies (name) values ('New') returning id) \
             insert into twenty.people (name_first_name, company_id) select 'Child', id from company",
        )
        .await;
    scene.sync().await;
    assert_eq!(scene.writes(), []);
    scene.sql("update twenty.people set company_id = null where name_first_name = 'Child'").await;
    scene.sync().await;
    assert_eq!(scene.writes().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_under_way_ends_at_the_next_page_and_goes_on_there() {
    let scene = Scene::set(World::with_people(2_000), &[]).await;
    pause_at(&scene, is_page, 3, "people");
    let ended = scene.run().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let row = ended.stdout.lines().find(|line| line.starts_with("people ")).unwrap();
    assert!(row.ends_with("stopped"), "{ended:?}");
    assert_eq!(count(&scene, is_page), 3, "pages asked for");
    assert_eq!(scene.number("select count(*) from twenty.people").await, 600);
    let failed = "select count(*) from sync.checkpoint where failure is not null";
    assert_eq!(scene.number(failed).await, 0);

    done(&scene, &["resume", "people"]).await;
    scene.sync().await;
    assert_eq!(count(&scene, is_page), 10, "the walk goes on where it was");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_under_way_ends_at_the_next_batch() {
    let scene = Scene::of(World::sample()).await;
    scene
        .sql(
            "with company as (insert into twenty.companies (name) \
             select 'C' || n from generate_series(1, 150) n returning id) \
             insert into twenty.people (name_first_name, company_id) select 'Child', id from company",
        )
        .await;
    pause_at(&scene, is_write, 1, "companies");
    let ended = scene.run().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let sent = scene
        .number(
            "select count(*) from twenty.companies c where name ~ '^C[0-9]+$' and not exists \
         (select from sync.base b where b.record_id = c.id)",
        )
        .await;
    assert!((1..150).contains(&sent), "{sent} companies were sent");
    let children = scene.number("select count(*) from sync.pending where object = 'people'").await;
    assert_eq!(children, 150 - sent, "who refers to a company that was sent goes, the others wait");
    assert_eq!(scene.number("select count(*) from sync.problem").await, 0);
    done(&scene, &["resume", "companies"]).await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_minds_a_pause_and_sends_at_once_when_resumed() {
    let scene = Scene::of(World::sample()).await;
    let daemon = scene.daemon("1h");
    let (paused, other) = (scene.some("people", 0), scene.some("companies", 0));
    done(&scene, &["pause", "people"]).await;
    scene.sql(&format!("update twenty.people set city = 'Oulu' where id = '{paused}'")).await;
    scene.sql(&format!("update twenty.companies set name = 'Other' where id = '{other}'")).await;
    scene.settled().await;
    assert_eq!(scene.live("companies", other)["name"], "Other");
    assert_ne!(scene.live("people", paused)["city"], "Oulu");
    done(&scene, &["resume", "people"]).await;
    scene.settled().await;
    assert_eq!(scene.live("people", paused)["city"], "Oulu");
    daemon.stop().await;
    scene.assert_quiet_and_equal().await;
}

fn is_page(call: &CallInfo) -> bool {
    call.bare_path() == "/rest/people"
}

/// Pauses `object` when the request that is the `nth` of its kind arrives, before it is answered.
fn pause_at(scene: &Scene, kind: fn(&CallInfo) -> bool, nth: usize, object: &str) {
    let mut pause = scene.program().into_std();
    pause.args(["pause", object]).stdout(Stdio::null());
    let (pause, seen) = (Mutex::new(pause), AtomicUsize::new(0));
    scene.stage.fake.on_request(Box::new(move |call, _| {
        if kind(call) && seen.fetch_add(1, SeqCst) + 1 == nth {
            let status = pause.lock().unwrap().status().unwrap();
            assert!(status.success(), "{status}");
        }
    }));
}

fn count(scene: &Scene, kind: fn(&CallInfo) -> bool) -> usize {
    scene.stage.fake.calls().iter().filter(|call| kind(&call.info)).count()
}
