//! The lease: who gets it, and that nothing is written under one that another has taken.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;
use twenty_sync::{
    mirror::{
        Behind, Candidate, Epoch, LocalEdits, Mirror, MirrorError, Outcome, Refusal, RunMode,
        RunRecord, StopCause, Taken,
    },
    plan::{content::ContentSweep, fuse::Effects, rewind::Sentinel},
    record::{Capabilities, Flow, Rest},
};

use super::ground::{People, WORKSPACE, id, page, run};

const HOUR: Duration = Duration::from_hours(1);
const BRIEF: Duration = Duration::from_millis(100);

async fn candidate(people: &People, time: Duration) -> Candidate {
    let url = people.ground.database.url();
    Candidate::connect(url, WORKSPACE, "a program".to_owned(), time).await.unwrap()
}

async fn leads(candidate: &mut Candidate) -> Option<Epoch> {
    match candidate.take().await.unwrap() {
        Taken::Leading(epoch) => Some(epoch),
        Taken::Held(_) => None,
    }
}

/// A mirror whose lease another has taken since.
async fn stale(people: &People) -> Mirror {
    let mut first = candidate(people, HOUR).await;
    let epoch = leads(&mut first).await.unwrap();
    let mirror = people.mirror().clone().under(epoch);
    mirror.note_failure(people.table.object_id, "written under the lease").await.unwrap();
    first.give_up(epoch).await.unwrap();
    leads(&mut candidate(people, HOUR).await).await.unwrap();
    mirror
}

/// Every row of every table with its version, and the lease left out.
async fn everything(people: &People) -> Vec<(String, String)> {
    let sql = "select string_agg(format('select %L::text, t.xmin::text || t::text from %I.%I t', c.oid::regclass, n.nspname, \
         c.relname), ' union all ') || ' order by 1, 2' from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname in ('sync', 'twenty') and c.relkind = 'r' and c.relname <> 'lease'";
    let sql: String = sqlx::query_scalar(sql).fetch_one(people.pool()).await.unwrap();
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(people.pool()).await.unwrap()
}

#[tokio::test]
async fn of_two_one_leads_and_the_other_when_that_one_gives_up_is_silent_or_is_gone() {
    let people = People::new().await;
    let (mut one, mut other) = (candidate(&people, HOUR).await, candidate(&people, BRIEF).await);
    let first = leads(&mut one).await.unwrap();
    assert_eq!(leads(&mut other).await, None);
    assert!(one.renew(first).await.unwrap());
    one.give_up(first).await.unwrap();
    let second = leads(&mut other).await.unwrap();
    assert_eq!((first.number(), second.number()), (1, 2));
    assert!(!one.renew(first).await.unwrap(), "a lease that was given up is not renewed");
    tokio::time::sleep(2 * BRIEF).await;
    let third = leads(&mut one).await.unwrap();
    assert!(!other.renew(second).await.unwrap(), "nor one that another has taken");
    run(people.pool(), "select pg_terminate_backend(backend) from sync.lease").await.unwrap();
    // The session is asked to end, which takes it a moment.
    let fourth = loop {
        if let Some(epoch) = leads(&mut other).await {
            break epoch;
        }
    };
    assert_eq!((third.number(), fourth.number()), (3, 4));
}

#[tokio::test]
async fn a_lease_that_ran_out_and_that_nobody_took_can_be_renewed() {
    let people = People::new().await;
    let mut one = candidate(&people, BRIEF).await;
    let epoch = leads(&mut one).await.unwrap();
    tokio::time::sleep(2 * BRIEF).await;
    assert!(one.renew(epoch).await.unwrap());
}

#[tokio::test]
async fn of_many_that_take_a_free_lease_together_one_gets_it() {
    let people = People::new().await;
    let mut candidates = Vec::new();
    for _ in 0..8 {
        candidates.push(candidate(&people, HOUR).await);
    }
    let taking = candidates.iter_mut().map(leads);
    let taken = futures_util::future::join_all(taking).await;
    assert_eq!(taken.iter().flatten().count(), 1, "{taken:?}");
}

/// Each of these fails, because the lease was lost.
macro_rules! refused {
    ($($write:expr),* $(,)?) => {$(
        let failure = $write.await.map(drop).expect_err(stringify!($write));
        assert!(matches!(failure, MirrorError::LeaseLost), "{}: {failure:?}", stringify!($write));
    )*};
}

#[tokio::test]
async fn no_record_is_written_under_a_lease_that_another_has_taken() {
    let people = People::with(3).await;
    people.sql("update twenty.people set city = 'Bonn' where id::text like '%1'").await;
    let stale = stale(&people).await;
    let object = people.table.object_id;
    let row = people.row(2, "boss", "Ulm").row.clone();
    let write = page(vec![people.row(2, "boss", "Ulm"), people.row(9, "clerk", "Ulm")], 1);
    let edits = &mut LocalEdits {
        acknowledged: &|_| false,
        overtaken: None,
        decide: &mut |pending, row| Some(people.decide(pending, row)),
    };
    let decide = &mut |pending: &_| Some(people.decide(pending, Some(&row)));
    let sending = people.sending(1, "{}", 1).await;
    let refusal = Refusal {
        object_id: object,
        record_id: id(1),
        field: None,
        reason: "refused".to_owned(),
        hint: None,
        holder_id: None,
        waits: false,
        retry_in: None,
        through: 1,
        answered: true,
        written: sending.written,
        json: "{}".to_owned(),
    };
    let behind =
        Behind { object_id: object, record_id: id(1), through: 1, parent: (object, id(2)) };
    let before = everything(&people).await;
    refused!(
        stale.apply_page(&people.writer, &write, edits),
        stale.mark_sent(&[sending]),
        stale.settle(&people.writer, &[id(1)], decide),
        stale.quarantine_push(&[refusal]),
        stale.release(object, None),
        stale.release_waiting_for(&[id(1)]),
        stale.discard(object, id(1)),
        stale.wait_behind(&[behind]),
        stale.begin_schema_change(),
        stale.mend(&[]),
        stale.begin_reset(&people.writer),
        stale.fill(&people.writer, &write),
    );
    assert_eq!(everything(&people).await, before);
}

#[tokio::test]
async fn nothing_is_remembered_under_a_lease_that_another_has_taken() {
    let people = People::with(3).await;
    let stale = stale(&people).await;
    let (object, now) = (people.table.object_id, OffsetDateTime::UNIX_EPOCH);
    let record = RunRecord { outcome: Outcome::InSync, calls: 0, rows_changed: 0, failure: None };
    let sentinel = Sentinel { object_id: object, id: id(1), updated_at: now };
    let server = Capabilities { version: None, rest: Rest::Common };
    let effects = Effects { deletes: 1, overwrites: 1 };
    let place = stale.places().await.unwrap().0;
    let before = everything(&people).await;
    refused!(
        stale.checkpoint(id(77)),
        stale.note_failure(object, "why"),
        stale.note_proven(object),
        stale.content_sweeps(),
        stale.begin_content_sweep(object),
        stale.note_content_sweep(object, &ContentSweep::default(), true),
        stale.note_content_failure(object, "why", true),
        stale.start_run(RunMode::Daemon),
        stale.finish_run(1, &record),
        stale.prune(Duration::ZERO),
        stale.stop(object, (Flow::Pull, StopCause::Rewind), ("why", "hint")),
        stale.lift(object, Flow::Pull, StopCause::Rewind),
        stale.blow_fuse(object, Flow::Pull, (effects, 1), ("why", "hint")),
        stale.release_fuse(object, Flow::Pull),
        stale.replace_fuses(Flow::Pull, &[object]),
        stale.keep_sentinels(object, &[(id(1), now)]),
        stale.forget_sentinels(&[sentinel]),
        stale.follow_anew(object),
        stale.note_server(&server),
        stale.note_place(&place),
    );
    assert_eq!(everything(&people).await, before);
}

#[tokio::test]
async fn what_people_ask_for_needs_no_lease() {
    let people = People::with(1).await;
    stale(&people).await;
    people
        .mirror()
        .stop(people.table.object_id, (Flow::Pull, StopCause::Pause), ("", ""))
        .await
        .unwrap();
    assert_eq!(people.count("sync.stop").await, 1);
}

#[tokio::test]
async fn a_write_outside_of_a_transaction_that_asks_for_the_lease_is_refused() {
    let people = People::new().await;
    let pool = Mirror::connect(people.ground.database.url(), 1).await.unwrap();
    let error = run(&pool, "delete from sync.checkpoint").await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "25006", "{error}");
}

#[tokio::test]
async fn a_transaction_of_the_epoch_before_ends_before_the_lease_is_taken() {
    let people = People::with(1).await;
    let mut first = candidate(&people, BRIEF).await;
    let epoch = leads(&mut first).await.unwrap();
    let mut writer = PgConnection::connect(people.ground.database.url()).await.unwrap();
    let mut transaction = writer.begin().await.unwrap();
    let fence = "select sync.fence($1, $2), set_config('sync.origin', 'engine', true)";
    sqlx::query(fence)
        .bind(WORKSPACE)
        .bind(epoch.number())
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query("update twenty.people set city = 'Bonn'").execute(&mut *transaction).await.unwrap();
    tokio::time::sleep(2 * BRIEF).await;
    let mut other = candidate(&people, HOUR).await;
    let began = Instant::now();
    let (taken, waited) = tokio::join!(leads(&mut other), async {
        let waiting = "pg_locks where locktype = 'advisory' and not granted";
        while people.count(waiting).await == 0 {
            tokio::task::yield_now().await;
        }
        people.count("sync.lease where epoch = 1").await
    });
    assert_eq!(waited, 1, "it waits for what is under way");
    assert_eq!(
        taken.map(Epoch::number),
        Some(2),
        "and ends the session of a program that is silent"
    );
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(transaction.commit().await.is_err());
    assert_eq!(people.count("twenty.people where city = 'Bonn'").await, 0);
}

#[tokio::test]
async fn who_leads_is_told_and_until_when() {
    let people = People::new().await;
    assert_eq!(people.mirror().status().await.unwrap().leader, None);
    let mut one = candidate(&people, HOUR).await;
    let epoch = leads(&mut one).await.unwrap();
    let leader = people.mirror().status().await.unwrap().leader.unwrap();
    assert_eq!((leader.holder.as_str(), leader.epoch, leader.is_held), ("a program", 1, true));
    one.give_up(epoch).await.unwrap();
    assert!(!people.mirror().status().await.unwrap().leader.unwrap().is_held);
}

#[tokio::test]
async fn what_is_passed_on_is_heard_in_its_workspace_and_a_lost_session_is_noticed() {
    let people = People::new().await;
    let mut one = candidate(&people, HOUR).await;
    people.mirror().pass_on(&["changes person".to_owned()]).await.unwrap();
    assert_eq!(one.hear().await.unwrap().as_deref(), Some("changes person"));
    let other = "select pg_notify('twenty_sync_hint', '00000000-0000-0000-0000-000000000000 changes person')";
    run(people.pool(), other).await.unwrap();
    assert_eq!(one.hear().await.unwrap(), None);
    let epoch = leads(&mut one).await.unwrap();
    assert_eq!(one.hear().await.unwrap(), None, "a lease was taken");
    run(people.pool(), "select pg_terminate_backend(backend) from sync.lease").await.unwrap();
    assert!(one.hear().await.is_err());
    one.reconnect().await.unwrap();
    assert!(one.renew(epoch).await.unwrap());
}

#[tokio::test]
async fn a_database_that_its_operator_made_read_only_is_not_written_to() {
    let people = People::new().await;
    let name = people.ground.database.name();
    let brake = format!("alter database \"{name}\" set default_transaction_read_only = on");
    run(people.pool(), &brake).await.unwrap();
    let pool = Mirror::connect(people.ground.database.url(), 1).await.unwrap();
    let mirror = Mirror::existing(pool, "twenty").await.unwrap().unwrap();
    let failure = mirror.note_failure(people.table.object_id, "x").await.unwrap_err();
    assert!(failure.hint().unwrap().contains("read-only"), "{failure:?}");
}
