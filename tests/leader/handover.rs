//! One works, and another when that one ends.

use std::time::Instant;

use fake_twenty::World;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    replicas::{Replicas, until},
    stage::{finish, id_of},
};

/// As it is built in: longer than any of these tests may take to see a handover.
const LEASE: &str = "15s";

#[tokio::test(flavor = "multi_thread")]
async fn one_works_and_a_killed_one_is_replaced_before_its_lease_has_run_out() {
    let replicas = Replicas::of(World::sample(), LEASE).await;
    let before = replicas.epoch().await;
    let one = replicas.start("one").await;
    one.leads().await;
    let other = replicas.start("other").await;
    let told = other.stands_by().await;
    assert!(told.ends_with("works on the mirror\n"), "{told}");
    assert_eq!(other.daemon.get("/readyz").await.status().as_u16(), 200, "it could lead at once");
    assert_eq!(other.daemon.body("/livez").await, "ok\n");
    assert!(other.daemon.body("/metrics").await.contains("twenty_sync_leader 0.0"));
    let state: Value = serde_json::from_str(&other.daemon.body("/api/status").await).unwrap();
    assert!(told.contains(state["leader"]["holder"].as_str().unwrap()), "{told} {state}");
    assert!(other.relay.is_silent(), "who stands by asks Twenty nothing");
    let killed = Instant::now();
    one.signal(Signal::KILL);
    other.leads().await;
    assert!(killed.elapsed().as_secs() < 8, "{:?}", killed.elapsed());
    assert_eq!(replicas.epoch().await, before + 2);
    until("it reads", async || !other.relay.is_silent()).await;
    assert_eq!(other.daemon.until("/readyz", 200).await, "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_to_stop_gives_the_lease_up_at_once() {
    let replicas = Replicas::of(World::sample(), LEASE).await;
    let mut one = replicas.start("one").await;
    one.leads().await;
    let other = replicas.start("other").await;
    other.stands_by().await;
    one.signal(Signal::TERM);
    assert!(one.daemon.child.wait().await.unwrap().success());
    let ended = Instant::now();
    other.leads().await;
    assert!(ended.elapsed().as_secs() < 3, "{:?}", ended.elapsed());
    other.signal(Signal::TERM);
    let mut third = replicas.start("third").await;
    third.leads().await;
    let mut fourth = replicas.start("fourth").await;
    fourth.stands_by().await;
    fourth.signal(Signal::TERM);
    assert!(fourth.daemon.child.wait().await.unwrap().success(), "who stands by stops, too");
    third.signal(Signal::TERM);
    assert!(third.daemon.child.wait().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_run_beside_one_that_works_waits_a_moment_and_changes_nothing() {
    let replicas = Replicas::of(World::sample(), LEASE).await;
    let one = replicas.start_with("one", &[("TWENTY_SYNC__PULL__INTERVAL", "1h")]).await;
    one.leads().await;
    let ended = finish(replicas.stage.program().args(["--once"])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("error: another twenty-sync works on this mirror: "),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("hint: one works at a time"), "{ended:?}");
    assert_eq!(replicas.number("select count(*) from public.witness where who = ''").await, 0);
    let status = replicas.stage.run(&["status"]).await;
    assert!(status.stdout.contains("works on this mirror; it began"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_session_of_its_lease_makes_another_and_goes_on() {
    let replicas = Replicas::of(World::sample(), LEASE).await;
    let one = replicas.start("one").await;
    one.leads().await;
    let epoch = replicas.epoch().await;
    let session = replicas.number("select backend::bigint from sync.lease").await;
    replicas.number("select pg_terminate_backend(backend)::int::bigint from sync.lease").await;
    until("it has another", async || {
        replicas.number("select backend::bigint from sync.lease").await != session
    })
    .await;
    replicas.stage.fake.clear_calls();
    until("it goes on", async || !replicas.stage.fake.calls().is_empty()).await;
    assert_eq!(replicas.epoch().await, epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_tells_one_that_stands_by_is_read_by_the_one_that_works() {
    let replicas = Replicas::of(World::sample(), LEASE).await;
    let address =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("http://{address}/hook");
    let hook = [
        ("TWENTY_SYNC__WEBHOOK__LISTEN", address.as_str()),
        ("TWENTY_SYNC__WEBHOOK__URL", url.as_str()),
        ("TWENTY_SYNC__WEBHOOK__SECRET", "canary-of-the-webhook-secret"),
        ("TWENTY_SYNC__PULL__INTERVAL", "1h"),
    ];
    let registered =
        finish(replicas.stage.program().envs(hook).args(["webhook", "register"])).await;
    assert_eq!(registered.code, Some(0), "{registered:?}");
    let one = replicas.start_with("one", &hook[3..]).await;
    one.leads().await;
    until("the first pass is over", async || {
        replicas
            .number(
                "select count(*) from sync.run where mode = 'daemon' and finished_at is not null",
            )
            .await
            > 0
    })
    .await;
    let other = replicas.start_with("other", &hook).await;
    other.stands_by().await;
    let id = replicas.stage.fake.world(|world| {
        let id = id_of(world, "people", 0);
        world.update("people", id, &json!({"city": "Ulm"}));
        id
    });
    let there = format!("select count(*) from twenty.people where id = '{id}' and city = 'Ulm'");
    until("it is in the mirror", async || replicas.number(&there).await == 1).await;
    assert!(other.relay.is_silent());
}
