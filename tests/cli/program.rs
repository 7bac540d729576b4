//! The program as a child process, and mirrors in the states that its commands tell of.

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use tokio::process::Command;
use twenty_sync::{mirror::Refusal, record::Image};
use uuid::Uuid;

use super::ground::{People, id};

#[path = "../canary/secrets.rs"]
mod secrets;

use secrets::Secrets;

/// How a run of the program ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output has all these words.
    pub(super) fn assert_tells(&self, words: &[&str]) {
        for word in words {
            assert!(self.stdout.contains(word), "{word:?} is missing: {self:?}");
        }
    }

    /// It failed with this code, one line that has `words`, and a hint that has `hint`.
    pub(super) fn assert_refused(&self, code: i32, words: &str, hint: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let (error, rest) = self.stderr.trim().split_once('\n').unwrap_or((&self.stderr, ""));
        assert!(error.starts_with("error: ") && error.contains(words), "{self:?}");
        assert!(rest.starts_with("hint: ") && rest.contains(hint), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
    }
}

/// Runs the program with nothing but the address of a database; nobody is at a terminal.
pub(super) async fn run_at(url: Option<&str>, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twenty-sync"));
    command.env_clear().args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.current_dir(std::env::temp_dir()).env("USER", "eve");
    command.envs(url.map(|url| ("DATABASE_URL", url)));
    secrets::log_everything(&mut command);
    let secrets = Secrets::given_to(&command);
    let output = command.output().await.unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|told| String::from_utf8(told).unwrap());
    secrets.assert_untold("standard output", &stdout);
    secrets.assert_untold("standard error", &stderr);
    Ended { code: output.status.code(), stdout, stderr: secrets::without_log(&stderr) }
}

/// The same on a mirror.
pub(super) async fn run(people: &People, arguments: &[&str]) -> Ended {
    run_at(Some(people.ground.database.url()), arguments).await
}

/// The record's id as it is typed.
pub(super) fn typed(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// Record 1 of one, whose city was changed here and refused by Twenty.
pub(super) async fn stuck() -> People {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    refuse(&people, None).await;
    people
}

/// Twenty refuses what is to be sent of record 1.
pub(super) async fn refuse(people: &People, retry_in: Option<Duration>) {
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    let refusal = Refusal {
        object_id: people.table.object_id,
        record_id: id(1),
        field: Some("city".to_owned()),
        reason: "the value is taken".to_owned(),
        hint: Some("choose another".to_owned()),
        holder_id: Some(id(7)),
        waits: false,
        retry_in,
        through,
        answered: true,
        written: people.written(1).await,
        json: "{}".to_owned(),
    };
    people.mirror().quarantine_push(&[refusal]).await.unwrap();
}

/// Here the city became Bonn, in Twenty Kiel; Twenty won.
pub(super) async fn lost() -> People {
    conflict(People::with(1).await).await
}

/// The same, but the field waits for a person.
pub(super) async fn held() -> People {
    conflict(People::with(1).await.holding("city")).await
}

async fn conflict(people: People) -> People {
    people.sql("update twenty.people set city = 'Bonn'").await;
    people.read(vec![people.row(1, "clerk", "Kiel")]).await;
    people
}

pub(super) async fn city(people: &People) -> Option<String> {
    people.text("select city from twenty.people").await
}

/// What is about to be sent of record 1 is written down.
pub(super) async fn sent(people: &People) {
    let claimed = people.mirror().claim(1).await.unwrap().remove(0);
    let columns = &people.table.columns;
    let pending = claimed.pending(columns).unwrap();
    let image = pending.mirror.as_ref().map(|mirror: &Image| mirror.to_json(columns));
    let sending = twenty_sync::mirror::Sending {
        object_id: claimed.object_id,
        record_id: claimed.record_id,
        image,
        through: claimed.through().unwrap(),
        written: claimed.written,
    };
    people.mirror().mark_sent(&[sending]).await.unwrap();
}
