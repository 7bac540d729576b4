//! A private PostgreSQL server, made from installed binaries and gone without a trace afterwards.
//!
//! It serves the tests where nothing else does, and always those that stop their server or cut its connections,
//! which must not happen to a server that others use.
//!
//! - Only 127.0.0.1 can reach it, and only with its random password.
//! - It never waits for a disk: its data is worth nothing after the run.
//! - A server that answers on its port is not taken for it until it has named this cluster's data folder.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::process::Command;
use tokio::time::sleep;
use url::Url;
use uuid::Uuid;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::{Error, Lifeline, TestDatabase, folder};

const START_TIMEOUT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// Another process may take a port between its choice and its use.
const PORT_ATTEMPTS: u32 = 5;

/// Without fsync a power cut would lose data, but a crash of the server does not: each commit still reaches the
/// operating system, so tests of crashes mean something.
const SETTINGS: [&str; 5] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
];

/// Stops the server and removes its folder: what [`Lifeline`] runs at the end. A first attempt to remove it can fail
/// when `initdb` was killed and a child of it still writes.
const CLEAN_UP: &str = r#"
"$1" stop -D "$2/data" -m immediate -w -t 20
for attempt in 1 2 3 4 5; do rm -rf "$2" && break; sleep 1; done"#;

/// A running private server. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub struct TestCluster {
    lifeline: Option<Lifeline>,
    postgres: Option<Child>,
    home: Home,
    url: Url,
}

impl TestCluster {
    /// Makes a cluster and starts it.
    pub async fn start() -> TestCluster {
        Self::try_start().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes a cluster where that is possible.
    ///
    /// For tests that need a server of their own: with nothing but a container engine they cannot run.
    pub async fn start_if_installed() -> Option<TestCluster> {
        if Self::is_installed() { Some(Self::start().await) } else { None }
    }

    /// Whether the programs of PostgreSQL are on this machine. If not, standard error says that a test is skipped.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so in its own output")]
    pub fn is_installed() -> bool {
        let missing = Binaries::find().err();
        if let Some(reason) = &missing {
            eprintln!("skipped: this test needs the programs of PostgreSQL: {reason}");
        }
        missing.is_none()
    }

    /// Makes a cluster and starts it, or says why not.
    pub async fn try_start() -> Result<TestCluster, Error> {
        let binaries = Binaries::find()?;
        let account = Account::to_drop_to()?;
        let home = Home { folder: folder::make_for(account)?, binaries, account };
        let clean_up = [home.binaries.program("pg_ctl"), home.folder.clone()];
        let lifeline = Lifeline::tie_as(account, CLEAN_UP, &clean_up)
            .map_err(Error::io("start the lifeline"))?;
        let url = home.initialise().await?;
        let mut cluster = TestCluster { lifeline: Some(lifeline), postgres: None, home, url };
        cluster.start_on_a_free_port().await?;
        Ok(cluster)
    }

    /// Where the server's own database `postgres` is, as a superuser.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The port on 127.0.0.1. It stays the same when the server is stopped and resumed.
    pub fn port(&self) -> u16 {
        self.url.port().expect("the URL was made with a port")
    }

    /// A database of its own on this server.
    pub async fn database(&self) -> TestDatabase {
        TestDatabase::create_on(&self.url, None).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends all connections and stops the server. What was committed is kept.
    pub async fn stop(&mut self) {
        self.halt("fast").await;
    }

    /// Stops the server as a crash would: clients get no word, and the next start recovers from the log.
    pub async fn crash(&mut self) {
        self.halt("immediate").await;
    }

    /// Starts a stopped server again, on the same port and with the same data.
    pub async fn resume(&mut self) {
        assert!(self.postgres.is_none(), "only a stopped server can be resumed");
        self.launch().await.unwrap_or_else(|error| panic!("{error}"));
    }

    async fn halt(&mut self, mode: &str) {
        let arguments = ["stop", "-m", mode, "-w", "-D"];
        let data = self.home.data();
        let mut command = self.home.command("pg_ctl");
        command.args(arguments).arg(data);
        run("pg_ctl", command).await.unwrap_or_else(|error| panic!("{error}"));
        self.reap();
    }

    async fn start_on_a_free_port(&mut self) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let port = free_port().map_err(Error::io("find a free port"))?;
            self.url.set_port(Some(port)).expect("a URL with a host takes a port");
            match self.launch().await {
                Err(Error::Program { .. }) if attempt < PORT_ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn launch(&mut self) -> Result<(), Error> {
        self.postgres = Some(self.home.serve(self.port())?);
        let deadline = Instant::now() + START_TIMEOUT;
        while !self.is_ready().await {
            if self.has_ended() || Instant::now() > deadline {
                self.reap();
                return Err(Error::Program { program: "postgres", output: self.home.log() });
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    fn has_ended(&mut self) -> bool {
        self.postgres.as_mut().is_none_or(|postgres| !matches!(postgres.try_wait(), Ok(None)))
    }

    async fn is_ready(&self) -> bool {
        let served = data_directory_at(&self.url).await;
        served.is_ok_and(|served| Path::new(&served) == self.home.data())
    }

    /// Waits for the server's process, which must be ending. A dead one that nobody waits for keeps its id.
    fn reap(&mut self) {
        if let Some(mut postgres) = self.postgres.take() {
            postgres.kill().ok();
            postgres.wait().ok();
        }
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        self.reap();
    }
}

/// What a cluster consists of while no server runs.
#[derive(Debug)]
struct Home {
    folder: PathBuf,
    binaries: Binaries,
    account: Option<Account>,
}

impl Home {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Makes the data folder. The answer lacks the port, which is chosen at the start.
    async fn initialise(&self) -> Result<Url, Error> {
        let password = Uuid::new_v4().simple().to_string();
        let password_file = self.folder.join("password");
        fs::write(&password_file, &password).map_err(Error::io("write the password for initdb"))?;
        folder::give(&password_file, self.account)
            .map_err(Error::io("hand the password to initdb"))?;
        let mut initdb = self.command("initdb");
        initdb.args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]);
        initdb.arg("--pwfile").arg(&password_file).arg("--pgdata").arg(self.data());
        run("initdb", initdb).await?;
        let url = format!("postgres://postgres:{password}@127.0.0.1/postgres");
        Ok(Url::parse(&url).expect("the URL has no part that needs escaping"))
    }

    fn serve(&self, port: u16) -> Result<Child, Error> {
        let log =
            File::create(self.folder.join("log")).map_err(Error::io("create the server's log"))?;
        let errors = log.try_clone().map_err(Error::io("open the server's log twice"))?;
        let mut postgres = self.command("postgres").into_std();
        postgres.arg("-D").arg(self.data()).arg("-p").arg(port.to_string());
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        postgres.stdout(log).stderr(errors).spawn().map_err(Error::io("start postgres"))
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        log.lines()
            .rev()
            .take(10)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// A program of PostgreSQL that runs as the right user, and that neither the user's settings nor a Ctrl-C on
    /// the terminal reaches.
    fn command(&self, program: &'static str) -> Command {
        let mut command = Command::new(self.binaries.program(program));
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .env("LC_ALL", "C")
            .process_group(0)
            .kill_on_drop(true);
        let set = std::env::vars_os().map(|(name, _)| name);
        for name in set.filter(|name| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

async fn run(program: &'static str, mut command: Command) -> Result<(), Error> {
    let output = command.output().await.map_err(Error::io("run a program of PostgreSQL"))?;
    let printed =
        || String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(Error::Program { program, output: printed() })
    }
}

async fn data_directory_at(url: &Url) -> Result<String, sqlx::Error> {
    let mut connection = PgConnection::connect(url.as_str()).await?;
    let folder = sqlx::query_scalar("select current_setting('data_directory')")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(folder)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
