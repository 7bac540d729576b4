//! A data model that changes while the server runs.

use serde_json::{Value, json};

use super::{answer::text, probe::Probe, twenty::on_twenty};

/// "Metadata"
#[tokio::test]
async fn a_new_object_serves_records_at_once() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create(json!({"name": "first"})).await;
        let query = format!("{{ {} {{ edges {{ node {{ id name }} }} }} }}", probe.plural);
        let list = twenty.graphql(&query, &json!({})).await.subject(200);
        assert_eq!(list["edges"][0]["node"], json!({"id": made["id"], "name": "first"}));
        let query = "query($id: UUID!) { object(id: $id) { namePlural isCustom isActive isSystem } }";
        let object = twenty.metadata(query, &json!({"id": probe.id})).await.subject(200);
        let wanted =
            json!({"namePlural": probe.plural, "isCustom": true, "isActive": true, "isSystem": false});
        assert_eq!(object, wanted);
    })
    .await;
}

/// "Metadata", "What moves updatedAt"
#[tokio::test]
async fn a_new_field_appears_in_old_records_and_does_not_move_updated_at() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create(json!({"name": "old"})).await;
        assert_eq!(made.get("fNumber"), None);
        probe.post(&json!({"fNumber": 1})).await.refused(400, "\"fNumber\" is missing");
        probe.add_field("NUMBER").await;
        probe.add_field("TEXT").await;
        let read = probe.read(&made["id"]).await;
        assert_eq!(
            (read.get("fNumber"), read.get("fText")),
            (Some(&Value::Null), Some(&json!("")))
        );
        assert_eq!(read["updatedAt"], made["updatedAt"]);
        assert_eq!(probe.create(json!({"fNumber": 1})).await["fNumber"], 1);
    })
    .await;
}

/// "Metadata", "Trash and cascades"
#[tokio::test]
async fn a_field_keeps_its_id_when_it_is_renamed_and_its_values_when_it_rests() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let field = probe.add_field("TEXT").await;
        let made = probe.create(json!({"fText": "kept"})).await;
        let mutation = "mutation($input: UpdateOneFieldMetadataInput!) {
            updateOneField(input: $input) { id name isActive } }";
        let change = async |update: Value| {
            let input = json!({"input": {"id": field, "update": update}});
            twenty.metadata(mutation, &input).await.subject(200)
        };
        let renamed = change(json!({"name": "fRenamed", "label": "fRenamed"})).await;
        assert_eq!((text(&renamed["id"]), &renamed["name"]), (field.clone(), &json!("fRenamed")));
        let read = probe.read(&made["id"]).await;
        assert_eq!((read.get("fText"), &read["fRenamed"]), (None, &json!("kept")));
        change(json!({"isActive": false})).await;
        assert_eq!(probe.read(&made["id"]).await.get("fRenamed"), None);
        change(json!({"isActive": true})).await;
        assert_eq!(probe.read(&made["id"]).await["fRenamed"], "kept");
    })
    .await;
}
