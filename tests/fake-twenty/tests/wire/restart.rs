//! Outages: connections are refused, the port and the workspace stay.

use std::net::SocketAddr;

use fake_twenty::{FakeTwenty, Options};
use serde_json::json;
use tokio::net::TcpStream;

use super::Stage;

#[tokio::test]
async fn a_pause_cuts_and_refuses_connections_and_keeps_the_workspace() {
    let stage = Stage::new().await;
    stage.send("POST", "/rest/companies", Some(json!({"name": "Kept"}))).await;
    let mut open = TcpStream::connect(stage.fake.address()).await.unwrap();
    stage.fake.pause_listening().await;
    let error = stage.try_send("GET", "/rest/companies", None).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    let read = tokio::io::AsyncReadExt::read(&mut open, &mut [0; 8]).await;
    assert!(read.is_err() || read.is_ok_and(|count| count == 0), "the open connection was cut");
    stage.fake.resume_listening().await;
    assert_eq!(stage.get("/rest/companies").await.body["totalCount"], 10);
}

#[tokio::test]
async fn pausing_and_resuming_twice_does_no_harm() {
    let stage = Stage::new().await;
    stage.fake.resume_listening().await;
    assert_eq!(stage.get("/healthz").await.status, 200);
    stage.fake.pause_listening().await;
    stage.fake.pause_listening().await;
    stage.fake.resume_listening().await;
    assert_eq!(stage.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_stopped_server_leaves_its_port_to_the_next_one() {
    let stage = Stage::new().await;
    let address: SocketAddr = stage.fake.address();
    assert_eq!(stage.get("/healthz").await.status, 200);
    let world = stage.fake.world(|world| world.clone());
    stage.fake.pause_listening().await;
    stage.fake.stop();
    let next = FakeTwenty::start(Options { world, listen: address, ..Options::default() }).await;
    assert_eq!(next.address(), address);
}

#[tokio::test]
async fn a_world_can_be_replaced_as_by_a_backup() {
    let stage = Stage::new().await;
    let backup = stage.fake.world(|world| world.clone());
    stage.send("POST", "/rest/companies", Some(json!({"name": "Lost"}))).await;
    let lost = stage.fake.replace_world(backup);
    assert_eq!(lost.rows("companies").len(), 11);
    assert_eq!(stage.get("/rest/companies").await.body["totalCount"], 9);
}
