//! What a client asks first: health, configuration, the document of the API, features of other versions.

use fake_twenty::Disorder;
use serde_json::{Value, json};

use super::Stage;

#[tokio::test]
async fn health_says_little_and_its_details_say_more() {
    let stage = Stage::new().await;
    let summary = json!({"status": "ok", "info": {}, "error": {}, "details": {}});
    assert_eq!(stage.get("/healthz").await.body, summary);
    assert_eq!(stage.get("/healthz/worker").await.status, 200);
    stage.fake.set_disorder(Disorder { drop: true, ..Disorder::default() });
    let down = stage.get("/healthz/worker").await;
    assert_eq!(down.status, 503);
    assert_eq!(down.body["error"]["worker"]["message"], "No active workers found");
    let unknown = stage.get("/healthz/x").await;
    assert_eq!((unknown.status, &unknown.body["message"]), (400, &json!("Invalid indicatorId: x")));
}

#[tokio::test]
async fn the_configuration_has_no_version_unless_a_switch_says_so() {
    let stage = Stage::new().await;
    let config = stage.get("/client-config").await.body;
    assert_eq!(config.get("appVersion"), None);
    assert_eq!(config["api"]["mutationMaximumAffectedRecords"], 100);
    stage.fake.world(|world| world.switches.app_version = Some("v2.27.0".to_owned()));
    assert_eq!(stage.get("/client-config").await.body["appVersion"], "v2.27.0");
}

#[tokio::test]
async fn the_document_shows_the_routes_of_this_version() {
    let stage = Stage::new().await;
    let document = stage.get("/rest/open-api/core").await.body;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/restore/people/{id}") && paths.contains_key("/batch/machines"));
    assert!(!paths.contains_key("/people/{id}/restore"));
    let names: Vec<&Value> = paths["/people"]["post"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, [&json!("depth"), &json!("upsert")]);
    let anonymous =
        stage.client.get(format!("{}/open-api/core", stage.fake.url())).send().await.unwrap();
    assert_eq!(anonymous.json::<Value>().await.unwrap()["paths"], json!({}));
}

#[tokio::test]
async fn the_documented_route_to_restore_one_record_always_fails() {
    let stage = Stage::new().await;
    let id = stage.fake.world(|world| world.create("companies", &json!({})));
    assert_eq!(
        stage.send("PATCH", &format!("/rest/restore/companies/{id}"), None).await.status,
        400
    );
    let many = format!("/rest/restore/companies?filter=id[eq]:{id}");
    assert_eq!(stage.send("PATCH", &many, None).await.status, 200);
}

#[tokio::test]
async fn later_versions_refuse_a_root_field_that_is_asked_twice_and_more_than_twenty() {
    let stage = Stage::new().await;
    let twice = "{ a: people { totalCount } b: people { totalCount } }";
    assert!(stage.graphql(twice).await.body.get("errors").is_none());
    stage.fake.world(|world| world.switches.refuses_repeated_roots = true);
    let refused = stage.graphql(twice).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.body["errors"][0]["message"], "Duplicate root resolver: \"people\"");
    let many: Vec<String> = (0..21).map(|n| format!("f{n}: people {{ totalCount }}")).collect();
    let refused = stage.graphql(&format!("{{ {} }}", many.join(" "))).await.body;
    assert!(refused["errors"][0]["message"].as_str().unwrap().starts_with("Query too complex"));
}
