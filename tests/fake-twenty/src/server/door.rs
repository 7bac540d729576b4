//! The listening socket: open, or held shut so that connections are refused and the port stays ours.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};

use super::answer;
use super::state::Shared;

/// How long an idle connection lives, which the `Keep-Alive` header announces.
const IDLE: Duration = Duration::from_secs(5);

const BACKLOG: u32 = 1024;

/// Where connections come in.
#[derive(Debug)]
pub(super) enum Door {
    /// Connections are accepted and served by this task; aborting it cuts them all.
    Open(JoinHandle<()>),
    /// The port is bound and nobody listens: connections are refused.
    Shut(TcpSocket),
    /// Between the two, and after the end.
    Gone,
}

/// Binds an address without listening.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Door {
    /// Listens, and serves on the runtime of the fake.
    pub(super) fn open(
        socket: TcpSocket,
        shared: &Arc<Shared>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        let _context = runtime.enter();
        let listener = socket.listen(BACKLOG)?;
        Ok(Self::Open(runtime.spawn(accept(listener, Arc::clone(shared)))))
    }

    /// Cuts all connections and holds the port.
    pub(super) async fn shut(&mut self, address: SocketAddr, runtime: &Handle) -> io::Result<()> {
        if let Self::Open(task) = std::mem::replace(self, Self::Gone) {
            task.abort();
            // The listener goes with the task; its end is the only thing that can come out of it.
            drop(task.await);
        }
        let _context = runtime.enter();
        *self = Self::Shut(bind(address)?);
        Ok(())
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it only latency suffers.
    drop(stream.set_nodelay(true));
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { answer::answer(&shared, request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away, and a connection that is cut on purpose, end here; neither is news.
    drop(connection.await);
}
