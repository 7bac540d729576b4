//! API keys: JWTs as the real server signs them, and every way to be refused.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::world::Actor;

/// Signs the tokens. It is no secret: the server is a fake and the key of a demo must survive restarts.
const SECRET: &[u8] = b"fake-twenty-signing-secret";

/// When the key of a fresh server was made: 2026-01-01.
const ISSUED: i64 = 1_767_225_600;

/// Seconds of a hundred years, the life of a key without an expiry.
const CENTURY: i64 = 3_155_760_000;

/// The id of the key of a fresh server.
pub(crate) const KEY_ID: Uuid = Uuid::from_u128(0x2020_2020_f401_4d8a_a731_64d0_07c2_7bad);

/// The claims of a token, and how it is signed.
#[derive(Debug, Clone)]
pub struct KeyClaims {
    /// Workspace that the token belongs to.
    pub workspace_id: Uuid,
    /// The key.
    pub key_id: Uuid,
    /// Seconds since 1970.
    pub issued_at: i64,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// `API_KEY`, or none for a self-made token.
    pub kind: Option<String>,
    /// Whether the signature is right.
    pub well_signed: bool,
}

impl KeyClaims {
    /// A valid key of the workspace.
    pub fn valid(workspace_id: Uuid) -> Self {
        Self {
            workspace_id,
            key_id: KEY_ID,
            issued_at: ISSUED,
            expires_at: ISSUED + CENTURY,
            kind: Some("API_KEY".to_owned()),
            well_signed: true,
        }
    }

    /// The token.
    pub fn sign(&self) -> String {
        let mut claims = json!({
            "sub": self.workspace_id, "workspaceId": self.workspace_id, "jti": self.key_id,
            "iat": self.issued_at, "exp": self.expires_at,
        });
        if let Some(kind) = &self.kind {
            claims["type"] = json!(kind);
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let body =
            format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT"})), encode(&claims));
        let signature =
            if self.well_signed { signature(&body) } else { signature("something else") };
        format!("{body}.{signature}")
    }
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("HMAC takes keys of any length");
    mac.update(body.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Tokens that the server refuses, each for its own reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadKey {
    /// No token of this kind: words.
    NotAJwt,
    /// Made by hand: the server does not know the kind of token.
    SelfMade,
    /// Signed with something else.
    BadSignature,
    /// Its time is over.
    Expired,
    /// Of a key that was revoked or deleted.
    Revoked,
    /// Of a workspace that is gone.
    OtherWorkspace,
}

impl BadKey {
    /// The token.
    pub fn token(self, workspace_id: Uuid) -> String {
        let mut claims = KeyClaims::valid(workspace_id);
        match self {
            Self::NotAJwt => return "not-a-token".to_owned(),
            Self::SelfMade => claims.kind = None,
            Self::BadSignature => claims.well_signed = false,
            Self::Expired => claims.expires_at = ISSUED,
            Self::Revoked => claims.key_id = Uuid::from_u128(0xdead_0000_4000_8000_0000),
            Self::OtherWorkspace => claims.workspace_id = Uuid::from_u128(0x0dd),
        }
        claims.sign()
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) actor: Actor,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthFailure {
    Missing,
    NotAJwt,
    Unknown,
    BadSignature,
    Expired,
    Revoked,
    OtherWorkspace,
}

impl AuthFailure {
    /// Status, `error` and message of REST.
    pub(crate) fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Missing => (403, "FORBIDDEN_EXCEPTION", "Missing authentication token"),
            Self::NotAJwt => (401, "UNAUTHENTICATED", "No payload"),
            Self::Unknown => (400, "INVALID_INPUT", "Unknown token error."),
            Self::BadSignature => (401, "UNAUTHENTICATED", "Token invalid."),
            Self::Expired => (401, "UNAUTHENTICATED", "Token has expired."),
            Self::Revoked => (403, "FORBIDDEN_EXCEPTION", "This API Key is revoked"),
            Self::OtherWorkspace => (401, "WORKSPACE_NOT_FOUND", "Workspace not found"),
        }
    }
}

/// What the server knows about its keys: those that it made, by id, and whether each still counts.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    workspace_id: Uuid,
    names: HashMap<Uuid, String>,
    revoked: HashSet<Uuid>,
}

impl Keys {
    /// The keys of a fresh server: one.
    pub(crate) fn new(workspace_id: Uuid) -> Self {
        let names = HashMap::from([(KEY_ID, Actor::default().name)]);
        Self { workspace_id, names, revoked: HashSet::new() }
    }

    /// Makes another key.
    pub(crate) fn add(&mut self, name: &str) -> KeyClaims {
        let key_id = Uuid::new_v4();
        self.names.insert(key_id, name.to_owned());
        KeyClaims { key_id, ..KeyClaims::valid(self.workspace_id) }
    }

    /// Takes a key back, or gives it again.
    pub(crate) fn set_revoked(&mut self, key: Uuid, revoked: bool) {
        if revoked {
            self.revoked.insert(key);
        } else {
            self.revoked.remove(&key);
        }
    }

    /// Checks a token at this second.
    pub(crate) fn check(&self, token: Option<&str>, now: i64) -> Result<Identity, AuthFailure> {
        let token = token.filter(|token| !token.is_empty()).ok_or(AuthFailure::Missing)?;
        let (body, given) = token.rsplit_once('.').ok_or(AuthFailure::NotAJwt)?;
        let claims = decode(body).ok_or(AuthFailure::NotAJwt)?;
        let workspace = claims["workspaceId"].as_str().and_then(|text| Uuid::try_parse(text).ok());
        let (Some(workspace), Some("API_KEY")) = (workspace, claims["type"].as_str()) else {
            return Err(AuthFailure::Unknown);
        };
        if given != signature(body) {
            return Err(AuthFailure::BadSignature);
        }
        if claims["exp"].as_i64().is_some_and(|exp| exp <= now) {
            return Err(AuthFailure::Expired);
        }
        if workspace != self.workspace_id {
            return Err(AuthFailure::OtherWorkspace);
        }
        let key = claims["jti"].as_str().and_then(|text| Uuid::try_parse(text).ok());
        let valid = key.filter(|key| !self.revoked.contains(key));
        let name = valid.and_then(|key| self.names.get(&key)).ok_or(AuthFailure::Revoked)?;
        Ok(Identity { actor: Actor { name: name.clone() } })
    }
}

fn decode(body: &str) -> Option<Value> {
    let (_, claims) = body.split_once('.')?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = ISSUED + 1000;

    fn refusal(change: impl FnOnce(&mut KeyClaims)) -> AuthFailure {
        let keys = Keys::new(Uuid::from_u128(7));
        let mut claims = KeyClaims::valid(keys.workspace_id);
        change(&mut claims);
        keys.check(Some(&claims.sign()), NOW).unwrap_err()
    }

    #[test]
    fn every_bad_token_is_told_apart() {
        assert_eq!(refusal(|claims| claims.expires_at = NOW), AuthFailure::Expired);
        assert_eq!(refusal(|claims| claims.well_signed = false), AuthFailure::BadSignature);
        assert_eq!(
            refusal(|claims| claims.workspace_id = Uuid::from_u128(8)),
            AuthFailure::OtherWorkspace
        );
        assert_eq!(refusal(|claims| claims.kind = None), AuthFailure::Unknown);
        assert_eq!(refusal(|claims| claims.key_id = Uuid::nil()), AuthFailure::Revoked);
    }

    #[test]
    fn a_missing_token_is_not_a_malformed_one() {
        let keys = Keys::new(Uuid::from_u128(7));
        assert_eq!(keys.check(None, NOW).unwrap_err(), AuthFailure::Missing);
        assert_eq!(keys.check(Some("not-a-jwt"), NOW).unwrap_err(), AuthFailure::NotAJwt);
    }

    #[test]
    fn a_valid_token_passes_until_the_key_is_revoked() {
        let mut keys = Keys::new(Uuid::from_u128(7));
        let token = KeyClaims::valid(keys.workspace_id).sign();
        assert!(keys.check(Some(&token), NOW).is_ok());
        keys.set_revoked(KEY_ID, true);
        assert_eq!(keys.check(Some(&token), NOW).unwrap_err(), AuthFailure::Revoked);
    }
}
