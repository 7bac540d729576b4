//! A Twenty, a database, and the program between them.

use std::{process::Stdio, time::Duration};

use fake_twenty::{FakeTwenty, Options, World};
use test_postgres::TestDatabase;
use tokio::{process::Command, time::timeout};
use uuid::Uuid;

#[path = "../canary/secrets.rs"]
pub(crate) mod secrets;

use secrets::Secrets;

/// The longest a run may take before the test fails: a hang is a failure, too.
const PATIENCE: Duration = Duration::from_secs(100);

/// Both sides of one test.
pub(crate) struct Stage {
    pub(crate) fake: FakeTwenty,
    pub(crate) database: TestDatabase,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// Without what is only logged because [`finish`] wants all of it.
    pub(crate) stderr: String,
}

impl Stage {
    pub(crate) async fn set(world: World) -> Stage {
        Stage::set_with(Options { world, ..Options::default() }).await
    }

    pub(crate) async fn set_with(options: Options) -> Stage {
        let (fake, database) = tokio::join!(FakeTwenty::start(options), TestDatabase::create());
        Stage { fake, database }
    }

    /// The program with everything it needs in its environment, and nothing else of ours.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twenty-sync"));
        for (name, _) in std::env::vars()
            .filter(|(name, _)| name.starts_with("TWENTY_") || name == "DATABASE_URL")
        {
            command.env_remove(name);
        }
        command
            .env("TWENTY_URL", self.fake.url())
            .env("TWENTY_API_KEY", self.fake.api_key())
            .env("DATABASE_URL", self.database.url())
            .env("TWENTY_SYNC__SOURCE__REQUESTS_PER_MINUTE", "0")
            .env("TWENTY_SYNC__SOURCE__RETRY_DEADLINE", "3s")
            .env("NO_PROXY", "127.0.0.1")
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.program().args(arguments)).await
    }

    /// Syncs once, which must succeed.
    pub(crate) async fn once(&self) -> serde_json::Value {
        let ended = self.run(&["--once", "--json"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).expect("a report in JSON")
    }
}

/// Runs the program to its end, logging all it can. Nothing that it says may tell a secret.
pub(crate) async fn finish(command: &mut Command) -> Ended {
    secrets::log_everything(command);
    let secrets = Secrets::given_to(command);
    let output = timeout(PATIENCE, command.output())
        .await
        .expect("the program ends")
        .expect("the program starts");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|told| String::from_utf8_lossy(&told).into_owned());
    secrets.assert_untold("standard output", &stdout);
    secrets.assert_untold("standard error", &stderr);
    Ended { code: output.status.code(), stdout, stderr: secrets::without_log(&stderr) }
}

/// The id of the record that stands at `place`, deleted ones left out.
pub(crate) fn id_of(world: &World, object: &str, place: usize) -> Uuid {
    let rows = world.rows(object);
    let mut live = rows.iter().filter(|row| row["deletedAt"].is_null());
    live.nth(place)
        .and_then(|row| row["id"].as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{object} has no record {place}"))
}
