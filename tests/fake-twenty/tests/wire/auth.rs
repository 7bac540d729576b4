//! Every way to be refused, in both APIs.

use fake_twenty::BadKey;
use serde_json::json;

use super::{Answer, Stage};

async fn ask(stage: &Stage, method: reqwest::Method, path: &str, token: Option<&str>) -> Answer {
    let mut request = stage.client.request(method, format!("{}{path}", stage.fake.url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if path == "/graphql" || path == "/metadata" {
        request = request.json(&json!({"query": "{ __typename }"}));
    }
    let response = request.send().await.unwrap();
    Answer { status: response.status().as_u16(), body: response.json().await.unwrap() }
}

#[tokio::test]
async fn rest_tells_every_bad_token_apart() {
    let stage = Stage::new().await;
    let table = [
        (None, 403, "FORBIDDEN_EXCEPTION", "Missing authentication token"),
        (Some(BadKey::NotAJwt), 401, "UNAUTHENTICATED", "No payload"),
        (Some(BadKey::SelfMade), 400, "INVALID_INPUT", "Unknown token error."),
        (Some(BadKey::BadSignature), 401, "UNAUTHENTICATED", "Token invalid."),
        (Some(BadKey::Expired), 401, "UNAUTHENTICATED", "Token has expired."),
        (Some(BadKey::Revoked), 403, "FORBIDDEN_EXCEPTION", "This API Key is revoked"),
        (Some(BadKey::OtherWorkspace), 401, "WORKSPACE_NOT_FOUND", "Workspace not found"),
    ];
    for (bad, status, error, message) in table {
        let token = bad.map(|bad| stage.fake.bad_key(bad));
        for path in ["/rest/people", "/rest/metadata/objects", "/rest/nonsense"] {
            let answer = ask(&stage, reqwest::Method::GET, path, token.as_deref()).await;
            let wanted = json!({"statusCode": status, "messages": [message], "error": error});
            assert_eq!((answer.status, answer.body), (status, wanted), "{bad:?} on {path}");
        }
    }
}

#[tokio::test]
async fn graphql_never_uses_the_status_for_a_bad_token() {
    let stage = Stage::new().await;
    for path in ["/graphql", "/metadata"] {
        for bad in [BadKey::NotAJwt, BadKey::BadSignature, BadKey::Expired] {
            let token = stage.fake.bad_key(bad);
            let answer = ask(&stage, reqwest::Method::POST, path, Some(&token)).await;
            let extensions = &answer.body["errors"][0]["extensions"];
            assert_eq!(answer.status, 200);
            assert_eq!(extensions["code"], "UNAUTHENTICATED");
            assert_eq!(extensions["subCode"], "UNAUTHENTICATED");
            assert!(extensions["userFriendlyMessage"].is_object());
        }
    }
}

#[tokio::test]
async fn a_key_can_be_revoked_and_given_again() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/rest/people").await.status, 200);
    stage.fake.set_revoked(true);
    assert_eq!(stage.get("/rest/people").await.status, 403);
    stage.fake.set_revoked(false);
    assert_eq!(stage.get("/rest/people").await.status, 200);
}

#[tokio::test]
async fn the_token_may_stand_in_the_address() {
    let stage = Stage::new().await;
    let path = format!("/rest/people?token={}", stage.fake.api_key());
    assert_eq!(ask(&stage, reqwest::Method::GET, &path, None).await.status, 200);
}

#[tokio::test]
async fn another_key_signs_records_with_its_own_name() {
    let stage = Stage::new().await;
    let key = stage.fake.new_key("Warehouse");
    let request = stage.client.post(format!("{}/rest/companies", stage.fake.url()));
    let response = request.bearer_auth(key).json(&json!({"name": "N"})).send().await.unwrap();
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["data"]["createCompany"]["createdBy"]["name"], "Warehouse");
}

#[tokio::test]
async fn claims_can_be_changed_and_signed() {
    let stage = Stage::new().await;
    let mut claims = stage.fake.claims();
    claims.expires_at = 4_000_000_000;
    let token = stage.fake.key_for(&claims);
    assert_eq!(ask(&stage, reqwest::Method::GET, "/rest/people", Some(&token)).await.status, 200);
}
