//! A program that the demo has started, and that ends with it.

use std::error::Error;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use test_postgres::Lifeline;
use tokio::process::{Child, ChildStdout, Command};

use crate::Outcome;

/// How long a program may take to finish what it is doing, once asked to end.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A running program. Dropping it asks the program to end, waits, and kills it if it does not.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    lifeline: Option<Lifeline>,
}

impl Process {
    pub(crate) fn spawn(name: &'static str, command: &mut Command) -> Outcome<Process> {
        // In a group of its own, a Ctrl-C reaches it through the demo only, which ends things in their order.
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        let child = child.map_err(|error| format!("could not start {name}: {error}"))?;
        let id = child.id().map(|id| id.to_string()).unwrap_or_default();
        let mut process = Process { name, child, lifeline: None };
        process.lifeline = Some(Lifeline::tie(r#"kill -TERM "$1""#, &[id])?);
        Ok(process)
    }

    pub(crate) fn take_output(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("the output was piped and is taken once")
    }

    /// Waits for a program that has something to finish.
    pub(crate) async fn must_succeed(&mut self) -> Outcome<()> {
        let status = self.child.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{} failed: {status}", self.name).into())
        }
    }

    /// Waits for the end of a program that should have none. The answer says how it ended.
    pub(crate) async fn unexpected_end(&mut self) -> Box<dyn Error> {
        match self.child.wait().await {
            Ok(status) => format!("{} has ended: {status}", self.name).into(),
            Err(error) => error.into(),
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn ask_to_end(&mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            kill_process(id, Signal::TERM).ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only a program that has not been waited for still owns its id.
        self.ask_to_end();
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            if Instant::now() > deadline {
                self.child.start_kill().ok();
            }
            sleep(POLL);
        }
        if let Some(lifeline) = self.lifeline.take() {
            lifeline.cancel();
        }
    }
}
