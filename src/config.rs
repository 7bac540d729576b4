//! What a person can set, and where each setting was read.
//!
//! It exists so that every part gets plain values and no part reads files or the environment by itself.
//! Invariants: a later layer overrides an earlier one (built-in, file, environment, short names); an unknown key or
//! a wrong type is an error that names the key and where it was read; secrets are in [`SecretString`] from the
//! moment they are read, and nothing here prints them.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;
use url::{Host, Url};

use crate::record::Direction;

mod error;
#[cfg(test)]
mod fuzz;
mod health;
mod layers;
#[cfg(test)]
mod reference;
mod secret;
mod show;
mod webhook;
mod workspaces;

pub use error::ConfigError;
pub use layers::Loaded;
pub use secret::Readers;
pub use show::Setting;

/// A workspace that the program keeps.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its name in the configuration; `None` where there is one without a name.
    pub name: Option<String>,
    /// What to do for it.
    pub config: Config,
}

/// All that the program needs to sync.
#[derive(Debug, Clone)]
pub struct Config {
    /// Twenty's side.
    pub source: Source,
    /// PostgreSQL's side.
    pub mirror: MirrorConfig,
    /// How the tables follow the data model.
    pub schema: Schema,
    /// How to read.
    pub pull: Pull,
    /// When everything is compared.
    pub sweep: Sweep,
    /// How to write back.
    pub push: Push,
    /// How much may be deleted or overwritten at once.
    pub fuse: Fuse,
    /// Whether and where Twenty says that something changed.
    pub webhook: Webhook,
    /// Rules for single objects, by singular or plural name.
    pub objects: BTreeMap<String, ObjectRule>,
}

/// How to reach Twenty.
#[derive(Debug, Clone)]
pub struct Source {
    /// The server, without `/rest` or `/graphql`.
    pub url: Url,
    /// The API key.
    pub api_key: SecretString,
    /// Whether unencrypted http is allowed beyond loopback.
    pub allow_http: bool,
    /// Calls a minute that the server allows; 0 leaves it to the server to say so.
    pub requests_per_minute: u32,
    /// Calls a minute that content sweeps and backfills leave to others.
    pub reserve: u32,
    /// A certificate authority beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The longest time to connect.
    pub connect_timeout: Duration,
    /// The longest silence within an answer.
    pub read_timeout: Duration,
    /// The longest time for one call.
    pub request_timeout: Duration,
    /// The longest time for one call with all its repetitions.
    pub retry_deadline: Duration,
}

/// How to reach PostgreSQL, and where the tables go.
#[derive(Debug, Clone)]
pub struct MirrorConfig {
    /// A `postgres://` URL.
    pub database_url: SecretString,
    /// The schema of the mirrored tables.
    pub schema: String,
    /// The most connections to hold.
    pub max_connections: u32,
    /// How long a program may be silent before another takes its place.
    pub lease: Duration,
}

/// How the tables follow the data model of the workspace. Nothing is ever dropped.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// What happens when the data model changes. What is known goes on syncing in any case.
    pub mode: SchemaMode,
    /// How often `run` reads the data model while no record changes; before it reads records it does so in any case.
    #[serde(deserialize_with = "layers::duration")]
    pub interval: Duration,
}

/// What happens when the data model changes; what each means is decided in [`crate::plan::schema`].
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaMode {
    /// The tables change.
    Auto,
    /// The change waits for `twenty-sync schema apply`.
    Ask,
    /// The tables stay as they are.
    Freeze,
}

/// How to read.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// When `run` looks for changes: a duration such as `30s`, or a cron expression in UTC such as `*/5 * * * *`. One call
    /// or two tell of all objects whether anything changed, and only what did is read.
    pub interval: String,
    /// How often each object is read although it shows no change, so that nothing depends on that look alone.
    #[serde(deserialize_with = "layers::duration")]
    pub max_interval: Duration,
    /// How far each walk reaches back, for transactions that were committed late.
    #[serde(deserialize_with = "layers::duration")]
    pub overlap: Duration,
    /// Objects that are read side by side.
    pub parallel: usize,
    /// What becomes of soft-deleted records in the mirror.
    pub deleted_records: DeletedRecords,
}

/// When everything is compared.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// When `run` compares every object with Twenty record by record and repairs what differs, because some changes
    /// leave no trace: a duration such as `24h`, or a cron expression in UTC. One that was missed is caught up on.
    pub interval: String,
}

/// What becomes of soft-deleted records in the mirror.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeletedRecords {
    /// Their rows are removed.
    Remove,
    /// Their rows stay, with `deleted_at` set.
    Keep,
}

/// How to write back.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Who wins when both sides changed the same field. The value that loses is kept in `sync.conflict` in any case.
    pub policy: Policy,
    /// What a DELETE in the mirror does in Twenty.
    pub deletes: Deletes,
    /// Whether an edit brings back a record that the other side deleted; otherwise the delete wins.
    pub edit_restores: bool,
}

/// How much of an object may be deleted or overwritten at once, on either side. More stops the object and asks: an
/// UPDATE or DELETE without WHERE here, a mass deletion or a restored backup there. See `twenty-sync fuse`.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fuse {
    /// The share of an object's rows that passes.
    pub share: f64,
    /// So many rows pass in any case.
    pub rows: u64,
}

/// Whether and where Twenty says that something changed.
#[derive(Debug, Clone, Default)]
pub struct Webhook {
    /// Where to listen; `None` if not at all.
    pub listen: Option<SocketAddr>,
    /// Where Twenty calls.
    pub url: Option<Url>,
    /// What deliveries are signed with: the first by those who sign now, any by those who signed before.
    pub secrets: Vec<SecretString>,
}

impl Webhook {
    /// Where Twenty calls, and what it signs with.
    ///
    /// # Errors
    /// One of them is not set.
    pub fn registration(&self) -> Result<(&Url, &SecretString), ConfigError> {
        let url = self.url.as_ref().ok_or(ConfigError::Missing {
            what: "the address at which Twenty reaches this program (webhook.url)",
            hint: "set webhook.url, such as https://sync.example.org/hook, and have it lead to webhook.listen",
        })?;
        Ok((url, self.secrets.first().ok_or(NO_WEBHOOK_SECRET)?))
    }
}

const NO_WEBHOOK_SECRET: ConfigError = ConfigError::Missing {
    what: "the secret that webhooks are signed with (webhook.secret_file)",
    hint: "openssl rand -hex 32 makes one; put it into a file and set webhook.secret_file to its path",
};

/// Who wins when both sides changed the same field; what each means is decided in [`crate::plan::policy`].
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The source.
    Source,
    /// The mirror.
    Mirror,
    /// Whoever changed it later.
    Newest,
    /// Nobody: the field waits for a person.
    Hold,
}

/// What a local DELETE does at the source.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deletes {
    /// The record goes into the trash.
    Soft,
    /// The record is destroyed, for ever.
    Hard,
}

/// Rules for single objects, by singular or plural name; one that no object has is refused. What is not said is as
/// for all.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRule {
    /// Which way its records travel. Objects that hold secrets or noise are off unless this says otherwise.
    pub direction: Option<Direction>,
    /// Who wins when both sides changed the same field of this object.
    pub policy: Option<Policy>,
    /// How much may be deleted or overwritten at once, such as `{ share = 1.0, rows = 0 }` for an object that a job
    /// rewrites as a whole.
    pub fuse: Option<Fuse>,
    /// When `run` looks for changes of this object: a duration or a cron expression, as in `pull.interval`.
    pub interval: Option<String>,
    /// Rules for single fields, by their names in Twenty.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldRule>,
}

/// What holds for one field.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// Who wins when both sides changed this field.
    pub policy: Policy,
}

/// Where `run` answers operators.
#[derive(Debug, Clone)]
pub struct Health {
    /// The address; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// Whether nobody asked for this address.
    pub is_built_in: bool,
    /// What a person must show to see the page and the state.
    pub token: Option<SecretString>,
}

/// How to log, on standard error.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, or rules for single modules such as
    /// `info,sqlx=warn`.
    pub level: String,
}

/// Where traces go.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// A collector of OpenTelemetry that takes OTLP over HTTP, without `/v1/traces`, such as `http://127.0.0.1:4318`;
    /// without it nothing is traced.
    pub otlp_endpoint: Option<Url>,
}

/// How a log line looks.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether a URL leads to this machine, so that nobody else can listen.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}
