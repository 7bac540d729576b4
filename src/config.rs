//! What the operator sets: only the part that reaches Twenty.
//!
//! It exists so that the edge to Twenty takes one value instead of ten. Invariant: the key is a secret, which
//! neither `Debug` nor `Display` shows.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use url::Url;

/// How to reach the source.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where Twenty answers, such as `https://api.twenty.com`.
    pub url: Url,
    /// The API key.
    pub api_key: SecretString,
    /// Whether the key may travel unencrypted to another machine.
    pub allow_http: bool,
    /// Calls a minute that we allow ourselves; 0 sets no limit of our own.
    pub requests_per_minute: u32,
    /// Further certificate authorities, as PEM.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long the server may be silent.
    pub read_timeout: Duration,
    /// How long one call may take as a whole.
    pub request_timeout: Duration,
    /// How long one call may be tried again.
    pub retry_deadline: Duration,
}
