//! The way of one process to Twenty, which shows what it sends.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

/// How requests that change something can be told: bulk writes are mutations, creates are sent by POST to REST.
const WRITES: [&[u8]; 2] = [b"\"mutation(", b"POST /rest/"];

/// As long as the longest of them, less one: what may be left of one in the part before.
const TAIL: usize = 11;

/// Passes on everything, and remembers when a request came that changes something.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    writes: Vec<OffsetDateTime>,
    bytes: usize,
}

impl Relay {
    pub(crate) async fn to(twenty: SocketAddr) -> Relay {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("an address");
        let seen = Arc::<Mutex<Seen>>::default();
        let serving = tokio::spawn(serve(socket, twenty, Arc::clone(&seen)));
        Relay { address, seen, serving }
    }

    /// When requests came that change something.
    pub(crate) fn writes(&self) -> Vec<OffsetDateTime> {
        self.seen.lock().expect("no test has failed").writes.clone()
    }

    /// Whether anything was asked.
    pub(crate) fn is_silent(&self) -> bool {
        self.seen.lock().expect("no test has failed").bytes == 0
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(socket: TcpListener, twenty: SocketAddr, seen: Arc<Mutex<Seen>>) {
    while let Ok((client, _)) = socket.accept().await {
        let Ok(server) = TcpStream::connect(twenty).await else { continue };
        let (from_client, mut to_client) = client.into_split();
        let (mut from_server, to_server) = server.into_split();
        tokio::spawn(watch(from_client, to_server, Arc::clone(&seen)));
        tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    }
}

async fn watch(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, seen: Arc<Mutex<Seen>>) {
    let (mut part, mut tail) = (vec![0; 1 << 16], Vec::new());
    while let Ok(length @ 1..) = client.read(&mut part).await {
        tail.extend_from_slice(&part[..length]);
        {
            let mut seen = seen.lock().expect("no test has failed");
            seen.bytes += length;
            let writes =
                WRITES.iter().map(|write| tail.windows(write.len()).filter(|w| w == write).count());
            for _ in 0..writes.sum() {
                seen.writes.push(OffsetDateTime::now_utc());
            }
        }
        tail.drain(..tail.len().saturating_sub(TAIL));
        if server.write_all(&part[..length]).await.is_err() {
            return;
        }
    }
}
