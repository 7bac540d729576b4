//! The server over real sockets: what unit tests of its parts cannot show.

#![cfg(test)]

mod auth;
mod faults;
mod journal;
mod lists;
mod metadata;
mod pages;
mod probes;
mod program;
mod restart;
mod throttle;
mod transport;
mod webhooks;

use fake_twenty::{FakeTwenty, Options, World};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

/// A server and somebody who talks to it.
struct Stage {
    fake: FakeTwenty,
    client: Client,
}

/// An answer that was read to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
}

impl Stage {
    /// The sample workspace, without a rate limit.
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn of(world: World) -> Self {
        Self::with(Options { world, ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        // Without a pool, so that an error is that of a new connection and not of an old one.
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { fake: FakeTwenty::start(options).await, client }
    }

    /// Sends a request and gives back whatever comes of it.
    async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Response> {
        let method: Method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.fake.url()));
        let request = request.bearer_auth(self.fake.api_key());
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let response = self.try_send(method, path, body).await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    async fn graphql(&self, query: &str) -> Answer {
        self.send("POST", "/graphql", Some(json!({"query": query}))).await
    }
}

/// The ids of a list, in its order.
fn ids(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item["id"].as_str()).map(str::to_owned).collect()
}
