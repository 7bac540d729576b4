//! Starts the tests' server once for a whole run of nextest.
//!
//! nextest runs every test in a process of its own, and a private cluster takes a second to start. So nextest runs
//! `test-postgres share` before the first test (see `.config/nextest.toml`): that finds a server, or leaves
//! `test-postgres hold` behind to keep one, and hands its URL to the tests. The holder ends with nextest.

use std::io::Write;
use std::process::ExitCode;

mod hold;
mod share;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["share"] => share::share().await,
        ["hold", parent] => hold::hold(parent).await,
        _ => Err("usage: test-postgres share".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "test-postgres: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
