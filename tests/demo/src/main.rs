//! `make demo`: the whole program at work, with nothing to prepare and nothing left afterwards.
//!
//! It starts a private PostgreSQL and a fake Twenty with a sample workspace, mirrors the workspace once, and then
//! keeps syncing while it prints what to try.
//!
//! - Whatever ends the demo (Ctrl-C, SIGTERM, a child that dies, an error) ends all it started, in reverse order:
//!   each part is a value whose drop does it. SIGKILL is covered by `Lifeline`.
//! - Every port is a free one and every file lies in a folder of its own, so two demos can run at once.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use test_postgres::TestCluster;
use tokio::signal::unix::{Signal, SignalKind, signal};

mod invitation;
mod process;
mod programs;
mod twenty;

use process::Process;
use programs::Programs;
use twenty::Twenty;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    match demo_until_stopped().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "demo: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn demo_until_stopped() -> Outcome<()> {
    // Listening begins before anything is started: until then, a signal ends the demo without any cleaning up.
    let mut stop = Stop::listen()?;
    tokio::select! {
        // The demo ends by itself only when something is wrong.
        outcome = demo() => outcome,
        () = stop.asked() => {
            // Nobody may be left to read this, and that must not keep the rest from ending.
            say("stopping").ok();
            Ok(())
        }
    }
}

async fn demo() -> Outcome<()> {
    let programs = Programs::find()?;
    say("starting a private PostgreSQL")?;
    let cluster = TestCluster::try_start().await?;
    say("starting a fake Twenty with the sample workspace")?;
    let mut twenty = Twenty::start(&programs).await?;

    say("mirroring the workspace: twenty-sync --once")?;
    let mut once = Process::spawn(
        "twenty-sync --once",
        programs.twenty_sync(&twenty, cluster.url()).arg("--once"),
    )?;
    once.must_succeed().await?;
    drop(once);

    say("keeping both sides equal: twenty-sync run")?;
    let mut run =
        Process::spawn("twenty-sync run", programs.twenty_sync(&twenty, cluster.url()).arg("run"))?;
    say(&invitation::text(&twenty, cluster.url()).await?)?;
    tokio::select! {
        end = run.unexpected_end() => Err(end),
        end = twenty.unexpected_end() => Err(end),
    }
}

/// Ctrl-C, an end by `kill`, or the terminal's end.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stop {
    fn listen() -> io::Result<Stop> {
        Ok(Stop {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "demo: {text}")?;
    output.flush()
}
