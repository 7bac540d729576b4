//! A reset that is killed, meets another one, or works beside a daemon and people: nothing is lost, and nothing is left.

use std::{
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use fake_twenty::World;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use sqlx::Connection;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    reset::{corrupt, done, leftovers, reset},
    scene::Scene,
    stage::finish,
};

/// Runs a reset that is killed when the `nth` page is asked for.
async fn killed_at(scene: &Scene, nth: usize) {
    let mut program = scene.program();
    program.args(["reset", "people", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = program.spawn().unwrap();
    let id = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    let seen = AtomicUsize::new(0);
    scene.stage.fake.on_request(Box::new(move |call, _| {
        let is_page = call.bare_path() == "/rest/people";
        if is_page && seen.fetch_add(1, SeqCst) + 1 == nth {
            kill_process(id, Signal::KILL).unwrap();
        }
    }));
    let status = child.wait().await.unwrap();
    assert_eq!(status.code(), None, "page {nth} was not asked for: {status}");
    scene.stage.fake.clear_on_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_reset_changes_nothing_and_leaves_nothing_behind() {
    let scene = Scene::of(World::with_people(2_000)).await;
    corrupt(&scene, "update twenty.people set city = 'wrong'").await;
    let wrong = "select count(*) from twenty.people where city = 'wrong'";
    for page in [1, 2, 9] {
        killed_at(&scene, page).await;
        assert_eq!(scene.number(wrong).await, 2_000, "killed at page {page}");
    }
    killed_in_the_swap(&scene).await;
    assert_eq!(scene.number(wrong).await, 2_000);
    assert!(leftovers(&scene).await > 0, "there was nothing to kill");
    scene.sync().await;
    assert_eq!(leftovers(&scene).await, 0, "a run drops what a killed reset left");

    killed_at(&scene, 5).await;
    assert_eq!(done(&scene).await["updated"], 2_000);
    assert_eq!(leftovers(&scene).await, 0);
    scene.assert_quiet_and_equal().await;
}

/// A row is held, so the swap waits; meanwhile the reset is killed.
async fn killed_in_the_swap(scene: &Scene) {
    let mut holder = scene.pool.begin().await.unwrap();
    let last: Uuid =
        sqlx::query_scalar("select id from twenty.people order by id desc limit 1 for update")
            .fetch_one(&mut *holder)
            .await
            .unwrap();
    let mut program = scene.program();
    program.args(["reset", "people", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = program.spawn().unwrap();
    wait_for(scene, "select count(*) from pg_locks where not granted").await;
    child.kill().await.unwrap();
    drop(holder);
    assert!(scene.row("people", last).await.is_some());
}

async fn wait_for(scene: &Scene, count: &str) {
    let began = Instant::now();
    while scene.number(count).await == 0 {
        assert!(began.elapsed() < Duration::from_mins(1), "{count}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reset_of_an_object_at_a_time() {
    let scene = Scene::of(World::sample()).await;
    let mut other = scene.pool.acquire().await.unwrap().detach();
    sqlx::query(
        "select pg_advisory_lock(hashtextextended('twenty-sync reset ' || object_id, 0)) from sync.object \
         where name_plural = 'people'",
    )
    .execute(&mut other)
    .await
    .unwrap();
    let ended = reset(&scene).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("another reset of people is under way"), "{ended:?}");
    other.close().await.unwrap();
    done(&scene).await;
}

/// A reset that has read everything and waits for a row that somebody holds; meanwhile everything happens.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_after_it_was_read_is_newer_and_stays() {
    let scene = Scene::of(World::sample()).await;
    let [held, newer, gone, edited, touched] =
        [0, 1, 2, 3, 4].map(|place| scene.some("people", place));
    corrupt(
        &scene,
        &format!("update twenty.people set city = 'wrong' where id in ('{held}', '{newer}', '{gone}', '{touched}')"),
    )
    .await;
    scene.sql(&format!("update twenty.people set city = 'Edited' where id = '{edited}'")).await;
    let unsent = "insert into twenty.people (name_first_name) values ('Unsent') returning id";
    let unsent = scene.id(unsent).await;
    let mut holder = scene.pool.begin().await.unwrap();
    sqlx::query("select from twenty.people where id = $1 for update")
        .bind(held)
        .execute(&mut *holder)
        .await
        .unwrap();
    let resetting = tokio::spawn({
        let mut program = scene.program();
        program.args(["reset", "people", "--yes"]);
        async move { finish(&mut program).await }
    });
    wait_for(&scene, "select count(*) from pg_locks where not granted").await;

    scene.edit("people", newer, &json!({"city": "Newer"}));
    scene.stage.fake.world(|world| world.soft_delete("people", gone));
    scene
        .sql(&format!("update twenty.people set job_title = 'Touched' where id = '{touched}'"))
        .await;
    scene.sync().await;
    assert!(scene.row("people", gone).await.is_none(), "the run beside the reset has read it");
    assert!(leftovers(&scene).await > 0, "a run drops nothing of a reset under way");
    holder.rollback().await.unwrap();
    let ended = resetting.await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");

    assert_eq!(scene.row("people", newer).await.unwrap()["city"], "Newer");
    assert!(scene.row("people", gone).await.is_none(), "it was put back");
    assert!(scene.row("people", unsent).await.is_some(), "it was sent meanwhile, and removed");
    assert_eq!(scene.row("people", edited).await.unwrap()["city"], "Edited");
    assert_eq!(scene.live("people", touched)["jobTitle"], "Touched");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_daemon_and_people_on_both_sides_nothing_is_lost_or_taken_back() {
    let scene = Scene::of(World::with_people(2_000)).await;
    corrupt(&scene, "update twenty.people set job_title = 'wrong'").await;
    let daemon = scene.daemon("1s");
    let places = AtomicUsize::new(0);
    let ids: Vec<Uuid> = (0..60).map(|place| scene.some("people", place)).collect();
    let (crm, ours) = (ids[..30].to_vec(), ids[30..].to_vec());
    // With every page, somebody edits a record in the CRM.
    scene.stage.fake.on_request(Box::new(move |call, world| {
        if call.bare_path() == "/rest/people" {
            let place = places.fetch_add(1, SeqCst);
            if let Some(id) = crm.get(place) {
                world.update("people", *id, &json!({"city": format!("CRM {place}")}));
            }
        }
    }));
    let resetting = tokio::spawn({
        let mut program = scene.program();
        program.args(["reset", "people", "--yes"]);
        async move { finish(&mut program).await }
    });
    for (place, id) in ours.iter().enumerate() {
        scene
            .sql(&format!("update twenty.people set city = 'SQL {place}' where id = '{id}'"))
            .await;
        if place % 10 == 9 {
            scene.sql("insert into twenty.people (name_first_name) values ('Meanwhile')").await;
        }
    }
    let ended = resetting.await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    scene.stage.fake.clear_on_request();
    scene.settled().await;
    daemon.stop().await;
    let failed = "select count(*) from sync.checkpoint where failure is not null";
    assert_eq!(scene.number(failed).await, 0);
    scene.sync().await;
    for (place, id) in ours.iter().enumerate() {
        assert_eq!(scene.live("people", *id)["city"], format!("SQL {place}"));
    }
    assert_eq!(
        scene
            .number("select count(*) from twenty.people where name_first_name = 'Meanwhile'")
            .await,
        3
    );
    scene.assert_quiet_and_equal().await;
}
