//! What moves `updatedAt`, and what does not.

use serde_json::json;

use super::{answer::text, probe::Probe, twenty::on_twenty};

const LONG_AGO: &str = "2001-02-03T04:05:06.789Z";

/// "What moves updatedAt"
#[tokio::test]
async fn a_patch_moves_it_even_with_equal_values_or_none() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create(json!({"name": "same"})).await;
        let mut last = text(&made["updatedAt"]);
        for patch in [json!({"name": "same"}), json!({}), json!({"position": 7})] {
            twenty.tick();
            let now = text(&probe.patch(&made["id"], patch.clone()).await["updatedAt"]);
            assert!(now > last, "{patch}: {now} after {last}");
            assert_eq!(probe.read(&made["id"]).await["updatedAt"], json!(now));
            last = now;
        }
    })
    .await;
}

/// "What moves updatedAt"
#[tokio::test]
async fn the_systems_own_fields_are_written_as_the_client_gives_them() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let given = json!({
            "name": "old", "createdAt": LONG_AGO, "updatedAt": LONG_AGO, "position": 5.5,
            "createdBy": {"source": "IMPORT", "name": "Importer"},
        });
        let made = probe.create(given.clone()).await;
        for key in ["createdAt", "updatedAt", "position"] {
            assert_eq!(made[key], given[key], "{key}");
        }
        assert_eq!(made["createdBy"]["source"], "IMPORT");
        let ours = probe.create(json!({})).await;
        assert_eq!(ours["createdBy"]["source"], "API");
        assert!(ours["createdBy"]["name"].is_string());
        let hidden = probe.patch(&ours["id"], json!({"name": "n", "updatedAt": LONG_AGO})).await;
        assert_eq!(hidden["updatedAt"], LONG_AGO);
        assert_eq!(probe.read(&ours["id"]).await["updatedAt"], LONG_AGO);
    })
    .await;
}

/// "What moves updatedAt"
#[tokio::test]
async fn deleting_and_restoring_move_it_also_when_there_is_nothing_to_restore() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create(json!({})).await;
        let soft = format!("{}?soft_delete=true", probe.one(&made["id"]));
        twenty.tick();
        twenty.delete(&soft).await.with(200);
        let deleted = probe.any(&made["id"]).await;
        assert_eq!(deleted["updatedAt"], deleted["deletedAt"]);
        let mut last = text(&deleted["updatedAt"]);
        assert!(last > text(&made["updatedAt"]));
        for _ in 0..2 {
            let query = format!(
                "mutation {{ {}(id: {}) {{ updatedAt deletedAt }} }}",
                probe.root_of_one("restore"),
                made["id"]
            );
            twenty.tick();
            let restored = twenty.graphql(&query, &json!({})).await.subject(200);
            let now = text(&restored["updatedAt"]);
            assert!(restored["deletedAt"].is_null() && now > last, "{restored} after {last}");
            last = now;
        }
    })
    .await;
}

/// "What moves updatedAt"
#[tokio::test]
async fn a_child_that_comes_or_goes_does_not_move_its_parent() {
    on_twenty(async |twenty| {
        let parent = twenty.create("companies", json!({"name": "Contract test"})).await;
        let name = json!({"firstName": "Contract", "lastName": "Test"});
        let child = twenty.create("people", json!({"name": name, "companyId": parent["id"]})).await;
        let path = format!("/rest/people/{}", text(&child["id"]));
        twenty.tick();
        let left = twenty.patch(&path, &json!({"companyId": null})).await.subject(200);
        assert!(text(&left["updatedAt"]) > text(&child["updatedAt"]));
        let path = format!("/rest/companies/{}", text(&parent["id"]));
        assert_eq!(twenty.get(&path).await.subject(200)["updatedAt"], parent["updatedAt"]);
    })
    .await;
}
