//! What the endpoint says, and what it never says.

use fake_twenty::World;
use reqwest::Method;
use serde_json::Value;

use super::{daemon::Daemon, stage::Stage};

const PATHS: [&str; 5] = ["/", "/livez", "/readyz", "/metrics", "/api/status"];

async fn ready(stage: &Stage) -> Daemon {
    let daemon = Daemon::start(&mut stage.program(), "127.0.0.1").await;
    daemon.until("/readyz", 200).await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_of_safety() {
    let stage = Stage::set(World::sample()).await;
    let daemon = ready(&stage).await;
    for path in PATHS.into_iter().chain(["/nowhere"]) {
        let answer = daemon.get(path).await;
        let header =
            |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(name), value, "{name} of {path}");
        }
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let kind = match path {
            "/" => "text/html; charset=utf-8",
            "/api/status" => "application/json",
            "/metrics" => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        assert_eq!(header("content-type"), kind, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_and_head_are_answered() {
    let stage = Stage::set(World::sample()).await;
    let daemon = ready(&stage).await;
    for path in PATHS {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            let answer = daemon.request(method.clone(), path).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 405, "{method} {path}");
        }
        let head = daemon.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status().as_u16(), 200, "HEAD {path}");
        assert_eq!(head.text().await.unwrap(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_that_of_the_command_and_the_figures_agree_with_it() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let daemon = ready(&stage).await;
    let ended = stage.run(&["status", "--json"]).await;
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let answered: Value = serde_json::from_str(&daemon.body("/api/status").await).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&told), keys(&answered));
    assert_eq!(keys(&told["objects"][0]), keys(&answered["objects"][0]));
    let metrics = daemon.body("/metrics").await;
    for object in answered["objects"].as_array().unwrap() {
        let name = object["object"].as_str().unwrap();
        for flow in if object["direction"] == "both" { &["pull", "push"][..] } else { &["pull"] } {
            let series = format!("twenty_sync_{flow}_lag_seconds{{object=\"{name}\"}} ");
            assert_eq!(metrics.matches(&series).count(), 1, "{series}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_goes_red_and_green_with_the_source_and_alive_stays_green() {
    let stage = Stage::set(World::sample()).await;
    let daemon = ready(&stage).await;
    stage.fake.pause_listening().await;
    let why = daemon.until("/readyz", 503).await;
    assert!(why.starts_with("Twenty: "), "{why}");
    assert_eq!(daemon.body("/livez").await, "ok\n");
    let metrics = daemon.body("/metrics").await;
    assert!(metrics.contains("twenty_sync_reachable{side=\"source\"} 0.0"), "{metrics}");
    stage.fake.resume_listening().await;
    assert_eq!(daemon.until("/readyz", 200).await, "ok\n");
    assert_eq!(daemon.body("/livez").await, "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_makes_it_unready_and_not_dead() {
    let stage = Stage::set(World::sample()).await;
    let nowhere = "postgres://u:canary-password@127.0.0.1:1/d";
    let daemon = Daemon::start(stage.program().env("DATABASE_URL", nowhere), "127.0.0.1").await;
    let why = daemon.until_text("/readyz", |text| text.contains("could not connect")).await;
    assert!(why.contains("PostgreSQL: ") && !why.contains("canary"), "{why}");
    assert_eq!(daemon.get("/livez").await.status().as_u16(), 200);
    assert_eq!(daemon.get("/api/status").await.status().as_u16(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_from_the_workspace_stay_text() {
    let hostile = "<img src=x onerror=alert(1)>\"'";
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let pool = stage.database.pool().await;
    let reason = format!("{hostile}</script><script>alert(2)</script>");
    sqlx::query(
        "insert into sync.stop (workspace_id, object_id, flow, cause, reason, hint) \
         select workspace_id, object_id, 'push', 'pause', $1, $1 from sync.object where name_plural = 'people'",
    )
    .bind(&reason)
    .execute(&pool)
    .await
    .unwrap();
    let daemon = ready(&stage).await;
    let answered: Value = serde_json::from_str(&daemon.body("/api/status").await).unwrap();
    assert_eq!(answered["stops"][0]["reason"], reason.as_str());
    let page = daemon.body("/").await;
    assert!(!page.contains("onerror") && !page.contains("people"), "the page itself has no data");
    assert_eq!(page.matches("<script").count(), 1);
    let metrics = daemon.body("/metrics").await;
    assert!(!metrics.contains('<'), "reasons are no labels");
    let series = "twenty_sync_stopped{object=\"people\",flow=\"push\",cause=\"pause\"} 1.0";
    assert!(metrics.contains(series), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_no_password_and_no_value_is_told() {
    let stage = Stage::set(World::sample()).await;
    let (key, url) = (stage.fake.api_key().to_owned(), stage.database.url().to_owned());
    let people = stage.fake.world(|world| world.rows("people"));
    let name = people[0]["name"]["lastName"].as_str().unwrap().to_owned();
    let daemon = ready(&stage).await;
    daemon.until_text("/api/status", |text| text.contains("\"in_sync\"")).await;
    stage.fake.pause_listening().await;
    daemon.until("/readyz", 503).await;
    let signature = key.rsplit('.').next().unwrap();
    for path in PATHS {
        let answer = daemon.get(path).await;
        let told = format!("{:?}\n", answer.headers()) + &answer.text().await.unwrap();
        for secret in [key.as_str(), signature, url.as_str(), name.as_str()] {
            assert!(!told.contains(secret), "{path} tells {secret}");
        }
    }
    let log = daemon.end().await;
    assert!(!log.contains(signature), "{log}");
}
