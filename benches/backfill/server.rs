//! The fake Twenty of a run, in a process of its own.

use std::process::Stdio;

use fake_twenty::{FakeTwenty, Options, World};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::Outcome;

/// A running fake.
pub(crate) struct Server {
    _process: Child,
    pub(crate) url: String,
    pub(crate) key: String,
}

impl Server {
    pub(crate) async fn start(rows: usize) -> Outcome<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", &rows.to_string()])
            .stdout(Stdio::piped())
            .stdin(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line).await?;
        let (url, key) = line.trim().split_once(' ').ok_or("the server said nothing")?;
        Ok(Server { url: url.to_owned(), key: key.to_owned(), _process: process })
    }
}

/// Serves until standard input ends, as it does when the bench is gone.
pub(crate) async fn serve(rows: &str) -> Outcome<()> {
    let fake = FakeTwenty::start(Options {
        world: World::with_people(rows.parse()?),
        ..Options::default()
    })
    .await;
    println!("{} {}", fake.url(), fake.api_key());
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    Ok(())
}
