//! The endpoint: answers probes, metrics and people over HTTP.
//!
//! It exists beside the loops, in a task of its own. Invariants: only GET and HEAD are answered, and they change
//! nothing; every answer carries the same headers of safety; every answer is made from what is known already, so that
//! asking often costs neither side anything.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::get,
};
use time::OffsetDateTime;
use tokio::net::TcpListener;

use super::{
    Health,
    access::{self, Access},
    metrics, page,
};
use crate::config;

/// The headers of every answer; a page may bring a policy of its own.
const SAFE: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address}, which health.listen asks for")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// The cause.
    #[source]
    cause: io::Error,
}

impl ListenError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let other = match self.cause.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there, perhaps another twenty-sync: "
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 are for root: ",
            _ => "",
        };
        format!(
            "{other}choose another address with TWENTY_SYNC__HEALTH__LISTEN, such as 127.0.0.1:{}, or say off",
            self.address.port().max(1023).wrapping_add(1).max(1024)
        )
    }
}

/// An endpoint that is bound and does not answer yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    access: Access,
}

impl Listener {
    /// Binds where `config` says; `None` where it says nowhere.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn bind(config: &config::Health) -> Result<Option<Listener>, ListenError> {
        let Some(address) = config.listen else { return Ok(None) };
        let failed = |cause| ListenError { address, cause };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let access = Access::to(address, config.token.as_ref());
        Ok(Some(Listener { socket, address, access }))
    }

    /// Answers until dropped.
    pub async fn serve(self, health: Health) {
        let Listener { socket, address, access } = self;
        tracing::info!(event = "endpoint_listens", %address, "answering operators at http://{address}/");
        if access == Access::Nobody {
            tracing::info!(
                event = "endpoint_guarded",
                "beyond this machine, without health.token_file, only probes and metrics are answered"
            );
        }
        if let Err(error) = axum::serve(socket, router(health, access)).await {
            tracing::warn!(event = "endpoint_lost", %error, "no longer answering operators");
        }
    }
}

fn router(health: Health, access: Access) -> Router {
    let guarded = Router::new()
        .route("/", get(page::show))
        .route("/api/status", get(status))
        .route_layer(from_fn_with_state(access, access::check));
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .merge(guarded)
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here\n") })
        .layer(map_response(secured))
        .with_state(health)
}

async fn secured(mut response: Response) -> Response {
    for (name, value) in SAFE {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn livez(State(health): State<Health>) -> Response {
    verdict(&health.hanging())
}

async fn readyz(State(health): State<Health>) -> Response {
    let mut obstacles = health.hanging();
    obstacles.append(&mut health.obstacles());
    match health.leader() {
        Some(leader) if obstacles.is_empty() => {
            format!("standby: {leader} works on the mirror\n").into_response()
        }
        _ => verdict(&obstacles),
    }
}

fn verdict(obstacles: &[String]) -> Response {
    if obstacles.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", obstacles.join("\n"))).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    let text = metrics::text(&health, OffsetDateTime::now_utc());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

/// The last reading, and how old it is.
async fn status(State(health): State<Health>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let Some(reading) = health.known().reading else {
        return (StatusCode::SERVICE_UNAVAILABLE, json, "null\n").into_response();
    };
    let age = (OffsetDateTime::now_utc() - reading.at).whole_seconds().max(0);
    let reading = Arc::unwrap_or_clone(reading);
    (json, [(header::AGE, age.to_string())], reading.json).into_response()
}
