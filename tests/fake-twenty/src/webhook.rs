//! Deliveries of webhooks, with everything that the real server does not promise.
//!
//! A delivery happens after the answer, in the background, at most once, with five seconds to be accepted; a
//! failure is forgotten. Deliveries of one batch travel side by side, so their order means nothing. A test can ask
//! for duplicates and for the reverse order, which the real queue produces only now and then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::runtime::Handle;
use tokio::sync::watch;
use uuid::Uuid;

use crate::value::stamp;
use crate::world::{Event, Webhook};

/// How long the queue waits before it sends, so that the answer is always there first.
const DELAY: Duration = Duration::from_millis(20);

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Deliveries that travel at the same time.
const SIDE_BY_SIDE: usize = 20;

/// What the queue does to deliveries on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disorder {
    /// Every delivery is sent twice.
    pub duplicate: bool,
    /// The deliveries of one request are sent one by one, the last one first.
    pub reverse: bool,
    /// Nothing is sent, as when no worker runs.
    pub drop: bool,
}

/// Sends events to the webhooks that want them. Clones share one queue.
#[derive(Debug, Clone)]
pub(crate) struct Dispatcher {
    handle: Handle,
    client: reqwest::Client,
    pending: Arc<watch::Sender<usize>>,
    disorder: Arc<Mutex<Disorder>>,
}

/// One HTTP request to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Delivery {
    target_url: String,
    secret: String,
    body: String,
}

impl Dispatcher {
    pub(crate) fn new(handle: Handle) -> Self {
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
        Self {
            handle,
            client: client.expect("a client with a timeout can be built"),
            pending: Arc::new(watch::Sender::new(0)),
            disorder: Arc::default(),
        }
    }

    /// Starts the deliveries and returns at once.
    pub(crate) fn dispatch(&self, workspace_id: Uuid, hooks: &[Webhook], events: &[Event]) {
        let disorder = *self.disorder.lock().unwrap_or_else(PoisonError::into_inner);
        let deliveries = planned(workspace_id, hooks, events, disorder);
        if deliveries.is_empty() {
            return;
        }
        self.pending.send_modify(|pending| *pending += deliveries.len());
        let queue = self.clone();
        self.handle.spawn(async move {
            tokio::time::sleep(DELAY).await;
            let width = if disorder.reverse { 1 } else { SIDE_BY_SIDE };
            for chunk in deliveries.chunks(width) {
                join_all(chunk.iter().map(|delivery| queue.send(delivery))).await;
            }
        });
    }

    /// Sends one delivery. Whatever comes of it, nobody hears of it again.
    async fn send(&self, delivery: &Delivery) {
        let mut request =
            self.client.post(&delivery.target_url).header("Content-Type", "application/json");
        if !delivery.secret.is_empty() {
            let timestamp = milliseconds().to_string();
            request = request
                .header(
                    "X-Twenty-Webhook-Signature",
                    signature(&delivery.secret, &timestamp, &delivery.body),
                )
                .header("X-Twenty-Webhook-Nonce", Uuid::new_v4().simple().to_string())
                .header("X-Twenty-Webhook-Timestamp", timestamp);
        }
        drop(request.body(delivery.body.clone()).send().await);
        self.pending.send_modify(|pending| *pending -= 1);
    }

    /// Waits until nothing is left to deliver.
    pub(crate) async fn drained(&self) {
        let mut pending = self.pending.subscribe();
        pending.wait_for(|pending| *pending == 0).await.expect("the queue outlives this call");
    }

    /// Changes what the queue does to later deliveries.
    pub(crate) fn set_disorder(&self, disorder: Disorder) {
        *self.disorder.lock().unwrap_or_else(PoisonError::into_inner) = disorder;
    }
}

/// Hex HMAC-SHA256 of the timestamp, a colon and the raw body.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}:{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn milliseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

fn planned(
    workspace_id: Uuid,
    hooks: &[Webhook],
    events: &[Event],
    disorder: Disorder,
) -> Vec<Delivery> {
    if disorder.drop {
        return Vec::new();
    }
    let mut all = Vec::new();
    for event in events {
        for hook in hooks.iter().filter(|hook| wants(hook, event)) {
            let delivery = delivery(workspace_id, hook, event);
            if disorder.duplicate {
                all.push(delivery.clone());
            }
            all.push(delivery);
        }
    }
    if disorder.reverse {
        all.reverse();
    }
    all
}

/// Patterns are compared literally with the four forms of an event's name. The timeline is never announced.
fn wants(hook: &Webhook, event: &Event) -> bool {
    let (object, action) = (event.name_singular.as_str(), event.action.name());
    let forms = [
        format!("{object}.{action}"),
        format!("{object}.*"),
        format!("*.{action}"),
        "*.*".to_owned(),
    ];
    object != "timelineActivity" && hook.operations.iter().any(|wanted| forms.contains(wanted))
}

/// The record is the after-image, or the before-image where there is none.
fn delivery(workspace_id: Uuid, hook: &Webhook, event: &Event) -> Delivery {
    let record = event.after.as_ref().or(event.before.as_ref()).cloned().map(Value::Object);
    let mut body = json!({
        "targetUrl": hook.target_url,
        "eventName": format!("{}.{}", event.name_singular, event.action.name()),
        "objectMetadata": {"id": event.object, "nameSingular": event.name_singular},
        "workspaceId": workspace_id,
        "webhookId": hook.id,
        "eventDate": stamp::to_wire(event.at),
        "record": record,
    });
    if let Some(fields) = &event.updated_fields {
        body["updatedFields"] = json!(fields);
    }
    Delivery {
        target_url: hook.target_url.clone(),
        secret: hook.secret.clone(),
        body: body.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Action, World};

    const HERE: &str = "http://127.0.0.1:1/hook";

    fn world() -> World {
        let mut world = World::empty();
        world.add_object("company", "companies");
        world.webhooks.push(Webhook {
            id: Uuid::nil(),
            target_url: HERE.to_owned(),
            operations: vec!["company.*".to_owned()],
            description: None,
            secret: "s3cr3t".to_owned(),
            created_at: 0,
            updated_at: 0,
        });
        world
    }

    fn names(world: &mut World, disorder: Disorder) -> Vec<String> {
        let events = std::mem::take(&mut world.events);
        let planned = planned(world.workspace_id, &world.webhooks, &events, disorder);
        let parse = |one: &Delivery| serde_json::from_str::<Value>(&one.body).unwrap();
        planned.iter().map(|one| parse(one)["eventName"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_signature_covers_the_timestamp_a_colon_and_the_raw_body() {
        let signed = signature("s3cr3t", "1795453731778", "{}");
        assert_eq!(signed.len(), 64);
        assert_ne!(signed, signature("s3cr3t", "1795453731779", "{}"));
        assert_ne!(signed, signature("s3cr3t", "1795453731778", "{} "));
        assert_ne!(signed, signature("other", "1795453731778", "{}"));
    }

    #[test]
    fn a_restore_arrives_as_deleted_and_a_cleared_deleted_at_as_updated() {
        let mut world = world();
        let id = world.create("companies", &json!({"name": "Ada"}));
        world.soft_delete("companies", id);
        world.restore("companies", id);
        world.soft_delete("companies", id);
        world.update("companies", id, &json!({"deletedAt": null}));
        world.destroy("companies", id);
        let wanted = ["created", "deleted", "deleted", "deleted", "updated", "destroyed"];
        let wanted: Vec<String> = wanted.iter().map(|name| format!("company.{name}")).collect();
        assert_eq!(names(&mut world, Disorder::default()), wanted);
    }

    #[test]
    fn an_update_that_changes_nothing_else_than_updated_at_is_silent() {
        let mut world = world();
        let id = world.create("companies", &json!({"name": "Ada"}));
        world.events.clear();
        world.update("companies", id, &json!({"name": "Ada"}));
        assert!(names(&mut world, Disorder::default()).is_empty());
    }

    #[test]
    fn patterns_are_compared_literally() {
        let mut world = world();
        let id = world.create("companies", &json!({}));
        world.soft_delete("companies", id);
        for (pattern, count) in
            [("company.deleted", 1), ("*.deleted", 1), ("*.*", 2), ("*", 0), ("companies.*", 0)]
        {
            world.webhooks[0].operations = vec![pattern.to_owned()];
            let planned =
                planned(world.workspace_id, &world.webhooks, &world.events, Disorder::default());
            assert_eq!(planned.len(), count, "{pattern}");
        }
    }

    #[test]
    fn disorder_doubles_reverses_and_drops() {
        let run = |disorder| {
            let mut world = world();
            let id = world.create("companies", &json!({}));
            world.soft_delete("companies", id);
            names(&mut world, disorder)
        };
        let (made, gone) = ("company.created", "company.deleted");
        let with = |duplicate, reverse, drop| run(Disorder { duplicate, reverse, drop });
        assert_eq!(with(true, false, false), [made, made, gone, gone]);
        assert_eq!(with(false, true, false), [gone, made]);
        assert!(with(false, false, true).is_empty());
    }

    #[test]
    fn the_record_of_a_delete_is_the_image_before_it() {
        let mut world = world();
        let id = world.create("companies", &json!({"name": "Ada"}));
        world.soft_delete("companies", id);
        let event = world.events.last().unwrap();
        assert_eq!(event.action, Action::Deleted);
        let body: Value =
            serde_json::from_str(&delivery(world.workspace_id, &world.webhooks[0], event).body)
                .unwrap();
        assert_eq!(body["record"]["deletedAt"], Value::Null);
        assert!(body.get("updatedFields").is_none());
    }

    #[tokio::test]
    async fn a_receiver_that_cannot_be_reached_is_forgotten() {
        let mut world = world();
        world.create("companies", &json!({}));
        let dispatcher = Dispatcher::new(Handle::current());
        let events = std::mem::take(&mut world.events);
        dispatcher.dispatch(world.workspace_id, &world.webhooks, &events);
        dispatcher.drained().await;
        assert_eq!(*dispatcher.pending.borrow(), 0);
    }
}
