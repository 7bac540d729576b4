//! The program as a daemon that answers on a port of its own.

use std::{process::Stdio, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::log::{self, Log};

/// The longest that anything may take: a hang is a failure, too.
const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon that runs; it is killed when this is dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) address: String,
    log: Log,
    client: Client,
}

impl Daemon {
    /// Starts `command` as a daemon on a free port of `host`, and waits until it listens.
    pub(crate) async fn start(command: &mut Command, host: &str) -> Daemon {
        const INTERVAL: &str = "TWENTY_SYNC__PULL__INTERVAL";
        if command.as_std().get_envs().all(|(name, _)| name != INTERVAL) {
            command.env(INTERVAL, "100ms");
        }
        command
            .arg("run")
            .env("TWENTY_SYNC__HEALTH__LISTEN", format!("{host}:0"))
            .env("TWENTY_SYNC__LOG__FORMAT", "json")
            .stdout(Stdio::null());
        let (child, mut log) = log::spawn(command);
        let address = timeout(PATIENCE, listening(&mut log)).await.expect("it listens in time");
        let port = address.rsplit_once(':').expect("a port").1.to_owned();
        let client = Client::builder().no_proxy().build().expect("a client");
        Daemon { child, address: format!("127.0.0.1:{port}"), log, client }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    pub(crate) async fn body(&self, path: &str) -> String {
        self.get(path).await.text().await.expect("a text")
    }

    /// Asks until the answer has this status; returns its text.
    pub(crate) async fn until(&self, path: &str, status: u16) -> String {
        let began = Instant::now();
        loop {
            let answer = self.get(path).await;
            let (now, text) = (answer.status().as_u16(), answer.text().await.expect("a text"));
            if now == status {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "{path} still says {now}: {text}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks until the text of the answer satisfies `is_so`.
    pub(crate) async fn until_text(&self, path: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.body(path).await;
            if is_so(&text) {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "{path} still says {text}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a line with these words is logged, and returns it.
    pub(crate) async fn logs(&mut self, words: &str) -> String {
        let logged = async {
            while let Some(line) = self.log.next_line().await {
                if line.contains(words) {
                    return line;
                }
            }
            panic!("it ended without {words:?}")
        };
        timeout(PATIENCE, logged).await.unwrap_or_else(|_| panic!("{words:?} is not logged"))
    }

    /// What was logged until an entry of this name came, that one included.
    pub(crate) async fn logged_until(&mut self, event: &str) -> Vec<serde_json::Value> {
        let mut entries: Vec<serde_json::Value> = Vec::new();
        while entries.last().is_none_or(|entry| entry["event"] != event) {
            let line = timeout(PATIENCE, self.log.next_line()).await.expect("it is logged in time");
            let line = line.unwrap_or_else(|| panic!("it ended without {event}"));
            entries.push(serde_json::from_str(&line).unwrap_or_default());
        }
        entries
    }

    /// All that was logged after the daemon began to listen, when it has been ended.
    pub(crate) async fn end(mut self) -> String {
        self.child.kill().await.expect("it can be ended");
        self.log.rest().await
    }
}

async fn listening(log: &mut Log) -> String {
    let mut seen = String::new();
    while let Some(line) = log.next_line().await {
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if entry["event"] == "endpoint_listens" {
            return entry["address"].as_str().expect("an address").to_owned();
        }
        if entry["level"] != "TRACE" {
            seen.push_str(&line);
        }
    }
    panic!("it ended: {seen}")
}
