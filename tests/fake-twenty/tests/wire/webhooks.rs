//! Deliveries over the wire: what a receiver hears of requests and of edits by hand.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use fake_twenty::Disorder;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Stage;

type Heard = Arc<Mutex<Vec<Value>>>;

/// Listens until the test ends, and keeps the bodies that arrive.
async fn receiver() -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request| keep(request, Arc::clone(&kept)));
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, heard)
}

async fn keep(
    request: Request<Incoming>,
    kept: Heard,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    if let Ok(body) = request.into_body().collect().await {
        kept.lock().unwrap().push(serde_json::from_slice(&body.to_bytes()).unwrap());
    }
    Ok(Response::new(Empty::new()))
}

async fn listening(operations: Value) -> (Stage, Heard) {
    let (stage, (url, heard)) = (Stage::new().await, receiver().await);
    let body = json!({"targetUrl": url, "operations": operations, "secret": "s3cr3t"});
    stage.send("POST", "/rest/metadata/webhooks", Some(body)).await;
    (stage, heard)
}

fn names(heard: &Heard) -> Vec<String> {
    let heard = heard.lock().unwrap();
    heard.iter().map(|body| body["eventName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_edits_by_hand_are_announced_alike() {
    let (stage, heard) = listening(json!(["company.*"])).await;
    stage.send("POST", "/rest/companies", Some(json!({"name": "By request"}))).await;
    stage.fake.webhooks_drained().await;
    let id = stage.fake.world(|world| world.create("companies", &json!({"name": "By hand"})));
    stage.fake.webhooks_drained().await;
    stage.send("DELETE", &format!("/rest/companies/{id}?soft_delete=true"), None).await;
    stage.fake.webhooks_drained().await;
    assert_eq!(names(&heard), ["company.created", "company.created", "company.deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn disorder_doubles_and_drops_deliveries() {
    let (stage, heard) = listening(json!(["*.created"])).await;
    stage.fake.set_disorder(Disorder { duplicate: true, ..Disorder::default() });
    stage.send("POST", "/rest/companies", Some(json!({}))).await;
    stage.fake.webhooks_drained().await;
    stage.fake.set_disorder(Disorder { drop: true, ..Disorder::default() });
    stage.send("POST", "/rest/companies", Some(json!({}))).await;
    stage.fake.webhooks_drained().await;
    assert_eq!(names(&heard).len(), 2);
}
