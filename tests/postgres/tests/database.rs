//! What a test may rely on when it asks for a database.

use sqlx::{Connection, PgConnection, PgPool};
use test_postgres::{TestDatabase, Writes};

async fn count(database: &TestDatabase, query: &'static str, name: &str) -> i64 {
    let answer = sqlx::query_scalar(query).bind(name).fetch_one(&database.pool().await).await;
    answer.expect("the catalog can be read")
}

async fn exists(database: &TestDatabase, name: &str) -> bool {
    count(database, "select count(*) from pg_database where datname = $1", name).await == 1
}

async fn role_exists(database: &TestDatabase, name: &str) -> bool {
    count(database, "select count(*) from pg_roles where rolname = $1", name).await == 1
}

async fn run(pool: &PgPool, statement: &'static str) -> u64 {
    sqlx::query(statement).execute(pool).await.expect("the statement is valid").rows_affected()
}

#[tokio::test]
async fn two_databases_share_nothing() {
    let (one, other) = (TestDatabase::create().await, TestDatabase::create().await);
    run(&one.pool().await, "create table person (id int)").await;
    let tables = "select count(*) from pg_tables where tablename = $1";
    assert_eq!(
        (count(&one, tables, "person").await, count(&other, tables, "person").await),
        (1, 0)
    );
}

#[tokio::test]
async fn a_database_goes_with_its_value_even_while_it_is_used() {
    let witness = TestDatabase::create().await;
    let database = TestDatabase::create().await;
    let (name, _in_use) = (database.name().to_owned(), database.pool().await);
    let before = exists(&witness, &name).await;
    drop(database);
    assert_eq!((before, exists(&witness, &name).await), (true, false));
}

#[test]
fn a_database_goes_when_its_test_panics() {
    let name = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let name = std::sync::Mutex::new(String::new());
        let body = std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                let database = TestDatabase::create().await;
                database.name().clone_into(&mut name.lock().unwrap());
                std::panic::resume_unwind(Box::new("a claim did not hold"));
            });
        });
        assert!(std::panic::catch_unwind(body).is_err());
        name.into_inner().unwrap()
    });
    let name = name.join().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(!runtime.block_on(async { exists(&TestDatabase::create().await, &name).await }));
}

#[tokio::test]
async fn what_killed_tests_left_an_hour_ago_is_dropped() {
    let witness = TestDatabase::create().await;
    let pool = witness.pool().await;
    run(&pool, "drop database if exists twenty_sync_test_1000000000_1_stale").await;
    run(&pool, "drop role if exists twenty_sync_test_1000000000_1_stale").await;
    run(&pool, "create database twenty_sync_test_1000000000_1_stale").await;
    run(&pool, "create role twenty_sync_test_1000000000_1_stale").await;
    drop(TestDatabase::create().await);
    let name = "twenty_sync_test_1000000000_1_stale";
    assert_eq!((exists(&witness, name).await, role_exists(&witness, name).await), (false, false));
}

#[tokio::test]
async fn a_second_role_may_connect_and_nothing_else() {
    let database = TestDatabase::create().await;
    run(&database.pool().await, "create table secret (id int)").await;
    let role = database.create_role().await;
    let mut connection = PgConnection::connect(role.url()).await.unwrap();
    for forbidden in
        ["create schema mine", "create table mine (id int)", "create temp table mine (id int)"]
    {
        let refused = sqlx::raw_sql(forbidden).execute(&mut connection).await.unwrap_err();
        assert_eq!(
            refused.as_database_error().unwrap().code().as_deref(),
            Some("42501"),
            "{forbidden}"
        );
    }
    assert!(sqlx::query("table secret").execute(&mut connection).await.is_err());
}

#[tokio::test]
async fn roles_go_with_their_database() {
    let witness = TestDatabase::create().await;
    let database = TestDatabase::create().await;
    let (first, second) = (database.create_role().await, database.create_role().await);
    assert_ne!(first.name(), second.name());
    assert!(role_exists(&witness, second.name()).await);
    drop(database);
    assert!(!role_exists(&witness, first.name()).await);
    assert!(!role_exists(&witness, second.name()).await);
}

#[tokio::test]
async fn writes_are_counted_although_the_writer_is_still_connected() {
    let database = TestDatabase::create().await;
    let pool = database.pool().await;
    run(&pool, "create schema mirror").await;
    run(&pool, "create table mirror.person (id int primary key, city text)").await;
    run(&pool, "create table elsewhere (id int)").await;
    let before = database.writes_in("mirror").await;
    run(&pool, "insert into mirror.person select i, 'Lyon' from generate_series(1, 7) i").await;
    run(&pool, "update mirror.person set city = 'Oslo' where id <= 3").await;
    run(&pool, "delete from mirror.person where id = 1").await;
    run(&pool, "insert into elsewhere values (1)").await;
    let written = database.writes_in("mirror").await - before;
    assert_eq!(written, Writes { inserted: 7, updated: 3, deleted: 1 });
    assert_eq!(written.total(), 11);
}

#[tokio::test]
async fn a_statement_that_changes_no_row_is_not_counted() {
    let database = TestDatabase::create().await;
    let pool = database.pool().await;
    run(&pool, "create table person (id int primary key, city text)").await;
    run(&pool, "insert into person values (1, 'Lyon')").await;
    let before = database.writes_in("public").await;
    let upsert = "insert into person values (1, 'Lyon') on conflict (id) do update set city = excluded.city \
                  where person.city is distinct from excluded.city";
    assert_eq!(run(&pool, upsert).await, 0);
    assert_eq!((database.writes_in("public").await - before).total(), 0);
}

#[tokio::test]
async fn a_pool_goes_on_after_its_connections_were_ended() {
    let database = TestDatabase::create().await;
    let pool = database.pool().await;
    run(&pool, "create table person (id int)").await;
    let cut = database.terminate_backends().await;
    run(&pool, "insert into person values (1)").await;
    assert!(cut >= 1);
}
