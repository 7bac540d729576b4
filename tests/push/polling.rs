//! When the daemon looks at Twenty, what that costs, and how soon it sees what people did there.

use std::time::{Duration, Instant};

use fake_twenty::{CallInfo, Effect, Fault, NewField, World};
use serde_json::json;
use tokio::time::sleep;

use super::scene::{Daemon, Scene};

const PATIENCE: Duration = Duration::from_mins(1);
const SAMPLES: usize = 7;

/// So many times faster than the built-in schedule is.
const SCALE: u32 = 100;

/// A daemon whose first pass is over.
async fn daemon(scene: &Scene, interval: &str) -> Daemon {
    let before = passes(scene).await;
    let daemon = scene.daemon(interval);
    until("the first pass is over", async || passes(scene).await > before).await;
    scene.stage.fake.clear_calls();
    daemon
}

async fn passes(scene: &Scene) -> i64 {
    let finished =
        "select count(*) from sync.run where mode = 'daemon' and finished_at is not null";
    scene.number(finished).await
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The objects of which pages were read, each as often as it was.
fn reads(scene: &Scene) -> Vec<String> {
    let calls = scene.stage.fake.calls();
    let records = calls.iter().filter_map(|call| call.info.bare_path().strip_prefix("/rest/"));
    records.map(str::to_owned).collect()
}

/// A workspace of thirty mirrored objects.
async fn thirty_objects(settings: &[(&str, &str)], is_newer: bool) -> Scene {
    let scene = Scene::with(World::sample(), settings).await;
    let mirrored = "select count(*) from sync.object where direction <> 'off'";
    let missing = 30 - scene.number(mirrored).await;
    scene.stage.fake.world(|world| {
        for number in 0..missing {
            world.add_object(&format!("thing{number}"), &format!("thing{number}s"));
        }
        world.switches.refuses_repeated_roots = is_newer;
    });
    scene.sync().await;
    assert_eq!(scene.number(mirrored).await, 30);
    scene
}

/// Ten minutes of the built-in schedule, a hundred times as fast: what an idle daemon asks for.
async fn idle_for_ten_minutes(is_newer: bool) {
    let scaled = |seconds: u32| format!("{}ms", seconds * 1_000 / SCALE);
    let (overlap, longest, model) = (scaled(60), scaled(3_600), scaled(300));
    let settings = [
        ("PULL__OVERLAP", overlap.as_str()),
        ("PULL__MAX_INTERVAL", longest.as_str()),
        ("SCHEMA__INTERVAL", model.as_str()),
    ];
    let scene = thirty_objects(&settings, is_newer).await;
    let daemon = daemon(&scene, &scaled(30)).await;
    let (began, before) = (Instant::now(), passes(&scene).await);
    sleep(Duration::from_mins(10) / SCALE).await;
    let (calls, looks) = (scene.stage.fake.calls(), passes(&scene).await - before);
    let took = began.elapsed();
    daemon.stop().await;
    let of_path = |path: &str| calls.iter().filter(|call| call.info.path.starts_with(path)).count();
    let (probes, walks, model) = (of_path("/graphql"), of_path("/rest/"), of_path("/metadata"));
    let tokens: u64 = calls.iter().map(|call| call.tokens).sum();
    println!(
        "{looks} looks in {took:.1?} at thirty objects: {probes} probes, {walks} walks, {model} readings of the data \
         model, {tokens} calls as Twenty counts them"
    );
    let passed = u64::try_from(looks).unwrap() * 30;
    assert!(looks >= 10, "the daemon hardly looked: {looks}");
    // A twentieth of a hundred calls a minute, of the time that really passed.
    assert!(tokens <= 50 && tokens * 60 <= passed * 5 + 60, "{tokens} calls in {passed} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_daemon_over_thirty_objects_takes_a_twentieth_of_its_calls() {
    idle_for_ten_minutes(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_daemon_takes_no_more_where_requests_must_be_smaller() {
    idle_for_ten_minutes(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_twenty_is_in_the_mirror_within_the_interval_and_nothing_else_is_read() {
    let scene = Scene::of(World::sample()).await;
    let daemon = daemon(&scene, "1s").await;
    let id = scene.some("people", 0);
    let mut delays = Vec::new();
    for number in 0..SAMPLES {
        let arrived =
            format!("select count(*) from twenty.people where id = '{id}' and city = 'C{number}'");
        scene.edit("people", id, &json!({ "city": format!("C{number}") }));
        let edited = Instant::now();
        until("the edit is in the mirror", async || scene.number(&arrived).await == 1).await;
        delays.push(edited.elapsed());
        // So that the edits come at different moments of the interval.
        sleep(Duration::from_millis(170)).await;
    }
    let mut read = reads(&scene);
    read.dedup();
    assert_eq!(read, ["people"]);
    daemon.stop().await;
    delays.sort_unstable();
    println!(
        "from the edit to the mirror, with an interval of a second: median {:.1?}, longest {:.1?}",
        delays[SAMPLES / 2],
        delays[SAMPLES - 1]
    );
    assert!(delays[SAMPLES / 2] < Duration::from_secs(1), "{delays:?}");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_record_leaves_the_mirror_with_the_next_look() {
    let scene = Scene::of(World::sample()).await;
    let daemon = daemon(&scene, "200ms").await;
    let id = scene.some("notes", 0);
    scene.stage.fake.world(|world| world.destroy("notes", id));
    until("the row is gone", async || scene.row("notes", id).await.is_none()).await;
    daemon.stop().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_record_that_could_not_be_looked_for_is_looked_for_with_the_next_pass() {
    let settings = [("SOURCE__RETRY_DEADLINE", "100ms")];
    let scene = Scene::with(World::sample(), &settings).await;
    let daemon = daemon(&scene, "200ms").await;
    let counts =
        |call: &CallInfo| call.body.contains("p0: ") && call.body.contains("{ totalCount }");
    scene.stage.fake.fault(Fault::status(503).when(counts));
    let id = scene.some("notes", 0);
    scene.stage.fake.world(|world| world.destroy("notes", id));
    let is_asked = || scene.stage.fake.calls().iter().any(|call| counts(&call.info));
    until("it was tried to count", async || is_asked()).await;
    let before = passes(&scene).await;
    until("two passes", async || passes(&scene).await > before + 2).await;
    assert!(scene.row("notes", id).await.is_some(), "nothing was counted");
    scene.stage.fake.clear_faults();
    until("the row is gone", async || scene.row("notes", id).await.is_none()).await;
    // What was looked at is not counted with every pass.
    let before = passes(&scene).await;
    scene.stage.fake.clear_calls();
    until("two passes", async || passes(&scene).await > before + 2).await;
    assert!(!is_asked(), "it is counted again and again");
    daemon.stop().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_with_a_schedule_of_its_own_is_left_to_it() {
    let settings =
        [("OBJECTS__PEOPLE__INTERVAL", "1h"), ("OBJECTS__COMPANY__INTERVAL", "* * * * * *")];
    let scene = Scene::with(World::sample(), &settings).await;
    let daemon = daemon(&scene, "1h").await;
    let (person, company) = (scene.some("people", 0), scene.some("companies", 0));
    scene.edit("people", person, &json!({ "city": "later" }));
    for name in ["first", "second"] {
        scene.edit("companies", company, &json!({ "name": name }));
        let arrived = format!("select count(*) from twenty.companies where name = '{name}'");
        until("the edit is in the mirror", async || scene.number(&arrived).await == 1).await;
    }
    let mut read = reads(&scene);
    read.dedup();
    assert_eq!(read, ["companies"]);
    let calls = scene.stage.fake.calls();
    assert!(!calls.iter().any(|call| call.info.body.contains("people(")), "people were asked for");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_makes_no_sense_is_refused_with_its_key() {
    for key in ["PULL__INTERVAL", "OBJECTS__PEOPLE__INTERVAL", "SWEEP__INTERVAL"] {
        let scene = Scene::set(World::sample(), &[(key, "at night")]).await;
        let ended = super::stage::finish(scene.program().arg("run")).await;
        let named = key.to_lowercase().replace("__", ".");
        assert!(ended.code == Some(78) && ended.stderr.contains(&named), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_twenty_does_not_tell_what_changed_everything_is_read() {
    let scene = Scene::of(World::sample()).await;
    let message = "Cannot query field \"maxUpdatedAt\" on type \"PersonConnection\".";
    let refusal = Effect::Status {
        status: 200,
        body: Some(json!({ "errors": [{ "message": message }], "data": null }).to_string()),
    };
    scene.stage.fake.fault(Fault::new(refusal).when(|call| call.body.contains("maxUpdatedAt")));
    let daemon = daemon(&scene, "100ms").await;
    let id = scene.some("people", 0);
    scene.edit("people", id, &json!({ "city": "Oulu" }));
    let arrived = format!("select count(*) from twenty.people where id = '{id}' and city = 'Oulu'");
    until("the edit is in the mirror", async || scene.number(&arrived).await == 1).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_field_comes_with_time_and_at_once_with_a_record_that_changes() {
    let motto = || NewField { name: "motto".into(), kind: "TEXT".into(), ..NewField::default() };
    let column = "select count(*) from information_schema.columns where column_name = 'motto'";
    for (interval, is_edited) in [("300ms", false), ("1h", true)] {
        let scene = Scene::with(World::sample(), &[("SCHEMA__INTERVAL", interval)]).await;
        let daemon = daemon(&scene, "100ms").await;
        let id = scene.some("people", 0);
        scene.stage.fake.world(|world| world.add_field("people", motto())).unwrap();
        if is_edited {
            scene.edit("people", id, &json!({ "motto": "Onward" }));
        }
        until("the column is there", async || scene.number(column).await == 1).await;
        let empty = "select count(*) from twenty.people where motto is null";
        until("it is filled", async || scene.number(empty).await == 0).await;
        daemon.stop().await;
        scene.assert_quiet_and_equal().await;
    }
}
