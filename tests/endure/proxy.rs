//! A line to Twenty or PostgreSQL that fails on demand: refused, cut behind a request that arrived, or held, from
//! the beginning or from a certain request on.
//!
//! It knows no protocol, as a network knows none. The port stays its own while connections are refused.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What the line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// Nobody listens, and what was connected is cut.
    Refuse,
    /// Requests arrive; when an answer comes, the connection is cut instead.
    CutAnswers,
    /// Nothing moves in either direction. It moves on, late, when the line is whole again.
    Stall,
    /// All is well until a request holds these bytes: from there on nothing moves on its connection.
    StallAt(&'static str),
}

impl Mode {
    fn stalls_at(self, bytes: &[u8]) -> bool {
        let Mode::StallAt(word) = self else { return false };
        bytes.windows(word.len()).any(|part| part == word.as_bytes())
    }
}

/// The line; it ends with this value.
pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(upstream: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, watched) = watch::channel(Mode::Pass);
        let task = tokio::spawn(serve(listener, address, upstream, watched));
        Proxy { address, mode, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut listener: TcpListener,
    address: SocketAddr,
    upstream: SocketAddr,
    mut mode: watch::Receiver<Mode>,
) {
    loop {
        let mut lines = JoinSet::new();
        while *mode.borrow_and_update() != Mode::Refuse {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((client, _)) = accepted else { continue };
                    lines.spawn(line(client, upstream, mode.clone()));
                }
                _ = mode.changed() => {}
            }
        }
        drop((lines, listener));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        if mode.wait_for(|mode| *mode != Mode::Refuse).await.is_err() {
            return;
        }
        listener = socket.listen(1024).unwrap();
    }
}

async fn line(client: TcpStream, upstream: SocketAddr, mode: watch::Receiver<Mode>) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        () = carry(from_client, to_server, mode.clone(), false) => {}
        () = carry(from_server, to_client, mode, true) => {}
    }
}

/// Carries bytes until either end closes, or the line is cut.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
    is_answer: bool,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        if mode.wait_for(|mode| *mode != Mode::Stall).await.is_err() {
            return;
        }
        if !is_answer && mode.borrow().stalls_at(&buffer[..length]) {
            let is_whole = mode.wait_for(|mode| !matches!(mode, Mode::StallAt(_))).await;
            if is_whole.is_err() {
                return;
            }
        }
        if is_answer && *mode.borrow() == Mode::CutAnswers {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
