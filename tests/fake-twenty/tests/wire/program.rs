//! The binary: what it prints, and how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

struct Program {
    child: Child,
    line: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fake-twenty"));
        command.args(["--listen", "127.0.0.1:0", "--print-key"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, line }
    }

    fn word(&self, start: &str) -> &str {
        let words = self.line.split(|c: char| c.is_whitespace() || "=()".contains(c));
        { words }.find(|word| word.starts_with(start)).unwrap()
    }

    async fn total(&self, plural: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/rest/{plural}?limit=0", self.word("http://"));
        let response = client.get(url).bearer_auth(self.word("eyJ")).send().await.unwrap();
        response.json::<Value>().await.unwrap()["totalCount"].clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, which is all that is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn it_serves_the_sample_and_prints_address_and_key() {
    let program = Program::start(&[]);
    assert_eq!(program.total("companies").await, 9);
}

#[tokio::test]
async fn it_serves_invented_people() {
    let program = Program::start(&["--people", "1234", "--no-rate-limit"]);
    assert_eq!(program.total("people").await, 1234);
}

#[tokio::test]
async fn it_serves_an_exported_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/workspace");
    let program = Program::start(&["--workspace", folder]);
    assert_eq!(program.total("machines").await, 4);
}

#[tokio::test]
async fn it_ends_cleanly_when_it_is_asked_to() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(&[]);
        let id = program.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        assert!(sent.success());
        assert!(program.child.wait().unwrap().success(), "after SIG{signal}");
    }
}

#[test]
fn it_says_why_it_cannot_listen() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_fake-twenty"))
        .args(["--listen", &address])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
}
