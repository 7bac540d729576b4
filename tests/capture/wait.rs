//! `sync.wait`: what a session hears of its own changes.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use twenty_sync::mirror::Refusal;

use super::ground::{People, id, refusal, session};

/// Operation, outcome and reason of each change.
async fn wait(connection: &mut PgConnection, timeout: &str) -> Vec<(String, String, String)> {
    let sql = format!(
        "select operation, outcome, coalesce(reason, '') from sync.wait(interval '{timeout}')"
    );
    sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap()
}

fn heard(operation: &str, outcome: &str, reason: &str) -> (String, String, String) {
    (operation.to_owned(), outcome.to_owned(), reason.to_owned())
}

/// The program sends what waits of record 1, and the source takes it.
async fn push(people: &People, job: &str) {
    let claimed = people.mirror().claim(10).await.unwrap();
    let through = claimed[0].through().unwrap();
    let image = format!(r#"{{"job_title":"{job}"}}"#);
    people.send(1, &image, through).await;
    people.acknowledge(&people.row(1, job, "Ulm").row, through).await;
}

#[tokio::test]
async fn a_session_that_changed_nothing_waits_for_nothing() {
    let people = People::with(1).await;
    people.sql("update twenty.people set job_title = 'boss'").await;
    let mut fresh = PgConnection::connect(people.ground.database.url()).await.unwrap();
    assert_eq!(wait(&mut fresh, "10 s").await, []);
}

#[tokio::test]
async fn what_was_pushed_is_reported_as_written_and_only_once() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "update twenty.people set job_title = 'boss'").await;
    let (outcome, ()) = tokio::join!(wait(&mut connection, "10 s"), push(&people, "boss"));
    assert_eq!(outcome, [heard("update", "written", "")]);
    assert_eq!(wait(&mut connection, "10 s").await, []);
}

#[tokio::test]
async fn at_the_time_out_what_waits_is_reported_as_waiting_and_again_later() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "update twenty.people set job_title = 'boss'").await;
    assert_eq!(wait(&mut connection, "50 ms").await, [heard("update", "waiting", "")]);
    push(&people, "boss").await;
    assert_eq!(wait(&mut connection, "10 s").await, [heard("update", "written", "")]);
}

#[tokio::test]
async fn what_was_refused_is_reported_with_reason_and_hint() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "update twenty.people set job_title = 'boss'").await;
    let claimed = people.mirror().claim(1).await.unwrap();
    let refusal = Refusal {
        object_id: people.table.object_id,
        record_id: id(1),
        field: Some("jobTitle".to_owned()),
        reason: "no such job".to_owned(),
        hint: Some("look for another".to_owned()),
        holder_id: None,
        waits: false,
        retry_in: None,
        through: claimed[0].through().unwrap(),
        answered: true,
        written: claimed[0].written,
        json: "{}".to_owned(),
    };
    people.mirror().quarantine_push(&[refusal]).await.unwrap();
    let outcome: (String, String, String) =
        sqlx::query_as("select outcome, reason, hint from sync.wait('10 s')")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    assert_eq!(outcome, heard("refused", "no such job", "look for another"));
}

#[tokio::test]
async fn a_held_field_is_reported_as_a_conflict() {
    let people = People::with(1).await.holding("jobTitle");
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "update twenty.people set job_title = 'boss'").await;
    people.read(vec![people.row(1, "chief", "Ulm")]).await;
    assert_eq!(wait(&mut connection, "10 s").await[0].1, "conflict");
}

#[tokio::test]
async fn it_refuses_to_wait_for_its_own_transaction() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "begin; update twenty.people set job_title = 'boss'").await;
    let error = sqlx::raw_sql("select * from sync.wait()").execute(&mut *connection).await;
    let (code, message, _, hint) = refusal(&error.unwrap_err());
    assert_eq!(code, "25001");
    assert!(message.contains("the transaction it is called in"), "{message}");
    assert!(hint.contains("COMMIT"), "{hint}");
}

#[tokio::test]
async fn it_refuses_to_wait_where_nothing_new_can_be_seen() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "begin isolation level repeatable read").await;
    let error = sqlx::raw_sql("select * from sync.wait()").execute(&mut *connection).await;
    assert!(refusal(&error.unwrap_err()).3.contains("READ COMMITTED"));
}

#[tokio::test]
async fn it_returns_as_soon_as_the_last_change_is_settled() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "update twenty.people set job_title = 'boss'").await;
    push(&people, "boss").await;
    let began = Instant::now();
    wait(&mut connection, "30 s").await;
    assert!(began.elapsed() < Duration::from_secs(5));
}
