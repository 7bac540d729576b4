//! Pages meet local changes: never overwritten, and a page costs nothing where nothing changed.

use twenty_sync::mirror::{Applied, PageWrite};

use super::ground::{People, id, page};

async fn row(people: &People) -> (Option<String>, Option<String>) {
    let sql = "select job_title, city from twenty.people";
    sqlx::query_as(sql).fetch_one(people.pool()).await.unwrap()
}

fn is(job: &str, city: &str) -> (Option<String>, Option<String>) {
    (Some(job.to_owned()), Some(city.to_owned()))
}

#[tokio::test]
async fn a_page_keeps_an_unsent_change_and_brings_the_rest() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let applied = people.read(vec![people.row(1, "boss", "Ulm")]).await;
    assert_eq!(applied, Applied { updated: 1, ..Applied::default() });
    assert_eq!(row(&people).await, is("boss", "Bonn"));
    assert_eq!(people.mirror().claim(10).await.unwrap().len(), 1);
    let base = people.text("select base->>'job_title' from sync.base").await;
    assert_eq!(base.as_deref(), Some("boss"));
}

#[tokio::test]
async fn a_page_that_brings_the_same_value_settles_the_change() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    people.read(vec![people.row(1, "clerk", "Bonn")]).await;
    assert_eq!(people.count("sync.base").await, 0);
    assert_eq!(people.count("sync.outbox where outcome = 'agreed'").await, 1);
}

#[tokio::test]
async fn a_page_does_not_bring_back_a_row_that_was_deleted_here() {
    let people = People::with(2).await;
    people.sql(&format!("delete from twenty.people where id = '{}'", id(1))).await;
    people.read(vec![people.row(1, "clerk", "Ulm"), people.row(2, "boss", "Ulm")]).await;
    assert_eq!(people.count("twenty.people").await, 1);
    assert_eq!(people.mirror().claim(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_that_is_older_than_an_acknowledged_write_is_ignored_for_that_record() {
    let people = People::with(2).await;
    let rows = vec![people.row(1, "old", "Old"), people.row(2, "boss", "Ulm")];
    let write = page(rows, people.ground.version(&people.table).await);
    let applied = people.read_page(&write, &|record| record == id(1)).await;
    assert_eq!(applied.updated, 1);
    assert_eq!(people.count("twenty.people where job_title = 'old'").await, 0);
}

#[tokio::test]
async fn a_page_that_changes_nothing_writes_no_row_and_locks_none() {
    let people = People::with(50).await;
    let before = people.ground.database.writes_in("twenty").await;
    let rows = (1..=50).map(|number| people.row(number, "clerk", "Ulm")).collect();
    assert_eq!(people.read(rows).await, Applied::default());
    let after = people.ground.database.writes_in("twenty").await;
    assert_eq!((after - before).total(), 0);
    assert_eq!(people.count("twenty.people where xmax <> 0").await, 0);
}

#[tokio::test]
async fn a_removal_on_a_page_meets_an_unsent_change_as_a_conflict() {
    let people = People::with(2).await;
    people.sql(&format!("update twenty.people set city = 'Bonn' where id = '{}'", id(1))).await;
    let removal = PageWrite {
        removed: vec![id(1), id(2)],
        ..page(Vec::new(), people.ground.version(&people.table).await)
    };
    let applied = people.read_page(&removal, &|_| false).await;
    assert_eq!(applied.removed, 2);
    assert_eq!(people.count("sync.conflict where mirror->>'city' = 'Bonn'").await, 1);
}

#[tokio::test]
async fn a_local_change_on_a_page_with_a_refused_row_is_reconciled_all_the_same() {
    let people = People::with(2).await;
    people.sql(&format!("update twenty.people set city = 'Bonn' where id = '{}'", id(1))).await;
    let mut bad = people.row(2, "clerk", "Ulm");
    let salary = people.table.columns.iter().position(|column| column.name == "salary").unwrap();
    let huge = twenty_sync::record::Decimal::parse("1e200000").unwrap();
    bad.row.values[salary] = Some(twenty_sync::record::Value::Decimal(huge));
    let applied = people.read(vec![people.row(1, "boss", "Ulm"), bad]).await;
    assert_eq!(applied, Applied { updated: 1, set_aside: 1, ..Applied::default() });
    assert_eq!(people.count("twenty.people where job_title = 'boss' and city = 'Bonn'").await, 1);
}

#[tokio::test]
async fn a_page_shows_a_record_in_the_trash_to_who_decides() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let mut tombstone = people.row(1, "clerk", "Ulm").row;
    tombstone.deleted_at = Some(tombstone.updated_at);
    let deleted_at =
        people.table.columns.iter().position(|column| column.name == "deleted_at").unwrap();
    tombstone.values[deleted_at] =
        Some(twenty_sync::record::Value::Timestamp(tombstone.updated_at));
    let removal = PageWrite {
        removed: vec![id(1)],
        tombstones: vec![tombstone],
        ..page(Vec::new(), people.ground.version(&people.table).await)
    };
    people.read_page(&removal, &|_| false).await;
    assert_eq!(people.count("twenty.people").await, 0);
    assert_eq!(people.count("sync.conflict where kind = 'deleted_at_source'").await, 1);
}
