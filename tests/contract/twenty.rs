//! A Twenty server, whichever it is: the fake, or the one that the environment names.
//!
//! It exists so that a test cannot tell the two apart, and cannot forget to clean up. A live server allows 100 calls
//! a minute, so calls to it are paced, and repeated when the limit refused them: such a call did nothing.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Mutex,
    time::Duration,
};

use fake_twenty::{FakeTwenty, Options};
use futures_util::FutureExt;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    answer::{Answer, text},
    probe::Probe,
};

/// Time in which a live server's bucket gets one token, and a little more, because it throws fractions away.
const PACE: Duration = Duration::from_millis(620);

/// A whole multiple of a token's time.
const REST: Duration = Duration::from_secs(12);

pub(super) struct Twenty {
    server: Server,
    client: Client,
    leftovers: Mutex<Vec<Leftover>>,
}

enum Server {
    Fake(Box<FakeTwenty>),
    Live { url: String, key: String },
}

/// What a test made and has to remove.
#[derive(Clone)]
enum Leftover {
    Object(String),
    Record { plural: String, id: String },
}

/// Runs a test on a server and removes what it made, whatever came of it.
pub(super) async fn on_twenty(test: impl AsyncFnOnce(&Twenty)) {
    Twenty::new().await.run(test).await;
}

/// Runs a test that needs a server whose state can be set at will: only the fake is one.
pub(super) async fn on_fake(reason: &str, test: impl AsyncFnOnce(&Twenty, &FakeTwenty)) {
    let twenty = Twenty::new().await;
    match &twenty.server {
        Server::Fake(fake) => test(&twenty, fake).await,
        Server::Live { .. } => println!("skipped: a live server {reason}"),
    }
}

impl Twenty {
    async fn new() -> Twenty {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let server = match (variable("TWENTY_URL"), variable("TWENTY_API_KEY")) {
            (Some(url), Some(key)) => {
                Server::Live { url: url.trim_end_matches('/').to_owned(), key }
            }
            _ => Server::Fake(Box::new(FakeTwenty::start(Options::default()).await)),
        };
        // The server closes idle connections after five seconds; a client that uses one then loses its call.
        let client = Client::builder()
            .timeout(Duration::from_mins(1))
            .pool_idle_timeout(Duration::from_secs(4))
            .build()
            .unwrap();
        Twenty { server, client, leftovers: Mutex::default() }
    }

    async fn run(&self, test: impl AsyncFnOnce(&Twenty)) {
        let outcome = AssertUnwindSafe(test(self)).catch_unwind().await;
        self.clean_up().await;
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }

    pub(super) fn url(&self) -> &str {
        match &self.server {
            Server::Fake(fake) => fake.url(),
            Server::Live { url, .. } => url,
        }
    }

    pub(super) fn key(&self) -> &str {
        match &self.server {
            Server::Fake(fake) => fake.api_key(),
            Server::Live { key, .. } => key,
        }
    }

    /// Whether this is a server that others use.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.server, Server::Live { .. })
    }

    /// A request without a key. The path may hold a query as the filter's grammar spells it.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url()))
    }

    /// Sends a request, as slowly as the server wants it, until it is let through.
    pub(super) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let live = self.is_live();
        for _ in 0..10 {
            if live && costs(request.url().path()) {
                tokio::time::sleep(PACE).await;
            }
            let request = request.try_clone().expect("bodies are kept in memory");
            let answer = Answer::read(self.client.execute(request).await.unwrap()).await;
            if !(live && answer.did_nothing()) {
                return answer;
            }
            tokio::time::sleep(REST).await;
        }
        panic!("the server is busy with other things");
    }

    async fn with_key(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path).bearer_auth(self.key());
        self.send(if let Some(body) = body { request.json(body) } else { request }).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.with_key(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_key(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.with_key(Method::PATCH, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.with_key(Method::DELETE, path, None).await
    }

    pub(super) async fn graphql(&self, query: &str, variables: &Value) -> Answer {
        self.post("/graphql", &json!({"query": query, "variables": variables})).await
    }

    pub(super) async fn metadata(&self, query: &str, variables: &Value) -> Answer {
        self.post("/metadata", &json!({"query": query, "variables": variables})).await
    }

    /// Creates a record of a standard object, to be removed at the end.
    pub(super) async fn create(&self, plural: &str, mut body: Value) -> Value {
        if body["id"].is_null() {
            body["id"] = json!(fresh_id());
        }
        self.owns(plural, body["id"].as_str().unwrap());
        self.post(&format!("/rest/{plural}"), &body).await.subject(201)
    }

    /// Remembers to remove a record, whether or not it will come to be.
    pub(super) fn owns(&self, plural: &str, id: &str) {
        let leftover = Leftover::Record { plural: plural.to_owned(), id: id.to_owned() };
        self.leftovers.lock().unwrap().push(leftover);
    }

    /// Remembers to remove an object.
    pub(super) fn owns_object(&self, id: &str) {
        self.leftovers.lock().unwrap().push(Leftover::Object(id.to_owned()));
    }

    /// Lets so much time pass on the server that two moments differ on the wire. Paced calls do so by themselves.
    pub(super) fn tick(&self) {
        if let Server::Fake(fake) = &self.server {
            fake.world(|world| {
                world.set_clock(world.clock().advanced(Duration::from_millis(5)));
            });
        }
    }

    /// The last first: children go before their parents.
    async fn clean_up(&self) {
        let leftovers = std::mem::take(&mut *self.leftovers.lock().unwrap());
        for leftover in leftovers.into_iter().rev() {
            match leftover {
                Leftover::Object(id) => self.drop_object(&id).await,
                Leftover::Record { plural, id } => {
                    self.delete(&format!("/rest/{plural}?filter=id[in]:[{id}]")).await.with(200);
                }
            }
        }
    }

    /// An object must rest before it can be removed.
    async fn drop_object(&self, id: &str) {
        let rest =
            "mutation($input: UpdateOneObjectInput!) { updateOneObject(input: $input) { id } }";
        let input = json!({"input": {"id": id, "update": {"isActive": false}}});
        self.metadata(rest, &input).await.subject(200);
        let drop =
            "mutation($input: DeleteOneObjectInput!) { deleteOneObject(input: $input) { id } }";
        self.metadata(drop, &json!({"input": {"id": id}})).await.subject(200);
    }
}

pub(super) fn fresh_id() -> String {
    Uuid::new_v4().to_string()
}

/// Whether a call to this path takes a token: metadata is free.
fn costs(path: &str) -> bool {
    !path.starts_with("/rest/metadata") && (path.starts_with("/rest/") || path == "/graphql")
}

#[tokio::test]
async fn what_a_test_made_is_removed_also_when_the_test_fails() {
    let twenty = Twenty::new().await;
    let made: Mutex<Vec<String>> = Mutex::default();
    let test = twenty.run(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let company = twenty.create("companies", json!({"name": "Contract test"})).await;
        let paths = [probe.list(""), format!("/rest/companies/{}", text(&company["id"]))];
        made.lock().unwrap().extend(paths);
        panic!("this test fails on purpose");
    });
    assert!(AssertUnwindSafe(test).catch_unwind().await.is_err());
    let made = made.into_inner().unwrap();
    twenty.get(&made[0]).await.refused(400, "not found");
    twenty.get(&made[1]).await.refused(404, "Record not found");
}
