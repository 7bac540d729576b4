//! A database that gives few connections or none, or does not answer any more: the program works with the fewest it
//! can, says what is missing where they are too few, and waits for no answer that will never come.

use std::time::Duration;

use fake_twenty::{Effect, Fault};
use futures_util::future::join_all;
use test_postgres::{TestDatabase, TestRole};

use super::{ground::Ground, proxy::Mode, stage::finish};

/// A mirror whose program has this role, which may make its own schemas and nothing else.
async fn as_role() -> (Ground, TestRole) {
    let database = TestDatabase::create().await;
    let role = database.create_role().await;
    let mut ground = Ground::before(database, None).await;
    let (database, name) = (ground.stage.database.name(), role.name());
    ground.sql(&format!("grant create on database \"{database}\" to \"{name}\"")).await;
    ground.url = Some(role.url().to_owned());
    (ground, role)
}

async fn allow(ground: &Ground, role: &TestRole, connections: i32) {
    let name = role.name();
    ground.sql(&format!("alter role \"{name}\" connection limit {connections}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_too_few_and_that_is_told_with_what_to_do() {
    tokio::join!(too_few_for_a_run(), none_for_a_daemon());
}

/// The role may connect once: there is one for the work, and none for the lease.
async fn too_few_for_a_run() {
    let (ground, role) = as_role().await;
    allow(&ground, &role, 1).await;
    let ended = ground.run().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("connection"), "{ended:?}");
    assert!(ended.stderr.contains("CONNECTION LIMIT"), "{ended:?}");
    assert!(ground.stage.fake.calls().is_empty(), "Twenty was asked for what cannot be kept");
    allow(&ground, &role, -1).await;
    ground.assert_quiet_and_equal().await;
}

/// The database takes nobody else. A daemon waits until it does.
async fn none_for_a_daemon() {
    let (ground, _role) = as_role().await;
    ground.once().await;
    let database = ground.stage.database.name();
    ground.sql(&format!("alter database \"{database}\" connection limit 0")).await;
    let mut running = ground.start();
    let words = ["opening_failed", "too many connections for database", "CONNECTION LIMIT"];
    running.says(&words).await;
    assert!(running.runs(), "{}", running.tail());
    ground.sql(&format!("alter database \"{database}\" connection limit -1")).await;
    ground.crosses().await;
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_are_enough_for_everything() {
    let (mut ground, role) = as_role().await;
    ground.settings = &[("MIRROR__MAX_CONNECTIONS", "1")];
    allow(&ground, &role, 2).await;
    ground.once().await;
    let mut running = ground.start();
    ground.crosses().await;
    let compared = "select count(*) from sync.sweep where completed_at is not null";
    ground.until("a comparison", async || ground.number(compared).await > 0).await;
    ground.crosses().await;
    assert!(running.runs() && !running.log().contains("timed out"), "{}", running.tail());
    running.stop().await;
    for command in [
        vec!["verify"],
        vec!["plan"],
        vec!["status"],
        vec!["doctor"],
        vec!["reset", "people", "--yes"],
    ] {
        let ended = finish(ground.program().args(&command)).await;
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
    }
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_run_ends_when_postgresql_does_not_answer_any_more() {
    let mut ground = Ground::lay().await;
    let line = ground.lay_line().await;
    let fake = &ground.stage.fake;
    fake.fault(Fault::new(Effect::Slow(Duration::from_millis(300))).path("/rest/"));
    fake.clear_calls();
    let mut running = ground.start_once();
    let is_reading =
        async || fake.calls().iter().any(|call| call.info.path.starts_with("/rest/people"));
    ground.until("a page", is_reading).await;
    line.set(Mode::Stall);
    assert_eq!(running.ended().await.code(), Some(1), "{}", running.tail());
    let log = running.log();
    assert!(log.contains("lease_ran_out") && log.contains("error: "), "{log}");
    fake.clear_faults();
    line.set(Mode::Pass);
    ground.assert_quiet_and_equal().await;
}

/// Where opening waits for PostgreSQL: a word of what is asked, and what the program says that it could not do.
const OPENING: [(&str, &str); 5] = [
    ("nspname = 'sync'", "look into schema sync"),
    ("pg_advisory_lock", "bring the control schema sync up to date"),
    ("from sync.workspace", "bind the mirror to its workspace"),
    ("twenty_sync_lease", "listen for leases"),
    ("from sync.lease", "look who leads"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_falls_silent_while_it_is_opened_is_given_up_with_its_name() {
    let mut ground = Ground::lay().await;
    ground.stage.fake.clear_calls();
    let mut lines = Vec::new();
    let mut runs = Vec::new();
    for (word, action) in OPENING {
        let line = ground.lay_line().await;
        line.set(Mode::StallAt(word));
        let mut program = ground.program();
        runs.push(async move { (action, finish(program.arg("--once")).await) });
        lines.push(line);
    }
    for (action, ended) in join_all(runs).await {
        assert_eq!(ended.code, Some(1), "{action}: {ended:?}");
        let words = [action, "PostgreSQL has not answered", "hint: ", "is silent"];
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{action}: {ended:?}");
    }
    assert!(ground.stage.fake.calls().is_empty(), "Twenty was asked");
    for line in &lines {
        line.set(Mode::Pass);
    }
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_waits_for_a_postgresql_that_falls_silent_and_verify_ends() {
    let mut ground = Ground::lay().await;
    let line = ground.lay_line().await;
    line.set(Mode::StallAt("nspname = 'sync'"));
    let mut running = ground.start();
    let mut verify = ground.program();
    let (_, verified) = tokio::join!(
        running.says(&["opening_failed", "PostgreSQL has not answered", "is silent"]),
        finish(verify.arg("verify")),
    );
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.stderr.contains("PostgreSQL has not answered"), "{verified:?}");
    assert!(running.runs(), "{}", running.tail());
    line.set(Mode::Pass);
    ground.crosses().await;
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twenty_that_takes_connections_and_is_silent_is_given_up_with_its_name() {
    let ground = Ground::lay().await;
    ground.proxy.set(Mode::Stall);
    let mut verify = ground.program();
    let (ended, verified) = tokio::join!(ground.run(), finish(verify.arg("verify")));
    for ended in [ended, verified] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("data model") && ended.stderr.contains("hint: "),
            "{ended:?}"
        );
    }
    ground.proxy.set(Mode::Pass);
    ground.assert_quiet_and_equal().await;
}
