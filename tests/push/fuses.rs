//! What would delete or overwrite too much at once stops and asks, on either side, and stops nothing else.

use fake_twenty::{CallInfo, Fault, World};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    scene::Scene,
    stage::{Ended, finish},
};

const PEOPLE: usize = 300;

async fn scene() -> Scene {
    let mut world = World::with_people(PEOPLE);
    world.create("companies", &json!({ "name": "Wayne" }));
    Scene::of(world).await
}

async fn command(scene: &Scene, arguments: &[&str]) -> Ended {
    let mut program = scene.program();
    program.args(arguments);
    finish(&mut program).await
}

async fn fuses(scene: &Scene) -> Vec<Value> {
    let ended = command(scene, &["fuse", "status", "--json"]).await;
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn live_people(scene: &Scene) -> Vec<Value> {
    let rows = scene.stage.fake.world(|world| world.rows("people"));
    rows.into_iter().filter(|row| row["deletedAt"].is_null()).collect()
}

fn id(row: &Value) -> Uuid {
    row["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_without_where_is_held_until_it_is_released_and_stops_nothing_else() {
    let scene = scene().await;
    let company = scene.some("companies", 0);
    scene
        .sql(&format!(
            "update twenty.people set job_title = 'Oops'; \
             update twenty.companies set name = 'Kane' where id = '{company}'"
        ))
        .await;
    let ended = scene.run().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stdout.contains(
            "people: push is stopped: it would overwrite 300 of 300 people in Twenty at once"
        ),
        "{ended:?}"
    );
    assert_eq!(scene.live("companies", company)["name"], "Kane");
    assert!(live_people(&scene).iter().all(|person| person["jobTitle"] != "Oops"));
    let held = "select count(*) from sync.pending where object = 'people' and state = 'stopped'";
    assert_eq!(scene.number(held).await, 300);
    let fuse = &fuses(&scene).await[0];
    assert_eq!((&fuse["overwrites"], &fuse["deletes"]), (&json!(300), &json!(0)));
    let status = command(&scene, &["status"]).await;
    assert_eq!(status.code, Some(3));
    assert!(status.stdout.contains("twenty-sync fuse release people"), "{status:?}");

    // A later small change does not slip through, and the next runs hold as well.
    let person = id(&live_people(&scene)[0]);
    scene.sql(&format!("update twenty.people set city = 'Oulu' where id = '{person}'")).await;
    scene.sync_to_attention().await;
    assert_ne!(scene.live("people", person)["city"], "Oulu");

    let released = command(&scene, &["fuse", "release", "person"]).await;
    assert_eq!(released.code, Some(0), "{released:?}");
    scene.sync().await;
    assert!(live_people(&scene).iter().all(|person| person["jobTitle"] == "Oops"));
    // What is done after the release is counted anew.
    scene.sql("update twenty.people set job_title = 'Again'").await;
    scene.sync_to_attention().await;
    assert!(live_people(&scene).iter().all(|person| person["jobTitle"] == "Oops"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_without_where_is_held_and_can_be_given_up() {
    let scene = scene().await;
    let before = live_people(&scene);
    let new = scene.id("insert into twenty.people (city) values ('New') returning id").await;
    scene.sql("delete from twenty.people where city <> 'New'").await;
    scene.sync_to_attention().await;
    assert_eq!(live_people(&scene).len(), PEOPLE);
    assert_eq!(fuses(&scene).await[0]["deletes"], json!(PEOPLE));
    let unasked = command(&scene, &["fuse", "discard", "people"]).await;
    assert_ne!(unasked.code, Some(0), "nobody was asked: {unasked:?}");
    let discarded = command(&scene, &["fuse", "discard", "people", "--yes"]).await;
    assert_eq!(discarded.code, Some(0), "{discarded:?}");
    scene.sync().await;
    assert_eq!(live_people(&scene).len(), PEOPLE + 1, "an insert is nothing that a fuse holds");
    assert_eq!(scene.live("people", new)["city"], "New");
    for person in &before {
        assert_eq!(scene.live("people", id(person))["jobTitle"], person["jobTitle"]);
    }
    scene.assert_quiet_and_equal().await;
    assert!(fuses(&scene).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_deletion_in_twenty_is_held_across_pages_and_runs_until_it_is_released() {
    let scene = scene().await;
    let people: Vec<Uuid> = live_people(&scene).iter().map(id).collect();
    // Fewer than the fuse allows on each of the two pages, and more together.
    let gone: Vec<Uuid> = people[..30].iter().chain(&people[PEOPLE - 30..]).copied().collect();
    scene.stage.fake.world(|world| {
        for person in &people {
            world.update("people", *person, &json!({ "city": "Seen" }));
        }
        for person in &gone {
            world.soft_delete("people", *person);
        }
    });
    for _ in 0..2 {
        let ended = scene.run().await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(
            ended.stdout.contains("people: pull is stopped: it would delete 60 of 300"),
            "{ended:?}"
        );
    }
    let rows = scene.number("select count(*) from twenty.people").await;
    assert_eq!(rows, 270, "the page that would have been too much was not applied");
    scene.edit("companies", scene.some("companies", 0), &json!({ "name": "Kane" }));
    scene.sync_to_attention().await;
    assert_eq!(scene.number("select count(*) from twenty.companies where name = 'Kane'").await, 1);
    let released = command(&scene, &["fuse", "release", "people", "--flow", "pull"]).await;
    assert_eq!(released.code, Some(0), "{released:?}");
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
    assert!(fuses(&scene).await.is_empty(), "what was let pass has passed");
    assert_eq!(live_people(&scene).len(), 240);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_destroyed_records_stay_here_until_a_person_lets_them_go() {
    let scene = scene().await;
    let gone: Vec<Uuid> = live_people(&scene)[..100].iter().map(id).collect();
    scene.stage.fake.world(|world| gone.iter().for_each(|person| world.destroy("people", *person)));
    scene.sync_to_attention().await;
    scene.sync_to_attention().await;
    assert_eq!(scene.number("select count(*) from twenty.people").await, 300);
    command(&scene, &["fuse", "release", "people"]).await;
    scene.sync().await;
    assert_eq!(scene.number("select count(*) from twenty.people").await, 200);
    scene.assert_quiet_and_equal().await;
    assert!(fuses(&scene).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_let_go_is_not_forgotten_where_records_could_not_be_counted() {
    let scene = scene().await.settings(&[("SOURCE__RETRY_DEADLINE", "100ms")]);
    let gone: Vec<Uuid> = live_people(&scene)[..100].iter().map(id).collect();
    scene.stage.fake.world(|world| gone.iter().for_each(|person| world.destroy("people", *person)));
    scene.sync_to_attention().await;
    command(&scene, &["fuse", "release", "people"]).await;
    let counts =
        |call: &CallInfo| call.body.contains("p0: ") && call.body.contains("{ totalCount }");
    scene.stage.fake.fault(Fault::status(503).when(counts));
    let ended = scene.run().await;
    assert!(ended.stderr.contains("counting_failed") && ended.code == Some(1), "{ended:?}");
    scene.stage.fake.clear_faults();
    assert_eq!(scene.number("select count(*) from twenty.people").await, 300);
    scene.sync().await;
    assert_eq!(scene.number("select count(*) from twenty.people").await, 200);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_records_and_rules_for_single_objects_pass() {
    let scene = scene().await;
    scene.sql("update twenty.people set city = 'Few' where id in (select id from twenty.people limit 50)").await;
    scene.sync().await;
    let loose = [("OBJECTS__PEOPLE__FUSE__SHARE", "1.0"), ("OBJECTS__PEOPLE__FUSE__ROWS", "0")];
    let scene = scene.settings(&loose);
    scene.sql("update twenty.people set city = 'All'").await;
    scene.sync().await;
    assert!(live_people(&scene).iter().all(|person| person["city"] == "All"));
    let nothing = command(&scene, &["fuse", "release", "people"]).await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    let unknown = command(&scene, &["fuse", "release", "pepole"]).await;
    assert!(unknown.stderr.contains("people"), "{unknown:?}");
}
