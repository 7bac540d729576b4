//! What is decided on a record while a write of it is under way, or in doubt, or only planned.

use twenty_sync::{
    mirror::{Applied, Decision, LocalEdits, MirrorError, Refusal, Writings},
    plan::{
        pending::Pending,
        reconcile::{self, Acknowledgement, Answer},
    },
};

use super::ground::{People, id, page};

const BONN: &str = r#"{"city":"Bonn"}"#;

/// Record 1 was changed here; the number of the change.
async fn changed() -> (People, i64) {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    (people, through)
}

/// A page shows record 1 while a write of it is under way.
async fn pass_by(people: &People) {
    let rows = vec![people.row(1, "boss", "Ulm")];
    let write = page(rows, people.ground.version(&people.table).await);
    let applied = people.read_page(&write, &|_| true).await;
    assert_eq!(applied.rows_changed(), 0);
}

/// A page of a walk shows a record while a write of it seems to be under way.
async fn walk_by(people: &People, number: u128, job: &str) -> Result<Applied, MirrorError> {
    let rows = vec![people.row(number, job, "Ulm")];
    let write = page(rows, people.ground.version(&people.table).await);
    let edits = &mut LocalEdits {
        acknowledged: &|_| true,
        overtaken: Some(&|_| false),
        decide: &mut |_, _| None,
    };
    people.mirror().apply_page(&people.writer, &write, edits).await
}

fn is_read_anew(walked: &Result<Applied, MirrorError>) -> bool {
    matches!(walked, Err(MirrorError::Overtaken { .. }))
}

/// Twenty refuses what was sent of record 1.
async fn refuse(people: &People, through: i64, written: i64) {
    let refusal = Refusal {
        object_id: people.table.object_id,
        record_id: id(1),
        field: None,
        reason: "the value is taken".to_owned(),
        hint: None,
        holder_id: None,
        waits: false,
        retry_in: None,
        through,
        answered: true,
        written,
        json: "{}".to_owned(),
    };
    people.mirror().quarantine_push(&[refusal]).await.unwrap();
}

#[tokio::test]
async fn what_was_decided_anew_since_it_was_claimed_is_not_sent() {
    let (people, through) = changed().await;
    let sending = people.sending(1, BONN, through).await;
    people.read(vec![people.row(1, "boss", "Ulm")]).await;
    assert_eq!(people.mirror().mark_sent(&[sending]).await.unwrap(), None);
    let claimed = people.mirror().claim(1).await.unwrap();
    assert!(claimed[0].sent_at.is_none() && claimed[0].sent.is_none());
    assert!(people.send(1, BONN, through).await.is_some());
}

#[tokio::test]
async fn of_a_batch_all_is_written_down_or_nothing() {
    let people = People::with(2).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let stale = people.sending(2, BONN, 2).await;
    people.read(vec![people.row(2, "boss", "Ulm")]).await;
    let both = [people.sending(1, BONN, 1).await, stale];
    assert_eq!(people.mirror().mark_sent(&both).await.unwrap(), None);
    assert_eq!(people.count("sync.base where sent_at is not null").await, 0);
}

#[tokio::test]
async fn a_refused_change_that_a_page_passed_by_stays_in_doubt_and_is_not_set_aside() {
    let (people, through) = changed().await;
    let written = people.send(1, BONN, through).await.unwrap();
    pass_by(&people).await;
    refuse(&people, through, written).await;
    assert_eq!(people.count("sync.quarantine").await, 0);
    assert!(people.mirror().claim(1).await.unwrap()[0].sent_at.is_some());
}

#[tokio::test]
async fn a_refused_change_that_no_page_passed_by_is_set_aside() {
    let (people, through) = changed().await;
    let written = people.send(1, BONN, through).await.unwrap();
    refuse(&people, through, written).await;
    assert_eq!(people.count("sync.quarantine").await, 1);
    assert!(people.mirror().claim(1).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_is_not_believed_once_a_page_has_passed_by() {
    let (people, through) = changed().await;
    let written = people.send(1, BONN, through).await.unwrap();
    pass_by(&people).await;
    let row = people.row(1, "clerk", "Bonn").row;
    let acknowledgement = Acknowledgement { answer: Answer::Written(row.clone()), through };
    let decide = &mut |pending: &Pending| {
        let reconciled = reconcile::acknowledge(people.rules(), pending, &acknowledgement);
        Some(Decision { reconciled, source_updated_at: Some(row.updated_at) })
    };
    let settle = async |seen: i64, decide: &mut _| {
        let seen = Writings::from([(id(1), seen)]);
        people.mirror().settle_seen(&people.writer, &[id(1)], &seen, decide).await.unwrap()
    };
    assert!(settle(written, decide).await.decided.is_empty());
    assert!(people.mirror().claim(1).await.unwrap()[0].sent_at.is_some());
    assert_eq!(settle(people.written(1).await, decide).await.decided.len(), 1);
    assert_eq!(people.count("sync.base").await, 0);
}

#[tokio::test]
async fn a_page_that_a_write_has_overtaken_is_not_applied() {
    let people = People::with(2).await;
    let rows = vec![people.row(1, "boss", "Ulm"), people.row(2, "boss", "Ulm")];
    let version = people.ground.version(&people.table).await;
    let edits = &mut LocalEdits {
        acknowledged: &|_| false,
        overtaken: Some(&|record| record == id(2)),
        decide: &mut |_, _| None,
    };
    let applied =
        people.mirror().apply_page(&people.writer, &page(rows, version), edits).await.unwrap_err();
    assert!(matches!(applied, MirrorError::Overtaken { .. }), "{applied}");
    assert_eq!(people.count("twenty.people where job_title = 'boss'").await, 0);
    assert_eq!(people.ground.version(&people.table).await, version);
}

#[tokio::test]
async fn a_page_passes_by_a_record_in_doubt_and_one_that_is_as_it_shows() {
    let (people, through) = changed().await;
    people.send(1, BONN, through).await.unwrap();
    assert!(walk_by(&people, 1, "boss").await.is_ok());
    let people = People::with(1).await;
    assert!(walk_by(&people, 1, "clerk").await.is_ok());
}

#[tokio::test]
async fn a_page_is_read_anew_where_it_shows_another_record_than_a_write_that_is_settled() {
    let people = People::with(1).await;
    let version = people.ground.version(&people.table).await;
    assert!(is_read_anew(&walk_by(&people, 1, "boss").await), "it is there");
    assert!(is_read_anew(&walk_by(&people, 2, "boss").await), "it is not there");
    assert_eq!(people.ground.version(&people.table).await, version);
}

#[tokio::test]
async fn a_page_is_read_anew_where_it_shows_a_record_whose_refused_change_was_set_aside() {
    let (people, through) = changed().await;
    let written = people.send(1, BONN, through).await.unwrap();
    refuse(&people, through, written).await;
    assert!(is_read_anew(&walk_by(&people, 1, "boss").await));
}

#[tokio::test]
async fn what_was_cleared_after_a_create_was_given_up_stays_cleared_when_it_arrives() {
    let people = People::with(0).await;
    let insert = format!("insert into twenty.people (id, city) values ('{}', 'Bonn')", id(1));
    people.sql(&insert).await;
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    people.send(1, BONN, through).await.unwrap();
    let absent = &mut |pending: &Pending| Some(people.decide(pending, None));
    people.mirror().settle(&people.writer, &[id(1)], absent).await.unwrap();
    let claimed = &people.mirror().claim(1).await.unwrap()[0];
    assert!(claimed.sent_at.is_none() && claimed.given_up.is_some());
    people.sql("update twenty.people set city = null").await;
    people.read(vec![people.row(1, "clerk", "Bonn")]).await;
    assert_eq!(people.text("select city from twenty.people").await, None);
    let claimed = &people.mirror().claim(1).await.unwrap()[0];
    assert!(claimed.given_up.is_none() && claimed.base.is_some());
}
