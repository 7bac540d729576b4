//! References: parents go before their children, cycles are closed afterwards, and only children wait for a parent.

use fake_twenty::{CallInfo, Effect, Fault, NewField, World};
use serde_json::json;
use uuid::Uuid;

use super::scene::Scene;

/// The sample, where a machine can be part of another one.
fn with_parts() -> World {
    let mut world = World::sample();
    let relation = NewField {
        target: Some("machine".to_owned()),
        target_label: Some("Parts".to_owned()),
        ..NewField::new("whole", "RELATION")
    };
    world.add_field("machines", relation).unwrap();
    world
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0xaaaa_aaaa_0000_4000_8000_0000_0000_0000 + number)
}

fn machine(number: u128, whole: u128) -> String {
    format!(
        "insert into twenty.machines (id, name, serial, whole_id) values ('{}', 'M{number}', 'M-{number}', '{}');",
        id(number),
        id(whole)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_and_the_people_who_point_to_it_arrive_from_one_transaction() {
    let scene = Scene::of(World::sample()).await;
    let company = id(1);
    scene
        .sql(&format!(
            "begin; insert into twenty.people (name_first_name, company_id) select 'P' || n, '{company}' \
             from generate_series(1, 100) n; \
             insert into twenty.companies (id, name) values ('{company}', 'Parent'); commit"
        ))
        .await;
    scene.sync().await;
    let children = scene.stage.fake.world(|world| {
        world.rows("people").iter().filter(|row| row["companyId"] == json!(company)).count()
    });
    assert_eq!(children, 100);
    assert!(scene.writes().iter().all(|call| call.status.is_some_and(|status| status < 400)));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_was_inserted_backwards_arrives_without_a_refusal() {
    let scene = Scene::of(with_parts()).await;
    let chain: String = (2..=6).rev().map(|number| machine(number, number - 1)).collect();
    scene
        .sql(&format!(
            "begin; {chain} insert into twenty.machines (id, name, serial) values ('{}', 'M1', 'M-1'); commit",
            id(1)
        ))
        .await;
    scene.sync().await;
    for number in 2..=6 {
        assert_eq!(scene.live("machines", id(number))["wholeId"], json!(id(number - 1)));
    }
    assert!(scene.writes().iter().all(|call| call.status.is_some_and(|status| status < 400)));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_points_to_itself_arrives() {
    let scene = Scene::of(with_parts()).await;
    scene.sql(&machine(1, 1)).await;
    scene.sync().await;
    assert_eq!(scene.live("machines", id(1))["wholeId"], json!(id(1)));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_point_to_each_other_arrive() {
    let scene = Scene::of(with_parts()).await;
    let circle = [machine(1, 2), machine(2, 3), machine(3, 1)].concat();
    scene.sql(&format!("begin; {circle} commit")).await;
    scene.sync().await;
    for (number, whole) in [(1, 2), (2, 3), (3, 1)] {
        assert_eq!(scene.live("machines", id(number))["wholeId"], json!(id(whole)));
    }
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_children_of_a_stuck_parent_wait_and_nobody_else_does() {
    let scene = Scene::of(with_parts()).await;
    let (parent, child, grandchild, other) = (id(1), id(2), id(3), id(4));
    scene
        .sql(&format!(
            "begin; insert into twenty.machines (id, name, serial, state) values ('{parent}', 'M1', 'M-1', 'NOPE'); \
             {} {} insert into twenty.machines (id, name, serial) values ('{other}', 'M4', 'M-4'); commit",
            machine(2, 1),
            machine(3, 2)
        ))
        .await;
    scene.sync_to_attention().await;
    scene.live("machines", other);
    for waiting in [parent, child, grandchild] {
        assert_eq!(scene.record("machines", waiting), None);
    }
    let was_sent = |id: Uuid| {
        scene.writes().iter().any(|call| call.info.body.contains(&format!(r#""id":"{id}""#)))
    };
    assert!(was_sent(parent) && !was_sent(child) && !was_sent(grandchild));
    assert!(scene.problems().await.iter().any(|problem| problem.record_id == parent));
    assert_eq!(scene.pending().await.len(), 3);
    scene.sql(&format!("update twenty.machines set state = 'NEW' where id = '{parent}'")).await;
    scene.sync().await;
    assert_eq!(scene.live("machines", grandchild)["wholeId"], json!(child));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_does_not_wait_for_a_stuck_parent() {
    let scene = Scene::of(with_parts()).await;
    let (parent, child) = (id(1), id(2));
    let insert = |rest: &str| format!("insert into twenty.machines (id, name, serial{rest}");
    let whole = insert(&format!(") values ('{parent}', 'M1', 'M-1');"));
    scene.sql(&format!("begin; {whole} {} commit", machine(2, 1))).await;
    scene.sync().await;
    scene.stage.fake.world(|world| {
        world.set_clock(world.clock().advanced(std::time::Duration::from_mins(10)));
        world.soft_delete("machines", parent);
    });
    scene.sync().await;
    assert_eq!(scene.row("machines", parent).await, None);
    // Twenty empties the child's reference and tells nobody.
    scene.stage.fake.world(|world| world.destroy("machines", parent));
    let stuck = insert(&format!(", state) values ('{parent}', 'M1', 'M-9', 'NOPE');"));
    let delete = format!("delete from twenty.machines where id = '{child}';");
    scene.sql(&format!("begin; {stuck} {delete} commit")).await;
    scene.sync_to_attention().await;
    assert_eq!(scene.problem().await.record_id, parent);
    assert!(scene.is_in_trash("machines", child));
}

/// A machine that Twenty refuses, because another one has its serial number, and one that is part of it.
async fn insert_with_a_stuck_parent(scene: &Scene) -> (Uuid, Uuid) {
    let (parent, child) = (id(1), id(2));
    let taken = scene.live("machines", scene.some("machines", 0))["serial"].clone();
    let insert = format!(
        "begin; insert into twenty.machines (id, name, serial) values ('{parent}', 'M1', '{}'); {} commit",
        taken.as_str().unwrap(),
        machine(2, 1)
    );
    scene.sql(&insert).await;
    (parent, child)
}

/// Somebody makes the parent in Twenty.
fn make(scene: &Scene, parent: Uuid) {
    let body = json!({"id": parent, "name": "M1", "serial": "M-1"});
    scene.stage.fake.world(|world| world.create("machines", &body));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_child_of_a_stuck_parent_goes_in_the_run_that_reads_the_parent() {
    let scene = Scene::of(with_parts()).await;
    let (parent, child) = insert_with_a_stuck_parent(&scene).await;
    scene.sync_to_attention().await;
    assert_eq!(scene.record("machines", child), None);
    make(&scene, parent);
    scene.run().await;
    assert_eq!(scene.live("machines", child)["wholeId"], json!(parent));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_child_of_a_parent_whose_answer_was_lost_goes_when_the_parent_is_found() {
    let scene = Scene::of(with_parts()).await;
    let (parent, child) = insert_with_a_stuck_parent(&scene).await;
    scene.sync_to_attention().await;
    scene.sql(&format!("update twenty.machines set serial = 'M-1' where id = '{parent}'")).await;
    let creates = |call: &CallInfo| call.method == "POST" && call.path.contains("machines");
    scene.stage.fake.fault(Fault::new(Effect::CutAfter).nth(1).when(creates));
    scene.sync_at_last().await;
    assert_eq!(scene.live("machines", child)["wholeId"], json!(parent));
    scene.assert_quiet_and_equal().await;
}

/// A page that is read beside the push may be done with the parent a moment before the child is set aside.
#[tokio::test(flavor = "multi_thread")]
async fn the_child_of_a_parent_that_came_before_it_was_set_aside_is_tried_at_once() {
    let scene = Scene::of(with_parts()).await;
    let come = format!(
        "create function come() returns trigger language plpgsql as $$ begin \
         delete from sync.quarantine where record_id = new.record_id; \
         delete from sync.base where record_id = new.record_id; return null; end $$; \
         create trigger come after insert on sync.quarantine for each row \
         when (new.record_id = '{}') execute function come()",
        id(1)
    );
    scene.sql(&come).await;
    let (_, child) = insert_with_a_stuck_parent(&scene).await;
    scene.run().await;
    let sent = format!(r#""id":"{child}""#);
    assert!(scene.writes().iter().any(|call| call.info.body.contains(&sent)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_goes_in_the_run_that_reads_its_missing_parent() {
    let scene = Scene::of(World::sample()).await;
    let company = id(1);
    let insert =
        format!("insert into twenty.people (company_id) values ('{company}') returning id");
    let child = scene.id(&insert).await;
    scene.sync_to_attention().await;
    assert_eq!(scene.problem().await.holder_id, Some(company));
    let body = json!({"id": company, "name": "Late"});
    scene.stage.fake.world(|world| world.create("companies", &body));
    scene.sync().await;
    assert_eq!(scene.live("people", child)["companyId"], json!(company));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_arrives_when_its_missing_parent_is_inserted_later() {
    let scene = Scene::of(World::sample()).await;
    let company = id(1);
    let child = scene
        .id(&format!(
            "insert into twenty.people (name_first_name, company_id) values ('Early', '{company}') returning id"
        ))
        .await;
    scene.run().await;
    scene
        .sql(&format!("insert into twenty.companies (id, name) values ('{company}', 'Late')"))
        .await;
    scene.sync_at_last().await;
    assert_eq!(scene.live("people", child)["companyId"], json!(company));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_moved_and_cleared() {
    let scene = Scene::of(World::sample()).await;
    let (person, company) = (scene.some("people", 0), scene.some("companies", 4));
    scene
        .sql(&format!("update twenty.people set company_id = '{company}' where id = '{person}'"))
        .await;
    scene.sync().await;
    assert_eq!(scene.live("people", person)["companyId"], json!(company));
    scene.sql(&format!("update twenty.people set company_id = null where id = '{person}'")).await;
    scene.sync().await;
    assert!(scene.live("people", person)["companyId"].is_null());
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_and_its_children_are_deleted_in_one_statement_each() {
    let scene = Scene::of(with_parts()).await;
    scene
        .sql(&format!(
            "begin; insert into twenty.machines (id, name, serial) values ('{}', 'M1', 'M-1'); {} commit",
            id(1),
            machine(2, 1)
        ))
        .await;
    scene.sync().await;
    scene.sql("delete from twenty.machines where name in ('M1', 'M2')").await;
    scene.sync().await;
    assert!(scene.is_in_trash("machines", id(1)) && scene.is_in_trash("machines", id(2)));
    scene.assert_quiet_and_equal().await;
}
