//! The main job: a whole workspace, every value; and a second run that finds nothing to do.

use std::{collections::BTreeMap, path::Path, path::PathBuf};

use fake_twenty::{CallInfo, World};
use serde_json::json;

use super::{
    equality,
    stage::{Stage, id_of},
};

/// A real workspace beside the repository, if it is there.
pub(crate) fn shared_workspace() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder =
        std::env::var_os("TWENTY_SYNC_SHARED").map_or(beside, PathBuf::from).join("workspace");
    folder.is_dir().then_some(folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_workspace_arrives_value_by_value() {
    let Some(folder) = shared_workspace() else {
        println!("skipped: there is no workspace export beside the repository");
        return;
    };
    let stage = Stage::set(World::load(&folder).unwrap()).await;
    let report = stage.once().await;
    let compared = equality::assert_equal(&stage).await;
    println!("{compared:?}, {} calls", report["calls"]);
    assert!(compared.records > 8_000, "{compared:?}");
    let pool = stage.database.pool().await;
    let sharing: i64 = sqlx::query_scalar(
        "select max(count) from (select count(*) from twenty.people group by date_trunc('milliseconds', updated_at)) as g",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(sharing >= 1_198, "only {sharing} people share their millisecond");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_workspace_arrives_value_by_value() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let compared = equality::assert_equal(&stage).await;
    assert!(compared.objects > 6 && compared.records > 50, "{compared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_with_nothing_changed_writes_nothing_and_lists_each_object_at_most_once() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let before = stage.database.writes_in("twenty").await;
    stage.fake.clear_calls();
    let report = stage.once().await;
    assert_eq!(report["rows_changed"], 0, "{report}");
    let after = stage.database.writes_in("twenty").await;
    assert_eq!((after - before).total(), 0);
    let mut lists: BTreeMap<String, usize> = BTreeMap::new();
    for call in stage.fake.calls().iter().filter(|call| is_list(&call.info)) {
        *lists.entry(call.info.bare_path().to_owned()).or_default() += 1;
    }
    assert!(lists.values().all(|count| *count <= 1), "{lists:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_read_again() {
    let stage = Stage::set(World::with_people(1_000)).await;
    stage.once().await;
    stage.fake.world(|world| {
        // Later than the overlap, so that the first walk's records stay outside the second one's window.
        world.set_clock(world.clock().advanced(std::time::Duration::from_mins(10)));
        let id = id_of(world, "people", 17);
        world.update("people", id, &json!({"city": "Reykjavik"}));
    });
    stage.once().await;
    stage.fake.clear_calls();
    let report = stage.once().await;
    let people = report["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|object| object["object"] == "people")
        .unwrap()
        .clone();
    assert!(people["read"].as_u64().unwrap() <= 1, "{people}");
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn soft_deletes_and_restores_are_followed() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let id = stage.fake.world(|world| {
        let id = id_of(world, "companies", 0);
        world.soft_delete("companies", id);
        id
    });
    stage.once().await;
    let pool = stage.database.pool().await;
    let there = || async {
        let query = sqlx::query_scalar::<_, bool>(
            "select exists (select from twenty.companies where id = $1)",
        );
        query.bind(id).fetch_one(&pool).await.unwrap()
    };
    assert!(!there().await);
    stage.fake.world(|world| world.restore("companies", id));
    stage.once().await;
    assert!(there().await);
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_objects_and_fields_arrive_with_the_next_run() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    stage.fake.world(|world| {
        world.add_object("comet", "comets");
        world.create("comets", &json!({"name": "Halley"}));
    });
    stage.once().await;
    let pool = stage.database.pool().await;
    let name: String =
        sqlx::query_scalar("select name from twenty.comets").fetch_one(&pool).await.unwrap();
    assert_eq!(name, "Halley");
    equality::assert_equal(&stage).await;
}

fn is_list(call: &CallInfo) -> bool {
    call.path.starts_with("/rest/") && !call.path.starts_with("/rest/metadata")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_a_run_would_do_and_does_nothing() {
    let stage = Stage::set(World::sample()).await;
    let plan = async |code| {
        let ended = stage.run(&["plan", "--json"]).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap()
    };
    let first = plan(4).await;
    assert!(
        first["schema"].as_array().unwrap().len() > 10 && first["push"] == json!([]),
        "{first}"
    );
    let pool = stage.database.pool().await;
    let schemas = "select count(*) from pg_namespace where nspname in ('sync', 'twenty')";
    assert_eq!(sqlx::query_scalar::<_, i64>(schemas).fetch_one(&pool).await.unwrap(), 0);
    stage.once().await;
    plan(0).await;
    let id = stage.fake.world(|world| {
        world.set_clock(world.clock().advanced(std::time::Duration::from_mins(10)));
        let id = id_of(world, "people", 0);
        world.update("people", id, &json!({"city": "Reykjavik"}));
        id
    });
    sqlx::query("update twenty.people set job_title = 'CTO' where id = $1")
        .bind(id)
        .execute(&pool)
        .await
        .unwrap();
    let last = plan(4).await;
    let people = last["pull"]
        .as_array()
        .unwrap()
        .iter()
        .find(|object| object["object"] == "people")
        .unwrap();
    assert_eq!(
        (&people["update"], &last["push"][0]["write"]),
        (&json!(1), &json!("update")),
        "{last}"
    );
    let city: Option<String> = sqlx::query_scalar("select city from twenty.people where id = $1")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_ne!(city.as_deref(), Some("Reykjavik"));
}
