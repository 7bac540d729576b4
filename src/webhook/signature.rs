//! Whether a delivery is Twenty's: an HMAC-SHA256 of the time, a colon and the body as it came.
//!
//! It exists as a pure function of secrets, time and bytes. Invariants: bytes are compared in constant time; what
//! is told apart only for counting is answered alike.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::{TOLERANCE_MILLISECONDS, refusal::Refusal};

/// A signature's bytes.
pub(super) type Signature = [u8; 32];

/// What a request says of who sent it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signed<'a> {
    /// Milliseconds since 1970, in decimal.
    pub(super) timestamp: Option<&'a str>,
    /// Hex.
    pub(super) signature: Option<&'a str>,
}

/// The signature of a delivery that one of `secrets` has signed, not long before or after `now` (milliseconds).
pub(super) fn verify(
    secrets: &[SecretString],
    now: i64,
    signed: Signed<'_>,
    body: &[u8],
) -> Result<Signature, Refusal> {
    let (Some(timestamp), Some(hex)) = (signed.timestamp, signed.signature) else {
        return Err(Refusal::Unsigned);
    };
    let mut signature = Signature::default();
    hex::decode_to_slice(hex, &mut signature).map_err(|_| Refusal::Signature)?;
    // A signature that was made with an older secret is as good, while secrets are being changed.
    let fits =
        |secret: &SecretString| mac(secret, timestamp, body).verify_slice(&signature).is_ok();
    if !secrets.iter().any(fits) {
        return Err(Refusal::Signature);
    }
    let sent: i64 = timestamp.parse().map_err(|_| Refusal::Time)?;
    if now.abs_diff(sent) > TOLERANCE_MILLISECONDS.unsigned_abs() {
        return Err(Refusal::Time);
    }
    Ok(signature)
}

/// The signature of a body that is sent at `timestamp`, in hex.
pub(super) fn sign(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    hex::encode(mac(secret, timestamp, body).finalize().into_bytes())
}

fn mac(secret: &SecretString, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::{Signed, TOLERANCE_MILLISECONDS, sign, verify};
    use crate::webhook::Refusal;

    const NOW: i64 = 1_764_028_800_000;
    const BODY: &[u8] = br#"{"eventName":"person.updated","record":{"b":1,"a":2}}"#;

    fn secrets() -> [SecretString; 2] {
        ["a new secret of ours", "the secret of before"].map(SecretString::from)
    }

    fn check(timestamp: &str, signature: &str, body: &[u8]) -> Result<(), Refusal> {
        let signed = Signed { timestamp: Some(timestamp), signature: Some(signature) };
        verify(&secrets(), NOW, signed, body).map(drop)
    }

    #[test]
    fn the_construction_is_that_of_the_server() {
        // Made with another implementation: printf '1:{}' | openssl dgst -sha256 -hmac key
        let expected = "8b4edda64d18586fe42266462a8fa38b405c2b3c86305e723b7301849de274bb";
        assert_eq!(sign(&SecretString::from("key"), "1", b"{}"), expected);
    }

    #[test]
    fn either_secret_may_have_signed_and_no_other() {
        let now = NOW.to_string();
        for secret in secrets() {
            assert_eq!(check(&now, &sign(&secret, &now, BODY), BODY), Ok(()));
        }
        let wrong = sign(&SecretString::from("another"), &now, BODY);
        assert_eq!(check(&now, &wrong, BODY), Err(Refusal::Signature));
    }

    #[test]
    fn a_changed_body_or_time_does_not_fit_not_even_one_that_means_the_same() {
        let now = NOW.to_string();
        let signature = sign(&secrets()[0], &now, BODY);
        let rewritten = br#"{"eventName":"person.updated","record":{"a":2,"b":1}}"#;
        assert_eq!(check(&now, &signature, rewritten), Err(Refusal::Signature));
        assert_eq!(check(&format!("0{now}"), &signature, BODY), Err(Refusal::Signature));
        assert_eq!(check(&(NOW + 1).to_string(), &signature, BODY), Err(Refusal::Signature));
    }

    #[test]
    fn what_is_too_old_or_from_the_future_is_refused_at_the_millisecond() {
        for (shift, expected) in [
            (-TOLERANCE_MILLISECONDS, Ok(())),
            (-TOLERANCE_MILLISECONDS - 1, Err(Refusal::Time)),
            (TOLERANCE_MILLISECONDS, Ok(())),
            (TOLERANCE_MILLISECONDS + 1, Err(Refusal::Time)),
        ] {
            let time = (NOW + shift).to_string();
            assert_eq!(check(&time, &sign(&secrets()[0], &time, BODY), BODY), expected, "{shift}");
        }
        for time in ["", "soon", "99999999999999999999", "-9223372036854775808"] {
            assert_eq!(check(time, &sign(&secrets()[0], time, BODY), BODY), Err(Refusal::Time));
        }
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        for (timestamp, signature) in [(None, Some("00")), (Some("1"), None), (None, None)] {
            let signed = Signed { timestamp, signature };
            assert_eq!(verify(&secrets(), NOW, signed, BODY), Err(Refusal::Unsigned));
        }
        for signature in ["", "00", "zz", &"0".repeat(66), "é"] {
            assert_eq!(check("1", signature, BODY), Err(Refusal::Signature), "{signature}");
        }
    }
}
