//! Finds a server for all tests of a run, and tells nextest where it is.

use std::env;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::process::parent_id;
use std::process::Stdio;

use test_postgres::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// Writes `TEST_DATABASE_URL` to the file that nextest reads after this program has ended.
pub(crate) async fn share() -> Result<(), Box<dyn Error>> {
    let url = match Server::find_running().await? {
        Some(server) => server.url().to_string(),
        None => start_holder().await?,
    };
    let line = format!("TEST_DATABASE_URL={url}\n");
    if let Some(file) = env::var_os("NEXTEST_ENV") {
        OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())?;
    } else {
        io::stdout().write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Leaves a process behind that keeps a server as long as our parent lives.
async fn start_holder() -> Result<String, Box<dyn Error>> {
    let mut holder = Command::new(env::current_exe()?);
    holder.args(["hold", &parent_id().to_string()]);
    // Its own group, so that neither a Ctrl-C nor nextest's end of this script reaches it; no inherited output, so
    // that nextest does not wait for it.
    holder.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut holder = holder.spawn()?;
    let mut output = BufReader::new(holder.stdout.take().expect("standard output is piped"));
    let mut url = String::new();
    output.read_line(&mut url).await?;
    if url.is_empty() {
        let mut reason = String::new();
        holder.stderr.take().expect("standard error is piped").read_to_string(&mut reason).await?;
        return Err(reason.trim().trim_start_matches("test-postgres: ").into());
    }
    Ok(url.trim().to_owned())
}
