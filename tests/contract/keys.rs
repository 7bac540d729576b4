//! Keys, and how each refusal looks.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fake_twenty::BadKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    twenty::{Twenty, fresh_id, on_fake, on_twenty},
};

/// A well-formed token of our own making.
fn foreign_token() -> String {
    let encoded = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let head = encoded(json!({"alg": "HS256", "typ": "JWT"}));
    format!("{head}.{}.AAAA", encoded(json!({"sub": fresh_id()})))
}

async fn ask(twenty: &Twenty, key: Option<&str>, path: &str) -> Answer {
    let request = match path {
        "/graphql" | "/metadata" => {
            let root = if path == "/graphql" { "people" } else { "objects" };
            let query = format!("{{ {root} {{ pageInfo {{ hasNextPage }} }} }}");
            twenty.request(Method::POST, path).json(&json!({"query": query}))
        }
        _ => twenty.request(Method::GET, path),
    };
    twenty.send(if let Some(key) = key { request.bearer_auth(key) } else { request }).await
}

/// Requires the body of a refused key.
#[track_caller]
fn assert_refused(answer: Answer, status: u16, error: &str, message: &str) {
    let wanted = json!({"statusCode": status, "messages": [message], "error": error});
    assert_eq!(answer.with(status), wanted);
}

/// "Authentication and keys"
#[tokio::test]
async fn rest_tells_a_missing_a_malformed_and_a_foreign_key_apart_before_it_looks_at_the_route() {
    on_twenty(async |twenty| {
        let foreign = foreign_token();
        let table = [
            (None, 403, "FORBIDDEN_EXCEPTION", "Missing authentication token"),
            (Some("not-a-token"), 401, "UNAUTHENTICATED", "No payload"),
            (Some(&*foreign), 400, "INVALID_INPUT", "Unknown token error."),
        ];
        for (key, status, error, message) in table {
            for path in ["/rest/people", "/rest/nowhere"] {
                assert_refused(ask(twenty, key, path).await, status, error, message);
            }
        }
    })
    .await;
}

/// "Authentication and keys"
#[tokio::test]
async fn a_key_that_was_good_once_is_refused_in_a_way_of_its_own() {
    on_fake("cannot be asked to revoke a key", async |twenty, fake| {
        let table = [
            (BadKey::BadSignature, 401, "UNAUTHENTICATED", "Token invalid."),
            (BadKey::Expired, 401, "UNAUTHENTICATED", "Token has expired."),
            (BadKey::Revoked, 403, "FORBIDDEN_EXCEPTION", "This API Key is revoked"),
        ];
        for (bad, status, error, message) in table {
            let answer = ask(twenty, Some(&fake.bad_key(bad)), "/rest/people").await;
            assert_refused(answer, status, error, message);
        }
        let gone = ask(twenty, Some(&fake.bad_key(BadKey::OtherWorkspace)), "/rest/people").await;
        assert_eq!((gone.status, &gone.body["error"]), (401, &json!("WORKSPACE_NOT_FOUND")));
        assert_eq!(ask(twenty, Some(twenty.key()), "/rest/people").await.status, 200);
        fake.set_revoked(true);
        assert_eq!(ask(twenty, Some(twenty.key()), "/rest/people").await.status, 403);
    })
    .await;
}

/// "Authentication and keys"
#[tokio::test]
async fn graphql_refuses_a_key_with_status_200_and_a_code() {
    on_twenty(async |twenty| {
        for path in ["/graphql", "/metadata"] {
            let answer = ask(twenty, Some("not-a-token"), path).await;
            assert_eq!((answer.status, answer.code()), (200, &json!("UNAUTHENTICATED")), "{path}");
        }
    })
    .await;
}

/// "Authentication and keys"
#[tokio::test]
async fn without_a_key_graphql_looks_broken_and_is_not() {
    on_twenty(async |twenty| {
        ask(twenty, None, "/graphql").await.refused(200, "Cannot query field \"people\"");
        let answer = ask(twenty, None, "/metadata").await;
        answer.refused(200, "Forbidden resource");
        assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR");
    })
    .await;
}

/// "Authentication and keys"
#[tokio::test]
async fn a_key_says_whose_workspace_it_opens_and_when_it_ends() {
    on_twenty(async |twenty| {
        let payload = twenty.key().split('.').nth(1).unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(claims["type"], "API_KEY", "{claims}");
        assert!(claims["workspaceId"].is_string() && claims["sub"] == claims["workspaceId"]);
        assert!(claims["jti"].is_string() && claims["exp"].is_i64(), "{claims}");
    })
    .await;
}
