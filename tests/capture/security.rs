//! Who may do what: capture works for any role that may write a table, and cannot be switched off or turned round.

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use test_postgres::TestRole;

use super::ground::{People, refusal, run, session};

const TABLE_RIGHTS: &str = "select, insert, update, delete, truncate";

/// A role that may write people and nothing else, and a session of it.
async fn writer(people: &People) -> (TestRole, PgConnection) {
    let role = people.ground.database.create_role().await;
    let name = role.name();
    people.sql(&format!("grant usage on schema twenty to \"{name}\"")).await;
    people.sql(&format!("grant {TABLE_RIGHTS} on twenty.people to \"{name}\"")).await;
    let connection = PgConnection::connect(role.url()).await.unwrap();
    (role, connection)
}

#[tokio::test]
async fn a_role_without_rights_on_the_log_is_captured_under_its_name() {
    let people = People::with(1).await;
    let (role, mut connection) = writer(&people).await;
    session(&mut connection, "update twenty.people set city = 'Bonn'").await;
    let by = people.text("select changed_by from sync.outbox").await;
    assert_eq!(by.as_deref(), Some(role.name()));
}

#[tokio::test]
async fn a_role_that_plays_another_is_captured_under_its_own_name() {
    let people = People::with(1).await;
    let (role, mut connection) = writer(&people).await;
    let (other, _) = writer(&people).await;
    people.sql(&format!("grant \"{}\" to \"{}\"", other.name(), role.name())).await;
    let play = format!("set role \"{}\"; update twenty.people set city = 'Bonn'", other.name());
    session(&mut connection, &play).await;
    let by = people.text("select changed_by from sync.outbox").await;
    assert_eq!(by.as_deref(), Some(role.name()));
}

#[tokio::test]
async fn a_role_cannot_switch_capture_off() {
    let people = People::with(1).await;
    let (_role, mut connection) = writer(&people).await;
    session(&mut connection, "set sync.origin = 'engine'; update twenty.people set city = 'Bonn'")
        .await;
    assert_eq!(people.log().await.len(), 1);
    for statement in [
        "truncate twenty.people",
        "update twenty.people set created_by_name = 'me'",
        "alter table twenty.people disable trigger all",
        "set session_replication_role = replica",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut connection).await;
        assert!(refused.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_hostile_search_path_and_temporary_objects_redirect_nothing() {
    let people = People::with(1).await;
    let database = people.ground.database.name();
    let (role, mut connection) = writer(&people).await;
    people.sql(&format!("grant temporary on database \"{database}\" to \"{}\"", role.name())).await;
    session(
        &mut connection,
        "create temporary table outbox (like twenty.people); create temporary table base (like twenty.people); \
         create temporary table pg_class (relname text); \
         create function pg_temp.to_jsonb(anyelement) returns jsonb language sql as $$ select '{}'::jsonb $$; \
         create function pg_temp.format(text, name, name) returns text language sql as $$ select 'x'::text $$; \
         create function pg_temp.pg_notify(text, text) returns void language sql as $$ select $$; \
         create function pg_temp.pg_has_role(name, name, text) returns boolean language sql as $$ select true $$; \
         create function pg_temp.current_setting(text, boolean) returns text language sql as $$ select 'engine'::text $$; \
         set search_path = pg_temp, pg_catalog; update twenty.people set city = 'Bonn'",
    )
    .await;
    assert_eq!(people.log().await, [("update".to_owned(), "city".to_owned())]);
    let base = people.text("select base->>'city' from sync.base").await;
    assert_eq!(base.as_deref(), Some("Ulm"));
}

#[tokio::test]
async fn a_role_cannot_use_the_function_for_a_table_of_its_own() {
    let people = People::with(1).await;
    let (role, mut connection) = writer(&people).await;
    people.sql(&format!("create schema own authorization \"{}\"", role.name())).await;
    session(&mut connection, "create table own.forged (id uuid)").await;
    let forge = "create trigger forge after insert on own.forged for each row \
                 execute function sync.capture('20202020-1c25-4d02-bf25-6aeccf7ea419', '1')";
    let error = sqlx::raw_sql(forge).execute(&mut connection).await.unwrap_err();
    assert_eq!(refusal(&error).0, "42501");
}

async fn allowed(connection: &mut PgConnection, statement: &str) -> bool {
    match sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *connection).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(refusal(&error).0, "42501", "{statement}: {error}");
            false
        }
    }
}

#[tokio::test]
async fn everyone_may_see_what_happens_and_touch_nothing() {
    let people = People::with(1).await;
    let role = people.ground.database.create_role().await;
    let mut connection = PgConnection::connect(role.url()).await.unwrap();
    let relations: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'sync'::regnamespace and relkind in ('r', 'v')",
    )
    .fetch_all(people.pool())
    .await
    .unwrap();
    let open = ["pending", "problem", "conflict", "picklist", "status"];
    for relation in relations {
        let read = format!("select from sync.{relation}");
        assert_eq!(
            allowed(&mut connection, &read).await,
            open.contains(&relation.as_str()),
            "{relation}"
        );
        for write in ["insert into sync.# default values", "delete from sync.#", "truncate sync.#"]
        {
            let write = write.replace('#', &relation);
            let refused =
                sqlx::raw_sql(AssertSqlSafe(write.clone())).execute(&mut connection).await;
            assert!(refused.is_err(), "{write}");
        }
    }
    assert!(allowed(&mut connection, "select * from sync.wait('1 ms')").await);
    assert!(!allowed(&mut connection, "create table sync.mine ()").await);
}

async fn visible_conflicts(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from sync.conflict").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn the_values_of_a_conflict_are_for_those_who_may_read_the_table() {
    let people = People::with(1).await;
    people
        .sql(
            "insert into sync.conflict (workspace_id, object_id, object, record_id, kind, field, policy, resolution) \
             select workspace_id, object_id, name_plural, gen_random_uuid(), 'field', 'city', 'hold', 'held' \
             from sync.object",
        )
        .await;
    let (reader, _) = writer(&people).await;
    let stranger = people.ground.database.create_role().await;
    assert_eq!(visible_conflicts(&PgPool::connect(reader.url()).await.unwrap()).await, 1);
    assert_eq!(visible_conflicts(&PgPool::connect(stranger.url()).await.unwrap()).await, 0);
}

#[tokio::test]
async fn a_role_that_may_write_some_columns_only_is_captured() {
    let people = People::with(1).await;
    let role = people.ground.database.create_role().await;
    let name = role.name();
    people.sql(&format!("grant usage on schema twenty to \"{name}\"")).await;
    people.sql(&format!("grant update (city) on twenty.people to \"{name}\"")).await;
    let pool = PgPool::connect(role.url()).await.unwrap();
    run(&pool, "update twenty.people set city = 'Bonn'").await.unwrap();
    assert_eq!(people.log().await.len(), 1);
    assert!(run(&pool, "update twenty.people set job_title = 'boss'").await.is_err());
}

/// The program runs as a role that owns what it made and nothing else.
#[tokio::test]
async fn a_program_without_superuser_rights_captures_and_is_not_captured() {
    let database = test_postgres::TestDatabase::create().await;
    let program = database.create_role().await;
    let grant =
        format!("grant create on database \"{}\" to \"{}\"", database.name(), program.name());
    run(&database.pool().await, &grant).await.unwrap();
    let people = People::at(super::base::Ground::at(database, program.url()).await).await;
    people.read(vec![people.row(1, "clerk", "Ulm")]).await;
    people.read(vec![people.row(1, "boss", "Ulm")]).await;
    assert_eq!(people.log().await, []);
    let (role, mut connection) = writer(&people).await;
    session(&mut connection, "set sync.origin = 'engine'; update twenty.people set city = 'Bonn'")
        .await;
    assert_eq!(people.mirror().claim(1).await.unwrap()[0].changed_by.as_deref(), Some(role.name()));
    people.read(vec![people.row(1, "boss", "Bonn")]).await;
    assert_eq!(people.mirror().outbox_depth().await.unwrap(), 0);
}
