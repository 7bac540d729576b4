//! The log: what each kind of statement writes to it.

use super::ground::{People, session};

#[tokio::test]
async fn an_update_logs_the_columns_it_changed_and_keeps_the_row_as_it_was() {
    let people = People::with(1).await;
    people.sql("update twenty.people set job_title = 'boss', city = 'Ulm'").await;
    assert_eq!(people.log().await, [("update".to_owned(), "job_title".to_owned())]);
    let base = people.text("select base->>'job_title' from sync.base").await;
    assert_eq!(base.as_deref(), Some("clerk"));
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let people = People::with(3).await;
    people.sql("update twenty.people set job_title = job_title, salary = 1.5").await;
    assert_eq!(people.log().await, []);
    assert_eq!(people.count("sync.base").await, 0);
}

#[tokio::test]
async fn the_base_is_the_row_before_the_first_change_and_stays() {
    let people = People::with(1).await;
    for job in ["boss", "chief", "king"] {
        people.sql(&format!("update twenty.people set job_title = '{job}'")).await;
    }
    people.sql("delete from twenty.people").await;
    assert_eq!(people.log().await.len(), 4);
    let base = people.text("select base->>'job_title' from sync.base").await;
    assert_eq!(base.as_deref(), Some("clerk"));
}

#[tokio::test]
async fn an_insert_has_no_base_and_its_id_at_once() {
    let people = People::new().await;
    let id = people
        .text("insert into twenty.people (job_title) values ('boss') returning id::text")
        .await;
    let logged =
        people.text("select record_id::text from sync.outbox where operation = 'insert'").await;
    assert_eq!(id, logged);
    assert_eq!(people.count("sync.base where base is null").await, 1);
}

#[tokio::test]
async fn who_changed_it_when_and_in_which_transaction_is_logged() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(&mut connection, "begin; update twenty.people set city = 'Bonn';").await;
    let whole: bool = sqlx::query_scalar(
        "select changed_by = session_user and transaction = pg_current_xact_id() \
         and changed_at between now() and clock_timestamp() \
         and session::text = current_setting('sync.session') from sync.outbox",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    assert!(whole);
}

#[tokio::test]
async fn what_is_rolled_back_was_never_logged() {
    let people = People::with(2).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(
        &mut connection,
        "begin; update twenty.people set city = 'Bonn' where id = '00000000-0000-0000-0000-000000000001'; \
         savepoint one; update twenty.people set city = 'Kiel'; rollback to one; commit; \
         begin; delete from twenty.people; rollback;",
    )
    .await;
    assert_eq!(people.log().await, [("update".to_owned(), "city".to_owned())]);
}

#[tokio::test]
async fn an_upsert_logs_what_it_did_to_each_row() {
    let people = People::with(1).await;
    people
        .sql(
            "insert into twenty.people (id, city, updated_at) values \
             ('00000000-0000-0000-0000-000000000001', 'Bonn', now()), \
             ('00000000-0000-0000-0000-000000000002', 'Kiel', now()) \
             on conflict (id) do update set city = excluded.city, updated_at = excluded.updated_at",
        )
        .await;
    let logged = people.log().await;
    assert_eq!(logged[0], ("update".to_owned(), "city".to_owned()));
    assert_eq!(logged[1], ("insert".to_owned(), "city,id".to_owned()));
}

#[tokio::test]
async fn a_merge_logs_what_it_did_to_each_row() {
    let people = People::with(2).await;
    people
        .sql(
            "merge into twenty.people p using (values ('00000000-0000-0000-0000-000000000001'::uuid, 'Bonn'), \
             ('00000000-0000-0000-0000-000000000002', null), ('00000000-0000-0000-0000-000000000003', 'Kiel')) \
             as v (id, city) on p.id = v.id when matched and v.city is null then delete \
             when matched then update set city = v.city when not matched then insert (id, city) values (v.id, v.city)",
        )
        .await;
    let mut operations: Vec<_> =
        people.log().await.into_iter().map(|(operation, _)| operation).collect();
    operations.sort();
    assert_eq!(operations, ["delete", "insert", "update"]);
}

#[tokio::test]
async fn copy_is_captured() {
    let people = People::new().await;
    let mut connection = people.pool().acquire().await.unwrap();
    let mut copy = connection.copy_in_raw("copy twenty.people (city) from stdin").await.unwrap();
    copy.send(&b"Bonn\nKiel\n"[..]).await.unwrap();
    copy.finish().await.unwrap();
    assert_eq!(people.count("sync.outbox where operation = 'insert'").await, 2);
}

#[tokio::test]
async fn a_session_that_replicates_is_captured_too() {
    let people = People::with(1).await;
    let mut connection = people.pool().acquire().await.unwrap();
    session(
        &mut connection,
        "set session_replication_role = replica; update twenty.people set city = 'Bonn'; \
         reset session_replication_role;",
    )
    .await;
    assert_eq!(people.log().await.len(), 1);
}

#[tokio::test]
async fn a_row_becomes_the_same_json_in_every_session() {
    let people = People::with(2).await;
    people.ground.mirror.claim(1).await.unwrap();
    let mut connection = people.pool().acquire().await.unwrap();
    session(
        &mut connection,
        "set timezone = 'Asia/Kolkata'; set extra_float_digits = -10; set datestyle = 'German'; \
         update twenty.people set city = 'Bonn'; reset timezone; reset datestyle;",
    )
    .await;
    let time = people.text("select distinct base->>'updated_at' from sync.base").await;
    assert_eq!(time.as_deref(), Some("2026-11-24T08:00:00+00:00"));
}

#[tokio::test]
async fn a_transaction_notifies_once() {
    let people = People::with(5).await;
    let mut listener = people.mirror().listen().await.unwrap().unwrap();
    let mut heard = sqlx::postgres::PgListener::connect_with(people.pool()).await.unwrap();
    heard.listen("sync_outbox").await.unwrap();
    people.sql("update twenty.people set city = 'Bonn'").await;
    listener.changed().await.unwrap();
    assert_eq!(heard.recv().await.unwrap().payload(), super::ground::WORKSPACE.to_string());
    people.sql("notify sync_outbox, 'end'").await;
    assert_eq!(heard.recv().await.unwrap().payload(), "end");
}

#[tokio::test]
async fn a_lost_connection_means_look_now() {
    let people = People::with(1).await;
    let mut listener = people.mirror().listen().await.unwrap().unwrap();
    people.ground.database.terminate_backends().await;
    listener.changed().await.unwrap();
}

#[tokio::test]
async fn what_the_program_writes_is_no_local_change() {
    let people = People::with(3).await;
    people.read(vec![people.row(1, "boss", "Bonn")]).await;
    assert_eq!(people.log().await, []);
}

#[tokio::test]
async fn settled_changes_are_pruned_and_waiting_ones_are_not() {
    let people = People::with(2).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    people
        .sql(
            "update sync.outbox set outcome = 'written', settled_at = now() - interval '8 days' \
             where record_id = '00000000-0000-0000-0000-000000000001'",
        )
        .await;
    let week = std::time::Duration::from_hours(7 * 24);
    assert_eq!(people.mirror().prune(week).await.unwrap(), 1);
    assert_eq!(people.mirror().outbox_depth().await.unwrap(), 1);
}
