//! The data model changes while the program works: during a walk, before a push, and between plan and send.
//!
//! Everywhere the same must hold: right columns, no value lost, no value in a wrong column, and equal sides once the
//! model stands still.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use fake_twenty::{NewField, World};
use serde_json::json;
use uuid::Uuid;

use super::scene::{Scene, kind_of};

/// When the data model changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Between the first and the second page of a walk.
    DuringWalk,
    /// After an edit and before the run that would send it.
    BeforePush,
    /// After the program planned what it sends.
    BetweenPlanAndSend,
}

const MOMENTS: [Moment; 3] = [Moment::DuringWalk, Moment::BeforePush, Moment::BetweenPlanAndSend];

/// People with two local edits each: one in the field that drifts, one in another.
struct Edited {
    scene: Scene,
    both: Uuid,
    other: Uuid,
}

/// Two people are edited here, the model changes at `moment`, and the program runs until it repeats itself.
async fn edit_and_drift(moment: Moment, change: fn(&mut World)) -> Edited {
    let scene = Scene::of(World::with_people(450)).await;
    let (both, other) = (scene.some("people", 3), scene.some("people", 400));
    scene
        .sql(&format!(
            "update twenty.people set job_title = 'Pilot', city = 'Oulu' where id = '{both}'; \
             update twenty.people set job_title = 'Baker' where id = '{other}'"
        ))
        .await;
    match moment {
        Moment::BeforePush => scene.stage.fake.world(change),
        Moment::DuringWalk => {
            scene.sql("update sync.checkpoint set watermark = null").await;
            at(&scene, 2, change, |call| {
                call.method == "GET" && call.bare_path() == "/rest/people"
            });
        }
        Moment::BetweenPlanAndSend => at(&scene, 1, change, |call| kind_of(call).is_some()),
    }
    for _ in 0..3 {
        scene.run().await;
    }
    scene.stage.fake.clear_on_request();
    Edited { scene, both, other }
}

/// Changes the model just before the `nth` request of a kind is applied.
fn at(
    scene: &Scene,
    nth: usize,
    change: fn(&mut World),
    is_meant: impl Fn(&fake_twenty::CallInfo) -> bool + Send + Sync + 'static,
) {
    let seen = Arc::new(AtomicUsize::new(0));
    scene.stage.fake.on_request(Box::new(move |call, world| {
        if is_meant(call) && seen.fetch_add(1, SeqCst) + 1 == nth {
            change(world);
        }
    }));
}

impl Edited {
    /// The edits of the field that is gone are reported and kept, the other one has arrived.
    async fn assert_kept(&self, column: &str, context: &str) {
        let scene = &self.scene;
        assert_eq!(scene.live("people", self.both)["city"], "Oulu", "{context}");
        for (id, title) in [(self.both, "Pilot"), (self.other, "Baker")] {
            let row = scene.row("people", id).await.unwrap();
            assert_eq!(row[column], title, "{context}");
        }
        let reported = format!(
            "select count(*) from sync.problem where object = 'people' and direction = 'push' \
             and field = '{column}' and reason <> '' and hint <> ''"
        );
        assert_eq!(scene.number(&reported).await, 2, "{context}: {:?}", scene.problems().await);
        let writes = scene.writes().len();
        scene.run().await;
        assert_eq!(scene.writes().len(), writes, "{context}: it is tried again and again");
    }

    /// Everything arrived.
    async fn assert_arrived(&self, key: &str, context: &str) {
        let scene = &self.scene;
        assert_eq!(scene.live("people", self.both)[key], "Pilot", "{context}");
        assert_eq!(scene.live("people", self.other)[key], "Baker", "{context}");
        assert_eq!(scene.live("people", self.both)["city"], "Oulu", "{context}");
        scene.assert_quiet_and_equal().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_follow_a_renamed_field() {
    for moment in MOMENTS {
        let context = format!("{moment:?}");
        let edited =
            edit_and_drift(moment, |world| world.rename_field("people", "jobTitle", "calling"))
                .await;
        edited.assert_arrived("calling", &context).await;
        let row = edited.scene.row("people", edited.both).await.unwrap();
        assert_eq!(row["calling"], "Pilot", "{context}");
        assert!(row.get("job_title").is_none(), "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_deactivated_field_wait_until_it_comes_back() {
    for moment in MOMENTS {
        let context = format!("{moment:?}");
        let edited =
            edit_and_drift(moment, |world| world.deactivate_field("people", "jobTitle")).await;
        let scene = &edited.scene;
        if moment == Moment::BetweenPlanAndSend {
            // The server wrote nothing of a request with a field that it does not know.
            assert_ne!(scene.record("people", edited.other).unwrap()["jobTitle"], "Baker");
        }
        edited.assert_kept("job_title", &context).await;
        // What changed meanwhile is seen when the field comes back.
        let stranger = scene.some("people", 100);
        scene.stage.fake.world(|world| world.activate_field("people", "jobTitle"));
        scene.edit("people", stranger, &json!({ "jobTitle": "Sailor" }));
        scene.sync_at_last().await;
        edited.assert_arrived("jobTitle", &context).await;
        assert_eq!(scene.row("people", stranger).await.unwrap()["job_title"], "Sailor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_field_that_comes_back_under_another_name_arrive() {
    let hide = |world: &mut World| world.deactivate_field("people", "jobTitle");
    let edited = edit_and_drift(Moment::BeforePush, hide).await;
    let scene = &edited.scene;
    edited.assert_kept("job_title", "").await;
    let stranger = scene.some("people", 100);
    scene.stage.fake.world(|world| world.activate_field("people", "jobTitle"));
    scene.edit("people", stranger, &json!({ "jobTitle": "Sailor" }));
    scene.stage.fake.world(hide);
    scene.run().await;
    scene.stage.fake.world(|world| {
        world.activate_field("people", "jobTitle");
        world.rename_field("people", "jobTitle", "calling");
    });
    scene.sync_at_last().await;
    edited.assert_arrived("calling", "").await;
    assert_eq!(scene.row("people", stranger).await.unwrap()["calling"], "Sailor");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_deleted_field_stay_in_its_column_and_are_reported() {
    for moment in MOMENTS {
        let context = format!("{moment:?}");
        let edited = edit_and_drift(moment, |world| world.delete_field("people", "jobTitle")).await;
        edited.assert_kept("job_title", &context).await;
        let (scene, both) = (&edited.scene, edited.both);
        let refused = sqlx::query("update twenty.people set job_title = 'Late'")
            .execute(&scene.pool)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("read-only"), "{refused}");
        for id in [both, edited.other] {
            let id = id.to_string();
            let mut command = scene.program();
            command.args(["problems", "discard", "people", &id, "--yes"]);
            let discarded = super::stage::finish(&mut command).await;
            assert_eq!(discarded.code, Some(0), "{context}: {discarded:?}");
        }
        // Nothing is dropped but by a person.
        scene.sql("alter table twenty.people drop column job_title").await;
        scene.sync().await;
        scene.assert_quiet_and_equal().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_field_whose_type_changed_stay_in_the_old_column() {
    for moment in MOMENTS {
        let context = format!("{moment:?}");
        let edited =
            edit_and_drift(moment, |world| world.change_type("people", "jobTitle", "NUMBER")).await;
        if moment == Moment::DuringWalk {
            // The second page showed the field emptied: both sides had changed it.
            let conflicts = edited.scene.conflicts().await;
            assert_eq!(conflicts.len(), 1, "{context}: {conflicts:?}");
            assert_eq!(conflicts[0].mirror, Some(json!({ "job_title_was_text": "Baker" })));
        } else {
            edited.assert_kept("job_title_was_text", &context).await;
        }
        let kind: String = sqlx::query_scalar(
            "select format_type(atttypid, atttypmod) from pg_attribute \
             where attrelid = 'twenty.people'::regclass and attname = 'job_title'",
        )
        .fetch_one(&edited.scene.pool)
        .await
        .unwrap();
        assert_eq!(kind, "double precision", "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_field_that_is_no_longer_shown_wait_until_it_is() {
    for moment in MOMENTS {
        let context = format!("{moment:?}");
        let edited =
            edit_and_drift(moment, |world| world.hide_field("people", "jobTitle", true)).await;
        let scene = &edited.scene;
        assert_eq!(scene.row("people", edited.both).await.unwrap()["job_title"], "Pilot");
        assert_eq!(scene.row("people", edited.other).await.unwrap()["job_title"], "Baker");
        assert_eq!(scene.live("people", edited.both)["city"], "Oulu", "{context}");
        scene.stage.fake.world(|world| world.hide_field("people", "jobTitle", false));
        // The first record that shows it has the object read anew.
        scene.edit("people", scene.some("people", 7), &json!({ "city": "Turku" }));
        scene.sync_at_last().await;
        scene.sync_at_last().await;
        edited.assert_arrived("jobTitle", &context).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_an_object_that_is_switched_off_wait_until_it_comes_back() {
    for moment in MOMENTS {
        let context = format!("{moment:?}");
        let edited = edit_and_drift(moment, |world| world.deactivate_object("people")).await;
        let scene = &edited.scene;
        assert_eq!(scene.number("select count(*) from twenty.people").await, 450, "{context}");
        let reported = "select count(*) from sync.problem where object = 'people'";
        assert!(scene.number(reported).await >= 2, "{context}: {:?}", scene.pending().await);
        scene.stage.fake.world(|world| world.activate_object("people"));
        scene.sync_at_last().await;
        edited.assert_arrived("jobTitle", &context).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_fields_and_objects_appear_and_are_filled() {
    for moment in MOMENTS {
        let context = format!("{moment:?}");
        let edited = edit_and_drift(moment, |world| {
            let motto =
                NewField { name: "motto".into(), kind: "TEXT".into(), ..NewField::default() };
            world.add_field("people", motto).unwrap();
            world.add_object("boat", "boats");
            world.create("boats", &json!({ "name": "Ahti" }));
        })
        .await;
        let scene = &edited.scene;
        let stranger = scene.some("people", 100);
        scene.edit("people", stranger, &json!({ "motto": "Onward" }));
        scene.sync_at_last().await;
        edited.assert_arrived("jobTitle", &context).await;
        assert_eq!(scene.row("people", stranger).await.unwrap()["motto"], "Onward", "{context}");
        assert_eq!(scene.number("select count(*) from twenty.boats").await, 1, "{context}");
    }
}

/// The changes of tables that `schema plan` shows.
async fn asked_for(scene: &Scene) -> String {
    super::stage::finish(scene.program().args(["schema", "plan"])).await.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_tables_waits_for_a_person_where_it_is_to_ask() {
    let scene = Scene::with(World::sample(), &[]).await.settings(&[("SCHEMA__MODE", "ask")]);
    let person = scene.some("people", 0);
    scene.stage.fake.world(|world| {
        world.rename_field("people", "jobTitle", "calling");
        let motto = NewField { name: "motto".into(), kind: "TEXT".into(), ..NewField::default() };
        world.add_field("people", motto).unwrap();
    });
    scene.edit("people", person, &json!({ "calling": "Pilot", "motto": "Onward" }));
    let ended = scene.run().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("the tables do not follow the data model"), "{ended:?}");
    let row = scene.row("people", person).await.unwrap();
    assert_eq!(row["job_title"], "Pilot", "what is known goes on under its name");
    assert!(row.get("motto").is_none() && row.get("calling").is_none());
    scene.sql(&format!("update twenty.people set job_title = 'Baker' where id = '{person}'")).await;
    scene.sync_to_attention().await;
    assert_eq!(scene.live("people", person)["calling"], "Baker");
    let plan = asked_for(&scene).await;
    assert!(plan.contains("rename column") && plan.contains("motto"), "{plan}");
    let status = super::stage::finish(scene.program().arg("status")).await;
    assert_eq!(status.code, Some(3), "{status:?}");
    assert!(status.stdout.contains("the tables do not follow the data model"), "{status:?}");

    let applied = super::stage::finish(scene.program().args(["schema", "apply"])).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    scene.sync().await;
    let row = scene.row("people", person).await.unwrap();
    assert_eq!((&row["calling"], &row["motto"]), (&json!("Baker"), &json!("Onward")));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_tables_stay_as_they_are_and_go_on() {
    let scene = Scene::with(World::sample(), &[]).await.settings(&[("SCHEMA__MODE", "freeze")]);
    let person = scene.some("people", 0);
    scene.stage.fake.world(|world| {
        world.deactivate_field("people", "city");
        let motto = NewField { name: "motto".into(), kind: "TEXT".into(), ..NewField::default() };
        world.add_field("people", motto).unwrap();
    });
    scene.edit("people", person, &json!({ "jobTitle": "Pilot", "motto": "Onward" }));
    scene.sync().await;
    let row = scene.row("people", person).await.unwrap();
    assert_eq!(row["job_title"], "Pilot");
    assert!(row.get("motto").is_none());
    assert!(asked_for(&scene).await.contains("motto"), "a person can see what is asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_that_is_gone_is_a_problem_and_the_picklist_follows() {
    let scene = Scene::of(World::sample()).await;
    let machine = scene.some("machines", 0);
    let options = json!([{ "label": "Idle", "value": "IDLE", "color": "green", "position": 0 }]);
    scene.sql(&format!("update twenty.machines set state = 'BROKEN' where id = '{machine}'")).await;
    scene.stage.fake.world(|world| world.set_options("machines", "state", &options));
    scene.sync_to_attention().await;
    assert_eq!(scene.problem().await.record_id, machine);
    let offered =
        "select count(*) from sync.picklist where object = 'machines' and field = 'state'";
    assert_eq!(scene.number(offered).await, 1);
    scene.sql(&format!("update twenty.machines set state = 'IDLE' where id = '{machine}'")).await;
    scene.sync().await;
    assert_eq!(scene.live("machines", machine)["state"], "IDLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_more_fields_than_the_server_shows_at_once_is_whole() {
    let mut world = World::sample();
    for number in 0..210 {
        let name = format!("extra{number}");
        let extra = NewField { name, kind: "TEXT".into(), ..NewField::default() };
        world.add_field("people", extra).unwrap();
    }
    world.switches.field_cap = Some(200);
    let scene = Scene::of(world).await;
    let (person, new) = (scene.some("people", 0), Uuid::new_v4());
    scene.edit("people", person, &json!({ "extra3": "three", "extra209": "last" }));
    scene
        .sql(&format!(
            "update twenty.people set extra208 = 'local' where id = '{person}'; \
             insert into twenty.people (id, extra207) values ('{new}', 'new')"
        ))
        .await;
    scene.sync().await;
    let row = scene.row("people", person).await.unwrap();
    assert_eq!((&row["extra3"], &row["extra209"]), (&json!("three"), &json!("last")));
    assert_eq!(scene.live("people", person)["extra208"], "local");
    assert_eq!(scene.live("people", new)["extra207"], "new");
    scene.stage.fake.world(|world| world.switches.field_cap = None);
    scene.assert_quiet_and_equal().await;
}
