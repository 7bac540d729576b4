//! Webhooks: what they say, and what they keep to themselves.
//!
//! A live server may not be able to reach this machine, so these run against the fake only.

use std::sync::{Arc, Mutex};

use fake_twenty::FakeTwenty;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::{
    answer::text,
    twenty::{Twenty, fresh_id, on_fake},
};

const REASON: &str = "may not be able to reach this machine";
const SECRET: &str = "s3cr3t";

/// A delivery as it came: the names of its headers in lower case, and the raw body.
#[derive(Debug, Clone)]
struct Delivery {
    headers: Vec<(String, String)>,
    body: String,
}

impl Delivery {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Heard = Arc<Mutex<Vec<Delivery>>>;

/// Registers a webhook that is heard until the test ends.
async fn hearing(twenty: &Twenty, operations: Value) -> Heard {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(receive(stream, Arc::clone(&kept)));
        }
    });
    let hook = json!({"targetUrl": url, "operations": operations, "secret": SECRET});
    twenty.post("/rest/metadata/webhooks", &hook).await.with(201);
    heard
}

/// Reads one request, keeps it, and says that all is well.
async fn receive(stream: TcpStream, heard: Heard) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut delivery = Delivery { headers: Vec::new(), body: String::new() };
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            delivery.headers.push((name.to_lowercase(), value.to_owned()));
        }
        line.clear();
    }
    let mut body = vec![0; delivery.header("content-length").parse().unwrap()];
    stream.read_exact(&mut body).await?;
    delivery.body = String::from_utf8(body).unwrap();
    heard.lock().unwrap().push(delivery);
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.get_mut().write_all(answer).await
}

/// The bytes that hex digits stand for.
fn unhex(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// What was heard since the last question, when all is delivered.
async fn taken(fake: &FakeTwenty, heard: &Heard) -> Vec<Value> {
    fake.webhooks_drained().await;
    std::mem::take(&mut *heard.lock().unwrap()).iter().map(Delivery::json).collect()
}

fn names(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["eventName"])).collect()
}

/// "Webhooks"
#[tokio::test]
async fn the_signature_is_an_hmac_of_timestamp_and_raw_body() {
    on_fake(REASON, async |twenty, fake| {
        let heard = hearing(twenty, json!(["company.created"])).await;
        let company = twenty.create("companies", json!({"name": "Contract \"test\""})).await;
        fake.webhooks_drained().await;
        let delivery = heard.lock().unwrap()[0].clone();
        let timestamp = delivery.header("x-twenty-webhook-timestamp");
        assert!(timestamp.len() >= 13 && timestamp.parse::<u64>().is_ok(), "{timestamp}");
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{timestamp}:{}", delivery.body).as_bytes());
        mac.verify_slice(&unhex(delivery.header("x-twenty-webhook-signature"))).unwrap();
        assert_eq!(delivery.header("x-twenty-webhook-nonce").len(), 32);
        let event = delivery.json();
        assert_eq!(
            (&event["eventName"], &event["record"]["id"]),
            (&json!("company.created"), &company["id"])
        );
        assert_eq!(event["objectMetadata"]["nameSingular"], "company");
    })
    .await;
}

/// "Webhooks"
#[tokio::test]
async fn a_restore_arrives_as_deleted_and_a_patch_that_restores_as_updated() {
    on_fake(REASON, async |twenty, fake| {
        let heard = hearing(twenty, json!(["company.*"])).await;
        let id = text(&twenty.create("companies", json!({"name": "Contract test"})).await["id"]);
        let (path, restore) = (
            format!("/rest/companies/{id}"),
            format!("/rest/restore/companies?filter=id[eq]:{id}"),
        );
        let soft = format!("{path}?soft_delete=true");
        assert_eq!(names(&taken(fake, &heard).await), ["company.created"]);
        twenty.delete(&soft).await.with(200);
        let deleted = taken(fake, &heard).await;
        assert_eq!(names(&deleted), ["company.deleted"]);
        assert_eq!(deleted[0]["record"]["deletedAt"], Value::Null, "the record as it was before");
        for _ in ["of a deleted record", "of a live one"] {
            twenty.patch(&restore, &json!({})).await.with(200);
            assert_eq!(names(&taken(fake, &heard).await), ["company.deleted"]);
        }
        twenty.delete(&soft).await.with(200);
        taken(fake, &heard).await;
        twenty.patch(&path, &json!({"deletedAt": null})).await.with(200);
        let updated = taken(fake, &heard).await;
        assert_eq!(names(&updated), ["company.updated"]);
        assert_eq!(updated[0]["updatedFields"], json!(["deletedAt"]));
    })
    .await;
}

/// "Webhooks", "Guarded updates"
#[tokio::test]
async fn a_guard_on_the_old_value_alone_is_silent_and_one_on_old_or_new_is_not() {
    on_fake(REASON, async |twenty, fake| {
        let heard = hearing(twenty, json!(["company.updated"])).await;
        let company = json!({"name": "Contract test", "employees": 1});
        let company = twenty.create("companies", company).await;
        let query = "mutation($f: CompanyFilterInput!, $d: CompanyUpdateInput!) {
            updateCompanies(filter: $f, data: $d) { id } }";
        let is = |value: i32| json!({"employees": {"eq": value}});
        // The last one changes nothing, and an update that changes nothing is silent, too.
        let table =
            [(json!([is(1)]), 2, 0), (json!([is(2), is(3)]), 3, 1), (json!([is(3), is(3)]), 3, 0)];
        for (either, value, events) in table {
            let filter = json!({"and": [{"id": {"eq": company["id"]}}, {"or": either}]});
            let variables = json!({"f": filter, "d": {"employees": value}});
            let hits = twenty.graphql(query, &variables).await.subject(200);
            assert_eq!(hits, json!([{"id": company["id"]}]));
            assert_eq!(taken(fake, &heard).await.len(), events, "{filter}");
        }
    })
    .await;
}

/// "Webhooks"
#[tokio::test]
async fn three_records_destroyed_at_once_send_one_event() {
    on_fake(REASON, async |twenty, fake| {
        let ids: Vec<String> = (0..3).map(|_| fresh_id()).collect();
        let heard = hearing(twenty, json!(["company.destroyed"])).await;
        for id in &ids {
            twenty.create("companies", json!({"id": id, "name": "Contract test"})).await;
        }
        let path = format!("/rest/companies?filter=id[in]:[{}]", ids.join(","));
        twenty.delete(&path).await.with(200);
        assert_eq!(names(&taken(fake, &heard).await), ["company.destroyed"]);
    })
    .await;
}
