//! The program while it runs: signals, the end, what it logged, and how much memory it took.

use std::{
    fs::File,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// The longest that anything may take: a hang is a failure, too.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// A process of ours; it is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it; what it logs goes into a file.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Running {
        let file = File::create(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Running { child, log }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("it still runs").cast_signed();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("it does not end: {}", self.tail())).unwrap()
    }

    /// Asks it to stop and waits until it has; how long that took.
    pub(crate) async fn stop(mut self) -> Duration {
        let began = Instant::now();
        self.signal(Signal::TERM);
        let status = self.ended().await;
        // Before it listens for signals it has done nothing, and ends as any program does.
        let is_unborn = status.signal() == Some(Signal::TERM.as_raw()) && self.log().is_empty();
        assert!(status.code() == Some(0) || is_unborn, "{status} {}", self.tail());
        began.elapsed()
    }

    /// Whether it runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of the log.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Waits until a line of the log holds all of these words.
    pub(crate) async fn says(&self, words: &[&str]) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            let is_it = |line: &&str| words.iter().all(|word| line.contains(word));
            if let Some(line) = log.lines().find(is_it) {
                return line.to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "no {words:?} in:\n{log}");
            sleep(POLL).await;
        }
    }

    /// The most memory that it ever had, in MiB.
    pub(crate) fn high_water(&self) -> u64 {
        let id = self.child.id().expect("it still runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
    }
}
