//! A machine whose clock is wrong, jumps, or stands still: what the program does depends on the clocks of the two sides
//! alone.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    ground::{Ground, writes_records},
    load::Load,
    stage::{finish, id_of},
    verdict::{Trail, judge},
};

/// The clock of one process.
struct Clock {
    folder: TempDir,
}

impl Clock {
    /// Nothing where this machine has no C compiler.
    fn make() -> Option<Clock> {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/endure/clock.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(folder.path().join("clock.so")).arg(source);
        match compiler.arg("-ldl").status() {
            Ok(status) if status.success() => Some(Clock { folder }),
            other => {
                println!("skipped: this test needs a C compiler: {other:?}");
                None
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    fn set(&self, time: &str) {
        // A program that looks while the file is written must not see half of it.
        let new = self.folder.path().join("new");
        fs::write(&new, time).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    fn program(&self, ground: &Ground) -> tokio::process::Command {
        let mut command = ground.program();
        command.env("LD_PRELOAD", self.folder.path().join("clock.so")).env("CLOCK", self.file());
        command
    }
}

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_both_ways_and_stands_still_changes_nothing() {
    let Some(clock) = Clock::make() else { return };
    let ground = Ground::lay().await;
    ground.call_witnesses().await;
    let ground = Arc::new(ground);
    clock.set("+ 0");
    let running = ground.start_with(&mut clock.program(&ground));
    let load = Load::begin(&ground, 6);
    ground.crosses().await;
    for time in [
        format!("+ {DAY}"),
        format!("+ -{DAY}"),
        "+ 1".to_owned(),
        "= 1700000000".to_owned(),
        "+ -3600".to_owned(),
        format!("+ {}", 400 * DAY),
        "= 0".to_owned(),
    ] {
        clock.set(&time);
        sleep(Duration::from_millis(300)).await;
        ground.crosses().await;
    }
    let ledger = load.end().await;
    let verdict = judge(&ground, &ledger, Trail::default()).await;
    assert!(verdict.lost.is_empty() && verdict.divergent.is_empty(), "{verdict:#?}");
    assert!(running.log().contains("\"timestamp\":\"1970-01-01"), "the clock was not changed");
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_and_what_is_due_is_counted_by_the_clock_of_the_database() {
    let Some(clock) = Clock::make() else { return };
    let ground = Ground::lay().await;
    clock.set(&format!("+ {DAY}"));
    let mut program = clock.program(&ground);
    let running = ground.start_with(program.env("TWENTY_SYNC__SWEEP__INTERVAL", "1h"));
    ground.crosses().await;
    // Twenty refuses it for a parent that it does not have yet.
    let (person, company) = (Uuid::new_v4(), Uuid::new_v4());
    let insert =
        format!("insert into twenty.people (id, company_id) values ('{person}', '{company}')");
    ground.sql(&insert).await;
    let refused = format!("select count(*) from sync.quarantine where record_id = '{person}'");
    ground.until("the refusal", async || ground.number(&refused).await == 1).await;
    ground.stage.fake.world(|world| {
        world.create("companies", &json!({"id": company, "name": "late"}));
    });
    let fake = &ground.stage.fake;
    ground
        .until("the next attempt", async || {
            fake.world(|world| world.row("people", person)).is_some()
        })
        .await;
    let swept =
        "select count(*) from sync.sweep where completed_at is not null or began_at is not null";
    assert_eq!(ground.number(swept).await, 0, "a day too early");
    running.stop().await;
    let due = "update sync.sweep set due_from = now() - interval '2 hours'";
    ground.sql(due).await;
    clock.set(&format!("+ -{DAY}"));
    let mut program = clock.program(&ground);
    let running = ground.start_with(program.env("TWENTY_SYNC__SWEEP__INTERVAL", "1h"));
    let swept = "select count(*) from sync.sweep where completed_at is not null";
    ground.until("the sweep that is due", async || ground.number(swept).await > 0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_record_that_twenty_destroyed_meanwhile_lies_in_the_trash_by_twentys_clock() {
    let Some(clock) = Clock::make() else { return };
    let mut ground = Ground::lay().await;
    ground.settings = &[("PULL__DELETED_RECORDS", "keep")];
    ground.once().await;
    let person = ground.stage.fake.world(|world| id_of(world, "people", 0));
    let was_deleted = AtomicBool::new(false);
    ground.stage.fake.on_request(Box::new(move |call, world| {
        // Between the delete and the look at what became of it.
        if writes_records(call) {
            was_deleted.store(true, SeqCst);
        } else if was_deleted.swap(false, SeqCst) {
            world.destroy("people", person);
        }
    }));
    ground.sql(&format!("delete from twenty.people where id = '{person}'")).await;
    clock.set(&format!("+ {DAY}"));
    let ended = finish(clock.program(&ground).arg("--once")).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ground.stage.fake.clear_on_request();
    let right = format!(
        "select count(*) from twenty.people where id = '{person}' \
         and abs(extract(epoch from now() - deleted_at)) < 60 and updated_at = deleted_at"
    );
    assert_eq!(ground.number(&right).await, 1);
    ground.run().await;
    let gone = format!("select count(*) from twenty.people where id = '{person}'");
    assert_eq!(ground.number(&gone).await, 0);
}
