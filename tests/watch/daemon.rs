//! The program as a daemon that answers on a port of its own.

use std::{process::Stdio, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::{Instant, sleep, timeout},
};

/// The longest that anything may take: a hang is a failure, too.
const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon that runs; it is killed when this is dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// Kept open, so that the daemon can go on logging.
    log: Lines<BufReader<ChildStderr>>,
    client: Client,
}

impl Daemon {
    /// Starts `command` as a daemon on a free port of `host`, and waits until it listens.
    pub(crate) async fn start(command: &mut Command, host: &str) -> Daemon {
        const INTERVAL: &str = "TWENTY_SYNC__PULL__INTERVAL";
        if command.as_std().get_envs().all(|(name, _)| name != INTERVAL) {
            command.env(INTERVAL, "100ms");
        }
        let mut child = command
            .arg("run")
            .env("TWENTY_SYNC__HEALTH__LISTEN", format!("{host}:0"))
            .env("TWENTY_SYNC__LOG__FORMAT", "json")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
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

    /// All that was logged after the daemon began to listen, when it has been ended.
    pub(crate) async fn end(mut self) -> String {
        self.child.kill().await.expect("it can be ended");
        let mut log = String::new();
        while let Ok(Some(line)) = self.log.next_line().await {
            log.push_str(&line);
            log.push('\n');
        }
        log
    }
}

async fn listening(log: &mut Lines<BufReader<ChildStderr>>) -> String {
    let mut seen = String::new();
    while let Some(line) = log.next_line().await.expect("a log") {
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = entry["address"].as_str() {
            return address.to_owned();
        }
        seen.push_str(&line);
    }
    panic!("it ended: {seen}")
}
