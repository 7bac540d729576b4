//! A receiver of webhooks: keeps what arrives.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::recording::Delivery;

/// Listens on a port of its own until the test ends.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    arrived: Arc<Mutex<Vec<Delivery>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let arrived = Arc::<Mutex<Vec<Delivery>>>::default();
        tokio::spawn(accept(listener, Arc::clone(&arrived)));
        Self { url, arrived }
    }

    /// What arrived since the last call.
    pub(crate) fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut *self.arrived.lock().unwrap())
    }
}

async fn accept(listener: TcpListener, arrived: Arc<Mutex<Vec<Delivery>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let arrived = Arc::clone(&arrived);
        let service = service_fn(move |request| keep(request, Arc::clone(&arrived)));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

async fn keep(
    request: Request<Incoming>,
    arrived: Arc<Mutex<Vec<Delivery>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    if let Ok(body) = request.into_body().collect().await {
        let raw_body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        arrived.lock().unwrap().push(Delivery { headers, raw_body, secret: String::new() });
    }
    Ok(Response::new(Empty::new()))
}
