//! A server of October 2025, whose REST knows no trash: it is read, never written to, until it is upgraded.

use fake_twenty::{CallInfo, Effect, Fault, World};
use serde_json::json;
use uuid::Uuid;

use super::{
    equality,
    stage::{Ended, Stage, finish, id_of},
};

/// A workspace on an older server, or on one that was upgraded.
fn set_older(stage: &Stage, older: bool) {
    stage.fake.world(|world| world.switches.legacy_rest = older);
}

/// What is known of a server is believed for an hour.
async fn age(stage: &Stage) {
    let aged = "update sync.workspace set server_seen_at = server_seen_at - interval '2 hours'";
    sqlx::raw_sql(aged)
        .execute(&stage.database.pool().await)
        .await
        .expect("the look is made older");
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
    age(&stage).await;
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

/// Reads one record by its id.
fn looks(call: &CallInfo) -> bool {
    let mut parts = call.path.trim_start_matches("/rest/").split('/');
    call.method == "GET" && parts.nth(1).is_some_and(|id| id.parse::<Uuid>().is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_let_itself_be_seen_is_only_read_until_it_does() {
    let stage = Stage::set(World::sample()).await;
    let body = json!({"statusCode": 403, "error": "ForbiddenException", "messages": ["Forbidden resource"]});
    stage.fake.fault(
        Fault::new(Effect::Status { status: 403, body: Some(body.to_string()) }).when(looks),
    );
    stage.once().await;
    let looked = stage.fake.calls().iter().filter(|call| looks(&call.info)).count();
    assert!((2..=5).contains(&looked), "{looked}");
    equality::assert_equal(&stage).await;
    let edit = "update twenty.people set city = 'Rome'";
    let hint = refused(&stage, edit).await.expect("the change is refused, with a hint");
    assert!(hint.contains("could not be seen") && hint.contains("doctor"), "{hint}");
    assert!(stage.run(&["status"]).await.stdout.contains("could not be seen"));
    assert!(stage.run(&["doctor"]).await.stdout.contains("could not see whether"));
    stage.fake.clear_faults();
    stage.once().await;
    assert_eq!(refused(&stage, edit).await, None);
    stage.once().await;
    equality::assert_equal(&stage).await;
    // What was seen once is not doubted because it is not shown again, and an idle run does not even look.
    stage.fake.clear_calls();
    stage.once().await;
    assert!(!stage.fake.calls().iter().any(|call| looks(&call.info)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_kept_of_the_trash_stay_although_an_older_server_does_not_show_them() {
    let stage = Stage::set(World::sample()).await;
    let run = async |arguments: &[&str]| -> Ended {
        let mut program = stage.program();
        program.args(arguments).env("TWENTY_SYNC__PULL__DELETED_RECORDS", "keep");
        finish(&mut program).await
    };
    let kept = async || -> (i64, i64) {
        let counts = "select count(*), count(deleted_at) from twenty.companies";
        sqlx::query_as(counts).fetch_one(&stage.database.pool().await).await.unwrap()
    };
    assert_eq!(run(&["--once"]).await.code, Some(0));
    let (rows, trashed) = kept().await;
    assert!(trashed > 0);
    age(&stage).await;
    set_older(&stage, true);
    let id = stage.fake.world(|world| {
        let id = id_of(world, "companies", 0);
        world.destroy("companies", id);
        id
    });
    assert_eq!(run(&["--once"]).await.code, Some(0));
    assert_eq!(kept().await, (rows - 1, trashed), "{id} is gone, and nothing else");
    let verified = run(&["verify", "--object", "companies", "--repair"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert_eq!(kept().await, (rows - 1, trashed));
    // When the server is upgraded, those that were destroyed meanwhile are found.
    set_older(&stage, false);
    assert_eq!(run(&["--once"]).await.code, Some(0));
    assert_eq!(kept().await, (rows - 1, trashed));
}
