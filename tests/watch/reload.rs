//! A new configuration while the daemon runs: SIGHUP, and a key that is replaced.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use fake_twenty::World;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{
    daemon::Daemon,
    equality,
    stage::{Stage, id_of},
};

const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon whose key and settings stand in files.
struct Filed {
    stage: Stage,
    folder: TempDir,
}

impl Filed {
    async fn set(world: World, settings: &str) -> Filed {
        let stage = Stage::set(world).await;
        // Nobody else may read a file with a secret.
        let ours = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(ours).tempdir();
        let folder = folder.expect("a folder can be made");
        let filed = Filed { stage, folder };
        filed.write("key", filed.stage.fake.api_key());
        filed.write("settings.toml", settings);
        filed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// As a person would do it: the file is never half written.
    fn write(&self, name: &str, text: &str) {
        let new = self.path("new");
        fs::write(&new, text).expect("a file can be written");
        fs::rename(new, self.path(name)).expect("a file can be moved");
    }

    fn program(&self) -> Command {
        let mut program = self.stage.program();
        program
            .env_remove("TWENTY_API_KEY")
            .env("TWENTY_API_KEY_FILE", self.path("key"))
            .env("TWENTY_SYNC_CONFIG", self.path("settings.toml"));
        program
    }

    async fn ready(&self) -> Daemon {
        let daemon = Daemon::start(&mut self.program(), "127.0.0.1").await;
        daemon.until("/readyz", 200).await;
        daemon
    }

    /// Somebody edits a person in Twenty, and the mirror has it.
    async fn edit_arrives(&self, city: &str) {
        let person = self.stage.fake.world(|world| {
            let person = id_of(world, "people", 0);
            world.update("people", person, &json!({ "city": city }));
            person
        });
        let pool = self.stage.database.pool().await;
        until(city, async || {
            let found: Option<Option<String>> =
                sqlx::query_scalar("select city from twenty.people where id = $1")
                    .bind(person)
                    .fetch_optional(&pool)
                    .await
                    .expect("the mirror answers");
            found.flatten().as_deref() == Some(city)
        })
        .await;
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn hang_up(daemon: &Daemon) {
    let pid = Pid::from_raw(daemon.child.id().expect("it runs").cast_signed()).expect("a process");
    kill_process(pid, Signal::HUP).expect("it can be told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_key_is_used_after_sighup_and_the_endpoint_stays() {
    let filed = Filed::set(World::sample(), "").await;
    let mut daemon = filed.ready().await;
    filed.write("key", &filed.stage.fake.new_key("second"));
    hang_up(&daemon);
    daemon.logs("taking the new configuration").await;
    filed.stage.fake.set_revoked(true);
    filed.edit_arrives("Reykjavik").await;
    // The port was given by the system, so it is the same socket that answers.
    daemon.until("/readyz", 200).await;
    assert!(daemon.child.try_wait().unwrap().is_none(), "it is the process that was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_told_once_and_waited_for_and_nothing_is_lost_meanwhile() {
    let filed = Filed::set(World::sample(), "").await;
    let mut daemon = filed.ready().await;
    filed.edit_arrives("Oslo").await;
    filed.stage.fake.set_revoked(true);
    let why = daemon.until("/readyz", 503).await;
    daemon.logs("standing still until the configuration changes").await;
    assert!(!why.is_empty() && daemon.body("/livez").await == "ok\n", "{why}");
    let why = daemon.until_text("/readyz", |text| text.contains("stands still")).await;
    assert!(why.contains("revoked"), "{why}");
    let pool = filed.stage.database.pool().await;
    let person = filed.stage.fake.world(|world| id_of(world, "people", 1));
    let edited = sqlx::query("update twenty.people set city = 'Bergen' where id = $1")
        .bind(person)
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(edited.rows_affected(), 1, "the mirror can be written meanwhile");

    // Nobody sends a signal: what mounts secrets does not.
    filed.write("key", &filed.stage.fake.new_key("second"));
    daemon.until("/readyz", 200).await;
    until("the edit is in Twenty", async || city(&filed.stage, person) == "Bergen").await;
    let log = daemon.end().await;
    assert!(!log.contains("standing still"), "it was said before, once: {log}");
}

fn city(stage: &Stage, person: Uuid) -> String {
    let row = stage.fake.world(|world| world.row("people", person)).expect("the person is there");
    row["city"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_bad_is_told_and_the_old_one_goes_on() {
    let filed = Filed::set(World::sample(), "[pull]\nparallel = 2\n").await;
    let mut daemon = filed.ready().await;
    filed.edit_arrives("Oslo").await;
    let elsewhere = "[mirror]\nschema = \"elsewhere\"\n";
    for (settings, words) in [
        ("[pull]\nparalel = 2\n", "unknown setting pull.paralel"),
        ("[pull\n", "cannot read the configuration"),
        ("[health]\ntoken_file = \"/nowhere/token\"\n", "cannot read health.token_file"),
        ("[sweep]\ninterval = \"at night\"\n", "at night"),
        (elsewhere, "schema"),
    ] {
        filed.write("settings.toml", settings);
        hang_up(&daemon);
        let told = daemon.logs("cannot take the new configuration").await;
        assert!(told.contains(words), "{told}");
        assert!(told.contains("\"level\":\"ERROR\""), "{told}");
    }
    filed.edit_arrives("Reykjavik").await;
    daemon.until("/readyz", 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_holds_from_the_reload_on() {
    let filed = Filed::set(World::sample(), "").await;
    filed.write("token", "first-token-0123456789");
    let mut program = filed.program();
    program.env("TWENTY_SYNC__HEALTH__TOKEN_FILE", filed.path("token"));
    let mut daemon = Daemon::start(&mut program, "127.0.0.1").await;
    filed.write("token", "second-token-0123456789");
    hang_up(&daemon);
    daemon.logs("taking the new configuration").await;
    for (token, status) in [("first-token-0123456789", 401), ("second-token-0123456789", 200)] {
        let answer = daemon.request(Method::GET, "/").bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_in_the_midst_of_a_first_load_and_of_edits_lose_nothing() {
    let filed = Filed::set(World::with_people(4_000), "").await;
    let mut daemon = Daemon::start(&mut filed.program(), "127.0.0.1").await;
    let pages = || {
        let calls = filed.stage.fake.calls();
        let pages = calls.iter().filter(|call| call.info.path.starts_with("/rest/people?"));
        pages.map(|call| call.info.path.clone()).collect::<Vec<_>>()
    };
    for seen in [2, 5, 9, 14] {
        until("some pages were read", async || pages().len() >= seen).await;
        hang_up(&daemon);
        daemon.logs("taking the new configuration").await;
    }
    let first = pages();
    let pool = filed.stage.database.pool().await;
    for city in ["Oslo", "Bergen", "Tromsø"] {
        sqlx::query("update twenty.people set city = $1 where id in (select id from twenty.people order by id limit 40)")
            .bind(city)
            .execute(&pool)
            .await
            .unwrap();
        hang_up(&daemon);
        daemon.logs("taking the new configuration").await;
    }
    until("all is read and sent", async || {
        sqlx::query_scalar(
            "select not exists (select from sync.pending) and exists \
             (select from sync.status where object = 'people' and last_pull is not null)",
        )
        .fetch_one(&pool)
        .await
        .expect("the mirror answers")
    })
    .await;
    daemon.end().await;
    equality::assert_equal(&filed.stage).await;
    let mut once = first.clone();
    once.sort();
    once.dedup();
    let again = first.len() - once.len();
    assert!(again <= 4, "{again} pages were asked for again by 4 reloads: a slow one is cut off");
}
