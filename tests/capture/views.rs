//! What people see of their changes in SQL.

use super::ground::{People, id};

#[tokio::test]
async fn pending_says_what_twenty_will_be_asked_to_do() {
    let people = People::with(3).await;
    for statement in [
        "update twenty.people set city = 'Bonn', salary = 2 where id = '00000000-0000-0000-0000-000000000001'",
        "update twenty.people set city = 'Kiel' where id = '00000000-0000-0000-0000-000000000001'",
        "update twenty.people set city = 'Kiel' where id = '00000000-0000-0000-0000-000000000002'",
        "delete from twenty.people where id = '00000000-0000-0000-0000-000000000002'",
        "insert into twenty.people (id) values ('00000000-0000-0000-0000-000000000004')",
        "insert into twenty.people (id) values ('00000000-0000-0000-0000-000000000005')",
        "delete from twenty.people where id = '00000000-0000-0000-0000-000000000005'",
    ] {
        people.sql(statement).await;
    }
    let seen: Vec<(uuid::Uuid, String, i64, String, String)> = sqlx::query_as(
        "select record_id, operation, changes, array_to_string(changed, ','), state \
         from sync.pending where schema_name = 'twenty' and object = 'people' order by record_id",
    )
    .fetch_all(people.pool())
    .await
    .unwrap();
    let row = |number, operation: &str, changes, changed: &str| {
        (id(number), operation.to_owned(), changes, changed.to_owned(), "waiting".to_owned())
    };
    assert_eq!(
        seen,
        [
            row(1, "update", 2, "city,salary"),
            row(2, "delete", 2, "city"),
            row(4, "insert", 1, "id"),
            row(5, "nothing", 2, "id")
        ]
    );
}

#[tokio::test]
async fn status_counts_what_waits_for_each_object() {
    let people = People::with(2).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let status: (String, String, i64, bool, bool) = sqlx::query_as(
        "select object, direction, waiting, oldest is not null, last_pull is not null from sync.status",
    )
    .fetch_one(people.pool())
    .await
    .unwrap();
    assert_eq!(status, ("people".to_owned(), "both".to_owned(), 2, true, true));
}

#[tokio::test]
async fn everything_in_the_control_schema_is_described_in_the_catalog() {
    let people = People::new().await;
    let silent: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'sync'::regnamespace and relkind in ('r', 'v') \
         and relname <> '_sqlx_migrations' and obj_description(oid, 'pg_class') is null \
         union all select proname::text from pg_proc where pronamespace = 'sync'::regnamespace \
         and obj_description(oid, 'pg_proc') is null",
    )
    .fetch_all(people.pool())
    .await
    .unwrap();
    assert_eq!(silent, Vec::<String>::new());
}
