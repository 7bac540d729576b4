//! A database that refuses, or is held by others: the program says what is wrong, forgets nothing of where it
//! was, leaves the rest of the work alone, and goes on by itself.

use std::time::Duration;

use fake_twenty::{Effect, Fault};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use test_postgres::{TestCluster, TestDatabase};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    ground::{Ground, writes_records},
    running::Running,
    stage::id_of,
};

/// The program looks five times in that time.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// Somebody writes this in Twenty, on a person and on a company.
fn write_in_twenty(ground: &Ground, value: &str) {
    ground.stage.fake.world(|world| {
        for (object, field) in [("people", "city"), ("companies", "name")] {
            let id = id_of(world, object, 0);
            world.update(object, id, &json!({field: value}));
        }
    });
}

async fn has(ground: &Ground, table: &str, column: &str, value: &str) -> bool {
    let query = format!("select count(*) from twenty.{table} where {column} = '{value}'");
    ground.number(&query).await == 1
}

/// While something is wrong: it is said with these words, and people are not read further. Afterwards all arrives.
async fn endures(ground: &Ground, running: &mut Running, words: &[&str], heal: impl AsyncFnOnce()) {
    running.says(words).await;
    // What was under way when it began ends.
    sleep(LONG_ENOUGH).await;
    let before = ground.cursor("people").await.0;
    let value = Uuid::new_v4().to_string();
    write_in_twenty(ground, &value);
    sleep(LONG_ENOUGH).await;
    assert_eq!(ground.cursor("people").await.0, before, "{words:?}: it counts as read");
    assert!(!has(ground, "people", "city", &value).await, "{words:?}");
    heal().await;
    ground.until("recovery", async || has(ground, "people", "city", &value).await).await;
    ground.crosses().await;
    assert!(running.runs(), "{}", running.tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_rows_that_others_hold_wait_and_the_rest_goes_on() {
    let ground = Ground::lay().await;
    let mut running = ground.start();
    ground.crosses().await;
    let person = ground.stage.fake.world(|world| id_of(world, "people", 0));
    for lock in [
        "lock table twenty.people in exclusive mode".to_owned(),
        format!("select from twenty.people where id = '{person}' for update"),
        "alter table twenty.people add column mine int".to_owned(),
    ] {
        let mut other = ground.pool.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(lock.clone())).execute(&mut *other).await.unwrap();
        let value = Uuid::new_v4().to_string();
        write_in_twenty(&ground, &value);
        running.says(&["people", "open transactions of others hold its rows"]).await;
        let rest = async || has(&ground, "companies", "name", &value).await;
        ground.until("the other object", rest).await;
        other.commit().await.unwrap();
        ground.until(&lock, async || has(&ground, "people", "city", &value).await).await;
        assert!(running.runs(), "{}", running.tail());
    }
    running.stop().await;
    ground.sql("alter table twenty.people drop column mine").await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_while_its_write_is_under_way_keeps_no_other_from_going() {
    let ground = Ground::lay().await;
    let mut running = ground.start();
    ground.crosses().await;
    let fake = &ground.stage.fake;
    let person = |place| fake.world(|world| id_of(world, "people", place));
    let (held, free) = (person(0), person(1));
    let title = |id: Uuid| fake.world(|world| world.row("people", id).unwrap()["jobTitle"].clone());
    let edit = async |id: Uuid, title: &str| {
        let set = format!("update twenty.people set job_title = '{title}' where id = '{id}'");
        ground.sql(&set).await;
    };
    let lock = format!("select from twenty.people where id = '{held}' for update");
    for (round, again) in [("while it is sent", false), ("before it is sent", true)] {
        // Its write arrives, and the row is held before the answer is there; or its next edit is open before it is sent.
        fake.fault(
            Fault::new(Effect::Slow(Duration::from_millis(500))).when(writes_records).next(1),
        );
        fake.clear_calls();
        edit(held, round).await;
        let is_sent = async || fake.calls().iter().any(|call| writes_records(&call.info));
        ground.until("the write", is_sent).await;
        let mut other = ground.pool.begin().await.unwrap();
        let first = if again {
            format!("update twenty.people set job_title = 'open' where id = '{held}'")
        } else {
            lock.clone()
        };
        sqlx::raw_sql(AssertSqlSafe(first)).execute(&mut *other).await.unwrap();
        running
            .says(&["push local changes", "people: open transactions of others hold its rows"])
            .await;
        // The same object, a new record of it, and another object.
        edit(free, round).await;
        ground.until("the other record", async || title(free) == round).await;
        let (new, company) = (Uuid::new_v4(), Uuid::new_v4());
        let insert = format!(
            "insert into twenty.people (id, job_title) values ('{new}', 'new'); \
             insert into twenty.companies (id, name) values ('{company}', 'new')"
        );
        ground.sql(&insert).await;
        let both = async || {
            fake.world(|world| {
                world.row("people", new).is_some() && world.row("companies", company).is_some()
            })
        };
        ground.until("what is new", both).await;
        assert_eq!(title(held), round);
        other.commit().await.unwrap();
        let waiting = format!("select count(*) from sync.base where record_id = '{held}'");
        ground.until("the end of it", async || ground.number(&waiting).await == 0).await;
        assert!(running.runs(), "{}", running.tail());
    }
    assert_eq!(title(held), "open");
    running.stop().await;
    assert_eq!(ground.number("select count(*) from sync.conflict").await, 0);
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_edits_once_more_keeps_no_other_of_its_batch_from_going() {
    let ground = Ground::lay().await;
    let fake = &ground.stage.fake;
    // Changed alike, they are one request.
    ground.sql("update twenty.people set job_title = 'alike'").await;
    let person = fake.world(|world| id_of(world, "people", 0));
    let company = Uuid::new_v4();
    ground
        .sql(&format!("insert into twenty.companies (id, name) values ('{company}', 'new')"))
        .await;
    let mut other = ground.pool.begin().await.unwrap();
    let edit = format!("update twenty.people set job_title = 'open' where id = '{person}'");
    sqlx::raw_sql(AssertSqlSafe(edit)).execute(&mut *other).await.unwrap();
    let mut running = ground.start();
    let gone = async || {
        let waits = "select count(*) from sync.base";
        ground.number(waits).await == 1
            && fake.world(|world| world.row("companies", company)).is_some()
    };
    ground.until("all the others", gone).await;
    running
        .says(&["push local changes", "people: open transactions of others hold its rows"])
        .await;
    other.commit().await.unwrap();
    ground
        .until("the end", async || ground.number("select count(*) from sync.base").await == 0)
        .await;
    let titles = fake.world(|world| world.rows("people"));
    let open = titles.iter().filter(|row| row["jobTitle"] == "open").count();
    let alike = titles.iter().filter(|row| row["jobTitle"] == "alike").count();
    assert_eq!((open, alike), (1, titles.len() - 1));
    assert!(running.runs(), "{}", running.tail());
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_people_change_under_it_is_mended_or_what_does_not_fit_is_set_aside() {
    let ground = Ground::lay().await;
    let mut running = ground.start();
    ground.crosses().await;
    write_in_twenty(&ground, "Oslo");
    ground.until("Oslo", async || has(&ground, "people", "city", "Oslo").await).await;
    ground.sql("alter table twenty.people drop column city").await;
    let there = "select count(*) from information_schema.columns where table_schema = 'twenty' \
                 and table_name = 'people' and column_name = 'city'";
    ground.until("the column", async || ground.number(there).await == 1).await;
    ground.until("its values", async || has(&ground, "people", "city", "Oslo").await).await;
    ground.sql("alter table twenty.people add constraint ours check (city <> 'Bonn')").await;
    write_in_twenty(&ground, "Bonn");
    let aside = "select count(*) from sync.quarantine where direction = 'pull'";
    ground.until("what does not fit", async || ground.number(aside).await == 1).await;
    ground.crosses().await;
    ground.sql("alter table twenty.people drop constraint ours").await;
    write_in_twenty(&ground, "Kiel");
    ground.until("the next value", async || has(&ground, "people", "city", "Kiel").await).await;
    assert!(running.runs(), "{}", running.tail());
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_connect_only_once_waits_and_says_so() {
    let database = TestDatabase::create().await;
    let role = database.create_role().await;
    let mut ground = Ground::before(database, None).await;
    let (name, limit) = (role.name().to_owned(), "connection limit");
    ground
        .sql(&format!(
            "grant create on database \"{}\" to \"{name}\"",
            ground.stage.database.name()
        ))
        .await;
    ground.url = Some(role.url().to_owned());
    ground.once().await;
    let mut running = ground.start();
    ground.crosses().await;
    ground.sql(&format!("alter role \"{name}\" {limit} 1")).await;
    ground.stage.database.terminate_backends().await;
    let lift = async || ground.sql(&format!("alter role \"{name}\" {limit} -1")).await;
    endures(&ground, &mut running, &["pool timed out", "CONNECTION LIMIT"], lift).await;
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_read_only_waits_and_says_so() {
    let Some(cluster) = TestCluster::start_if_installed().await else { return };
    let admin = cluster.url().to_owned();
    let ground = Ground::on(cluster).await;
    let mut running = ground.start();
    ground.crosses().await;
    let mut keeper = PgConnection::connect(&admin).await.unwrap();
    set_read_only(&mut keeper, true).await;
    let heal = async || set_read_only(&mut keeper, false).await;
    running.says(&["read-only transaction", "the database is read-only"]).await;
    // Connections that were made before go on as long as the lease does.
    endures(&ground, &mut running, &["not leading any more"], heal).await;
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

async fn set_read_only(keeper: &mut PgConnection, is_read_only: bool) {
    sqlx::raw_sql("set default_transaction_read_only = off").execute(&mut *keeper).await.unwrap();
    let set = format!("alter system set default_transaction_read_only = {is_read_only}");
    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *keeper).await.unwrap();
    sqlx::raw_sql("select pg_reload_conf()").execute(&mut *keeper).await.unwrap();
}
