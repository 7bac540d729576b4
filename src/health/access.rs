//! Who may see the page and the state.
//!
//! It exists because names of objects, reasons and counts are the workspace's own affair, while probes and metrics must
//! answer whoever watches. Invariants: beyond loopback nothing is shown without a token; a token is compared in a time
//! that does not depend on where it differs; on loopback without a token, only a name for this machine is answered, so
//! that a web page elsewhere cannot have its own name point here and read along.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The rule for the page and the state.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// Whoever is on this machine.
    Local,
    /// Whoever has the token with this digest.
    Token([u8; 32]),
    /// Nobody.
    Nobody,
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Access::Local => "Local",
            Access::Token(_) => "Token",
            Access::Nobody => "Nobody",
        })
    }
}

impl Access {
    pub(super) fn to(address: SocketAddr, token: Option<&SecretString>) -> Access {
        match token {
            Some(token) => Access::Token(digest(token.expose_secret().as_bytes())),
            None if address.ip().is_loopback() => Access::Local,
            None => Access::Nobody,
        }
    }
}

/// The rule of an endpoint, which can change while it answers. Clones are one.
#[derive(Debug, Clone)]
pub struct Gate {
    address: SocketAddr,
    access: Arc<RwLock<Access>>,
}

impl Gate {
    pub(super) fn at(address: SocketAddr, token: Option<&SecretString>) -> Gate {
        Gate { address, access: Arc::new(RwLock::new(Access::to(address, token))) }
    }

    /// Lets through who has this token from now on.
    pub fn set_token(&self, token: Option<&SecretString>) {
        let access = Access::to(self.address, token);
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = access;
    }

    pub(super) fn access(&self) -> Access {
        self.access.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Lets through who may see.
pub(super) async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    match gate.access() {
        Access::Local if is_local(headers) => next.run(request).await,
        Access::Local => refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "ask for this by an address of this machine, such as 127.0.0.1",
        ),
        Access::Token(token) if presents(headers, token) => next.run(request).await,
        Access::Token(_) => {
            let ask =
                [(header::WWW_AUTHENTICATE, "Basic realm=\"twenty-sync\", charset=\"UTF-8\"")];
            let text =
                "the token of health.token_file is needed: as the password, or as a bearer\n";
            (StatusCode::UNAUTHORIZED, ask, text).into_response()
        }
        Access::Nobody => refuse(
            StatusCode::FORBIDDEN,
            "beyond this machine the state is shown to holders of a token only: set health.token_file",
        ),
    }
}

fn refuse(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}

/// An address, or the one name that always means this machine. Old clients name nobody.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether the token was sent: by a program as a bearer, or by a browser as a password, whatever the user.
fn presents(headers: &HeaderMap, token: [u8; 32]) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let Some((scheme, rest)) = value.split_once(' ') else { return false };
    let given = if scheme.eq_ignore_ascii_case("bearer") {
        Some(rest.trim().as_bytes().to_vec())
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(rest.trim()).unwrap_or_default();
        let colon = pair.iter().position(|&byte| byte == b':');
        colon.map(|colon| pair[colon + 1..].to_vec())
    } else {
        None
    };
    // Digests are compared: how far two of them agree tells nothing about the token.
    given.is_some_and(|given| digest(&given) == token)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{digest, is_local, presents};

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["127.0.0.1:9464", "localhost:9464", "LOCALHOST", "[::1]:9464", "127.0.0.1"] {
            assert!(is_local(&with(header::HOST, host)), "{host}");
        }
        for host in ["evil.example", "evil.example:9464", "localhost.evil.example", "1.evil:80", ""]
        {
            assert!(!is_local(&with(header::HOST, host)), "{host}");
        }
        assert!(is_local(&HeaderMap::new()));
    }

    #[test]
    fn the_token_is_taken_as_bearer_and_as_password_and_nothing_else_is() {
        let token = digest(b"correct-horse-battery");
        for value in [
            "Bearer correct-horse-battery",
            "bearer correct-horse-battery",
            "Basic b3BzOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==",
        ] {
            assert!(presents(&with(header::AUTHORIZATION, value), token), "{value}");
        }
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer correct-horse-batter",
            "correct-horse-battery",
            "Basic correct-horse-battery",
            "Basic Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5",
            "Digest correct-horse-battery",
        ] {
            assert!(!presents(&with(header::AUTHORIZATION, value), token), "{value}");
        }
        assert!(!presents(&HeaderMap::new(), token));
    }
}
