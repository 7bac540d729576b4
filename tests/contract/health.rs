//! What answers without a key, and how objects are named.

use reqwest::Method;

use super::twenty::on_twenty;

/// "Addresses and health"
#[tokio::test]
async fn health_and_client_configuration_need_no_key() {
    on_twenty(async |twenty| {
        let health = twenty.send(twenty.request(Method::GET, "/healthz")).await.with(200);
        assert_eq!(health["status"], "ok");
        let answer = twenty.send(twenty.request(Method::GET, "/client-config")).await;
        assert!(answer.with(200).is_object());
    })
    .await;
}

/// "Addresses and health"
#[tokio::test]
async fn the_singular_and_an_unknown_name_are_refused() {
    on_twenty(async |twenty| {
        twenty.get("/rest/person").await.refused(400, "Did you mean 'people'?");
        twenty.get("/rest/contractNothings").await.refused(400, "not found");
    })
    .await;
}
