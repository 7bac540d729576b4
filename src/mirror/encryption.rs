//! Whether the way to PostgreSQL is encrypted, and whether the server must prove who it is.
//!
//! It exists because the protocol's own default (`prefer`) sends the password to whoever answers. Invariants: what the
//! database URL or `PGSSLMODE` says is done; where neither says anything, a server beyond this machine must prove its
//! name by a certificate before it is told anything.

use std::{env, net::IpAddr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::{Mirror, MirrorError, connect};

/// The names of `sslmode` in a URL.
const MODE: [&str; 2] = ["sslmode", "ssl-mode"];

impl Mirror {
    /// Whether somebody on the way to the database at `url` could pose as it, which a person has asked for.
    ///
    /// # Errors
    /// The URL is malformed.
    pub fn trusts_the_way(url: &str) -> Result<bool, MirrorError> {
        let options = connect::options(url)?;
        Ok(!is_here(&options) && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull))
    }
}

/// What a server must show where nobody said it.
pub(super) fn demanded(options: PgConnectOptions, url: &str) -> PgConnectOptions {
    let by_environment = env::var("PGSSLMODE").is_ok_and(|mode| mode.parse::<PgSslMode>().is_ok());
    if by_environment || says_mode(url) || is_here(&options) {
        return options;
    }
    options.ssl_mode(PgSslMode::VerifyFull)
}

fn says_mode(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.query_pairs().any(|(key, _)| MODE.contains(&key.as_ref())))
}

/// Whether nothing leaves this machine: a socket, or a loopback address.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Mirror, connect};

    /// What a URL comes to: the mode, and whether it is worth a warning.
    fn mode(url: &str) -> (String, bool) {
        let mode = connect::options(url).unwrap().get_ssl_mode();
        (format!("{mode:?}"), Mirror::trusts_the_way(url).unwrap())
    }

    #[test]
    fn a_server_beyond_this_machine_must_prove_its_name_unless_the_url_says_otherwise() {
        for url in [
            "postgres://u:p@db.example.org/crm",
            "postgres://u:p@10.0.0.7:5432/crm",
            "postgres://u:p@[2001:db8::1]/crm",
            "postgres://u:p@localhost.example.org/crm",
            "postgres://u:p@localhost/crm?host=db.example.org",
            "postgres://u:p@localhost/crm?hostaddr=10.0.0.7",
            "postgres://u:p@db/crm?sslrootcert=/etc/ssl/ours.pem",
            "postgres://u:p@db/sslmode?application_name=sslmode",
        ] {
            assert_eq!(mode(url), ("VerifyFull".to_owned(), false), "{url}");
        }
    }

    #[test]
    fn what_the_url_says_is_done_and_told_where_it_is_less() {
        for (said, expected, is_told) in [
            ("sslmode=disable", "Disable", true),
            ("sslmode=prefer", "Prefer", true),
            ("ssl-mode=require", "Require", true),
            ("sslmode=verify-ca", "VerifyCa", true),
            ("sslmode=verify-full", "VerifyFull", false),
        ] {
            let url = format!("postgres://u:p@db.example.org/crm?{said}");
            assert_eq!(mode(&url), (expected.to_owned(), is_told), "{said}");
        }
    }

    #[test]
    fn this_machine_is_reached_as_before() {
        for url in [
            "postgres://u:p@localhost/crm",
            "postgres://u:p@LOCALHOST:5433/crm",
            "postgres://u:p@127.0.0.1/crm",
            "postgres://u:p@127.8.9.1/crm",
            "postgres://u:p@[::1]/crm",
            "postgres://u:p@[::ffff:127.0.0.1]/crm",
            "postgres://u:p@%2Fvar%2Frun%2Fpostgresql/crm",
            "postgres://u:p@db.example.org/crm?host=/var/run/postgresql",
        ] {
            assert_eq!(mode(url), ("Prefer".to_owned(), false), "{url}");
        }
    }
}
