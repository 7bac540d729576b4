//! The data model, by GraphQL and without.

use serde_json::json;
use twenty_sync::{record::FieldKind, source::SourceFault};

use super::stand_in::{Play, Received, StandIn};

fn pet(fields: &serde_json::Value) -> serde_json::Value {
    json!({"id": "500ed22c-e5dc-4d12-b422-6c71f43720b8", "nameSingular": "pet", "namePlural": "pets", "fields": fields})
}

fn owner() -> serde_json::Value {
    json!({"id": "500ed22c-e5dc-4d12-b422-6c71f43720b9", "name": "owner", "type": "RELATION",
        "settings": {"relationType": "MANY_TO_ONE", "joinColumnName": "masterId"}, "relation": {"type": "MANY_TO_ONE"}})
}

fn graphql(received: &Received) -> Play {
    if received.body.contains("__type") {
        return Play::ok(&json!({"data": {"__type": {"fields": [{"name": "settings"}]}}}));
    }
    let edges = json!({"pageInfo": {"hasNextPage": false, "endCursor": null}, "edges": [{"node": owner()}]});
    Play::ok(
        &json!({"data": {"objects": {"pageInfo": {"hasNextPage": false}, "edges": [{"node": pet(&edges)}]}}}),
    )
}

#[tokio::test]
async fn the_model_comes_by_graphql_with_only_the_keys_that_are_known() {
    let server = StandIn::acting(|_, received| graphql(received)).await;
    let client = server.client();
    let model = client.data_model().await.unwrap();
    assert_eq!(
        model.objects[0].fields[0].kind,
        FieldKind::ManyToOne { join_column: "masterId".to_owned() }
    );
    assert_eq!(server.lines(), ["POST /metadata", "POST /metadata", "POST /metadata"]);
    assert!(!server.received()[2].body.contains("morphRelations"));
    assert_eq!(client.usage().total(), 0, "metadata is free");
}

#[tokio::test]
async fn a_server_that_refuses_graphql_is_asked_by_rest_page_by_page() {
    let server = StandIn::acting(|_, received| match received.line.as_str() {
        "GET /rest/metadata/objects" => Play::ok(&
            json!({"data": [pet(&json!([owner()]))], "pageInfo": {"hasNextPage": true, "endCursor": "abc"}}),
        ),
        "GET /rest/metadata/objects?starting_after=abc" => {
            Play::ok(&json!({"data": [], "pageInfo": {"hasNextPage": false, "endCursor": null}}))
        }
        _ => Play::ok(&json!({"errors": [{"message": "Forbidden resource", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]})),
    })
    .await;
    assert_eq!(server.client().data_model().await.unwrap().objects.len(), 1);
}

#[tokio::test]
async fn trouble_does_not_lead_to_the_poorer_model() {
    let server = StandIn::playing(vec![Play::Answer(503, String::new())]).await;
    let mut settings = super::stand_in::settings(server.url().clone());
    settings.retry_deadline = std::time::Duration::from_millis(20);
    let client = twenty_sync::source::Client::new(&settings).unwrap();
    assert_eq!(client.data_model().await.unwrap_err().fault(), SourceFault::Retry);
    assert!(server.lines().iter().all(|line| line == "POST /metadata"));
}
