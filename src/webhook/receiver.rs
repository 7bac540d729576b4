//! The socket that deliveries come to, and the desk that judges them.
//!
//! It exists so that all of HTTP is in one file and the judgement is a function of bytes and time. Invariants: a
//! connection serves one request and has a time limit, a body has a size limit, connections have a number limit;
//! an answer waits for nothing.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{
    SIGNATURE, TIMESTAMP,
    delivery::{self, Delivery},
    hints::{Hints, Wanted},
    refusal::Refusal,
    replay::Replays,
    signature::{Signed, verify},
    tally::Tally,
};

/// The largest body that is read. A record of Twenty's is smaller.
const LARGEST_BODY: usize = 1 << 20;

/// The longest that a connection lives. Twenty gives up after as long.
const LONGEST_CONNECTION: Duration = Duration::from_secs(5);

/// Connections at the same time.
const MOST_CONNECTIONS: usize = 256;

/// Signatures that are remembered.
const MOST_REPLAYS: usize = 65_536;

/// How long to wait when the system cannot give a connection.
const PAUSE: Duration = Duration::from_millis(200);

/// A socket that listens. Clones are one socket, which listens as long as one of them lives.
#[derive(Debug, Clone)]
pub struct Receiver {
    listener: Arc<TcpListener>,
}

/// Judges deliveries and passes their hints on.
#[derive(Debug)]
pub struct Desk {
    secrets: Vec<SecretString>,
    workspace_id: Uuid,
    hints: Hints,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    replays: Replays,
    tally: Tally,
}

impl Receiver {
    /// Listens. Nobody is answered yet.
    ///
    /// # Errors
    /// The address is taken, not ours, or not allowed.
    pub async fn bind(address: SocketAddr) -> io::Result<Receiver> {
        Ok(Receiver { listener: Arc::new(TcpListener::bind(address).await?) })
    }

    /// Answers until it is dropped.
    pub async fn serve(self, desk: Desk) -> Infallible {
        let desk = Arc::new(desk);
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= MOST_CONNECTIONS {
                connections.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, Arc::clone(&desk)));
                }
                Err(error) => {
                    tracing::debug!(%error, "could not accept a connection");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Serves one request. A sender that goes away is no news.
async fn answer(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(|request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(respond(&desk, request).await) }
    });
    let connection =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    drop(timeout(LONGEST_CONNECTION, connection).await);
}

async fn respond(desk: &Desk, request: Request<Incoming>) -> Response<Full<Bytes>> {
    match take(desk, request).await {
        Ok(tally) => {
            let status = if tally.is_some() { 200 } else { 202 };
            let text = tally.and_then(|tally| serde_json::to_string(&tally).ok());
            response(status, text.unwrap_or_default())
        }
        Err(refusal) => {
            desk.note(refusal);
            response(refusal.status(), format!("twenty-sync: {refusal}\n"))
        }
    }
}

async fn take(desk: &Desk, request: Request<Incoming>) -> Result<Option<Tally>, Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal::Method);
    }
    let (head, body) = request.into_parts();
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let signed = Signed { timestamp: header(TIMESTAMP), signature: header(SIGNATURE) };
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Refusal::TooLarge } else { Refusal::Incomplete }
    })?;
    desk.take(milliseconds(), signed, &body.to_bytes())
}

fn response(status: u16, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).expect("every status here is a status");
    response
}

/// The time now.
pub(super) fn milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Desk {
    /// A desk for the deliveries of one workspace, signed with one of `secrets`.
    pub fn new(secrets: &[SecretString], workspace_id: Uuid, hints: Hints) -> Desk {
        let memory = Memory { replays: Replays::new(MOST_REPLAYS), tally: Tally::default() };
        Desk { secrets: secrets.to_vec(), workspace_id, hints, memory: Mutex::new(memory) }
    }

    /// Takes a delivery; a probe is answered with how deliveries have fared.
    fn take(&self, now: i64, signed: Signed<'_>, body: &[u8]) -> Result<Option<Tally>, Refusal> {
        let signature = verify(&self.secrets, now, signed, body)?;
        let delivery = delivery::read(body, self.workspace_id)?;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if !memory.replays.is_first(now, signature) {
            return Err(Refusal::Replay);
        }
        match delivery {
            Delivery::Probe => return Ok(Some(memory.tally)),
            Delivery::Event { object, is_destroyed } => {
                memory.tally.events += 1;
                let wanted = if is_destroyed { Wanted::Everything } else { Wanted::Changes };
                self.hints.note(&object, wanted);
            }
        }
        Ok(None)
    }

    /// Counts a refusal. The log hears of the first, the second, the fourth and so on: whoever floods us does not
    /// flood it.
    fn note(&self, refusal: Refusal) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let count = memory.tally.refused(refusal);
        if count.is_power_of_two() {
            tracing::warn!(event = "webhook_refused", reason = %refusal, count, "refused a delivery to the webhook");
        }
    }
}

#[cfg(test)]
mod tests;
