//! How many requests the changes of many rows cost. An idle run costs some, too; they are measured and taken off.

use fake_twenty::World;

use super::scene::Scene;

/// So much at once would blow the fuse.
const LOOSE: &[(&str, &str)] = &[("FUSE__SHARE", "1")];

/// Requests of a run beyond those of an idle one.
async fn cost(scene: &Scene, statement: &str, rows: u64) -> usize {
    scene.sync().await;
    scene.stage.fake.clear_calls();
    scene.sync().await;
    let idle = scene.stage.fake.calls().len();
    assert_eq!(scene.sql(statement).await, rows);
    scene.stage.fake.clear_calls();
    scene.sync().await;
    let calls = scene.stage.fake.calls().len();
    println!(
        "{rows} rows: {} writes, {calls} requests, of which an idle run makes {idle}",
        scene.writes().len()
    );
    calls - idle
}

fn with(scene: &Scene, object: &str, key: &str, value: &str) -> usize {
    scene
        .stage
        .fake
        .world(|world| world.rows(object).iter().filter(|row| row[key] == value).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rows_changed_alike_cost_at_most_a_request_for_sixty() {
    let scene = Scene::with(World::with_people(10_000), LOOSE).await;
    let calls = cost(&scene, "update twenty.people set city = 'X'", 10_000).await;
    assert_eq!(with(&scene, "people", "city", "X"), 10_000);
    assert!(calls <= 10_000 / 60 + 10, "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_new_rows_cost_at_most_a_request_for_sixty() {
    let scene = Scene::of(World::sample_schema()).await;
    let insert = "insert into twenty.companies (name) select 'Company ' || n from generate_series(1, 10000) n";
    let calls = cost(&scene, insert, 10_000).await;
    assert_eq!(scene.stage.fake.world(|world| world.rows("companies").len()), 10_000);
    assert!(calls <= 10_000 / 60 + 10, "{calls}");
}

const DIFFERENT: &str = "update twenty.people set job_title = 'job ' || id";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_different_changes_cost_at_most_a_request_for_twenty() {
    let scene = Scene::with(World::with_people(1_000), LOOSE).await;
    let calls = cost(&scene, DIFFERENT, 1_000).await;
    assert!(calls <= 1_000 / 20 + 10, "{calls}");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_different_changes_cost_one_request_each_where_aliases_are_refused() {
    let mut world = World::with_people(1_000);
    world.switches.refuses_repeated_roots = true;
    let scene = Scene::with(world, LOOSE).await;
    let calls = cost(&scene, DIFFERENT, 1_000).await;
    assert!(calls <= 1_000 + 10, "{calls}");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_deletes_cost_at_most_a_request_for_sixty() {
    let scene = Scene::with(World::with_people(10_000), LOOSE).await;
    let calls = cost(&scene, "delete from twenty.people", 10_000).await;
    assert!(calls <= 10_000 / 60 + 10, "{calls}");
    let live = scene.stage.fake.world(|world| {
        world.rows("people").iter().filter(|row| row["deletedAt"].is_null()).count()
    });
    assert_eq!(live, 0);
}
