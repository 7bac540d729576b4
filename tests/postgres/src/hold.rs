//! Keeps a server as long as another process lives.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use test_postgres::Server;
use tokio::time::sleep;

const POLL: Duration = Duration::from_millis(200);

/// Starts a server, prints its URL, and ends with `parent`.
pub(crate) async fn hold(parent: &str) -> Result<(), Box<dyn Error>> {
    let parent =
        parent.parse().ok().and_then(Pid::from_raw).ok_or("the parent must be a process id")?;
    let server = Server::find().await?;
    writeln!(io::stdout(), "{}", server.url())?;
    while is_alive(parent) {
        sleep(POLL).await;
    }
    Ok(())
}

/// A process that has ended keeps its id until its parent has asked for it, which may be never.
fn is_alive(process: Pid) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let ended = state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
    test_kill_process(process).is_ok() && !ended
}
