//! The API key, as far as it can be read without the server.
//!
//! It exists because a key says which workspace it opens and when it ends: a mirror can refuse a stranger's key
//! before the first call. Invariants: the signature is not checked here (only the server can), so nothing is
//! trusted because of a claim; no part of the key is ever in a message.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// What an API key says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The workspace it opens.
    pub workspace_id: Uuid,
    /// The key's own id.
    pub key_id: Uuid,
    /// When it was made.
    pub issued_at: Option<OffsetDateTime>,
    /// When the server stops taking it.
    pub expires_at: Option<OffsetDateTime>,
}

/// Why a key cannot be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Nothing there.
    #[error("the API key is empty")]
    Missing,
    /// Not three parts in base64 with JSON inside.
    #[error("the API key is not a key of Twenty: it is no signed token")]
    NotAToken,
    /// A token without the claims of a key.
    #[error("the API key is not a key of Twenty: its token has no {0}")]
    NoClaim(&'static str),
    /// The token of a person's session, say.
    #[error("the API key is not a key of Twenty: its token is of another type than API_KEY")]
    OtherType,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    sub: Option<Uuid>,
    workspace_id: Option<Uuid>,
    jti: Option<Uuid>,
    #[serde(rename = "type")]
    kind: Option<String>,
    iat: Option<f64>,
    exp: Option<f64>,
}

impl Key {
    /// Reads the claims of `secret`.
    ///
    /// # Errors
    /// It cannot be an API key of Twenty.
    pub(super) fn read(secret: &SecretString) -> Result<Key, KeyFault> {
        let claims = claims(secret.expose_secret().trim())?;
        if claims.kind.is_some_and(|kind| kind != "API_KEY") {
            return Err(KeyFault::OtherType);
        }
        Ok(Key {
            workspace_id: claims
                .workspace_id
                .or(claims.sub)
                .ok_or(KeyFault::NoClaim("workspace"))?,
            key_id: claims.jti.ok_or(KeyFault::NoClaim("id"))?,
            issued_at: claims.iat.and_then(moment),
            expires_at: claims.exp.and_then(moment),
        })
    }
}

fn claims(token: &str) -> Result<Claims, KeyFault> {
    if token.is_empty() {
        return Err(KeyFault::Missing);
    }
    let mut parts = token.split('.');
    let (Some(_), Some(body), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(KeyFault::NotAToken);
    };
    let json = URL_SAFE_NO_PAD.decode(body).map_err(|_| KeyFault::NotAToken)?;
    serde_json::from_slice(&json).map_err(|_| KeyFault::NotAToken)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a time beyond the range is no time and becomes none"
)]
fn moment(seconds: f64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds as i64).ok()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use secrecy::SecretString;
    use time::macros::datetime;
    use uuid::uuid;

    use super::{Key, KeyFault};

    fn token(claims: &str) -> SecretString {
        format!("e30.{}.c2lnbmVk", URL_SAFE_NO_PAD.encode(claims)).into()
    }

    #[test]
    fn a_key_tells_its_workspace_and_its_end() {
        let key = Key::read(&token(
            r#"{"sub":"20202020-1c25-4d02-bf25-6aeccf7ea419","type":"API_KEY",
                "jti":"20202020-f401-4d8a-a731-64d007c27bad","iat":1767225600,"exp":1798761600}"#,
        ));
        let expected = Key {
            workspace_id: uuid!("20202020-1c25-4d02-bf25-6aeccf7ea419"),
            key_id: uuid!("20202020-f401-4d8a-a731-64d007c27bad"),
            issued_at: Some(datetime!(2026-01-01 00:00 UTC)),
            expires_at: Some(datetime!(2027-01-01 00:00 UTC)),
        };
        assert_eq!(key, Ok(expected));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_and_not_repeated() {
        let workspace = r#""workspaceId":"20202020-1c25-4d02-bf25-6aeccf7ea419""#;
        for (secret, fault) in [
            (SecretString::from(" \n"), KeyFault::Missing),
            ("canary".into(), KeyFault::NotAToken),
            ("canary.canary.canary".into(), KeyFault::NotAToken),
            ("a.b.c.d".into(), KeyFault::NotAToken),
            (token("[]"), KeyFault::NotAToken),
            (token("{}"), KeyFault::NoClaim("workspace")),
            (token(&format!("{{{workspace}}}")), KeyFault::NoClaim("id")),
            (token(&format!(r#"{{{workspace},"type":"ACCESS"}}"#)), KeyFault::OtherType),
        ] {
            assert_eq!(Key::read(&secret), Err(fault));
            assert!(!fault.to_string().contains("canary"));
        }
    }
}
