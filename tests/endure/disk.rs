//! A disk that is full: the program says so, forgets nothing of where it was, and goes on by itself when there is room.

use std::{collections::BTreeMap, path::PathBuf, process::Command, time::Duration};

use fake_twenty::{Effect, Fault, world::Action};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use test_postgres::{Lifeline, TestCluster};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::ground::{Ground, writes_records};

/// A disk of a few MiB that only the user of PostgreSQL may write to; it goes with this value.
struct SmallDisk {
    folder: PathBuf,
    _lifeline: Lifeline,
}

impl SmallDisk {
    const MIB: u32 = 48;

    /// Nothing where this user may not mount one.
    fn mount() -> Option<SmallDisk> {
        let folder = std::env::temp_dir().join(format!("twenty-sync-disk-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let clean_up = "umount -l \"$1\"; rmdir \"$1\"";
        let lifeline = Lifeline::tie(clean_up, &[&folder]).unwrap();
        let number = |flag: &str| {
            let id = Command::new("id").args([flag, "postgres"]).output().ok()?;
            String::from_utf8(id.stdout).ok()?.trim().parse::<u32>().ok()
        };
        let user = number("-u").zip(number("-g"));
        let mounted = user.is_some_and(|(user, group)| {
            let options = format!("size={}m,uid={user},gid={group},mode=700", Self::MIB);
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder);
            mount.output().is_ok_and(|output| output.status.success())
        });
        if !mounted {
            println!("skipped: this test needs the right to mount a tmpfs, and the user postgres");
            return None;
        }
        Some(SmallDisk { folder, _lifeline: lifeline })
    }

    /// Leaves no room. A new connection writes something, too, so those of the test are made before.
    async fn fill(&self, ground: &Ground) {
        let several = (0..3).map(|_| ground.pool.acquire());
        drop(futures_util::future::try_join_all(several).await.unwrap());
        let mut command = Command::new("dd");
        command.args(["if=/dev/zero", "bs=4k"]).arg(format!("of={}", self.filler().display()));
        let output = command.output().unwrap();
        assert!(!output.status.success(), "dd ends because the disk is full");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

/// A mirror on a small disk; nothing where there can be none.
async fn on_small_disk() -> Option<(SmallDisk, Ground)> {
    let disk = SmallDisk::mount()?;
    let cluster = TestCluster::start_if_installed().await?;
    let database = cluster.database().await;
    let mut admin = PgConnection::connect(cluster.url()).await.unwrap();
    for statement in [
        format!("create tablespace small location '{}'", disk.folder.display()),
        format!("alter database \"{}\" set tablespace small", database.name()),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    }
    let ground = Ground::before(database, Some(Mutex::new(cluster))).await;
    ground.once().await;
    ground.stage.fake.take_trail();
    Some((disk, ground))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_waits_and_says_so() {
    let Some((disk, ground)) = on_small_disk().await else { return };
    let mut program = ground.program();
    let mut running = ground.start_with(program.env("TWENTY_SYNC__HEALTH__LISTEN", "127.0.0.1:0"));
    ground.crosses().await;
    let listening: Value = serde_json::from_str(&running.says(&["\"address\""]).await).unwrap();
    let ready = format!("http://{}/readyz", listening["address"].as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let is_ready = async || client.get(&ready).send().await.unwrap().status().is_success();
    ground.until("ready", &is_ready).await;
    // What is new needs room, wherever there is some left in the tables.
    ground.sql("vacuum full").await;
    disk.fill(&ground).await;
    let before = ground.cursor("people").await.0;
    let last = ground.stage.fake.world(|world| {
        let make = |number: usize| world.create("people", &json!({"city": format!("c{number}")}));
        (0..400).map(make).collect::<Vec<Uuid>>()
    });
    running.says(&["53100", "disk is full"]).await;
    assert_eq!(ground.cursor("people").await.0, before, "it counts as read");
    ground.until("red", async || !is_ready().await).await;
    disk.make_room();
    let arrived = format!("select count(*) from twenty.people where id = '{}'", last[399]);
    ground.until("recovery", async || ground.number(&arrived).await == 1).await;
    ground.crosses().await;
    assert!(running.runs(), "{}", running.tail());
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_while_a_write_is_under_way_loses_and_doubles_nothing() {
    let Some((disk, ground)) = on_small_disk().await else { return };
    let mut running = ground.start();
    ground.crosses().await;
    ground.sql("vacuum full").await;
    // As long as somebody may look at what was, its room is not used again.
    let mut reader = ground.pool.begin().await.unwrap();
    let begin =
        "set transaction isolation level repeatable read; select count(*) from twenty.people";
    sqlx::raw_sql(begin).execute(&mut *reader).await.unwrap();
    let fake = &ground.stage.fake;
    fake.take_trail();
    fake.fault(Fault::new(Effect::Slow(Duration::from_millis(600))).when(writes_records));
    fake.clear_calls();
    let people = ground.number("select count(*) from twenty.people").await;
    ground
        .sql(
            "update twenty.people set job_title = 'all at once'; \
             insert into twenty.people (job_title) select 'all at once' from generate_series(1, 100)",
        )
        .await;
    let is_sent = async || fake.calls().iter().any(|call| writes_records(&call.info));
    ground.until("the write", is_sent).await;
    disk.fill(&ground).await;
    running.says(&["push local changes", "53100", "disk is full"]).await;
    reader.rollback().await.unwrap();
    disk.make_room();
    fake.clear_faults();
    ground
        .until("recovery", async || ground.number("select count(*) from sync.base").await == 0)
        .await;
    assert_once_each(&ground, people);
    ground.crosses().await;
    assert!(running.runs(), "{}", running.tail());
    running.stop().await;
    assert_eq!(ground.number("select count(*) from sync.conflict").await, 0);
    ground.assert_quiet_and_equal().await;
}

/// Each of so many people was given the new title by one change, and a hundred were created with it.
fn assert_once_each(ground: &Ground, people: i64) {
    let (mut changed, mut created) = (BTreeMap::<Uuid, usize>::new(), 0);
    for event in ground.stage.fake.take_trail() {
        let Some(after) = event.after.filter(|after| after["jobTitle"] == "all at once") else {
            continue;
        };
        match event.action {
            Action::Created => created += 1,
            _ => *changed.entry(after["id"].as_str().unwrap().parse().unwrap()).or_default() += 1,
        }
    }
    assert_eq!((created, i64::try_from(changed.len()).unwrap()), (100, people));
    let twice: Vec<_> = changed.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
