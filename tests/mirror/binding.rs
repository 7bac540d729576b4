//! First contact with a database: what is refused, and that nothing is touched then.

use test_postgres::TestDatabase;
use twenty_sync::mirror::{Mirror, MirrorError, MirrorFault};
use uuid::Uuid;

use super::ground::{Ground, WORKSPACE};

const URL: &str = "http://localhost";

async fn open(
    database: &TestDatabase,
    schema: &str,
    workspace: Uuid,
) -> Result<Mirror, MirrorError> {
    Mirror::open(Mirror::connect(database.url(), 2).await?, schema, workspace, URL).await
}

#[tokio::test]
async fn a_mirror_keeps_to_its_workspace() {
    let ground = Ground::new().await;
    open(&ground.database, "twenty", WORKSPACE).await.unwrap();
    let other = open(&ground.database, "twenty", Uuid::from_u128(7)).await.unwrap_err();
    assert!(matches!(other, MirrorError::OtherWorkspace { .. }), "{other}");
    let elsewhere = open(&ground.database, "crm", WORKSPACE).await.unwrap_err();
    assert!(matches!(elsewhere, MirrorError::OtherSchema { .. }), "{elsewhere}");
    open(&ground.database, "crm", Uuid::from_u128(7)).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_holds_other_tables_is_refused() {
    let database = TestDatabase::create().await;
    let pool = database.pool().await;
    sqlx::raw_sql("create schema twenty; create table twenty.mine ()")
        .execute(&pool)
        .await
        .unwrap();
    let error = open(&database, "twenty", WORKSPACE).await.unwrap_err();
    assert!(
        matches!(&error, MirrorError::SchemaTaken { relations, .. } if relations == &["mine"]),
        "{error}"
    );
    assert_eq!(error.fault(), MirrorFault::Configuration);
}

#[tokio::test]
async fn a_control_schema_of_another_program_is_refused_and_left_alone() {
    let database = TestDatabase::create().await;
    let pool = database.pool().await;
    sqlx::raw_sql("create schema sync; create table sync.theirs ()").execute(&pool).await.unwrap();
    let error = open(&database, "twenty", WORKSPACE).await.unwrap_err();
    assert!(matches!(error, MirrorError::ControlTaken(_)), "{error}");
    let tables: i64 =
        sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'sync'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_database_that_a_newer_release_has_used_is_refused() {
    let ground = Ground::new().await;
    sqlx::raw_sql(
        "insert into sync._sqlx_migrations (version, description, success, checksum, execution_time) \
         values (999999, 'later', true, '', 0)",
    )
    .execute(&ground.pool)
    .await
    .unwrap();
    let error = open(&ground.database, "twenty", WORKSPACE).await.unwrap_err();
    assert_eq!(error.fault(), MirrorFault::Configuration);
    assert!(error.hint().unwrap().contains("newer"), "{error}");
}

#[tokio::test]
async fn opening_twice_at_once_is_opening_once() {
    let database = TestDatabase::create().await;
    let (first, second) =
        tokio::join!(open(&database, "twenty", WORKSPACE), open(&database, "twenty", WORKSPACE));
    first.unwrap();
    second.unwrap();
}
