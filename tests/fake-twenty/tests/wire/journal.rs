//! The log of calls, and the hook before them.

use fake_twenty::Fault;
use serde_json::json;

use super::Stage;

#[tokio::test]
async fn every_request_is_logged_with_rows_status_and_cost() {
    let stage = Stage::new().await;
    stage.get("/rest/people?limit=7").await;
    stage.get("/rest/metadata/objects").await;
    stage.graphql("{ companies(first: 3) { edges { node { id } } } }").await;
    stage
        .graphql("mutation { a: createCompany(data: {}) { id } b: createCompany(data: {}) { id } }")
        .await;
    let calls = stage.fake.calls();
    let told: Vec<_> = calls.iter().map(|call| (call.status, call.rows, call.tokens)).collect();
    assert_eq!(told, [(Some(200), 7, 1), (Some(200), 0, 0), (Some(200), 3, 1), (Some(200), 2, 2)]);
    assert_eq!(calls[0].info.path, "/rest/people?limit=7");
    assert_eq!(calls[0].info.bare_path(), "/rest/people");
    assert!(calls[3].info.document().unwrap().starts_with("mutation"));
    stage.fake.clear_calls();
    assert!(stage.fake.calls().is_empty());
}

#[tokio::test]
async fn a_request_that_was_not_applied_is_logged_as_such() {
    let stage = Stage::new().await;
    stage.fake.fault(Fault::status(500).next(1));
    stage.get("/rest/people").await;
    stage.get("/rest/people").await;
    let applied: Vec<bool> = stage.fake.calls().iter().map(|call| call.applied).collect();
    assert_eq!(applied, [false, true]);
}

#[tokio::test]
async fn a_hook_edits_the_source_between_a_read_and_a_write() {
    let stage = Stage::new().await;
    let id = stage
        .fake
        .world(|world| world.create("companies", &json!({"name": "Old", "employees": 1})));
    stage.fake.on_request(Box::new(move |call, world| {
        if call.body.contains("updateCompanies") {
            world.update("companies", id, &json!({"employees": 2}));
        }
    }));
    let guarded = format!(
        "mutation {{ updateCompanies(filter: {{and: [{{id: {{eq: \"{id}\"}}}}, {{employees: {{eq: 1}}}}]}}, data: {{name: \"New\"}}) {{ id }} }}"
    );
    assert_eq!(stage.graphql(&guarded).await.body["data"]["updateCompanies"], json!([]));
    stage.fake.clear_on_request();
    let name = stage.fake.world(|world| world.row("companies", id).unwrap()["name"].clone());
    assert_eq!(name, "Old");
}
