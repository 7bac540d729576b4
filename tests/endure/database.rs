//! A database that refuses, fills up, or is held by others: the program says what is wrong, forgets nothing of where it
//! was, leaves the rest of the work alone, and goes on by itself.

use std::{path::PathBuf, process::Command, time::Duration};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use test_postgres::{Lifeline, TestCluster, TestDatabase};
use tokio::{sync::Mutex, time::sleep};
use uuid::Uuid;

use super::{ground::Ground, running::Running, stage::id_of};

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

    /// Leaves no room.
    fn fill(&self) {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_waits_and_says_so() {
    let Some(disk) = SmallDisk::mount() else { return };
    let Some(cluster) = TestCluster::start_if_installed().await else { return };
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
    disk.fill();
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
