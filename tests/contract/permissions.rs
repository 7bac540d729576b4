//! What a role forbids. A live server's roles are not changed for a test.

use serde_json::{Value, json};

use super::{
    answer::text,
    twenty::{on_fake, on_twenty},
};

const REASON: &str = "keeps its roles as they are";

/// "Permissions"
#[tokio::test]
async fn a_forbidden_write_is_400_by_rest_and_a_code_by_graphql() {
    on_fake(REASON, async |twenty, fake| {
        let company = twenty.create("companies", json!({"name": "Contract test"})).await;
        fake.world(|world| world.forbid_writes("companies"));
        let path = format!("/rest/companies/{}", text(&company["id"]));
        let message = "does not have permission";
        twenty.patch(&path, &json!({"name": "x"})).await.refused(400, message);
        twenty.delete(&path).await.refused(400, message);
        let query = "mutation($id: UUID!) { updateCompany(id: $id, data: {name: \"x\"}) { id } }";
        let answer = twenty.graphql(query, &json!({"id": company["id"]})).await;
        answer.refused(200, message);
        assert_eq!(answer.code(), "FORBIDDEN");
        assert_eq!(twenty.get(&path).await.subject(200), company);
    })
    .await;
}

/// "Permissions"
#[tokio::test]
async fn a_field_that_may_not_be_read_is_absent_and_not_null() {
    on_fake(REASON, async |twenty, fake| {
        let company =
            twenty.create("companies", json!({"name": "Contract test", "employees": 3})).await;
        let path = format!("/rest/companies/{}", text(&company["id"]));
        fake.world(|world| world.hide_field("companies", "employees", true));
        let hidden: Value = twenty.get(&path).await.subject(200);
        assert_eq!((hidden.get("employees"), &hidden["name"]), (None, &company["name"]));
        fake.world(|world| world.hide_field("companies", "employees", false));
        assert_eq!(twenty.get(&path).await.subject(200)["employees"], 3);
    })
    .await;
}

/// "Standard objects", "Permissions"
#[tokio::test]
async fn nobody_makes_a_workspace_member_by_api() {
    on_twenty(async |twenty| {
        let body = json!({"name": {"firstName": "Contract", "lastName": "Test"}});
        let answer = twenty.post("/rest/workspaceMembers", &body).await;
        answer.refused(400, "does not have permission");
    })
    .await;
}
