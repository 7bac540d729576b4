//! Whole objects that drift: renamed, deleted, made for the first time where a person is to be asked, and a type that
//! goes there and back.

use fake_twenty::{NewField, World};
use serde_json::json;
use uuid::Uuid;

use super::{
    scene::{Scene, kind_of},
    stage::finish,
};

/// A machine that has a local edit of its name.
async fn edited_machine(scene: &Scene) -> Uuid {
    let machine = scene.some("machines", 0);
    scene.sql(&format!("update twenty.machines set name = 'Loom' where id = '{machine}'")).await;
    machine
}

/// Whether a table stands in the mirror.
async fn is_there(scene: &Scene, table: &str) -> bool {
    scene
        .number(&format!(
            "select count(*) from pg_tables where schemaname = 'twenty' and tablename = '{table}'"
        ))
        .await
        == 1
}

/// The daemon took such a row for sent, and then for one whose new field was cleared in Twenty.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_another_process_added_is_sent_by_a_daemon_that_did_not_know_it() {
    let settings = [("SCHEMA__MODE", "ask"), ("SCHEMA__INTERVAL", "1h")];
    let scene = Scene::of(World::sample()).await.settings(&settings);
    let daemon = scene.daemon("1s");
    let passes = "select count(*) from sync.run where mode = 'daemon' and finished_at is not null";
    while scene.number(passes).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let motto = NewField { name: "motto".into(), kind: "TEXT".into(), ..NewField::default() };
    scene.stage.fake.world(|world| world.add_field("machines", motto).unwrap());
    let applied = finish(scene.program().args(["schema", "apply"])).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    let insert = "insert into twenty.machines (name, motto) values ('Loom', 'Onward') returning id";
    let machine = scene.id(insert).await;
    scene.settled().await;
    daemon.stop().await;
    scene.sync().await;
    assert_eq!(scene.live("machines", machine)["motto"], "Onward");
    assert_eq!(scene.row("machines", machine).await.unwrap()["motto"], "Onward");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_follow_a_renamed_object() {
    for before_push in [true, false] {
        let scene = Scene::of(World::sample()).await;
        let machine = edited_machine(&scene).await;
        let rename = |world: &mut World| world.rename_object("machines", "engine", "engines");
        if before_push {
            scene.stage.fake.world(rename);
        } else {
            let once = std::sync::Once::new();
            scene.stage.fake.on_request(Box::new(move |call, world| {
                if kind_of(call).is_some() {
                    once.call_once(|| rename(world));
                }
            }));
        }
        scene.sync_at_last().await;
        scene.stage.fake.clear_on_request();
        assert_eq!(scene.live("engines", machine)["name"], "Loom", "{before_push}");
        assert_eq!(scene.row("engines", machine).await.unwrap()["name"], "Loom", "{before_push}");
        assert!(!is_there(&scene, "machines").await, "the table was not renamed");
        scene.assert_quiet_and_equal().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_a_deleted_object_stays_and_its_edits_are_reported() {
    let scene = Scene::of(World::sample()).await;
    let machine = edited_machine(&scene).await;
    let person = scene.some("people", 0);
    scene.sql(&format!("update twenty.people set city = 'Oulu' where id = '{person}'")).await;
    let rows = scene.number("select count(*) from twenty.machines").await;
    scene.stage.fake.world(|world| world.delete_object("machines"));
    scene.sync_to_attention().await;
    assert_eq!(scene.live("people", person)["city"], "Oulu", "the others go on");
    assert_eq!(scene.number("select count(*) from twenty.machines").await, rows);
    assert_eq!(scene.row("machines", machine).await.unwrap()["name"], "Loom");
    let problem = scene.problem().await;
    assert_eq!((problem.object.as_str(), problem.record_id), ("machines", machine));
    let note = "select count(*) from pg_description where objoid = 'twenty.machines'::regclass \
                and objsubid = 0 and description like '%no longer%'";
    assert_eq!(scene.number(note).await, 1, "the table's comment says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_table_is_made_before_a_person_wants_it() {
    for (mode, code) in [("ask", 3), ("freeze", 0)] {
        let scene = Scene::set(World::sample(), &[("SCHEMA__MODE", mode)]).await;
        let ended = scene.run().await;
        assert_eq!(ended.code, Some(code), "{mode}: {ended:?}");
        assert!(!is_there(&scene, "people").await, "{mode}");
        let applied = finish(scene.program().args(["schema", "apply"])).await;
        assert_eq!(applied.code, Some(0), "{mode}: {applied:?}");
        scene.sync().await;
        scene.assert_quiet_and_equal().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_goes_there_and_back_loses_nothing() {
    let scene = Scene::of(World::sample()).await;
    let person = scene.some("people", 0);
    scene.edit("people", person, &json!({ "jobTitle": "Pilot" }));
    scene.sync().await;
    for kind in ["NUMBER", "TEXT"] {
        scene.stage.fake.world(|world| world.change_type("people", "jobTitle", kind));
        scene.sync().await;
    }
    let row = scene.row("people", person).await.unwrap();
    assert_eq!(row["job_title_was_text"], "Pilot");
    scene.sql(&format!("update twenty.people set job_title = 'Baker' where id = '{person}'")).await;
    scene.sync().await;
    assert_eq!(scene.live("people", person)["jobTitle"], "Baker");
    // Nothing is dropped but by a person.
    scene
        .sql(
            "alter table twenty.people drop column job_title_was_text, \
             drop column job_title_was_double_precision",
        )
        .await;
    scene.assert_quiet_and_equal().await;
}
