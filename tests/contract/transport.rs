//! Limits of the transport.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use super::{
    probe::Probe,
    twenty::{fresh_id, on_twenty},
};

/// "Transport limits"
#[tokio::test]
async fn a_list_of_300_ids_fits_in_an_address_and_20_kilobytes_do_not() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create(json!({"name": "one"})).await;
        let mut ids: Vec<String> = (0..299).map(|_| fresh_id()).collect();
        ids.push(made["id"].as_str().unwrap().to_owned());
        assert_eq!(probe.found(&format!("id[in]:[{}]", ids.join(","))).await.len(), 1);
        let long = probe.list(&format!("x={}", "a".repeat(20_000)));
        assert_eq!(twenty.get(&long).await.status, 431);
    })
    .await;
}

/// "Transport limits"
#[tokio::test]
async fn a_body_above_10_megabytes_is_a_500_without_a_word() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let answer = probe.post(&json!({"name": "a".repeat(11 << 20)})).await;
        assert_eq!((answer.status, answer.body), (500, json!("")));
    })
    .await;
}

/// "Transport limits"
#[tokio::test]
async fn graphql_never_answers_a_request_without_a_query() {
    on_twenty(async |twenty| {
        let request = twenty.request(Method::POST, "/graphql").bearer_auth(twenty.key());
        let waiting = request.json(&json!({})).send();
        assert!(timeout(Duration::from_secs(1), waiting).await.is_err());
    })
    .await;
}

/// "Errors"
#[tokio::test]
async fn malformed_json_is_refused_in_the_shape_of_the_framework() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let request = twenty.request(Method::POST, &format!("/rest/{}", probe.plural));
        let request = request.bearer_auth(twenty.key()).header("content-type", "application/json");
        let body = twenty.send(request.body("{\"name\":")).await.with(400);
        assert!(body["message"].is_string(), "{body}");
        assert_eq!((&body["error"], &body["messages"]), (&json!("Bad Request"), &json!(null)));
    })
    .await;
}
