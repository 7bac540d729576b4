//! Where the commands find a mirror, and objects in it.

use test_postgres::TestDatabase;

use super::{
    ground::{People, run as sql},
    program::{run, run_at, typed},
};

const NEED_NO_TWENTY: &[&[&str]] = &[&["problems", "list"], &["conflicts", "list"]];

#[tokio::test]
async fn without_an_address_of_a_database_they_say_what_to_set() {
    for command in NEED_NO_TWENTY {
        run_at(None, command).await.assert_refused(78, "PostgreSQL", "DATABASE_URL");
    }
}

#[tokio::test]
async fn where_nothing_was_mirrored_they_say_so_and_make_nothing() {
    let database = TestDatabase::create().await;
    for command in NEED_NO_TWENTY {
        let ended = run_at(Some(database.url()), command).await;
        ended.assert_refused(1, "nothing is mirrored", "--once");
    }
    let schemas: i64 =
        sqlx::query_scalar("select count(*) from pg_namespace where nspname in ('sync', 'twenty')")
            .fetch_one(&database.pool().await)
            .await
            .unwrap();
    assert_eq!(schemas, 0);
}

#[tokio::test]
async fn a_control_schema_of_another_version_is_left_alone() {
    let people = People::new().await;
    for (change, words, hint) in [
        ("delete from sync._sqlx_migrations where version > 1", "has version 1", "--once"),
        (
            "insert into sync._sqlx_migrations (version, description, success, checksum, execution_time) \
             values (99, 'later', true, '', 0)",
            "control schema",
            "newer twenty-sync",
        ),
    ] {
        sql(people.pool(), change).await.unwrap();
        run(&people, &["problems", "list"]).await.assert_refused(78, words, hint);
    }
}

#[tokio::test]
async fn an_object_is_known_by_its_singular_its_plural_and_its_table() {
    let people = People::new().await;
    for name in ["people", "peopleOne", "PEOPLE"] {
        let ended = run(&people, &["conflicts", "list", "--object", name]).await;
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn an_object_that_is_not_mirrored_is_refused_with_the_nearest_name() {
    let people = People::new().await;
    let id = typed(1);
    for command in [
        &["problems", "list", "--object", "peeple"][..],
        &["problems", "retry", "peeple"],
        &["problems", "discard", "peeple", &id, "--yes"],
        &["conflicts", "list", "--object", "peeple"],
        &["why", "peeple", &id],
    ] {
        let ended = run(&people, command).await;
        ended.assert_refused(1, "no object \"peeple\"", "did you mean people?");
    }
}

#[tokio::test]
async fn a_name_like_no_other_is_refused_with_where_the_names_are() {
    let people = People::new().await;
    let ended = run(&people, &["problems", "retry", "rockets"]).await;
    ended.assert_refused(1, "rockets", "twenty-sync status");
}
