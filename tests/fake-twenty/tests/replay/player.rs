//! Plays exchanges against a running fake and says what differs.

use std::path::Path;

use fake_twenty::world::Object;
use fake_twenty::{Clock, FakeTwenty, Options, RateLimit, World};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

use super::compare::Comparison;
use super::ledger::{Ledger, is_id, is_time, texts};
use super::receiver::Receiver;
use super::recording::{Delivery, Exchange};
use super::stage::Stage;

/// The microseconds that the wire cuts off.
const MICROS: i64 = 357;

/// Where the recorded webhooks were sent.
const RECORDED_RECEIVER: &str = "http://127.0.0.1:9010";

/// A fake, and what is known of the story so far.
pub(crate) struct Player {
    fake: FakeTwenty,
    client: reqwest::Client,
    receiver: Receiver,
    ledger: Ledger,
    stage: Stage,
    /// The recorded time of the last exchange.
    now: String,
}

/// What the webhooks of one exchange showed.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// Faults of each recorded delivery.
    pub(crate) compared: Vec<Vec<String>>,
    /// Deliveries that are too few or too many.
    pub(crate) missing: Vec<String>,
}

impl Player {
    pub(crate) async fn start(shared: &Path, rate_limit: Option<RateLimit>) -> Self {
        let stage = Stage::load(shared);
        let world = stage.opening();
        let fake = FakeTwenty::start(Options { world, rate_limit, ..Options::default() }).await;
        let client = reqwest::Client::builder().no_proxy().build().expect("a plain client");
        let receiver = Receiver::start().await;
        let now = super::stage::BEGINNING.to_owned();
        Self { fake, client, receiver, ledger: Ledger::default(), stage, now }
    }

    /// Empties the token bucket.
    pub(crate) async fn spend_the_budget(&self) {
        let url = format!("{}/rest/tasks?limit=0", self.fake.url());
        for _ in 0..RateLimit::default().limit {
            let request = self.client.get(&url).bearer_auth(self.fake.api_key());
            request.send().await.expect("the fake answers");
        }
    }

    /// Sends one exchange and compares the answer.
    pub(crate) async fn play(
        &mut self,
        file: &str,
        line: usize,
        exchange: &Exchange,
    ) -> Vec<String> {
        self.fake.world(|world| self.stage.before(file, line, world));
        self.set_clock(exchange);
        let (status, text) = self.send(exchange).await;
        let answered: Value = match serde_json::from_str(&text) {
            Ok(answered) => answered,
            Err(error) => return vec![format!("status {status}, no JSON ({error}): {text:.200}")],
        };
        let mut faults = Vec::new();
        if status != exchange.status {
            faults.push(format!("status: recorded {}, answered {status}", exchange.status));
        }
        faults.extend(self.compare(exchange, &answered));
        self.settle();
        faults
    }

    /// Puts the clock to the earliest time that only this answer shows, or a moment after the last one.
    fn set_clock(&mut self, exchange: &Exchange) {
        let request = format!("{} {}", exchange.path, exchange.body.as_deref().unwrap_or_default());
        let shown = texts(&exchange.answer, is_time);
        let horizon = super::stage::END;
        let new = shown.into_iter().filter(|time| {
            **time > *self.now && **time < *horizon && !request.contains(time.as_str())
        });
        let next = new.min().unwrap_or_else(|| super::stage::a_moment_after(&self.now));
        let micros = super::stage::micros(&next) + MICROS;
        self.now = next;
        self.fake.world(|world| world.set_clock(Clock::Frozen(micros)));
    }

    async fn send(&self, exchange: &Exchange) -> (u16, String) {
        let rewrite =
            |text: &str| self.ledger.rewritten(text).replace(RECORDED_RECEIVER, &self.receiver.url);
        let url = format!("{}{}", self.fake.url(), rewrite(&exchange.path));
        let method = exchange.method.parse().expect("a recorded method is one");
        let mut request = self.client.request(method, url);
        for (name, value) in &exchange.headers {
            let value = value.replace("<valid api key>", self.fake.api_key());
            request = request.header(name, value);
        }
        if let Some(body) = &exchange.body {
            request = request.body(rewrite(body));
        }
        let response = request.send().await.expect("the fake answers");
        let status = response.status().as_u16();
        (status, response.text().await.expect("the answer is text"))
    }

    fn compare(&mut self, exchange: &Exchange, answered: &Value) -> Vec<String> {
        let answered = answered.to_string().replace(&self.receiver.url, RECORDED_RECEIVER);
        let answered: Value = serde_json::from_str(&answered).expect("it was JSON before");
        let request = format!("{} {}", exchange.path, exchange.body.as_deref().unwrap_or_default());
        let is_write = exchange.method != "GET" && !request.contains("\"query\":\"{");
        let fake = &self.fake;
        let is_seeded = |id: &str| fake.world(|world| holder(world, id).is_some());
        let mut comparison = Comparison {
            ledger: &mut self.ledger,
            request: &request,
            unordered: is_write,
            is_seeded: &is_seeded,
            faults: Vec::new(),
        };
        comparison.values(&exchange.answer, &answered, "");
        comparison.faults
    }

    /// Rows and webhooks that were made take their recorded ids, so that later pages and filters are the same.
    fn settle(&mut self) {
        for (recorded, answered) in std::mem::take(&mut self.ledger.fresh) {
            if self.fake.world(|world| rename(world, &answered, &recorded)) {
                self.ledger.settle(&recorded);
            }
        }
    }

    /// Compares what arrived at the webhook with what the recording shows.
    pub(crate) async fn compare_deliveries(&mut self, recorded: &[Delivery]) -> Delivered {
        self.fake.webhooks_drained().await;
        let mut arrived = self.receiver.take();
        arrived.sort_by_key(record_id);
        let mut order: Vec<usize> = (0..recorded.len()).collect();
        order.sort_by_key(|at| record_id(&recorded[*at]));
        let mut delivered =
            Delivered { compared: vec![Vec::new(); recorded.len()], ..Delivered::default() };
        if arrived.len() != recorded.len() {
            let (wanted, found) = (recorded.len(), arrived.len());
            delivered.missing.push(format!("recorded {wanted} deliveries, arrived {found}"));
        }
        for (at, arrived) in order.into_iter().zip(&arrived) {
            delivered.compared[at] = self.compare_delivery(&recorded[at], arrived);
        }
        delivered
    }

    fn compare_delivery(&mut self, recorded: &Delivery, arrived: &Delivery) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, value) in &recorded.headers {
            let found = header(arrived, name);
            let alike = found.is_some_and(|found| found.len() == value.len());
            if !alike {
                faults.push(format!("header {name}: recorded {value}, arrived {found:?}"));
            }
        }
        for (side, delivery) in [("recorded", recorded), ("arrived", arrived)] {
            if header(delivery, "x-twenty-webhook-signature")
                != Some(&sign(delivery, &recorded.secret))
            {
                faults.push(format!("the signature that was {side} is not that of its body"));
            }
        }
        let body = |delivery: &Delivery| {
            let text = delivery.raw_body.replace(&self.receiver.url, RECORDED_RECEIVER);
            let mut body: Value = serde_json::from_str(&text).expect("a delivery is JSON");
            let date = body["eventDate"].take();
            (body, date.as_str().is_some_and(is_time))
        };
        let ((recorded, _), (arrived, dated)) = (body(recorded), body(arrived));
        if !dated {
            faults.push("eventDate is no time".to_owned());
        }
        let mut comparison = Comparison {
            ledger: &mut self.ledger,
            request: "",
            unordered: false,
            is_seeded: &|_| true,
            faults,
        };
        comparison.values(&recorded, &arrived, "");
        comparison.faults
    }
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a String> {
    let named = delivery.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value)
}

/// The signature that a delivery should carry.
fn sign(delivery: &Delivery, secret: &str) -> String {
    let secret = if delivery.secret.is_empty() { secret } else { &delivery.secret };
    let timestamp = header(delivery, "x-twenty-webhook-timestamp").cloned().unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(format!("{timestamp}:{}", delivery.raw_body).as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn record_id(delivery: &Delivery) -> String {
    let body: Value = serde_json::from_str(&delivery.raw_body).expect("a delivery is JSON");
    body["record"]["id"].to_string()
}

/// The object that has a row of this id.
fn holder(world: &World, id: &str) -> Option<std::sync::Arc<Object>> {
    let id = Uuid::try_parse(id).ok().filter(|_| is_id(id))?;
    world.objects().iter().find(|object| world.table(object).get(id).is_some()).cloned()
}

/// Gives a row or a webhook another id; false when there is none of this id.
fn rename(world: &mut World, from: &str, to: &str) -> bool {
    let (Ok(old), Ok(new)) = (Uuid::try_parse(from), Uuid::try_parse(to)) else { return false };
    if let Some(hook) = world.webhooks.iter_mut().find(|hook| hook.id == old) {
        hook.id = new;
        return true;
    }
    let Some(object) = holder(world, from) else { return false };
    let plural = object.name_plural.clone();
    let mut row = world.row(&plural, old).expect("the holder has the row");
    row["id"] = Value::from(to);
    world.remove_record(&plural, old);
    world.put_record(&plural, &row).expect("a row that was printed can be stored");
    true
}
