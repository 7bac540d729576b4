//! Paused past its lease and woken again: it changes nothing, neither here nor there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fake_twenty::World;
use rustix::process::Signal;
use serde_json::json;
use tokio::time::sleep;

use super::{
    equality,
    replicas::{Replicas, until},
    stage::id_of,
};

/// Short, because it has to be waited for.
const LEASE: &str = "2s";

/// What a handover may take beyond that: a look, transactions to end, and a machine that has other work.
const SLACK: Duration = Duration::from_secs(4);

/// Each pause takes about five seconds; TWENTY_SYNC_PAUSES asks for more.
fn pauses() -> u32 {
    std::env::var("TWENTY_SYNC_PAUSES").ok().and_then(|count| count.parse().ok()).unwrap_or(2)
}

/// People edit on both sides, as fast as they can, until told to stop.
async fn edit(replicas: Arc<Replicas>, stop: Arc<AtomicBool>) -> u64 {
    let mut edits = 0;
    while !stop.load(Ordering::Relaxed) {
        edits += 1;
        let sql = "update twenty.people set city = $1 where id = (select id from twenty.people order by id offset $2 limit 1)";
        sqlx::query(sql)
            .bind(format!("here {edits}"))
            .bind(i64::try_from(edits % 40).expect("a small number"))
            .execute(&replicas.pool)
            .await
            .expect("people can edit");
        replicas.stage.fake.world(|world| {
            let id = id_of(world, "people", 50 + usize::try_from(edits % 40).expect("small"));
            world.update("people", id, &json!({"city": format!("there {edits}")}));
        });
        sleep(Duration::from_millis(10)).await;
    }
    edits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_leader_is_replaced_within_the_lease_and_changes_nothing_when_it_wakes() {
    let replicas = Arc::new(Replicas::of(World::with_people(100), LEASE).await);
    let (mut one, mut other) = (replicas.start("one").await, replicas.start("other").await);
    if !one.daemon.body("/metrics").await.contains("twenty_sync_leader 1.0") {
        until("one of them leads", async || replicas.epoch().await > 1).await;
    }
    let stop = Arc::<AtomicBool>::default();
    let editing = tokio::spawn(edit(Arc::clone(&replicas), Arc::clone(&stop)));
    let mut longest = Duration::ZERO;
    for pause in 0..pauses() {
        if !leads(&one).await {
            std::mem::swap(&mut one, &mut other);
        }
        one.leads().await;
        until("it writes to Twenty", async || one.writes_after(replicas.taken(0).await) > 0).await;
        // Another moment of its work each time.
        sleep(Duration::from_millis(u64::from(pause.wrapping_mul(2_654_435_761) % 97))).await;
        let (epoch, paused) = (replicas.epoch().await, Instant::now());
        one.signal(Signal::STOP);
        let taken = replicas.taken(epoch + 1).await;
        longest = longest.max(paused.elapsed());
        other.leads().await;
        until("the other writes to Twenty", async || other.writes_after(taken) > 0).await;
        one.signal(Signal::CONT);
        let woken = one.stands_by().await;
        assert!(woken.contains(" works on the mirror"), "{woken}");
        until("the other goes on", async || other.writes_after(taken) > 2).await;
        assert_eq!(replicas.epoch().await, epoch + 1, "nobody else has led since");
        assert_eq!(replicas.changes_by(&one, taken).await, 0, "rows that it changed");
        assert_eq!(one.writes_after(taken), 0, "writes that it sent");
        assert!(replicas.changes_by(&other, taken).await > 0, "the witness sees who works");
    }
    assert!(longest < Duration::from_secs(2) + SLACK, "{longest:?}");
    stop.store(true, Ordering::Relaxed);
    let edits = editing.await.expect("people can edit");
    let waiting = "select count(*) from sync.pending";
    until("all edits are in Twenty", async || replicas.number(waiting).await == 0).await;
    sleep(Duration::from_millis(500)).await;
    equality::assert_equal(&replicas.stage).await;
    println!("{} pauses under {edits} edits, the longest handover took {longest:?}", pauses());
}

async fn leads(replica: &super::replicas::Replica) -> bool {
    replica.daemon.body("/metrics").await.contains("twenty_sync_leader 1.0")
}
