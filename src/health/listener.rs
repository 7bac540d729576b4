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
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::net::TcpListener;

use super::{
    Board, Reading,
    access::{self, Access, Gate},
    metrics, page,
};

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
    gate: Gate,
}

impl Listener {
    /// Binds there. Beyond loopback, the page and the state are for those who have `token`.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn bind(
        address: SocketAddr,
        token: Option<&SecretString>,
    ) -> Result<Listener, ListenError> {
        let failed = |cause| ListenError { address, cause };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Listener { socket, address, gate: Gate::at(address, token) })
    }

    /// Who is let through, now and later.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Answers until dropped.
    pub async fn serve(self, board: Board) {
        let Listener { socket, address, gate } = self;
        tracing::info!(event = "endpoint_listens", %address, "answering operators at http://{address}/");
        if gate.access() == Access::Nobody {
            tracing::info!(
                event = "endpoint_guarded",
                "beyond this machine, without health.token_file, only probes and metrics are answered"
            );
        }
        if let Err(error) = axum::serve(socket, router(board, gate)).await {
            tracing::warn!(event = "endpoint_lost", %error, "no longer answering operators");
        }
    }
}

fn router(board: Board, gate: Gate) -> Router {
    let guarded = Router::new()
        .route("/", get(page::show))
        .route("/api/status", get(status))
        .route_layer(from_fn_with_state(gate, access::check));
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .merge(guarded)
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here\n") })
        .layer(map_response(secured))
        .with_state(board)
}

async fn secured(mut response: Response) -> Response {
    for (name, value) in SAFE {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn livez(State(board): State<Board>) -> Response {
    verdict(&board.hanging())
}

async fn readyz(State(board): State<Board>) -> Response {
    let mut obstacles = board.hanging();
    obstacles.append(&mut board.obstacles());
    let standby = board.standby();
    if obstacles.is_empty() && !standby.is_empty() {
        return format!("{}\n", standby.join("\n")).into_response();
    }
    verdict(&obstacles)
}

fn verdict(obstacles: &[String]) -> Response {
    if obstacles.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", obstacles.join("\n"))).into_response()
}

async fn metrics(State(board): State<Board>) -> Response {
    let text = metrics::of_all(&board, OffsetDateTime::now_utc());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

/// The last reading, and how old it is; of workspaces with names, that of each.
async fn status(State(board): State<Board>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let all: Vec<_> =
        board.all().into_iter().map(|(name, health)| (name, health.known().reading)).collect();
    let Some(oldest) = all.iter().filter_map(|(_, reading)| Some(reading.as_ref()?.at)).min()
    else {
        return (StatusCode::SERVICE_UNAVAILABLE, json, "null\n").into_response();
    };
    let age = (OffsetDateTime::now_utc() - oldest).whole_seconds().max(0);
    (json, [(header::AGE, age.to_string())], told(&all)).into_response()
}

fn told(all: &[(Option<String>, Option<Arc<Reading>>)]) -> String {
    let json = |reading: &Option<Arc<Reading>>| {
        reading.as_ref().map_or("null".to_owned(), |reading| reading.json.clone())
    };
    if let [(None, reading)] = all {
        return json(reading);
    }
    let of = |(name, reading): &(Option<String>, Option<Arc<Reading>>)| {
        let name = serde_json::Value::from(name.as_deref().unwrap_or_default());
        format!("{name}:{}", json(reading))
    };
    format!("{{\"workspaces\":{{{}}}}}", all.iter().map(of).collect::<Vec<_>>().join(","))
}
