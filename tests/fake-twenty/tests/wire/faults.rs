//! Every fault, as a client meets it.

use std::time::{Duration, Instant};

use fake_twenty::{Effect, Fault};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Stage, ids};

/// Long enough to be sure that nothing comes.
const SOON: Duration = Duration::from_millis(300);

async fn create(stage: &Stage) -> reqwest::Result<reqwest::Response> {
    stage.try_send("POST", "/rest/companies", Some(json!({"name": "Made"}))).await
}

fn made(stage: &Stage) -> usize {
    let rows = stage.fake.world(|world| world.rows("companies"));
    rows.iter().filter(|row| row["name"] == "Made").count()
}

async fn stage_with(effect: Effect) -> Stage {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::new(effect).next(1));
    stage
}

#[tokio::test]
async fn a_status_without_a_body_is_not_applied() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::status(503).next(1));
    let response = create(&stage).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), "");
    assert_eq!(made(&stage), 0);
    assert_eq!(create(&stage).await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_status_with_a_body_brings_it() {
    let body = Some("{\"statusCode\":500}".to_owned());
    let stage = stage_with(Effect::Status { status: 500, body }).await;
    let response = create(&stage).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"statusCode": 500}));
}

#[tokio::test]
async fn a_status_after_is_applied_all_the_same() {
    let stage =
        stage_with(Effect::StatusAfter { status: 504, body: Some("late".to_owned()) }).await;
    assert_eq!(create(&stage).await.unwrap().status(), 504);
    assert_eq!(made(&stage), 1);
}

#[tokio::test]
async fn a_refusal_for_the_rate_limit_has_the_shape_of_its_api() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::new(Effect::RateLimited));
    let rest = stage.get("/rest/people").await;
    assert_eq!(rest.status, 429);
    assert_eq!(rest.body["messages"], json!(["Limit reached (100 tokens per 60000 ms)"]));
    let graphql = stage.graphql("mutation { createCompany(data: {}) { id } }").await;
    assert_eq!(graphql.status, 200);
    assert_eq!(graphql.body["errors"][0]["extensions"]["subCode"], "LIMIT_REACHED");
    assert_eq!(graphql.body["data"]["createCompany"], Value::Null);
}

#[tokio::test]
async fn a_stalled_request_is_neither_answered_nor_applied() {
    let stage = stage_with(Effect::Stall).await;
    assert!(timeout(SOON, create(&stage)).await.is_err());
    assert_eq!(made(&stage), 0);
}

#[tokio::test]
async fn an_answer_can_stall_after_its_head() {
    let stage = stage_with(Effect::StallAfterHead).await;
    let response = timeout(SOON, create(&stage)).await.unwrap().unwrap();
    assert_eq!(response.status(), 201);
    assert!(timeout(SOON, response.text()).await.is_err());
    assert_eq!(made(&stage), 1);
}

#[tokio::test]
async fn a_body_can_come_byte_by_byte() {
    let pause = Duration::from_millis(1);
    let stage = stage_with(Effect::Drip(pause)).await;
    let began = Instant::now();
    let response = create(&stage).await.unwrap();
    let length = u32::try_from(response.text().await.unwrap().len()).unwrap();
    assert!(began.elapsed() >= pause * (length - 1));
    assert_eq!(made(&stage), 1);
}

#[tokio::test]
async fn any_bytes_can_be_the_answer() {
    let body = bytes::Bytes::from_static(&[0xff, 0xfe, b'{']);
    let stage = stage_with(Effect::Raw { body: body.clone(), gzip: false }).await;
    let response = create(&stage).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(response.bytes().await.unwrap(), body);
    assert_eq!(made(&stage), 0);
    let packed = "1f8b0800000000000003cb48cdc9c9070086a6103605000000";
    let packed = bytes::Bytes::from(hex::decode(packed).unwrap());
    let stage = stage_with(Effect::Raw { body: packed, gzip: true }).await;
    assert_eq!(create(&stage).await.unwrap().text().await.unwrap(), "hello");
}

#[tokio::test]
async fn what_happened_to_records_leaves_a_trail() {
    let stage = Stage::new().await;
    assert!(stage.fake.take_trail().is_empty());
    create(&stage).await.unwrap();
    let trail = stage.fake.take_trail();
    assert_eq!((trail.len(), trail[0].name_singular.as_str()), (1, "company"));
    assert_eq!(trail[0].after.as_ref().unwrap()["name"], "Made");
    assert!(stage.fake.take_trail().is_empty());
}

#[tokio::test]
async fn a_connection_is_cut_before_the_request_is_applied() {
    let stage = stage_with(Effect::CutBefore).await;
    assert!(create(&stage).await.is_err());
    assert_eq!(made(&stage), 0);
}

#[tokio::test]
async fn a_connection_is_cut_after_the_request_is_applied() {
    let stage = stage_with(Effect::CutAfter).await;
    assert!(create(&stage).await.is_err());
    assert_eq!(made(&stage), 1);
}

#[tokio::test]
async fn a_body_is_cut_short_of_its_promised_length() {
    let stage = stage_with(Effect::CutBody).await;
    let response = create(&stage).await.unwrap();
    let promised = response.content_length().unwrap();
    assert!(promised > 500);
    assert!(response.text().await.is_err());
    assert_eq!(made(&stage), 1);
}

#[tokio::test]
async fn a_body_can_be_half_a_json_with_the_right_length() {
    let stage = stage_with(Effect::BrokenJson).await;
    let text = create(&stage).await.unwrap().text().await.unwrap();
    assert!(text.starts_with("{\"data\":"));
    assert!(serde_json::from_str::<Value>(&text).is_err());
}

#[tokio::test]
async fn a_page_of_html_comes_with_status_200() {
    let stage = stage_with(Effect::Html).await;
    let response = create(&stage).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(response.text().await.unwrap().contains("<html>"));
    assert_eq!(made(&stage), 0);
}

/// Walks a listing of REST: the ids of each page, and whether the server said that it was all.
async fn walk(stage: &Stage, limit: usize) -> (Vec<String>, Value) {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/rest/people?limit={limit}&starting_after={cursor}");
        let page = stage.get(&path).await.body;
        seen.extend(ids(&page["data"]["people"]));
        if page["pageInfo"]["hasNextPage"] == false {
            return (seen, page);
        }
        cursor = page["pageInfo"]["endCursor"].as_str().unwrap().replace('=', "%3D");
    }
}

#[tokio::test]
async fn a_listing_ends_early_after_its_share() {
    let stage = Stage::new().await;
    let (all, _) = walk(&stage, 5).await;
    stage.fake.fault(Fault::new(Effect::EndEarly(0.5)).path("/rest/people"));
    let (half, last) = walk(&stage, 5).await;
    assert_eq!((all.len(), half.len()), (23, 12));
    assert_eq!(last["totalCount"], 23);
    assert_eq!(half, all[..12]);
    assert_eq!(
        walk(&stage, 60).await.0.len(),
        12,
        "a second walk and a single page end there, too"
    );
}

#[tokio::test]
async fn walks_side_by_side_end_early_each_by_its_own_count() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::new(Effect::EndEarly(0.5)));
    let query = "query($c: String) { people(first: 10, after: $c) { totalCount edges { node { id } } pageInfo { hasNextPage endCursor } } }";
    let page = async |cursor: Value| {
        let body = json!({"query": query, "variables": {"c": cursor}});
        stage.send("POST", "/graphql", Some(body)).await.body["data"]["people"].clone()
    };
    let first = page(Value::Null).await;
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    assert_eq!(walk(&stage, 5).await.0.len(), 12, "another walk in between");
    let second = page(first["pageInfo"]["endCursor"].clone()).await;
    assert_eq!(second["edges"].as_array().unwrap().len(), 2);
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn a_total_can_be_wrong_in_both_apis() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::new(Effect::WrongTotal(-3)));
    assert_eq!(stage.get("/rest/people").await.body["totalCount"], 20);
    let graphql = stage.graphql("{ people(first: 1) { totalCount edges { node { id } } } }").await;
    assert_eq!(graphql.body["data"]["people"]["totalCount"], 20);
}

#[tokio::test]
async fn a_cursor_can_stick_from_the_second_page_on() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::new(Effect::StuckCursor));
    let first = stage.get("/rest/people?limit=5").await.body;
    let cursor = first["pageInfo"]["endCursor"].as_str().unwrap();
    let second = format!("/rest/people?limit=5&starting_after={}", cursor.replace('=', "%3D"));
    let second = stage.get(&second).await.body;
    assert_eq!(second["pageInfo"]["endCursor"], first["pageInfo"]["endCursor"]);
    assert_eq!(second["pageInfo"]["hasNextPage"], true);
    let query = format!(
        "{{ people(first: 5, after: \"{cursor}\") {{ pageInfo {{ endCursor hasNextPage }} edges {{ node {{ id }} }} }} }}"
    );
    let graphql = stage.graphql(&query).await.body;
    assert_eq!(graphql["data"]["people"]["pageInfo"]["endCursor"], cursor);
}

#[tokio::test]
async fn an_id_can_come_twice() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::new(Effect::RepeatedId));
    let page = stage.get("/rest/people?limit=5").await.body;
    let ids = ids(&page["data"]["people"]);
    assert_eq!((ids.len(), &ids[0]), (6, &ids[5]));
}

#[tokio::test]
async fn a_filter_can_be_ignored_by_lists_and_never_by_writes() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::new(Effect::IgnoredFilter));
    let nobody = "filter=id[eq]:00000000-0000-4000-8000-000000000000";
    assert_eq!(stage.get(&format!("/rest/people?{nobody}")).await.body["totalCount"], 23);
    let update = json!({"city": "X"});
    let answer = stage.send("PATCH", &format!("/rest/people?{nobody}"), Some(update)).await;
    assert_eq!(answer.body["data"]["updatePeople"], json!([]));
}

#[tokio::test]
async fn an_answer_can_come_late() {
    let stage = stage_with(Effect::Slow(SOON)).await;
    let start = Instant::now();
    assert_eq!(create(&stage).await.unwrap().status(), 201);
    assert!(start.elapsed() >= SOON);
}

#[tokio::test]
async fn faults_can_mean_the_nth_request_of_a_kind_and_be_cleared() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::status(500).method("GET").path("/rest/companies").nth(2));
    assert_eq!(stage.get("/rest/companies").await.status, 200);
    assert_eq!(stage.get("/rest/people").await.status, 200);
    assert_eq!(stage.get("/rest/companies").await.status, 500);
    stage.fake.fault(Fault::status(502));
    assert_eq!(stage.get("/healthz").await.status, 502);
    stage.fake.clear_faults();
    assert_eq!(stage.get("/healthz").await.status, 200);
}
