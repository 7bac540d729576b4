//! What systemd is told, by a socket of the kind it gives a service.

use std::{path::PathBuf, time::Duration};

use fake_twenty::World;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{net::UnixDatagram, time::timeout};

use super::{daemon::Daemon, stage::Stage};

const PATIENCE: Duration = Duration::from_mins(1);

/// The socket, and all that came so far.
struct Supervisor {
    folder: TempDir,
    socket: UnixDatagram,
    told: String,
}

impl Supervisor {
    fn listening() -> Supervisor {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let socket =
            UnixDatagram::bind(folder.path().join("notify")).expect("a socket can be made");
        Supervisor { folder, socket, told: String::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// Listens until a line was told.
    async fn hears(&mut self, line: &str) {
        let mut buffer = [0; 4096];
        while !self.told.lines().any(|told| told.starts_with(line)) {
            let received = timeout(PATIENCE, self.socket.recv(&mut buffer)).await;
            let received = received.unwrap_or_else(|_| panic!("no {line} in {}", self.told));
            let length = received.expect("a socket that can be read");
            self.told.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
        }
    }

    fn forget(&mut self) {
        self.told.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_of_the_start_the_state_the_watchdog_and_the_stop() {
    let stage = Stage::set(World::sample()).await;
    let mut supervisor = Supervisor::listening();
    let mut program = stage.program();
    program.env("NOTIFY_SOCKET", supervisor.path()).env("WATCHDOG_USEC", "400000");
    let mut daemon = Daemon::start(&mut program, "127.0.0.1").await;

    supervisor.hears("READY=1").await;
    assert!(!supervisor.told.contains("WATCHDOG=1\nREADY=1"), "{}", supervisor.told);
    supervisor.hears("WATCHDOG=1").await;
    supervisor.hears("STATUS=objects: ").await;
    supervisor.forget();
    supervisor.hears("WATCHDOG=1").await;

    let pid = Pid::from_raw(daemon.child.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    supervisor.hears("STOPPING=1").await;
    let ended = timeout(PATIENCE, daemon.child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_when_the_configuration_is_read_anew_and_when_that_is_over() {
    let stage = Stage::set(World::sample()).await;
    let mut supervisor = Supervisor::listening();
    let mut program = stage.program();
    program.env("NOTIFY_SOCKET", supervisor.path());
    let daemon = Daemon::start(&mut program, "127.0.0.1").await;
    supervisor.hears("READY=1").await;
    supervisor.forget();

    let pid = Pid::from_raw(daemon.child.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    supervisor.hears("READY=1").await;
    let (before, _) = supervisor.told.split_once("READY=1").unwrap();
    assert!(before.contains("RELOADING=1\nMONOTONIC_USEC="), "{}", supervisor.told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_for_the_database_asks_for_more_time_and_is_not_ready() {
    let stage = Stage::set(World::sample()).await;
    let mut supervisor = Supervisor::listening();
    let mut program = stage.program();
    program
        .env("NOTIFY_SOCKET", supervisor.path())
        .env("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
    let _daemon = Daemon::start(&mut program, "127.0.0.1").await;
    supervisor.hears("EXTEND_TIMEOUT_USEC=").await;
    supervisor.hears("STATUS=PostgreSQL: could not connect").await;
    assert!(!supervisor.told.contains("READY=1"), "{}", supervisor.told);
}
