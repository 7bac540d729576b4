//! A server of October 2025, whose REST knows no trash: it is read, never written to, until it is upgraded.

use fake_twenty::World;
use serde_json::json;
use uuid::Uuid;

use super::{
    equality,
    stage::{Stage, id_of},
};

/// A workspace on an older server, or on one that was upgraded.
fn set_older(stage: &Stage, older: bool) {
    stage.fake.world(|world| world.switches.legacy_rest = older);
}

async fn refused(stage: &Stage, statement: &str) -> Option<String> {
    let pool = stage.database.pool().await;
    let error =
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await.err()?;
    let error = error.as_database_error()?.downcast_ref::<sqlx::postgres::PgDatabaseError>();
    error.hint().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_is_read_to_the_end_and_not_written_to_until_it_is_upgraded() {
    // Many pages, because its counts leave out what came before the cursor.
    let stage = Stage::set(World::with_people(8_000)).await;
    set_older(&stage, true);
    stage.once().await;
    equality::assert_equal(&stage).await;
    let edit = "update twenty.people set job_title = 'CTO'";
    let hint = refused(&stage, edit).await.expect("the change is refused, with a hint");
    assert!(hint.contains("version of 2025") && hint.contains("upgrade"), "{hint}");
    let status = stage.run(&["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.stdout.contains("of 2025") && status.stdout.contains("only read"), "{status:?}");
    let doctor = stage.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("only read"), "{doctor:?}");
    set_older(&stage, false);
    stage.once().await;
    let id = stage.fake.world(|world| id_of(world, "people", 0));
    assert_eq!(refused(&stage, &format!("{edit} where id = '{id}'")).await, None);
    stage.once().await;
    let title = stage.fake.world(|world| world.row("people", id).unwrap()["jobTitle"].clone());
    assert_eq!(title, "CTO");
    assert!(!stage.run(&["status"]).await.stdout.contains("only read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_when_an_older_server_appears_wait_until_it_is_upgraded() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let pool = stage.database.pool().await;
    let id: Uuid = stage.fake.world(|world| id_of(world, "people", 0));
    sqlx::query("delete from twenty.people where id = $1").bind(id).execute(&pool).await.unwrap();
    // What is known of a server is believed for an hour.
    let aged = "update sync.workspace set server_seen_at = server_seen_at - interval '2 hours'";
    sqlx::raw_sql(aged).execute(&pool).await.unwrap();
    set_older(&stage, true);
    let ended = stage.run(&["--once"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        stage
            .fake
            .world(|world| world.row("people", id).is_some_and(|row| row["deletedAt"].is_null()))
    );
    set_older(&stage, false);
    stage.once().await;
    let row = stage
        .fake
        .world(|world| world.row("people", id))
        .expect("it is in the trash, not destroyed");
    assert_ne!(row["deletedAt"], json!(null));
}
