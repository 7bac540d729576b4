//! One of the sides is restored from a backup: nothing is made equal to it until a person says so.

use std::{collections::BTreeSet, time::Duration};

use fake_twenty::{CallInfo, Clock, World};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::process::Command;
use url::Url;
use uuid::Uuid;

use super::{
    equality,
    stage::{Ended, Stage, finish, id_of},
};

/// Time passes at the source, in this test's minutes.
fn later(world: &mut World, minutes: u64) {
    world.set_clock(world.clock().advanced(Duration::from_mins(minutes)));
}

/// The source is again what it was, at the time it is now.
fn restore(stage: &Stage, backup: &World) {
    let clock = stage.fake.world(|world| world.clock());
    let mut world = backup.clone();
    world.set_clock(clock);
    later(&mut world, 10);
    stage.fake.replace_world(world);
}

async fn exec(pool: &PgPool, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.expect(statement);
}

/// Every row of the mirrored tables that these tests touch, as text.
async fn rows(pool: &PgPool) -> BTreeSet<String> {
    let rows = "select to_jsonb(t)::text from twenty.people t union all \
                select to_jsonb(t)::text from twenty.companies t";
    let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(pool).await.expect("the rows");
    rows.into_iter().collect()
}

fn writes(stage: &Stage) -> usize {
    let is_write = |call: &CallInfo| match call.document() {
        Some(document) => document.starts_with("mutation"),
        None => call.method != "GET" && call.path.starts_with("/rest/"),
    };
    stage.fake.calls().iter().filter(|call| is_write(&call.info)).count()
}

/// Both sides stay as they are while the program says that Twenty went back.
async fn assert_stopped(stage: &Stage, pool: &PgPool) {
    let before = rows(pool).await;
    stage.fake.clear_calls();
    for _ in 0..2 {
        let ended = stage.run(&["--once"]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stdout.contains("as after a restore from a backup"), "{ended:?}");
    }
    assert_eq!(rows(pool).await, before, "the mirror was touched");
    assert_eq!(writes(stage), 0, "the source was touched");
    for command in [&["status"][..], &["rewind", "status"]] {
        let ended = stage.run(command).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let told = ended.stdout.matches("as after a restore").count();
        assert_eq!(told, 1, "one line for all objects: {ended:?}");
        assert!(ended.stdout.contains("twenty-sync rewind accept"), "{ended:?}");
    }
}

async fn accept(stage: &Stage) {
    let accepted = stage.run(&["rewind", "accept", "--all"]).await;
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    assert_eq!(stage.run(&["rewind", "status"]).await.code, Some(0));
    stage.once().await;
    equality::assert_equal(stage).await;
    let verified = stage.run(&["verify"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_source_is_not_followed_until_a_person_accepts_it() {
    let stage = Stage::set(World::sample()).await;
    let pool = stage.database.pool().await;
    stage.once().await;
    let backup = stage.fake.world(|world| world.clone());
    stage.fake.world(|world| {
        later(world, 10);
        let (first, second) = (id_of(world, "people", 0), id_of(world, "people", 1));
        world.update("people", first, &json!({"city": "Rome"}));
        world.update("people", second, &json!({"city": "Oslo"}));
        world.create("companies", &json!({"name": "Made since"}));
        let deleted = id_of(world, "companies", 2);
        world.soft_delete("companies", deleted);
    });
    stage.once().await;
    restore(&stage, &backup);
    // A local change, and people who go on in the restored source.
    let id = stage.fake.world(|world| id_of(world, "people", 3));
    exec(&pool, &format!("update twenty.people set city = 'Bern' where id = '{id}'")).await;
    stage.fake.world(|world| world.create("companies", &json!({"name": "After the restore"})));
    assert_stopped(&stage, &pool).await;
    accept(&stage).await;
    let city = stage.fake.world(|world| world.row("people", id).unwrap()["city"].clone());
    assert_eq!(city, "Bern", "the local change is sent in the end");
    let made = "select count(*) from twenty.companies where name = 'Made since'";
    assert_eq!(sqlx::query_scalar::<_, i64>(made).fetch_one(&pool).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_lost_only_new_records_is_not_followed_if_they_are_many() {
    let stage = Stage::set(World::sample()).await;
    let pool = stage.database.pool().await;
    stage.once().await;
    let backup = stage.fake.world(|world| world.clone());
    stage.fake.world(|world| {
        later(world, 10);
        // More than a fuse lets pass.
        for number in 0..60 {
            world.create("people", &json!({"jobTitle": format!("Hired {number}")}));
        }
    });
    stage.once().await;
    restore(&stage, &backup);
    assert_stopped(&stage, &pool).await;
    accept(&stage).await;
    assert_eq!(stage.run(&["fuse", "status"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_to_the_newest_records_is_no_restore() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let ids = stage.fake.world(|world| {
        later(world, 10);
        let make =
            |number: i32| world.create("people", &json!({"jobTitle": format!("Hired {number}")}));
        (0..12).map(make).collect::<Vec<Uuid>>()
    });
    stage.once().await;
    // Destroyed, deleted, edited.
    stage.fake.world(|world| {
        later(world, 1);
        for id in &ids[..4] {
            world.destroy("people", *id);
        }
        world.soft_delete("people", ids[4]);
        world.update("people", ids[5], &json!({"city": "Rome"}));
    });
    stage.once().await;
    stage.fake.world(|world| {
        for id in &ids[6..] {
            world.destroy("people", *id);
        }
    });
    stage.once().await;
    equality::assert_equal(&stage).await;
    assert_eq!(stage.run(&["rewind", "status"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_clock_went_back_is_read_from_the_beginning_and_not_stopped() {
    let mut world = World::sample();
    later(&mut world, 300);
    let stage = Stage::set(world).await;
    let ids = stage.fake.world(|world| {
        let ids = [id_of(world, "people", 0), id_of(world, "people", 1)];
        for id in &ids {
            world.update("people", *id, &json!({"city": "Rome"}));
        }
        ids
    });
    stage.once().await;
    stage.fake.world(|world| {
        world.set_clock(Clock::Real);
        for id in &ids {
            world.update("people", *id, &json!({"city": "Oslo"}));
        }
    });
    stage.once().await;
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_look_costs_one_request_of_few_objects() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    stage.fake.clear_calls();
    stage.once().await;
    let calls = stage.fake.calls();
    let looks: Vec<u64> = calls
        .iter()
        .filter(|call| call.info.body.contains("query Times("))
        .map(|call| call.tokens)
        .collect();
    assert_eq!(looks.len(), 1, "{looks:?}");
    assert!(looks[0] <= 5, "{looks:?}");
}

/// A copy of the mirror's database, as a backup of it, which is dropped with the server's other test databases.
async fn copy(stage: &Stage) -> Url {
    let url = Url::parse(stage.database.url()).expect("the test's server does it");
    let (mut admin, mut copied) = (url.clone(), url);
    let name = stage.database.name();
    admin.set_path("postgres");
    copied.set_path(&format!("{name}_copy"));
    let mut connection =
        PgConnection::connect(admin.as_str()).await.expect("the test's server does it");
    stage.database.terminate_backends().await;
    let statement = format!("create database \"{name}_copy\" template \"{name}\"");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .expect("the test's server does it");
    connection.close().await.expect("the test's server does it");
    copied
}

async fn drop_copy(stage: &Stage) {
    let mut admin = Url::parse(stage.database.url()).expect("the test's server does it");
    admin.set_path("postgres");
    let mut connection =
        PgConnection::connect(admin.as_str()).await.expect("the test's server does it");
    let statement = format!("drop database \"{}_copy\" with (force)", stage.database.name());
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .expect("the test's server does it");
}

async fn on(stage: &Stage, database: &Url, arguments: &[&str]) -> Ended {
    let mut program: Command = stage.program();
    program.args(arguments).env("DATABASE_URL", database.as_str());
    finish(&mut program).await
}

/// A mirror, and a copy of it from when it held an edit and a delete of people that were not sent.
async fn backup_with_unsent_changes() -> (Stage, Url, Uuid, Uuid) {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let pool = stage.database.pool().await;
    let (edited, deleted) =
        stage.fake.world(|world| (id_of(world, "people", 0), id_of(world, "people", 1)));
    exec(&pool, &format!("update twenty.people set city = 'Bern' where id = '{edited}'")).await;
    exec(&pool, &format!("delete from twenty.people where id = '{deleted}'")).await;
    pool.close().await;
    let backup = copy(&stage).await;
    (stage, backup, edited, deleted)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unsent_changes_of_a_restored_mirror_wait_for_a_person_and_reading_goes_on() {
    let (stage, backup, edited, deleted) = backup_with_unsent_changes().await;
    stage.once().await;
    stage.fake.world(|world| {
        later(world, 10);
        world.restore("people", deleted);
        world.update("people", edited, &json!({"jobTitle": "Later"}));
        world.create("companies", &json!({"name": "Made since"}));
    });
    let ended = on(&stage, &backup, &["--once"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("the mirror was restored or copied"), "{ended:?}");
    let is_live = || stage.fake.world(|world| world.row("people", deleted).unwrap());
    assert!(is_live()["deletedAt"].is_null(), "the delete of that time is not sent");
    let copied = PgPool::connect(backup.as_str()).await.unwrap();
    let made = "select count(*) from twenty.companies where name = 'Made since'";
    assert_eq!(sqlx::query_scalar::<_, i64>(made).fetch_one(&copied).await.unwrap(), 1);
    assert_eq!(on(&stage, &backup, &["rewind", "status"]).await.code, Some(3));
    let accepted = on(&stage, &backup, &["rewind", "accept", "people"]).await;
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    let ended = on(&stage, &backup, &["--once"]).await;
    assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    let verified = on(&stage, &backup, &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let person: Value = stage.fake.world(|world| world.row("people", edited).unwrap());
    assert_eq!((&person["city"], &person["jobTitle"]), (&json!("Bern"), &json!("Later")));
    copied.close().await;
    drop_copy(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_mirror_without_unsent_changes_goes_on() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let copied = copy(&stage).await;
    for _ in 0..2 {
        let ended = on(&stage, &copied, &["--once"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    drop_copy(&stage).await;
}

/// The statements of docs/sql.md.
const GIVE_UP: &str = "begin; \
    delete from sync.base where object_id = (select object_id from sync.object where name_plural = 'people'); \
    update sync.outbox set settled_at = now(), outcome = 'refused', reason = 'given up after a restore' \
    where settled_at is null and object_id = (select object_id from sync.object where name_plural = 'people'); \
    commit;";

#[tokio::test(flavor = "multi_thread")]
async fn the_unsent_changes_of_a_restored_mirror_can_be_given_up() {
    let (stage, backup, ..) = backup_with_unsent_changes().await;
    assert_eq!(on(&stage, &backup, &["--once"]).await.code, Some(3));
    let copied = PgPool::connect(backup.as_str()).await.unwrap();
    exec(&copied, GIVE_UP).await;
    copied.close().await;
    assert_eq!(on(&stage, &backup, &["rewind", "accept", "people"]).await.code, Some(0));
    on(&stage, &backup, &["verify", "--object", "people", "--repair"]).await;
    let ended = on(&stage, &backup, &["--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let verified = on(&stage, &backup, &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert_eq!(writes(&stage), 0);
    drop_copy(&stage).await;
}
