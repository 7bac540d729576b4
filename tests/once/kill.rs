//! Killed in the middle and started again: it goes on where it stopped.

use std::{collections::BTreeMap, time::Duration};

use fake_twenty::World;
use tokio::time::sleep;

use super::{equality, stage::Stage};

const KILLS: u32 = 20;
const PEOPLE: usize = 6_000;

/// A simple generator: the moments must differ between runs of the loop, not be unpredictable.
fn moment(kill: u32) -> Duration {
    // A run that follows a killed one first has to see that it is gone.
    Duration::from_millis(u64::from(kill.wrapping_mul(2_654_435_761) % 150) + 140)
}

/// Starts a run and kills it after a while; whether it still ran.
async fn run_and_kill(stage: &Stage, after: Duration) -> bool {
    let mut child = stage
        .program()
        .arg("--once")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    sleep(after).await;
    let still_ran = child.try_wait().expect("the program is our child").is_none();
    child.kill().await.expect("the program is our child");
    still_ran
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_in_a_backfill_repeat_at_most_one_page_each() {
    let stage = Stage::set(World::with_people(PEOPLE)).await;
    let mut kills = 0;
    for kill in 0..KILLS {
        kills += u32::from(run_and_kill(&stage, moment(kill)).await);
        if kill % 4 == 3 {
            // Enough was read: begin another backfill, so that every kill meets one.
            start_over(&stage).await;
        }
    }
    start_over(&stage).await;
    stage.once().await;
    assert!(kills > KILLS / 2, "only {kills} kills met a running program");
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backfill_asks_for_no_page_more_than_once_again() {
    let stage = Stage::set(World::with_people(PEOPLE)).await;
    for kill in 0..6 {
        run_and_kill(&stage, moment(kill)).await;
    }
    stage.once().await;
    let mut pages: BTreeMap<String, usize> = BTreeMap::new();
    for call in stage.fake.calls().iter().filter(|call| call.info.path.starts_with("/rest/people"))
    {
        *pages.entry(call.info.path.clone()).or_default() += 1;
    }
    let repeated: usize = pages.values().map(|count| count - 1).sum();
    assert!(repeated <= 6, "{repeated} pages were asked for again after 6 kills");
    equality::assert_equal(&stage).await;
}

/// Forgets how far people were read, and every row of it.
async fn start_over(stage: &Stage) {
    let pool = stage.database.pool().await;
    let known: bool = sqlx::query_scalar("select to_regclass('twenty.people') is not null")
        .fetch_one(&pool)
        .await
        .expect("the mirror answers");
    if known {
        sqlx::raw_sql(
            "begin; set local sync.origin = 'engine'; delete from twenty.people; delete from sync.checkpoint; commit",
        )
        .execute(&pool)
        .await
        .expect("the mirror answers");
    }
}
