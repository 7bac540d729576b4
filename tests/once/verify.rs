//! `verify`: differences of every kind are found and repaired, and changes under way are none.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use fake_twenty::{World, world::Cell};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{
    equality,
    stage::{Stage, id_of},
};

async fn verify(stage: &Stage, arguments: &[&str], code: i32) -> Value {
    let arguments = [&["verify", "--json"], arguments].concat();
    let ended = stage.run(&arguments).await;
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let objects: Value = serde_json::from_str(&ended.stdout).expect("a report in JSON");
    let people =
        objects.as_array().into_iter().flatten().find(|object| object["object"] == "people");
    people.cloned().expect("people were compared")
}

/// Changes the mirror behind everybody's back.
async fn sql(stage: &Stage, statement: &str) {
    let pool = stage.database.pool().await;
    let sql = format!("begin; set local sync.origin = 'engine'; {statement}; commit");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.expect("the mirror takes it");
}

fn later(world: &mut World) {
    world.set_clock(world.clock().advanced(Duration::from_mins(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_of_every_kind_are_found_and_repaired() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    assert_eq!(verify(&stage, &[], 0).await["equal"], true);
    let (lost, wrong, silent, destroyed) = stage.fake.world(|world| {
        let ids = [0, 1, 2, 3].map(|place| id_of(world, "people", place));
        world.change_silently("people", ids[2], "city", Cell::text("Oslo"));
        world.destroy("people", ids[3]);
        (ids[0], ids[1], ids[2], ids[3])
    });
    sql(&stage, &format!("delete from twenty.people where id = '{lost}'")).await;
    sql(
        &stage,
        &format!(
            "update twenty.people set job_title = 'x', name_first_name = 'y' where id = '{wrong}'"
        ),
    )
    .await;
    let people = verify(&stage, &["--object", "person"], 4).await;
    let found: Vec<(&str, &str, &Value)> = people["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["kind"].as_str().unwrap(), &one["fields"]))
        .collect();
    let (none, city, both) = (json!([]), json!(["city"]), json!(["name.firstName", "jobTitle"]));
    let expected = [
        (lost.to_string(), "missing", &none),
        (wrong.to_string(), "differing", &both),
        (silent.to_string(), "differing", &city),
        (destroyed.to_string(), "extra", &none),
    ];
    for (id, kind, fields) in &expected {
        let one = found.iter().find(|one| one.0 == id).unwrap_or_else(|| panic!("{id}: {people}"));
        assert_eq!(one.1, *kind, "{people}");
        let names = |value: &Value| {
            let mut names: Vec<String> = serde_json::from_value(value.clone()).unwrap();
            names.sort();
            names
        };
        assert_eq!(names(one.2), names(fields), "{people}");
    }
    assert_eq!(found.len(), 4, "{people}");
    assert_eq!(verify(&stage, &["--repair"], 0).await["repaired"], 4);
    assert_eq!(verify(&stage, &[], 0).await["equal"], true);
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_sent_and_what_was_changed_just_now_is_no_difference() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let pool = stage.database.pool().await;
    let local = stage.fake.world(|world| {
        let [local, edited, deleted] = [0, 1, 2].map(|place| id_of(world, "people", place));
        later(world);
        world.update("people", edited, &json!({"city": "Oslo"}));
        world.soft_delete("people", deleted);
        world.create("people", &json!({"city": "Bergen"}));
        local
    });
    sqlx::query("update twenty.people set city = 'Ulm' where id = $1")
        .bind(local)
        .execute(&pool)
        .await
        .unwrap();
    let people = verify(&stage, &[], 0).await;
    assert_eq!((&people["waiting"], &people["recent"]), (&json!(1), &json!(3)), "{people}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_change_of_a_record_that_waits_is_found_and_the_edit_stays() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let pool = stage.database.pool().await;
    let local = stage.fake.world(|world| {
        let local = id_of(world, "people", 0);
        world.change_silently("people", local, "jobTitle", Cell::text("Smith"));
        local
    });
    let edit = "update twenty.people set city = 'Ulm' where id = $1";
    sqlx::query(edit).bind(local).execute(&pool).await.unwrap();
    let people = verify(&stage, &[], 4).await;
    let one = &people["differences"][0];
    assert_eq!((&one["id"], &one["fields"]), (&json!(local), &json!(["jobTitle"])), "{people}");
    verify(&stage, &["--repair"], 0).await;
    let row = "select city, job_title from twenty.people where id = $1";
    let row: (String, String) = sqlx::query_as(row).bind(local).fetch_one(&pool).await.unwrap();
    assert_eq!(row, ("Ulm".to_owned(), "Smith".to_owned()));
    stage.once().await;
    let sent = stage.fake.world(|world| world.row("people", local).unwrap()["city"].clone());
    assert_eq!(sent, "Ulm");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_may_change_while_they_are_compared() {
    let stage = Stage::set(World::with_people(2_000)).await;
    stage.once().await;
    let ids: Vec<Uuid> = stage.fake.world(|world| {
        later(world);
        let rows = world.rows("people");
        rows.iter().filter_map(|row| row["id"].as_str()?.parse().ok()).collect()
    });
    let (edited, calls) = (ids.clone(), AtomicUsize::new(0));
    stage.fake.on_request(Box::new(move |call, world| {
        if call.path.starts_with("/rest/people") {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            for id in edited.iter().skip(call * 61 % 1_000).step_by(97).take(8) {
                world.update("people", *id, &json!({"city": format!("City {call}")}));
            }
            world.soft_delete("people", edited[1_999 - call]);
        }
    }));
    let pool = stage.database.pool().await;
    let edit_here = async {
        for id in ids.iter().step_by(40) {
            let update = sqlx::query("update twenty.people set job_title = 'CTO' where id = $1");
            update.bind(id).execute(&pool).await.unwrap();
        }
    };
    let (people, ()) = tokio::join!(verify(&stage, &["--object", "people"], 0), edit_here);
    assert_eq!(people["equal"], true, "{people}");
    stage.fake.clear_on_request();
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_when_both_sides_were_last_proven_equal() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let proven = async || {
        let ended = stage.run(&["status", "--json"]).await;
        let status: Value = serde_json::from_str(&ended.stdout).unwrap();
        let objects = status["objects"].as_array().unwrap().clone();
        objects.into_iter().filter(|object| object["proven_at"].is_string()).count()
    };
    assert_eq!(proven().await, 0);
    verify(&stage, &["--object", "people"], 0).await;
    assert_eq!(proven().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_mirrored_is_refused() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let ended = stage.run(&["verify", "--object", "poeple"]).await;
    assert!(ended.code == Some(78) && ended.stderr.contains("poeple"), "{ended:?}");
}
