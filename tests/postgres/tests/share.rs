//! The program that nextest runs before the tests: which server it takes, and when the one it started ends.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use test_postgres::TestDatabase;
use url::Url;

const PROGRAM: &str = env!("CARGO_BIN_EXE_test-postgres");

/// A port on which nothing listens, so that the search for a running server finds none.
const NOBODY: &str = "1";

fn share() -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("share").env_remove("NEXTEST_ENV").env_remove("TEST_DATABASE_URL");
    command
}

fn error_of(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

struct NextestFile(PathBuf);

impl NextestFile {
    fn new() -> NextestFile {
        NextestFile(std::env::temp_dir().join(format!("nextest-env-{}", uuid::Uuid::new_v4())))
    }
}

impl Drop for NextestFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[tokio::test]
async fn the_server_that_the_environment_names_is_taken() {
    let database = TestDatabase::create().await;
    let file = NextestFile::new();
    let status = share()
        .env("TEST_DATABASE_URL", database.url())
        .env("NEXTEST_ENV", &file.0)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(
        fs::read_to_string(&file.0).unwrap(),
        format!("TEST_DATABASE_URL={}\n", database.url())
    );
}

#[test]
fn a_named_server_that_does_not_answer_is_an_error() {
    let output =
        share().env("TEST_DATABASE_URL", "postgres://127.0.0.1:1/postgres").output().unwrap();
    let error = error_of(&output);
    assert!(error.contains("TEST_DATABASE_URL names a server that cannot be used"), "{error}");
}

#[tokio::test]
async fn a_user_who_may_not_create_databases_is_told_so() {
    let database = TestDatabase::create().await;
    let role = database.create_role().await;
    let output = share().env("TEST_DATABASE_URL", role.url()).output().unwrap();
    let error = error_of(&output);
    assert!(error.contains("may not create databases"), "{error}");
}

#[test]
fn without_any_server_the_error_says_what_was_tried_and_what_to_install() {
    let nowhere = std::env::temp_dir();
    let output = share()
        .env("PGPORT", NOBODY)
        .env("DOCKER_HOST", "unix:///nowhere")
        .env("PG_BIN_DIR", nowhere)
        .output();
    let error = error_of(&output.unwrap());
    for part in
        ["no container engine answers", "PG_BIN_DIR holds no initdb", "apt-get install postgresql"]
    {
        assert!(error.contains(part), "{error}");
    }
}

/// Runs `share` where no server is found, in a shell that goes on living until it is killed.
#[test]
fn a_server_started_for_a_run_ends_when_the_run_is_killed() {
    let file = NextestFile::new();
    let mut run = Command::new("sh");
    run.arg("-c").arg(r#""$0" share; echo shared; exec sleep 1000"#).arg(PROGRAM);
    run.env_remove("TEST_DATABASE_URL").env("PGPORT", NOBODY).env("DOCKER_HOST", "unix:///nowhere");
    let mut run =
        run.env("NEXTEST_ENV", &file.0).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(run.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    let Ok(written) = fs::read_to_string(&file.0) else {
        run.kill().unwrap();
        run.wait().unwrap();
        panic!("no server was shared; this test needs the binaries of PostgreSQL");
    };
    let url = Url::parse(written.trim().strip_prefix("TEST_DATABASE_URL=").unwrap()).unwrap();
    let port = url.port().unwrap();
    let listening = TcpStream::connect(("127.0.0.1", port)).is_ok();
    // The killed shell is not waited for yet: a run that has become a zombie has ended, too.
    run.kill().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "the server outlived its run");
        sleep(Duration::from_millis(20));
    }
    run.wait().unwrap();
    assert!(listening);
}
