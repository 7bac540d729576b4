//! The settings of the webhook, and what they come to.
//!
//! It exists because they depend on each other: who listens must know a secret. Invariant: a secret that could be
//! guessed is refused.

use std::{net::SocketAddr, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{ConfigError, NO_WEBHOOK_SECRET, Webhook, secret};

/// The fewest characters of a secret.
const SHORTEST_SECRET: usize = 16;

/// Whether Twenty tells `run` at once when something happened to a record, rather than at the next tick. A webhook
/// carries nothing into the mirror. See [webhooks.md](webhooks.md).
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The address and port at which `run` hears webhooks, such as `127.0.0.1:8083`, behind a proxy that speaks https.
    /// Nobody listens where it is empty.
    listen: String,
    /// Where Twenty calls, such as `https://sync.example.org/hook`; `twenty-sync webhook register` tells it.
    url: Option<Url>,
    /// What Twenty signs with, of 16 characters or more. A file is the better place for it.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    secret: Option<SecretString>,
    /// A file that holds what Twenty signs with; it wins over `webhook.secret`. Further lines are older secrets, which
    /// are accepted, too.
    secret_file: Option<PathBuf>,
}

impl Settings {
    pub(super) fn read(&self) -> Result<Webhook, ConfigError> {
        let file = self.secret_file.as_deref();
        let secrets = secret::read("webhook.secret_file", self.secret.as_ref(), file)?;
        let secrets = secrets.as_ref().map(lines).unwrap_or_default();
        let listen = self.address()?;
        if listen.is_some() && secrets.is_empty() {
            return Err(NO_WEBHOOK_SECRET);
        }
        if secrets.iter().any(|secret| secret.expose_secret().len() < SHORTEST_SECRET) {
            return Err(ConfigError::Invalid {
                key: "webhook.secret",
                reason: format!("it has fewer than {SHORTEST_SECRET} characters"),
                hint: "openssl rand -hex 32 makes one that nobody guesses",
            });
        }
        if let Some(url) = self.url.as_ref().filter(|url| !is_callable(url)) {
            return Err(ConfigError::Invalid {
                key: "webhook.url",
                reason: format!("Twenty calls http and https, not {}", url.scheme()),
                hint: "such as https://sync.example.org/hook",
            });
        }
        Ok(Webhook { listen, url: self.url.clone(), secrets })
    }

    fn address(&self) -> Result<Option<SocketAddr>, ConfigError> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        self.listen.parse().map(Some).map_err(|_| ConfigError::Invalid {
            key: "webhook.listen",
            reason: format!("{:?} is no address with a port", self.listen),
            hint: "such as 127.0.0.1:8083, or 0.0.0.0:8083 for every address of this machine",
        })
    }
}

fn is_callable(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// One secret a line.
fn lines(text: &SecretString) -> Vec<SecretString> {
    let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(SecretString::from).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::{ConfigError, Settings, Webhook};

    fn read(listen: &str, url: &str, secret: &str) -> Result<Webhook, ConfigError> {
        let url = (!url.is_empty()).then(|| url.parse().unwrap());
        let secret = (!secret.is_empty()).then(|| secret.into());
        Settings { listen: listen.to_owned(), url, secret, secret_file: None }.read()
    }

    #[test]
    fn it_is_off_unless_an_address_is_given() {
        let webhook = read("", "", "").unwrap();
        assert!(webhook.listen.is_none() && webhook.registration().is_err());
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key() {
        let secret = "0123456789abcdef";
        for (listen, url, given, words) in [
            ("127.0.0.1:1", "", "", "webhook.secret_file"),
            ("127.0.0.1:1", "", "0123456789abcde", "webhook.secret"),
            ("8083", "", secret, "webhook.listen"),
            ("", "ftp://a.example", secret, "webhook.url"),
        ] {
            let error = read(listen, url, given).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let error = read("", "", secret).unwrap().registration().unwrap_err().to_string();
        assert!(error.contains("webhook.url"), "{error}");
    }

    #[test]
    fn the_first_line_is_the_secret_and_further_ones_are_older() {
        let webhook =
            read("[::1]:0", "https://a.example", "first-secret-of-us\n\nolder-secret-of-us\n");
        let webhook = webhook.unwrap();
        let (_, secret) = webhook.registration().unwrap();
        assert_eq!(secret.expose_secret(), "first-secret-of-us");
        assert_eq!(webhook.secrets.len(), 2);
    }
}
