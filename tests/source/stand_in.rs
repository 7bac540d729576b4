//! A server that plays a part: what it received is kept, what it does next is up to the test.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use twenty_sync::{config, source::Client};
use url::Url;

/// What arrived.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// Method and path with query, as sent.
    pub(super) line: String,
    /// The head, in lower case.
    pub(super) head: String,
    pub(super) body: String,
}

/// What to do with it.
#[derive(Debug, Clone)]
pub(super) enum Play {
    Answer(u16, String),
    Redirect(String),
    /// Never answer.
    Silence,
    /// Close the connection.
    HangUp,
    /// Promise a body, send half of it, and close.
    Half(String),
    /// A body of this many mebibytes.
    Flood(usize),
    /// A small compressed body that becomes this many mebibytes.
    Bomb(usize),
}

impl Play {
    pub(super) fn ok(body: &impl ToString) -> Play {
        Play::Answer(200, body.to_string())
    }

    pub(super) fn rest_error(status: u16, message: &str) -> Play {
        let body =
            serde_json::json!({"statusCode": status, "error": "Error", "messages": [message]});
        Play::Answer(status, body.to_string())
    }
}

/// The server; it ends with the test.
pub(super) struct StandIn {
    url: Url,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl StandIn {
    /// A server that plays `script` call by call, and its last part for ever.
    pub(super) async fn playing(script: Vec<Play>) -> StandIn {
        StandIn::acting(move |number, _| script[number.min(script.len() - 1)].clone()).await
    }

    /// A server that plays what `act` says to the n-th call.
    pub(super) async fn acting(
        act: impl Fn(usize, &Received) -> Play + Send + Sync + 'static,
    ) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (kept, act) = (Arc::clone(&received), Arc::new(act));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, act) = (Arc::clone(&kept), Arc::clone(&act));
                tokio::spawn(async move {
                    let _ = serve(stream, &kept, &*act).await;
                });
            }
        });
        StandIn { url, received, task }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|received| received.line).collect()
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&settings(self.url.clone())).unwrap()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    received: &Mutex<Vec<Received>>,
    act: &(dyn Fn(usize, &Received) -> Play + Send + Sync),
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = read(&mut stream).await?;
    let number = {
        let mut received = received.lock().unwrap();
        received.push(request.clone());
        received.len() - 1
    };
    let stream = stream.get_mut();
    match act(number, &request) {
        Play::Answer(status, body) => answer(stream, status, "", body.as_bytes(), body.len()).await,
        Play::Redirect(to) => answer(stream, 302, &format!("location: {to}\r\n"), b"", 0).await,
        Play::Half(body) => {
            answer(stream, 200, "", &body.as_bytes()[..body.len() / 2], body.len()).await
        }
        Play::Flood(mebibytes) => {
            let body = vec![b' '; mebibytes << 20];
            answer(stream, 200, "", &body, body.len()).await
        }
        Play::Bomb(mebibytes) => {
            let body = bomb(mebibytes << 20);
            answer(stream, 200, "content-encoding: gzip\r\n", &body, body.len()).await
        }
        Play::HangUp => Ok(()),
        Play::Silence => std::future::pending().await,
    }
}

/// A gzip file of `length` equal bytes: one literal, then copies of 258 bytes in 13 bits each.
fn bomb(length: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut code =
        |code: u32, length: u32| bits.extend((0..length).rev().map(|bit| code >> bit & 1 == 1));
    code(0x30 + u32::from(b'a'), 8);
    for _ in 0..length / 258 {
        code(0b1100_0101, 8);
        code(0, 5);
    }
    let packed = bits
        .chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |value, &bit| value << 1 | u8::from(bit)));
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff].into_iter().chain(packed).collect()
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Received { line, head, body: String::from_utf8(body).unwrap() })
}

async fn answer(
    stream: &mut TcpStream,
    status: u16,
    more: &str,
    body: &[u8],
    length: usize,
) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ndate: Wed, 25 Nov 2026 07:08:33 GMT\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {length}\r\n{more}\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}

/// A part of the key that must never be seen anywhere.
pub(super) const CANARY: &str = "Q0FOQVJZLXNpZ25hdHVyZQ";

pub(super) fn key() -> String {
    let claims = r#"{"sub":"20202020-1c25-4d02-bf25-6aeccf7ea419","type":"API_KEY",
        "jti":"20202020-f401-4d8a-a731-64d007c27bad"}"#;
    format!("e30.{}.{CANARY}", URL_SAFE_NO_PAD.encode(claims))
}

/// Settings for tests: patient enough for one slow machine, not for a silent server.
pub(super) fn settings(url: Url) -> config::Source {
    config::Source {
        url,
        api_key: key().into(),
        allow_http: false,
        requests_per_minute: 0,
        reserve: 0,
        ca_file: None,
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(10),
        retry_deadline: Duration::from_secs(20),
    }
}

/// The answer to a listing.
pub(super) fn listing(object: &str, records: &serde_json::Value) -> String {
    let total = records.as_array().map_or(0, Vec::len);
    serde_json::json!({
        "data": {object: records},
        "pageInfo": {"hasNextPage": false, "endCursor": null},
        "totalCount": total,
    })
    .to_string()
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
