//! Whatever strangers send costs no call.

use std::time::{SystemTime, UNIX_EPOCH};

use fake_twenty::World;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

use super::hooked::{Hooked, SECRET, until};

/// A delivery as it could be sent.
#[derive(Clone)]
struct Delivery {
    sent: i64,
    body: String,
    signature: String,
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn delivery(secret: &str, sent: i64, body: String) -> Delivery {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{sent}:{body}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Delivery { sent, body, signature }
}

fn event(workspace_id: Uuid, name: &str) -> String {
    json!({"eventName": name, "workspaceId": workspace_id, "record": {"name": "canary-value"}})
        .to_string()
}

async fn send(url: &str, delivery: &Delivery) -> u16 {
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(url);
    let request = request
        .header("X-Twenty-Webhook-Timestamp", delivery.sent.to_string())
        .header("X-Twenty-Webhook-Signature", &delivery.signature);
    request.body(delivery.body.clone()).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_old_replayed_or_too_large_is_refused_and_causes_no_call() {
    let hooked = Hooked::of(World::sample()).await;
    let (url, here) = (&hooked.url, hooked.scene.stage.fake.world(|world| world.workspace_id));
    let daemon = hooked.daemon("1h").await;
    let good = delivery(SECRET, now(), event(here, "person.updated"));
    assert_eq!(send(url, &good).await, 202);
    until("the event is looked at", async || hooked.reads_of("people") > 0).await;
    hooked.scene.stage.fake.clear_calls();

    let people = event(here, "person.destroyed");
    let minutes = 60 * 1000;
    let good = |sent| delivery(SECRET, sent, people.clone());
    for (what, refused, status) in [
        ("the wrong secret", delivery("another-secret-of-somebody", now(), people.clone()), 401),
        (
            "a changed body",
            Delivery { body: people.replace("canary", "other"), ..good(now()) },
            401,
        ),
        ("a changed time", Delivery { sent: now() + 7, ..good(now()) }, 401),
        ("no hex", Delivery { signature: "zz".to_owned(), ..good(now()) }, 401),
        ("an old time", good(now() - 6 * minutes), 401),
        ("a time to come", good(now() + 6 * minutes), 401),
        ("a replay", taken_once(&hooked, here, url).await, 409),
        ("too large a body", delivery(SECRET, now(), " ".repeat((1 << 20) + 1)), 413),
        (
            "another workspace",
            delivery(SECRET, now(), event(Uuid::new_v4(), "person.updated")),
            403,
        ),
        ("no event", delivery(SECRET, now(), "{}".to_owned()), 400),
    ] {
        assert_eq!(send(url, &refused).await, status, "{what}");
    }
    assert_eq!(reqwest::get(url).await.unwrap().status(), 405);
    let bare = reqwest::Client::new().post(url).body(people.clone()).send().await.unwrap();
    assert_eq!(bare.status(), 401, "without a signature");

    // The receiver still works, and nothing but what it took has caused a call.
    assert_eq!(send(url, &delivery(SECRET, now(), event(here, "company.updated"))).await, 202);
    until("the event is looked at", async || hooked.reads_of("companies") > 0).await;
    assert_eq!(hooked.objects_read(), ["companies", "notes"]);

    let log = daemon.stop().await;
    assert!(log.contains("listening for webhooks") && log.contains("refused a delivery"), "{log}");
    for secret in [SECRET, "canary-value", hooked.scene.stage.fake.api_key()] {
        assert!(!log.contains(secret), "the log has {secret}");
    }
}

/// A delivery that was taken once.
async fn taken_once(hooked: &Hooked, here: Uuid, url: &str) -> Delivery {
    let taken = delivery(SECRET, now(), event(here, "note.updated"));
    assert_eq!(send(url, &taken).await, 202);
    until("the event is looked at", async || hooked.reads_of("notes") > 0).await;
    taken
}
