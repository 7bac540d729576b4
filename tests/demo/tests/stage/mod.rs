//! A demo under observation: everything it starts carries a mark, by which it is found wherever it goes.
//!
//! The mark is a folder for temporary files of its own: it is in the environment of each process that the demo
//! starts, and in the command line of the PostgreSQL whose files lie in it.

use std::env;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use test_postgres::TestCluster;

const DEMO: &str = env!("CARGO_BIN_EXE_demo");

/// After SIGKILL the cleaning up goes on for a moment.
const CLEAN_UP: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

const FAKE_TWENTY: &str =
    "#!/bin/sh\necho 'listening on http://127.0.0.1:1 key eyJ.stand.in'\nexec sleep 1000\n";

/// The programs that the demo runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Programs {
    Real,
    StandIns,
    StandInsWhoseDaemonEnds,
    StandInsWhoseFirstSyncFails,
}

/// What the demo prints when it is ready.
pub(crate) struct Invitation {
    pub(crate) database_url: String,
    pub(crate) record_url: String,
    pub(crate) key: String,
}

/// A demo and the folder that it may use.
pub(crate) struct Stage {
    mark: PathBuf,
    demo: Child,
    output: BufReader<ChildStdout>,
}

impl Stage {
    /// Starts a demo; `None` where it cannot run, which the test says.
    pub(crate) fn set(programs: Programs) -> Option<Stage> {
        if !TestCluster::is_installed() {
            return None;
        }
        let mark = env::temp_dir().join(format!("demo-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&mark).expect("the folder for temporary files is writable");
        fs::set_permissions(&mark, Permissions::from_mode(0o1777)).expect("the folder is ours");
        let mut command = Command::new(DEMO);
        command
            .env("TMPDIR", &mark)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if programs != Programs::Real {
            command.env("DEMO_PROGRAMS", install(&mark, programs));
        }
        let mut demo = command.spawn().expect("the demo is built");
        let output = BufReader::new(demo.stdout.take().expect("the output is piped"));
        Some(Stage { mark, demo, output })
    }

    /// Waits for the lines to copy, and takes them apart.
    pub(crate) fn invitation(&mut self) -> Invitation {
        self.wait_for("demo: ready");
        let psql = self.wait_for("psql ");
        let curl = self.wait_for("curl ");
        let quoted =
            |line: &str, index: usize| line.split('\'').nth(index).unwrap_or_default().to_owned();
        let key = quoted(&curl, 3).rsplit(' ').next().unwrap_or_default().to_owned();
        Invitation { database_url: quoted(&psql, 1), record_url: quoted(&curl, 1), key }
    }

    /// Reads up to the next line with `text` in it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let line =
            self.output.by_ref().lines().map_while(Result::ok).find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("the demo did not print `{text}`: {}", self.complaint()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id =
            i32::try_from(self.demo.id()).ok().and_then(Pid::from_raw).expect("a child has an id");
        kill_process(id, signal).expect("the demo was not waited for yet");
    }

    pub(crate) fn end(&mut self) -> ExitStatus {
        // A full pipe must not keep the demo from ending.
        std::io::copy(&mut self.output, &mut std::io::sink()).expect("the output can be read");
        self.demo.wait().expect("the demo is our child")
    }

    /// What the demo and its programs wrote to standard error.
    pub(crate) fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut errors) = self.demo.stderr.take() {
            errors.read_to_string(&mut text).expect("programs write text");
        }
        text
    }

    /// Fails unless every process with the mark is gone, and every file. A port needs a process to listen on it.
    pub(crate) fn assert_empty(&self) {
        let deadline = Instant::now() + CLEAN_UP;
        loop {
            let left = [marked_processes(&self.mark), files_of_postgres(&self.mark)].concat();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left behind: {left:#?}");
            sleep(POLL);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After a failed assertion the demo still runs.
        if matches!(self.demo.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            self.demo.wait().ok();
        }
        fs::remove_dir_all(&self.mark).ok();
    }
}

/// Every process whose command line or first environment has the mark in it, but for the demo, which is waited for.
fn marked_processes(mark: &Path) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let has_mark = |file: &Path| {
        let content = fs::read(file).unwrap_or_default();
        String::from_utf8_lossy(&content).contains(&*mark.to_string_lossy())
    };
    let marked = processes.flatten().filter(|process| {
        ["environ", "cmdline"].iter().any(|file| has_mark(&process.path().join(file)))
    });
    let command =
        |process: fs::DirEntry| fs::read(process.path().join("cmdline")).unwrap_or_default();
    marked.map(|process| String::from_utf8_lossy(&command(process)).replace('\0', " ")).collect()
}

fn files_of_postgres(mark: &Path) -> Vec<String> {
    let files = fs::read_dir(mark).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "programs").collect()
}

/// Small scripts in the place of the real programs: those tests are about the demo.
fn install(mark: &Path, programs: Programs) -> PathBuf {
    let folder = mark.join("programs");
    fs::create_dir(&folder).expect("the folder is ours");
    for (name, script) in
        [("fake-twenty", FAKE_TWENTY.to_owned()), ("twenty-sync", twenty_sync(programs))]
    {
        let path = folder.join(name);
        fs::write(&path, script).expect("the folder is ours");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("the file is ours");
    }
    folder
}

fn twenty_sync(programs: Programs) -> String {
    let once = match programs {
        Programs::StandInsWhoseFirstSyncFails => "exit 78",
        _ => {
            "exec psql -q \"$DATABASE_URL\" -c \"create schema twenty; create table twenty.people as select \
             '0'::text as id, 'Ada'::text as name_first_name, 'Lovelace'::text as name_last_name\""
        }
    };
    let run =
        if programs == Programs::StandInsWhoseDaemonEnds { "exit 7" } else { "exec sleep 1000" };
    format!("#!/bin/sh\ncase $1 in --once) {once} ;; run) {run} ;; esac\n")
}
