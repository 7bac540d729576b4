//! The token bucket over the wire.

use std::time::Duration;

use fake_twenty::{Options, RateLimit};
use serde_json::json;

use super::Stage;

async fn limited(limit: u32) -> Stage {
    let rate_limit = Some(RateLimit { limit, window: Duration::from_hours(1) });
    Stage::with(Options { rate_limit, ..Options::default() }).await
}

#[tokio::test]
async fn an_empty_bucket_refuses_without_a_hint_when_to_come_back() {
    let stage = limited(2).await;
    for _ in 0..2 {
        assert_eq!(stage.get("/rest/people").await.status, 200);
    }
    let refused = stage.try_send("GET", "/rest/people", None).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers().get("retry-after"), None);
    let body: serde_json::Value = refused.json().await.unwrap();
    let message = "Limit reached (2 tokens per 3600000 ms)";
    assert_eq!(body, json!({"statusCode": 429, "error": "HttpException", "messages": [message]}));
}

#[tokio::test]
async fn both_apis_share_one_bucket_and_metadata_is_free() {
    let stage = limited(1).await;
    for _ in 0..3 {
        assert_eq!(stage.get("/rest/metadata/objects").await.status, 200);
        let query = json!({"query": "{ objects { edges { node { id } } } }"});
        let metadata = stage.send("POST", "/metadata", Some(query)).await.body;
        assert!(metadata.get("errors").is_none());
    }
    assert_eq!(stage.get("/rest/people").await.status, 200);
    let refused = stage.graphql("{ people { totalCount } }").await.body;
    assert_eq!(refused["errors"][0]["extensions"]["subCode"], "LIMIT_REACHED");
}

#[tokio::test]
async fn the_limit_can_be_changed_while_it_runs() {
    let stage = limited(1).await;
    assert_eq!(stage.get("/rest/people").await.status, 200);
    assert_eq!(stage.get("/rest/people").await.status, 429);
    stage.fake.set_rate_limit(None);
    assert_eq!(stage.get("/rest/people").await.status, 200);
}
