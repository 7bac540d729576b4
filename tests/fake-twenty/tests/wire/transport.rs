//! Limits of the transport, and what the socket does.

use std::time::{Duration, Instant};

use fake_twenty::Clock;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Stage;

/// Sends a head by hand and reads until the server has answered.
async fn ask_for_health(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: twenty.test\r\n\r\n").await.unwrap();
    let mut text = String::new();
    while !text.contains("\"details\":{}") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    text
}

#[tokio::test]
async fn an_idle_socket_is_closed_after_five_seconds() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.fake.address()).await.unwrap();
    let answer = ask_for_health(&mut stream).await.to_lowercase();
    assert!(answer.contains("keep-alive: timeout=5"), "{answer}");
    let answered = Instant::now();
    let rest = timeout(Duration::from_secs(9), stream.read(&mut [0; 16])).await.unwrap();
    assert_eq!(rest.unwrap(), 0);
    let idle = answered.elapsed();
    assert!((4_800..6_500).contains(&idle.as_millis()), "closed after {idle:?}");
}

#[tokio::test]
async fn a_socket_that_is_used_again_stays_open() {
    let stage = Stage::new().await;
    let mut stream = TcpStream::connect(stage.fake.address()).await.unwrap();
    for _ in 0..3 {
        assert!(ask_for_health(&mut stream).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn the_date_header_shows_the_clock_of_the_server() {
    let stage = Stage::new().await;
    stage.fake.world(|world| world.set_clock(Clock::Frozen(1_796_169_600_999_000)));
    let response = stage.try_send("GET", "/rest/people", None).await.unwrap();
    assert_eq!(response.headers()["date"], "Wed, 02 Dec 2026 00:00:00 GMT");
}

#[tokio::test]
async fn a_head_above_16_kilobytes_is_refused_with_431() {
    let stage = Stage::new().await;
    let with = |length: usize| format!("/rest/people?x={}", "a".repeat(length));
    assert_eq!(stage.get(&with(12_000)).await.status, 200);
    assert_eq!(stage.get(&with(20_000)).await.status, 431);
}

#[tokio::test]
async fn a_body_above_10_megabytes_is_a_500_without_a_body() {
    let stage = Stage::new().await;
    let post = |length: usize| json!({"name": "a".repeat(length)});
    let answer = stage.send("POST", "/rest/companies", Some(post(11 * 1024 * 1024))).await;
    assert_eq!((answer.status, answer.body), (500, json!("")));
    let answer = stage.send("POST", "/rest/companies", Some(post(9 * 1024 * 1024))).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn malformed_json_is_refused_in_the_shape_of_the_framework() {
    let stage = Stage::new().await;
    let request = stage.client.post(format!("{}/rest/companies", stage.fake.url()));
    let request =
        request.bearer_auth(stage.fake.api_key()).header("content-type", "application/json");
    let response = request.body("{\"name\":").send().await.unwrap();
    assert_eq!(response.status(), 400);
    let body: serde_json::Value = response.json().await.unwrap();
    let message = "Unexpected end of JSON input";
    assert_eq!(body, json!({"statusCode": 400, "message": message, "error": "Bad Request"}));
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_lost_and_makes_an_empty_record() {
    let stage = Stage::new().await;
    let request = stage.client.post(format!("{}/rest/companies", stage.fake.url()));
    let request = request.bearer_auth(stage.fake.api_key()).body("{\"name\": \"lost\"}");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["data"]["createCompany"]["name"], "");
}

#[tokio::test]
async fn an_unknown_path_is_named_with_its_query() {
    let stage = Stage::new().await;
    let answer = stage.get("/nowhere?x=1").await;
    let message = "Cannot GET /nowhere?x=1";
    let wanted = json!({"statusCode": 404, "message": message, "error": "Not Found"});
    assert_eq!((answer.status, answer.body), (404, wanted));
}

#[tokio::test]
async fn a_graphql_request_without_a_query_is_never_answered() {
    let stage = Stage::new().await;
    let waiting = stage.try_send("POST", "/graphql", Some(json!({})));
    assert!(timeout(Duration::from_millis(300), waiting).await.is_err());
    assert_eq!(stage.fake.calls()[0].status, None);
}

#[tokio::test]
async fn a_known_tag_is_answered_with_304() {
    let stage = Stage::new().await;
    let url = format!("{}/rest/companies", stage.fake.url());
    let ask = || stage.client.get(&url).bearer_auth(stage.fake.api_key());
    let first = ask().send().await.unwrap();
    let tag = first.headers()["etag"].clone();
    let second = ask().header("if-none-match", tag).send().await.unwrap();
    assert_eq!(second.status(), 304);
    assert_eq!(second.text().await.unwrap(), "");
}
