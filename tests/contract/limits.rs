//! The bucket of calls. A live server's bucket is not drained for a test: others live from it.

use std::time::Duration;

use fake_twenty::RateLimit;
use serde_json::json;

use super::{answer::text, twenty::on_fake};

const REASON: &str = "shares its bucket of calls with others";
const MESSAGE: &str = "Limit reached (3 tokens per 600000 ms)";
const MESSAGE_OF_TWO: &str = "Limit reached (2 tokens per 600000 ms)";

/// A bucket that is not refilled while a test runs.
fn calls(limit: u32) -> RateLimit {
    RateLimit { limit, window: Duration::from_mins(10) }
}

/// "Rate limits"
#[tokio::test]
async fn rest_and_graphql_draw_on_one_bucket_and_refuse_in_different_ways() {
    on_fake(REASON, async |twenty, fake| {
        fake.set_rate_limit(Some(calls(3)));
        let (path, query) = ("/rest/people?limit=1", "{ people(first: 1) { totalCount } }");
        twenty.get(path).await.with(200);
        twenty.get(path).await.with(200);
        twenty.graphql(query, &json!({})).await.subject(200);
        let rest = twenty.get(path).await;
        rest.refused(429, MESSAGE);
        for header in ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining"] {
            assert_eq!(rest.headers.get(header), None);
        }
        let graphql = twenty.graphql(query, &json!({})).await;
        graphql.refused(200, MESSAGE);
        let extensions = &graphql.body["errors"][0]["extensions"];
        assert_eq!(
            (&extensions["code"], &extensions["subCode"]),
            (&json!("BAD_USER_INPUT"), &json!("LIMIT_REACHED"))
        );
        assert_eq!(graphql.body["data"], json!({"people": null}));
    })
    .await;
}

/// "Rate limits", "Aliases"
#[tokio::test]
async fn each_mutation_of_a_request_costs_a_call_and_metadata_none() {
    on_fake(REASON, async |twenty, fake| {
        let id = text(&twenty.create("companies", json!({"name": "Contract test"})).await["id"]);
        fake.set_rate_limit(Some(calls(3)));
        let update = format!("updateCompany(id: \"{id}\", data: {{employees: 1}}) {{ id }}");
        let query = format!("mutation {{ a: {update} b: {update} }}");
        twenty.graphql(&query, &json!({})).await.with(200);
        for _ in 0..5 {
            let names = "{ objects(paging: {first: 1}) { edges { node { id } } } }";
            twenty.metadata(names, &json!({})).await.subject(200);
            twenty.get("/rest/metadata/objects").await.with(200);
        }
        let half = twenty.graphql(&query, &json!({})).await;
        half.refused(200, MESSAGE);
        assert_eq!(half.body["data"], json!({"a": {"id": id}, "b": null}));
    })
    .await;
}

/// "Rate limits"
#[tokio::test]
async fn the_queries_of_a_request_take_one_call_together() {
    on_fake(REASON, async |twenty, fake| {
        fake.set_rate_limit(Some(calls(2)));
        let query = "{ a: people(first: 1) { totalCount maxUpdatedAt } \
                     b: companies(first: 1) { totalCount } c: notes(first: 1) { totalCount } }";
        for _ in 0..2 {
            let answer = twenty.graphql(query, &json!({})).await.with(200);
            assert!(answer["data"]["a"]["totalCount"].is_u64(), "{answer}");
        }
        let none = twenty.graphql(query, &json!({})).await;
        none.refused(200, MESSAGE_OF_TWO);
        assert_eq!(none.body["data"], json!({"a": null, "b": null, "c": null}));
    })
    .await;
}

/// "Rate limits"
#[tokio::test]
async fn a_write_that_the_limit_stopped_did_nothing() {
    on_fake(REASON, async |twenty, fake| {
        let made = twenty.create("companies", json!({"name": "Contract test"})).await;
        let path = format!("/rest/companies/{}", text(&made["id"]));
        fake.set_rate_limit(Some(calls(0)));
        twenty.patch(&path, &json!({"name": "lost"})).await.refused(429, "Limit reached");
        fake.set_rate_limit(None);
        assert_eq!(twenty.get(&path).await.subject(200), made);
    })
    .await;
}
