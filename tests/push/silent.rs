//! Changes that leave no trace: a content sweep finds and repairs them, goes on where it was killed, costs a page for
//! every 200 records, and touches neither unsent edits nor more than the fuse lets pass.

use std::time::{Duration, Instant};

use fake_twenty::{Effect, Fault, RateLimit, World, world::Cell};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    equality,
    scene::{Daemon, Scene},
    stage::{finish, id_of},
};

const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon that begins a content sweep when `schedule` says so.
fn sweeping(scene: Scene, schedule: &str) -> (Scene, Daemon) {
    let scene = scene.settings(&[("SWEEP__INTERVAL", schedule)]);
    let daemon = scene.daemon("1h");
    (scene, daemon)
}

/// People were last swept at this time of the past; nothing else is ever due.
async fn swept_before(scene: &Scene, ago: &str) {
    scene
        .sql(&format!(
            "insert into sync.sweep (workspace_id, object_id, due_from) select workspace_id, object_id, \
             now() - case name_plural when 'people' then interval '{ago}' else interval '0' end from sync.object"
        ))
        .await;
}

async fn wait_for(scene: &Scene, what: &str) {
    let began = Instant::now();
    while scene
        .number(&format!(
            "select count(*) from sync.sweep join sync.object o using (workspace_id, object_id) \
        where o.name_plural = 'people' and {what}"
        ))
        .await
        == 0
    {
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Pages of people that were asked for without a time.
fn whole_pages(scene: &Scene) -> usize {
    scene.stage.fake.calls().iter().filter(|call| is_whole_page(&call.info.path)).count()
}

fn is_whole_page(path: &str) -> bool {
    path.starts_with("/rest/people?")
        && path.contains("limit=200")
        && !path.contains("updatedAt")
        && !path.contains("id%5Bin%5D")
}

fn change(scene: &Scene, ids: &[Uuid], city: &str) {
    scene.stage.fake.world(|world| {
        for id in ids {
            world.change_silently("people", *id, "city", Cell::text(city));
        }
    });
}

/// The ids of all people, ascending.
fn people(scene: &Scene) -> Vec<Uuid> {
    let rows = scene.stage.fake.world(|world| world.rows("people"));
    let mut ids: Vec<Uuid> =
        rows.iter().map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

async fn city(scene: &Scene, id: Uuid) -> Value {
    scene.row("people", id).await.unwrap()["city"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_silent_change_is_repaired_and_unsent_edits_stay() {
    let scene = Scene::of(World::sample()).await;
    let [unlinked, dated_back, direct, trashed, vanished, edited, lost] =
        [0, 1, 2, 3, 4, 5, 6].map(|place| scene.some("people", place));
    let company = scene.some("companies", 0);
    scene.stage.fake.world(|world| world.set_fk("people", unlinked, "companyId", Some(company)));
    scene.sync().await;
    scene.stage.fake.world(|world| {
        world.change_silently("people", unlinked, "companyId", Cell::Null);
        let long_ago = "2020-01-01T00:00:00.000Z";
        world.update("people", dated_back, &json!({"city": "Bergen", "updatedAt": long_ago}));
        world.change_silently("people", direct, "city", Cell::text("Oslo"));
        world.change_silently("people", trashed, "deletedAt", Cell::Instant(1_600_000_000_000_000));
        world.change_silently("people", edited, "jobTitle", Cell::text("there"));
        // One more and one fewer: no count tells.
        world.remove_record("people", vanished);
        world.create(
            "people",
            &json!({"city": "Turku", "updatedAt": long_ago, "createdAt": long_ago}),
        );
    });
    let paused = finish(scene.program().args(["pause", "people", "--flow", "push"])).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    scene.sql(&format!("update twenty.people set city = 'Unsent' where id = '{edited}'")).await;
    scene
        .sql(&format!(
            "begin; set local sync.origin = 'engine'; update twenty.people set city = 'Wrong' where id = '{lost}'; \
             commit"
        ))
        .await;
    let (scene, daemon) = sweeping(scene, "1s");
    wait_for(&scene, "completed_at is not null").await;
    assert_eq!(city(&scene, edited).await, "Unsent");
    let resumed = finish(scene.program().args(["resume", "people"])).await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    scene.settled().await;
    wait_for(&scene, "began_at is null and found = 0 and left_out = 0").await;
    daemon.stop().await;
    equality::assert_equal(&scene.stage).await;
    assert_eq!(scene.live("people", edited)["city"], "Unsent");
    let unproven = "select count(*) from sync.checkpoint where proven_at is null";
    assert_eq!(scene.number(unproven).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sweep_goes_on_where_it_stopped() {
    const PEOPLE: usize = 6_000;
    let scene = Scene::of(World::with_people(PEOPLE)).await;
    let ids = people(&scene);
    change(&scene, &[ids[0], ids[PEOPLE - 1]], "Oslo");
    swept_before(&scene, "2 hours").await;
    let slow = Effect::Slow(Duration::from_millis(30));
    scene.stage.fake.fault(Fault::new(slow).path("/rest/people"));
    let (scene, daemon) = sweeping(scene, "1h");
    wait_for(&scene, "walk_pages >= 10").await;
    daemon.kill().await;
    let before = whole_pages(&scene);
    assert!((10..25).contains(&before), "{before} pages before the kill");
    scene.stage.fake.clear_faults();
    let (scene, daemon) = sweeping(scene, "1h");
    wait_for(&scene, "completed_at is not null").await;
    daemon.stop().await;
    let pages = whole_pages(&scene);
    assert!((30..=31).contains(&pages), "{pages} pages, {before} of them before the kill");
    assert_eq!(
        scene.number("select found from sync.sweep where found > 0 and repaired = found").await,
        2
    );
    equality::assert_equal(&scene.stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_costs_a_page_for_every_200_records_and_two_calls_where_they_differ() {
    let scene = Scene::of(World::with_people(2_000)).await;
    let ids = people(&scene);
    change(&scene, &[ids[0], ids[1], ids[1_999]], "Oslo");
    swept_before(&scene, "2 hours").await;
    let (scene, daemon) = sweeping(scene, "1h");
    wait_for(&scene, "completed_at is not null").await;
    daemon.stop().await;
    let calls = scene.stage.fake.calls();
    let by_id = calls.iter().filter(|call| call.info.path.contains("id%5Bin%5D"));
    let by_id: Vec<&str> = by_id.map(|call| call.info.path.as_str()).collect();
    assert_eq!((whole_pages(&scene), by_id.len()), (10, 4), "{by_id:?}");
    let status = finish(scene.program().args(["status", "--json"])).await;
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let objects = status["objects"].as_array().unwrap();
    let people = objects.iter().find(|object| object["object"] == "people").unwrap();
    assert!(people["swept_at"].is_string() && people["proven_at"].is_string(), "{people}");
    assert_eq!((&people["sweep_found"], &people["sweep_repaired"]), (&json!(3), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_fuse_lets_pass_waits_for_a_person_and_then_goes_on() {
    let scene = Scene::of(World::with_people(400)).await;
    let ids = people(&scene);
    let (first, second) = (&ids[..40], &ids[200..240]);
    change(&scene, first, "Oslo");
    change(&scene, second, "Oslo");
    swept_before(&scene, "2 hours").await;
    let (scene, daemon) = sweeping(scene, "1h");
    wait_for(&scene, "blown").await;
    let overwritten = "select count(*) from twenty.people where city = 'Oslo'";
    assert_eq!(scene.number(overwritten).await, 40);
    let status = finish(scene.program().arg("status")).await;
    assert_eq!(status.code, Some(3), "{status:?}");
    assert!(
        status.stdout.contains("it would overwrite 80 of 400 people here at once"),
        "{status:?}"
    );
    let read = scene.stage.fake.calls().len();
    let released = finish(scene.program().args(["fuse", "release", "people"])).await;
    assert_eq!(released.code, Some(0), "{released:?}");
    wait_for(&scene, "completed_at is not null").await;
    daemon.stop().await;
    assert!(scene.stage.fake.calls().len() > read);
    assert_eq!(scene.number(overwritten).await, 80);
    equality::assert_equal(&scene.stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_pull_is_paused_is_not_swept_and_the_others_are() {
    let scene = Scene::of(World::sample()).await;
    let paused = finish(scene.program().args(["pause", "people", "--flow", "pull"])).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    let (scene, daemon) = sweeping(scene, "1s");
    let others = "select count(*) from sync.sweep where completed_at is null";
    let began = Instant::now();
    while scene.number(others).await != 1 {
        assert!(began.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
    daemon.stop().await;
    assert_eq!(whole_pages(&scene), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_was_missed_is_caught_up_on_and_no_other_begins() {
    let scene = Scene::of(World::sample()).await;
    let wrong = scene.stage.fake.world(|world| id_of(world, "people", 0));
    change(&scene, &[wrong], "Oslo");
    swept_before(&scene, "2 years").await;
    let (scene, daemon) = sweeping(scene, "0 3 1 1 *");
    wait_for(&scene, "completed_at is not null").await;
    daemon.stop().await;
    assert_eq!(city(&scene, wrong).await, "Oslo");
    assert_eq!(
        scene.number("select count(*) from sync.sweep where completed_at is not null").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_and_an_edit_in_twenty_get_through_while_a_sweep_waits_for_calls() {
    let world = World::with_people(6_000);
    let others: Vec<String> = world
        .objects()
        .iter()
        .filter(|object| object.name_plural != "people")
        .map(|object| format!("OBJECTS__{}__DIRECTION", object.name_plural.to_uppercase()))
        .collect();
    let mut settings: Vec<(&str, &str)> =
        others.iter().map(|name| (name.as_str(), "off")).collect();
    settings.extend([("SWEEP__INTERVAL", "1h"), ("SOURCE__RESERVE", "0")]);
    let scene = Scene::with(world, &settings).await;
    swept_before(&scene, "2 hours").await;
    let ids = people(&scene);
    let (here, there) = (ids[7], ids[8]);
    scene.stage.fake.set_rate_limit(Some(RateLimit { limit: 5, window: Duration::from_secs(1) }));
    let daemon = scene.daemon("1s");
    wait_for(&scene, "walk_pages >= 2").await;
    let pages = whole_pages(&scene);
    scene.sql(&format!("update twenty.people set city = 'Here' where id = '{here}'")).await;
    scene.edit("people", there, &json!({"city": "There"}));
    let began = Instant::now();
    while scene.writes().is_empty() {
        assert!(began.elapsed() < PATIENCE, "nothing was sent");
        sleep(Duration::from_millis(1)).await;
    }
    let ahead = whole_pages(&scene) - pages;
    while city(&scene, there).await != "There" {
        assert!(began.elapsed() < PATIENCE, "nothing was read");
        sleep(Duration::from_millis(5)).await;
    }
    scene.settled().await;
    assert!(ahead <= 2, "{ahead} pages of the sweep went before the push");
    let under_way = "select count(*) from sync.sweep where began_at is not null";
    assert_eq!(scene.number(under_way).await, 1, "the sweep was over before");
    wait_for(&scene, "completed_at is not null").await;
    daemon.stop().await;
    assert_eq!(scene.live("people", here)["city"], "Here");
    let total = scene.number("select compared from sync.sweep where compared > 0").await;
    assert_eq!(total, 6_000);
}
