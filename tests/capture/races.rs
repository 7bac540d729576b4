//! People and the program at the same record at the same time: nothing is lost, and it is the program that waits.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use twenty_sync::mirror::{LocalEdits, MirrorError};

use super::ground::{People, id, page, session};

/// A page that shows every record anew, written as the daemon would.
async fn read(people: &People, job: &str, count: u128) -> Result<(), MirrorError> {
    let rows = (1..=count).map(|number| people.row(number, job, "Ulm")).collect();
    let write = page(rows, people.ground.version(&people.table).await);
    let decide = &mut |pending: &_, row: Option<&_>| Some(people.decide(pending, row));
    let edits = &mut LocalEdits { acknowledged: &|_| false, overtaken: None, decide };
    people.mirror().apply_page(&people.writer, &write, edits).await.map(drop)
}

#[tokio::test]
async fn the_program_waits_for_an_open_transaction_and_then_keeps_its_change() {
    let people = People::with(1).await;
    let mut user = people.pool().acquire().await.unwrap();
    session(&mut user, "begin; update twenty.people set city = 'Bonn'").await;
    let finish = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        session(&mut user, "commit").await;
    };
    let (applied, ()) = tokio::join!(read(&people, "boss", 1), finish);
    applied.unwrap();
    let row = people.text("select job_title || city from twenty.people").await;
    assert_eq!(row.as_deref(), Some("bossBonn"));
    assert_eq!(people.mirror().claim(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_transaction_that_stays_open_makes_the_program_give_up_and_say_so() {
    let people = People::with(1).await;
    let mut user = people.pool().acquire().await.unwrap();
    session(&mut user, "begin; update twenty.people set city = 'Bonn'").await;
    let error = read(&people, "boss", 1).await.unwrap_err();
    assert!(matches!(error, MirrorError::Busy { .. }), "{error}");
    assert!(error.hint().unwrap().contains("pg_stat_activity"));
    session(&mut user, "commit").await;
    read(&people, "boss", 1).await.unwrap();
}

#[tokio::test]
async fn people_who_lock_rows_the_other_way_round_are_never_the_victim() {
    let people = People::with(2).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let mut user = people.pool().acquire().await.unwrap();
    session(&mut user, "set deadlock_timeout = '10s'").await;
    session(
        &mut user,
        &format!("begin; update twenty.people set city = 'Kiel' where id = '{}'", id(2)),
    )
    .await;
    let decide = &mut |pending: &_| Some(people.decide(pending, None));
    let ids = [id(1), id(2)];
    let settle = people.mirror().settle(&people.writer, &ids, decide);
    let finish = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // The program holds record 1 and waits for record 2; this waits for record 1.
        let first =
            format!("update twenty.people set city = 'Kiel' where id = '{}'; commit", id(1));
        session(&mut user, &first).await;
    };
    let (settled, ()) = tokio::join!(settle, finish);
    settled.unwrap();
}

#[tokio::test]
async fn a_change_cannot_slip_between_reading_and_settling() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let mut user = people.pool().acquire().await.unwrap();
    let began = AtomicBool::new(false);
    let source = people.row(1, "clerk", "Bonn").row;
    let decide = &mut |pending: &_| {
        // The record is locked now: give the other side time to try.
        began.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        Some(people.decide(pending, Some(&source)))
    };
    let mirror = people.mirror().clone();
    let ids = [id(1)];
    let settle = mirror.settle(&people.writer, &ids, decide);
    let edit = async {
        while !began.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        session(&mut user, "update twenty.people set city = 'Kiel'").await;
    };
    let (settled, ()) = tokio::join!(settle, edit);
    settled.unwrap();
    assert_eq!(people.text("select base->>'city' from sync.base").await.as_deref(), Some("Bonn"));
    assert_eq!(people.text("select city from twenty.people").await.as_deref(), Some("Kiel"));
    assert_eq!(people.mirror().claim(1).await.unwrap()[0].operations.len(), 1);
}

#[tokio::test]
async fn a_row_inserted_again_while_its_delete_is_settled_is_seen() {
    let people = People::with(1).await;
    people.sql("delete from twenty.people").await;
    let mut user = people.pool().acquire().await.unwrap();
    session(
        &mut user,
        &format!("begin; insert into twenty.people (id, city) values ('{}', 'Kiel')", id(1)),
    )
    .await;
    let mut seen = None;
    let decide = &mut |pending: &twenty_sync::plan::pending::Pending| {
        seen = Some(pending.mirror.is_some());
        None
    };
    let finish = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        session(&mut user, "commit").await;
    };
    let ids = [id(1)];
    let settle = people.mirror().settle(&people.writer, &ids, decide);
    let (settled, ()) = tokio::join!(settle, finish);
    settled.unwrap();
    assert_eq!(seen, Some(true));
}

#[tokio::test]
async fn many_people_and_pages_lose_no_change_and_meet_no_deadlock() {
    const RECORDS: u128 = 5;
    const ROUNDS: u32 = 30;
    let people = People::with(RECORDS).await;
    let pool = people.ground.database.pool().await;
    let edit = |worker: u32| {
        let pool = pool.clone();
        async move {
            for round in 0..ROUNDS {
                let number = u128::from((round * 7 + worker) % 5) + 1;
                let sql = format!(
                    "update twenty.people set salary = {worker}.{round} where id = '{}'",
                    id(number)
                );
                super::ground::run(&pool, &sql).await.unwrap();
            }
        }
    };
    let pages = async {
        for round in 0..ROUNDS {
            match read(&people, &format!("job {round}"), RECORDS).await {
                Ok(()) | Err(MirrorError::Busy { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::join!(edit(1), edit(2), edit(3), pages);
    read(&people, "last", RECORDS).await.unwrap();
    assert_eq!(people.count("sync.outbox").await, i64::from(3 * ROUNDS));
    // Each record keeps what people wrote last, and is still to be sent.
    assert_eq!(people.count("twenty.people where salary <> 1.5 and job_title = 'last'").await, 5);
    assert_eq!(people.mirror().claim(10).await.unwrap().len(), 5);
}

#[tokio::test]
async fn what_is_about_to_be_sent_is_written_down_once_an_open_transaction_ends() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let claimed = people.mirror().claim(1).await.unwrap();
    let sending = people.sending(1, "{}", claimed[0].through().unwrap()).await;
    let mut user = people.pool().acquire().await.unwrap();
    session(&mut user, "begin; update twenty.people set city = 'Kiel'").await;
    let finish = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        session(&mut user, "commit").await;
    };
    let sending = [sending];
    let (marked, ()) = tokio::join!(people.mirror().mark_sent(&sending), finish);
    assert!(marked.unwrap().is_some());
}
