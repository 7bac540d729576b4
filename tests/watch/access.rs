//! Who may see what, and where it may listen.

use std::{io::Write as _, net::TcpListener};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fake_twenty::World;
use reqwest::Method;

use super::{
    daemon::Daemon,
    stage::{Stage, finish},
};

const TOKEN: &str = "canary-token-0123456789";
const OPEN: [&str; 2] = ["/livez", "/metrics"];
const GUARDED: [&str; 2] = ["/", "/api/status"];

async fn status(daemon: &Daemon, path: &str, header: Option<(&str, &str)>) -> u16 {
    let request = daemon.request(Method::GET, path);
    let request = match header {
        Some((name, value)) => request.header(name, value),
        None => request,
    };
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_machine_without_a_token_only_probes_and_metrics_are_answered() {
    let stage = Stage::set(World::sample()).await;
    let daemon = Daemon::start(&mut stage.program(), "0.0.0.0").await;
    daemon.until("/readyz", 200).await;
    for path in OPEN {
        assert_eq!(status(&daemon, path, None).await, 200, "{path}");
    }
    for path in GUARDED {
        assert_eq!(status(&daemon, path, None).await, 403, "{path}");
        assert!(daemon.body(path).await.contains("health.token_file"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_the_page_and_the_state_are_for_those_who_have_it() {
    let stage = Stage::set(World::sample()).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{TOKEN}").unwrap();
    let mut program = stage.program();
    program.env("TWENTY_SYNC__HEALTH__TOKEN_FILE", file.path());
    let daemon = Daemon::start(&mut program, "0.0.0.0").await;
    daemon.until("/readyz", 200).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("ops:{TOKEN}")));
    let bearer = format!("Bearer {TOKEN}");
    for path in GUARDED {
        assert_eq!(status(&daemon, path, None).await, 401, "{path}");
        assert_eq!(status(&daemon, path, Some(("authorization", "Bearer wrong"))).await, 401);
        for right in [&basic, &bearer] {
            assert_eq!(status(&daemon, path, Some(("authorization", right))).await, 200, "{path}");
        }
    }
    let asked = daemon.get("/").await;
    assert!(asked.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    assert!(!daemon.end().await.contains("canary-token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_elsewhere_that_points_here_is_not_answered() {
    let stage = Stage::set(World::sample()).await;
    let daemon = Daemon::start(&mut stage.program(), "127.0.0.1").await;
    for path in GUARDED {
        assert_eq!(status(&daemon, path, Some(("host", "evil.example"))).await, 421, "{path}");
    }
    assert_eq!(status(&daemon, "/", Some(("host", "localhost:1"))).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_asked_for_and_is_taken_ends_the_start_with_a_hint() {
    let stage = Stage::set(World::sample()).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended =
        finish(stage.program().arg("run").env("TWENTY_SYNC__HEALTH__LISTEN", &address)).await;
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains(&format!("error: could not listen on {address}")), "{ended:?}");
    assert!(ended.stderr.contains("hint: another program listens there"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_makes_no_sense_is_refused_before_anything_starts() {
    let stage = Stage::set(World::sample()).await;
    let mut short = tempfile::NamedTempFile::new().unwrap();
    writeln!(short, "canary").unwrap();
    let short = short.path().to_str().unwrap();
    for (name, value, words) in [
        ("LISTEN", "localhost:9464", "health.listen makes no sense"),
        ("LISTEN", "9464", "health.listen makes no sense"),
        ("TOKEN_FILE", short, "shorter than 16 characters"),
        ("TOKEN_FILE", "/nowhere/token", "cannot read health.token_file"),
    ] {
        let name = format!("TWENTY_SYNC__HEALTH__{name}");
        let ended = finish(stage.program().arg("run").env(name, value)).await;
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains(words) && ended.stderr.contains("hint: "), "{ended:?}");
        assert!(!ended.stderr.contains("canary"), "{ended:?}");
    }
}
