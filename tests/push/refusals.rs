//! What Twenty refuses: it is told in SQL with reason and hint, and blocks nothing but itself.

use fake_twenty::World;
use serde_json::json;
use uuid::Uuid;

use super::{scene::Scene, stage::id_of};

/// Changes record 0 in a way that Twenty refuses and record 1 in one that it takes.
async fn beside(scene: &Scene, table: &str, refused: &str, taken: &str) -> (Uuid, Uuid) {
    let (bad, good) = (scene.some(table, 0), scene.some(table, 1));
    scene.sql(&format!("update twenty.{table} set {refused} where id = '{bad}'")).await;
    scene.sql(&format!("update twenty.{table} set {taken} where id = '{good}'")).await;
    scene.sync_to_attention().await;
    (bad, good)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_option_blocks_no_other_record_and_is_sent_once_corrected() {
    let scene = Scene::of(World::sample()).await;
    let (bad, good) = beside(&scene, "machines", "state = 'NOPE'", "state = 'BROKEN'").await;
    assert_eq!(scene.live("machines", good)["state"], "BROKEN");
    let problem = scene.problem().await;
    assert_eq!((problem.object.as_str(), problem.record_id), ("machines", bad));
    assert!(!problem.reason.is_empty() && !problem.hint.is_empty(), "{problem:?}");
    scene.sql(&format!("update twenty.machines set state = 'NEW' where id = '{bad}'")).await;
    scene.sync().await;
    assert_eq!(scene.live("machines", bad)["state"], "NEW");
    assert_eq!(scene.problems().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_phone_and_a_bad_link_block_no_other_record() {
    let scene = Scene::of(World::sample()).await;
    let refused = "phones_primary_phone_number = '12', job_title = 'waits, too'";
    let (phone, good) = beside(&scene, "people", refused, "city = 'Turku'").await;
    assert_eq!(scene.live("people", good)["city"], "Turku");
    let problem = scene.problem().await;
    assert_eq!(problem.record_id, phone);
    assert!(problem.reason.contains("phone"), "{problem:?}");
    let link = scene.some("people", 2);
    scene
        .sql(&format!(
            "update twenty.people set linkedin_link_primary_link_url = 'not a link' where id = '{link}'"
        ))
        .await;
    scene.sync_to_attention().await;
    assert_eq!(scene.problems().await.len(), 2);
    scene
        .sql("update twenty.people set linkedin_link_primary_link_url = '', phones_primary_phone_number = ''")
        .await;
    scene.sync().await;
    assert_eq!(scene.live("people", phone)["jobTitle"], "waits, too");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_a_record_that_never_was_blocks_no_other_record() {
    let scene = Scene::of(World::sample()).await;
    let stranger = Uuid::new_v4();
    let (bad, good) =
        beside(&scene, "people", &format!("company_id = '{stranger}'"), "city = 'Turku'").await;
    assert_eq!(scene.live("people", good)["city"], "Turku");
    assert_eq!(scene.problem().await.record_id, bad);
    scene.sql(&format!("update twenty.people set company_id = null where id = '{bad}'")).await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_record_among_sixty_new_ones_is_the_only_one_refused() {
    let scene = Scene::of(World::sample()).await;
    scene
        .sql(
            "insert into twenty.machines (name, serial, state) select 'M', 'N-' || n, \
             case when n = 37 then 'NOPE' else 'NEW' end from generate_series(1, 60) n",
        )
        .await;
    scene.sync_to_attention().await;
    let problem = scene.problem().await;
    assert_eq!(scene.row("machines", problem.record_id).await.unwrap()["serial"], "N-37");
    let arrived = scene
        .stage
        .fake
        .world(|world| world.rows("machines").iter().filter(|row| row["name"] == "M").count());
    assert_eq!(arrived, 59);
    scene.sql("update twenty.machines set state = 'NEW' where serial = 'N-37'").await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_record_in_a_bulk_update_is_the_only_one_refused() {
    let scene = Scene::of(World::with_people(40)).await;
    let bad = scene.some("people", 17);
    scene
        .sql(&format!(
            "update twenty.people set city = 'X', phones_primary_phone_number = \
             case when id = '{bad}' then '12' else phones_primary_phone_number end"
        ))
        .await;
    scene.sync_to_attention().await;
    assert_eq!(scene.problem().await.record_id, bad);
    let moved = scene
        .stage
        .fake
        .world(|world| world.rows("people").iter().filter(|row| row["city"] == "X").count());
    assert_eq!(moved, 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_taken_unique_value_the_problem_names_the_record_that_holds_it() {
    let scene = Scene::of(World::sample()).await;
    let holder = scene.some("machines", 1);
    let serial = scene.live("machines", holder)["serial"].as_str().unwrap().to_owned();
    let twin = scene
        .id(&format!(
            "insert into twenty.machines (name, serial) values ('Twin', '{serial}') returning id"
        ))
        .await;
    scene.sync_to_attention().await;
    let problem = scene.problem().await;
    assert_eq!((problem.record_id, problem.holder_id), (twin, Some(holder)), "{problem:?}");
    scene.sql(&format!("update twenty.machines set serial = 'T-2' where id = '{twin}'")).await;
    scene.sync().await;
    assert_eq!(scene.live("machines", twin)["serial"], "T-2");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_in_the_trash_is_named_and_said_to_be_there() {
    let mut world = World::sample();
    let holder = id_of(&world, "companies", 2);
    world.update(
        "companies",
        holder,
        &json!({"domainName": {"primaryLinkUrl": "https://held.example"}}),
    );
    world.soft_delete("companies", holder);
    let scene = Scene::of(world).await;
    let company = scene
        .id("insert into twenty.companies (name, domain_name_primary_link_url) \
             values ('Heir', 'https://held.example') returning id")
        .await;
    scene.sync_to_attention().await;
    let problem = scene.problem().await;
    assert_eq!((problem.record_id, problem.holder_id), (company, Some(holder)), "{problem:?}");
    let told = format!("{} {}", problem.reason, problem.hint);
    assert!(told.contains("trash"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_another_person_has_is_refused_with_its_holder() {
    let scene = Scene::of(World::with_people(10)).await;
    let (person, holder) = (scene.some("people", 0), scene.some("people", 1));
    let email = scene.live("people", holder)["emails"]["primaryEmail"].as_str().unwrap().to_owned();
    scene
        .sql(&format!(
            "update twenty.people set emails_primary_email = '{email}' where id = '{person}'"
        ))
        .await;
    scene.sync_to_attention().await;
    let problem = scene.problem().await;
    assert_eq!((problem.record_id, problem.holder_id), (person, Some(holder)), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stuck_is_not_sent_again_by_every_run() {
    let scene = Scene::of(World::sample()).await;
    beside(&scene, "machines", "state = 'NOPE'", "state = 'NEW'").await;
    scene.stage.fake.clear_calls();
    for _ in 0..3 {
        scene.sync_to_attention().await;
    }
    assert_eq!(scene.writes(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_the_key_may_not_write_stops_no_other_object() {
    let mut world = World::sample();
    world.forbid_writes("notes");
    let scene = Scene::of(world).await;
    let (note, person) = (scene.some("notes", 0), scene.some("people", 0));
    scene.sql(&format!("update twenty.notes set title = 'Forbidden' where id = '{note}'")).await;
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{person}'")).await;
    scene.sync_to_attention().await;
    assert_eq!(scene.live("people", person)["city"], "Turku");
    assert_ne!(scene.live("notes", note)["title"], "Forbidden");
    assert_eq!(scene.row("notes", note).await.unwrap()["title"], "Forbidden");
    assert_eq!(scene.pending().await.len(), 1);
}
