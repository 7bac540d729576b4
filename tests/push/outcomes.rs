//! Writes whose outcome is not known: the answer is lost, the connection cut, a proxy answers for the server. Each
//! write happens once all the same.

use fake_twenty::{Effect, Fault, World};
use serde_json::json;

use super::scene::{Kind, Scene, kind_of};

/// What can happen to a write, each with a name and whether the write was applied.
fn accidents() -> Vec<(&'static str, Effect, bool)> {
    let bad_gateway = || Effect::StatusAfter { status: 502, body: None };
    vec![
        ("cut before", Effect::CutBefore, false),
        ("cut after", Effect::CutAfter, true),
        ("502 after", bad_gateway(), true),
        ("cut within the answer", Effect::CutBody, true),
        ("silence before", Effect::Stall, false),
        ("silence after the head", Effect::StallAfterHead, true),
    ]
}

async fn scene() -> Scene {
    let impatient = [("SOURCE__READ_TIMEOUT", "400ms"), ("SOURCE__REQUEST_TIMEOUT", "800ms")];
    Scene::with(World::sample(), &impatient).await
}

/// The next write of this kind meets with an accident.
fn arrange(scene: &Scene, kind: Kind, effect: Effect) {
    scene.stage.fake.clear_calls();
    scene.stage.fake.clear_faults();
    scene.stage.fake.fault(Fault::new(effect).when(move |call| kind_of(call) == Some(kind)).nth(1));
}

/// How many writes of this kind Twenty carried out.
fn applied(scene: &Scene, kind: Kind) -> usize {
    let writes = scene.writes();
    writes.iter().filter(|call| kind_of(&call.info) == Some(kind) && call.applied).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_outcome_is_unknown_happens_once() {
    let scene = scene().await;
    for (accident, effect, _) in accidents() {
        arrange(&scene, Kind::Create, effect);
        let insert =
            format!("insert into twenty.companies (name) values ('{accident}') returning id");
        let id = scene.id(&insert).await;
        scene.sync_at_last().await;
        let there = scene.stage.fake.world(|world| {
            world.rows("companies").iter().filter(|row| row["name"] == accident).count()
        });
        assert_eq!(there, 1, "{accident}");
        assert_eq!(scene.live("companies", id)["name"], accident);
    }
    scene.stage.fake.clear_faults();
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_outcome_is_unknown_happens_once() {
    let scene = scene().await;
    for (place, (accident, effect, arrived)) in accidents().into_iter().enumerate() {
        let id = scene.some("people", place);
        arrange(&scene, Kind::Update, effect);
        scene.sql(&format!("update twenty.people set city = '{accident}' where id = '{id}'")).await;
        scene.sync_at_last().await;
        assert_eq!(scene.live("people", id)["city"], accident);
        assert_eq!(applied(&scene, Kind::Update), 1, "{accident}, which arrived: {arrived}");
        assert_eq!(scene.conflicts().await.len(), 0, "{accident}");
    }
    scene.stage.fake.clear_faults();
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_without_a_filter_whose_outcome_is_unknown_happens_once() {
    let scene = scene().await;
    let id = scene.some("machines", 0);
    for (accident, effect, _) in accidents() {
        arrange(&scene, Kind::Update, effect);
        scene
            .sql(&format!(
                "update twenty.machines set readings = '{{\"accident\": \"{accident}\"}}', labels = array['{accident}'] \
                 where id = '{id}'"
            ))
            .await;
        scene.sync_at_last().await;
        let record = scene.live("machines", id);
        assert_eq!(record["readings"], json!({"accident": accident}));
        assert_eq!(record["labels"], json!([accident]));
        assert_eq!(applied(&scene, Kind::Update), 1, "{accident}");
        assert_eq!(scene.conflicts().await.len(), 0, "{accident}");
    }
    scene.stage.fake.clear_faults();
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_whose_outcome_is_unknown_happens_once() {
    let scene = scene().await;
    for (accident, effect, _) in accidents() {
        let id = scene.some("people", 0);
        arrange(&scene, Kind::Delete, effect);
        scene.sql(&format!("delete from twenty.people where id = '{id}'")).await;
        scene.sync_at_last().await;
        assert!(scene.is_in_trash("people", id), "{accident}");
        assert_eq!(applied(&scene, Kind::Delete), 1, "{accident}");
    }
    scene.stage.fake.clear_faults();
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_made_while_the_outcome_is_unknown_is_not_lost() {
    let scene = scene().await;
    for (place, (accident, effect, _)) in accidents().into_iter().enumerate() {
        let id = scene.some("people", place);
        arrange(&scene, Kind::Update, effect);
        // Until the second edit is made, the source answers nothing else.
        scene.stage.fake.fault(Fault::status(503).when(|call| call.method == "GET").next(1));
        scene.sql(&format!("update twenty.people set city = 'first' where id = '{id}'")).await;
        scene.run().await;
        scene.sql(&format!("update twenty.people set city = '{accident}' where id = '{id}'")).await;
        scene.sync_at_last().await;
        assert_eq!(scene.live("people", id)["city"], accident);
        assert_eq!(scene.conflicts().await.len(), 0, "{accident}");
    }
    scene.stage.fake.clear_faults();
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_after_a_lost_answer_is_not_overwritten() {
    let scene = scene().await;
    for (place, (accident, effect, arrived)) in accidents().into_iter().enumerate() {
        let id = scene.some("people", place);
        arrange(&scene, Kind::Update, effect);
        scene.sql(&format!("update twenty.people set city = 'ours' where id = '{id}'")).await;
        // The daemon's first write meets the accident; its next look at the record meets the other writer.
        let theirs = format!("theirs {accident}");
        let body = json!({"city": theirs});
        let once = std::sync::atomic::AtomicBool::new(false);
        let seen = std::sync::atomic::AtomicBool::new(false);
        scene.stage.fake.on_request(Box::new(move |call, world| {
            use std::sync::atomic::Ordering::SeqCst;
            if kind_of(call) == Some(Kind::Update) {
                if arrived || seen.load(SeqCst) {
                    return seen.store(true, SeqCst);
                }
                seen.store(true, SeqCst);
            } else if seen.load(SeqCst) && !once.swap(true, SeqCst) {
                world.update("people", id, &body);
            }
        }));
        scene.sync_at_last().await;
        scene.stage.fake.clear_on_request();
        scene.sync_at_last().await;
        let city = scene.live("people", id)["city"].clone();
        let kept = scene.conflicts().await.iter().any(|conflict| {
            conflict.record_id == id && format!("{:?}", conflict.source).contains(&theirs)
        });
        assert!(city == json!(theirs) || kept, "{accident}: {theirs} was overwritten by {city}");
    }
    scene.stage.fake.clear_faults();
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_source_loses_nothing_and_all_is_sent_afterwards() {
    let scene = scene().await;
    let id = scene.some("people", 0);
    scene.sql(&format!("update twenty.people set city = 'Turku' where id = '{id}'")).await;
    let added =
        scene.id("insert into twenty.companies (name) values ('Outage') returning id").await;
    scene.stage.fake.pause_listening().await;
    let ended = scene.run().await;
    assert!(ended.code == Some(1) && ended.stderr.contains("connect"), "{ended:?}");
    scene.stage.fake.resume_listening().await;
    scene.sync_at_last().await;
    assert_eq!(scene.live("people", id)["city"], "Turku");
    scene.live("companies", added);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_in_the_middle_of_its_writes_ends_with_both_sides_equal() {
    let scene = Scene::with(World::with_people(400), &[("FUSE__SHARE", "1")]).await;
    for round in 0..8 {
        scene
            .sql(&format!("update twenty.people set city = 'R{round} ' || left(id::text, 2)"))
            .await;
        scene
            .sql(&format!("insert into twenty.companies (name) select 'R{round} ' || n from generate_series(1, 70) n"))
            .await;
        let mut child = scene.program().arg("--once").spawn().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(60 + 45 * round)).await;
        child.kill().await.unwrap();
    }
    scene.sync_at_last().await;
    let companies = scene.stage.fake.world(|world| world.rows("companies").len());
    assert_eq!(companies, 8 * 70);
    assert_eq!(scene.conflicts().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}
