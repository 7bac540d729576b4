//! Ids that the client chooses.

use serde_json::json;

use super::{
    probe::Probe,
    server::{Refusal, Table, on_each_server},
    twenty::{fresh_id, on_twenty},
};

/// "Ids"
#[tokio::test]
async fn a_chosen_id_is_kept_in_lower_case_and_a_repeated_create_is_harmless() {
    on_each_server(&[], async |server| {
        let id = fresh_id();
        let first = json!({"id": id.to_uppercase(), "name": "first"});
        assert_eq!(server.made(Table::Parent, first).await["id"], json!(id));
        let again = json!({"id": id, "name": "second"});
        let refused = server.create(Table::Parent, &[again]).await;
        assert_eq!(refused, Err(Refusal::DuplicateEntry));
        assert_eq!(server.read(Table::Parent, &json!(id)).await["name"], "first");
    })
    .await;
}

/// "Ids"
#[tokio::test]
async fn version_7_the_nil_id_and_garbage_are_no_ids() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let nil = "00000000-0000-0000-0000-000000000000";
        for id in ["01890a5d-ac96-774b-bcce-b302099a8057", nil, "x"] {
            let answer = probe.post(&json!({"id": id})).await;
            answer.refused(400, "is not a valid UUID");
        }
        for version in 1..=5 {
            let id = format!("5f98278d-2bc4-{version}c39-bc85-294bb560de26");
            assert_eq!(probe.create(json!({"id": id})).await["id"], json!(id));
        }
        assert_eq!(probe.listed("").await["totalCount"], 5);
    })
    .await;
}

/// "Ids"
#[tokio::test]
async fn an_id_of_the_wrong_form_in_the_path_is_400_and_one_of_nobody_404() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        for (id, status, message) in
            [("zzz", 400, "'zzz' is not a valid UUID"), (&fresh_id(), 404, "Record not found")]
        {
            let path = probe.one(&json!(id));
            twenty.get(&path).await.refused(status, message);
            twenty.patch(&path, &json!({"name": "x"})).await.refused(status, message);
            let soft = format!("{path}?soft_delete=true");
            twenty.delete(&soft).await.refused(status, message);
        }
    })
    .await;
}
