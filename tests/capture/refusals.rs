//! Records that are stuck: set aside, seen, tried again, taken back.

use std::time::Duration;

use twenty_sync::mirror::Refusal;

use super::ground::{People, id, page};

/// Record 1 is changed, sent and refused.
async fn refused(people: &People, retry_in: Option<Duration>) {
    let refusal = refusal(people, 1, retry_in).await;
    people.mirror().quarantine_push(&[refusal]).await.unwrap();
}

async fn refusal(people: &People, number: u128, retry_in: Option<Duration>) -> Refusal {
    let claimed = people.mirror().claim(10).await.unwrap();
    let record = claimed.iter().find(|record| record.record_id == id(number)).unwrap();
    let through = record.through().unwrap();
    Refusal {
        object_id: people.table.object_id,
        record_id: id(number),
        field: None,
        reason: "the value is taken".to_owned(),
        hint: Some("choose another".to_owned()),
        holder_id: Some(id(7)),
        waits: false,
        retry_in,
        through,
        answered: true,
        written: people.written(number).await,
        json: "{}".to_owned(),
    }
}

/// The program was killed after the parent had come and before what waited for it was told.
#[tokio::test]
async fn what_waits_for_a_new_record_is_told_in_the_moment_in_which_that_comes() {
    let people = People::new().await;
    for number in [1, 2] {
        people.sql(&format!("insert into twenty.people (id) values ('{}')", id(number))).await;
    }
    let waits = refusal(&people, 2, None).await;
    let waits = Refusal { holder_id: Some(id(1)), waits: true, ..waits };
    let due = async || {
        let claimed = people.mirror().claim(10).await.unwrap();
        claimed.iter().map(|record| record.record_id).collect::<Vec<_>>()
    };
    people.mirror().quarantine_push(std::slice::from_ref(&waits)).await.unwrap();
    assert_eq!(due().await, [id(1)]);
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    people.send(1, "{}", through).await;
    people.acknowledge(&people.row(1, "", "").row, through).await;
    assert_eq!(due().await, [id(2)]);
    // It is there: nothing else would end the wait.
    people.mirror().quarantine_push(&[waits]).await.unwrap();
    assert_eq!(due().await, [id(2)]);
}

async fn stuck() -> People {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    refused(&people, None).await;
    people
}

#[tokio::test]
async fn a_refused_record_is_passed_over_until_it_changes() {
    let people = stuck().await;
    assert!(people.mirror().claim(1).await.unwrap().is_empty());
    people.sql("update twenty.people set city = 'Kiel'").await;
    assert_eq!(people.mirror().claim(1).await.unwrap()[0].attempts, 1);
}

#[tokio::test]
async fn a_record_waits_for_its_next_attempt() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    refused(&people, Some(Duration::from_hours(1))).await;
    assert!(people.mirror().claim(1).await.unwrap().is_empty());
    people.sql("update sync.quarantine set retry_at = now()").await;
    refused(&people, Some(Duration::ZERO)).await;
    assert_eq!(people.mirror().claim(1).await.unwrap()[0].attempts, 2);
}

#[tokio::test]
async fn a_released_record_is_tried_again() {
    let people = stuck().await;
    assert_eq!(people.mirror().release(people.table.object_id, Some(&[id(1)])).await.unwrap(), 1);
    assert_eq!(people.mirror().claim(1).await.unwrap().len(), 1);
}

/// Record 1 waits for record 7.
#[tokio::test]
async fn a_refused_record_is_tried_again_when_a_page_changes_what_stands_in_its_way() {
    let people = stuck().await;
    let may_go = async || {
        let may_go = !people.mirror().claim(1).await.unwrap().is_empty();
        if may_go {
            refused(&people, None).await;
        }
        may_go
    };
    let read = async |number, city| people.read(vec![people.row(number, "clerk", city)]).await;
    read(8, "Ulm").await;
    assert!(!may_go().await, "another record came");
    read(7, "Ulm").await;
    assert!(may_go().await, "it came");
    read(7, "Ulm").await;
    assert!(!may_go().await, "it is as it was");
    read(7, "Kiel").await;
    assert!(may_go().await, "it changed");
    let mut gone = page(Vec::new(), people.ground.version(&people.table).await);
    gone.removed = vec![id(7)];
    people.read_page(&gone, &|_| false).await;
    assert!(may_go().await, "it is gone");
}

#[tokio::test]
async fn a_child_of_a_new_record_is_tried_again_when_a_page_shows_that_record() {
    let people = stuck().await;
    let parent = "insert into twenty.people (id, city) values ('00000000-0000-0000-0000-000000000007', 'Ulm')";
    people.sql(parent).await;
    assert_eq!(people.mirror().claim(9).await.unwrap().len(), 1, "the parent alone");
    people.read(vec![people.row(7, "clerk", "Ulm")]).await;
    let claimed = people.mirror().claim(9).await.unwrap();
    assert!(claimed.iter().any(|record| record.record_id == id(1)), "{claimed:?}");
}

#[tokio::test]
async fn a_changed_schema_has_everything_tried_again() {
    let people = stuck().await;
    let mut object = super::ground::people();
    object.label_plural = "Persons".to_owned();
    people.evolve(object, twenty_sync::record::Direction::Both).await;
    assert_eq!(people.mirror().claim(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn everyone_sees_what_is_stuck_and_why() {
    let people = stuck().await;
    let problems = people.mirror().problems().await.unwrap();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((problem.direction.as_str(), problem.object.as_str()), ("push", "people"));
    assert_eq!(problem.hint.as_deref(), Some("choose another"));
    assert_eq!(problem.holder_id, Some(id(7)));
    let state = people.text("select state from sync.pending").await;
    assert_eq!(state.as_deref(), Some("refused"));
    let status: (i64, i64, i64) =
        sqlx::query_as("select waiting, problems, conflicts from sync.status")
            .fetch_one(people.pool())
            .await
            .unwrap();
    assert_eq!(status, (1, 1, 0));
}

#[tokio::test]
async fn a_record_that_is_pushed_after_all_is_no_problem_any_more() {
    let people = stuck().await;
    people.read(vec![people.row(1, "clerk", "Bonn")]).await;
    assert_eq!(people.mirror().problems().await.unwrap(), []);
    assert_eq!(people.count("sync.outbox where outcome = 'agreed'").await, 1);
}

#[tokio::test]
async fn discarding_gives_the_row_back_what_both_sides_agreed_on() {
    let people = stuck().await;
    people.sql("update twenty.people set salary = 9").await;
    assert!(people.mirror().discard(people.table.object_id, id(1)).await.unwrap());
    let row = people.text("select city || salary from twenty.people").await;
    assert_eq!(row.as_deref(), Some("Ulm1.50"));
    assert_eq!(people.count("sync.outbox where outcome = 'refused'").await, 2);
    assert_eq!(people.count("sync.base").await + people.count("sync.quarantine").await, 0);
    assert!(!people.mirror().discard(people.table.object_id, id(1)).await.unwrap());
}

#[tokio::test]
async fn discarding_a_delete_brings_the_row_back_and_an_insert_removes_it() {
    let people = People::with(1).await;
    people.sql("delete from twenty.people").await;
    people.sql(&format!("insert into twenty.people (id) values ('{}')", id(2))).await;
    for number in [1, 2] {
        assert!(people.mirror().discard(people.table.object_id, id(number)).await.unwrap());
    }
    let rows = people.text("select string_agg(city, ',') from twenty.people").await;
    assert_eq!(rows.as_deref(), Some("Ulm"));
}

#[tokio::test]
async fn the_history_of_a_record_says_what_became_of_each_change() {
    let people = stuck().await;
    let history = people.mirror().history(people.table.object_id, id(1)).await.unwrap();
    let [change] = history.as_slice() else { panic!("{history:?}") };
    assert_eq!((change.operation.as_str(), change.outcome.as_str()), ("update", "refused"));
    assert_eq!(change.reason.as_deref(), Some("the value is taken"));
    assert_eq!(change.changed, ["city"]);
}
