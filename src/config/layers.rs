//! Brings the layers together: built-in, file, environment, short names.
//!
//! It exists to keep the config crate in one place. Invariants: the environment overrides the file; an empty
//! variable counts as not set; a command gets an error only for settings that it needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config as Layers, Environment, File, FileFormat, Value};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use super::{
    Config, ConfigError, Fuse, Health, Log, MirrorConfig, ObjectRule, Pull, Push, Schema, Setting,
    Source, Sweep, Telemetry, Webhook, health::HealthSettings, secret, show, webhook, workspaces,
};

/// Every setting that has a default, with it.
pub(super) const BUILT_IN: &str = include_str!("../../config/default.toml");

/// The file that is read when it is there and no other is named.
const DEFAULT_FILE: &str = "twenty-sync.toml";

/// A lease that is renewed more often would be lost to every short delay.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// Short names that people know from elsewhere, and what they set.
pub(super) const SHORT_NAMES: &[(&str, &str)] = &[
    ("TWENTY_URL", "source.url"),
    ("TWENTY_API_KEY", "source.api_key"),
    ("TWENTY_API_KEY_FILE", "source.api_key_file"),
    ("DATABASE_URL", "mirror.database_url"),
    ("DATABASE_URL_FILE", "mirror.database_url_file"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
];

/// The configuration as read; each part is complete only when asked for.
pub struct Loaded {
    layers: Layers,
    settings: Settings,
    /// The short names that are set, by the key that each sets.
    short_names: BTreeMap<&'static str, &'static str>,
    /// The workspaces that have names, each with what is said for all.
    pub(super) workspaces: BTreeMap<String, Loaded>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The layers hold secrets as plain text.
        formatter.debug_struct("Loaded").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    source: SourceSettings,
    mirror: MirrorSettings,
    schema: Schema,
    pull: Pull,
    sweep: Sweep,
    push: Push,
    fuse: Fuse,
    health: HealthSettings,
    webhook: webhook::Settings,
    log: Log,
    #[serde(default)]
    telemetry: Telemetry,
    #[serde(default)]
    objects: BTreeMap<String, ObjectRule>,
    /// What stands below each name is read once more, with what is said for all.
    #[cfg_attr(test, schemars(skip))]
    #[serde(default, rename = "workspaces", deserialize_with = "names")]
    _workspaces: BTreeSet<String>,
}

/// Twenty's side.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceSettings {
    /// The server, without `/rest` or `/graphql`, such as `https://api.twenty.com`.
    url: Option<Url>,
    /// The API key, which Twenty makes under Settings → APIs & Webhooks. A file is the better place for it.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    api_key: Option<SecretString>,
    /// A file that holds the API key; it wins over `source.api_key`.
    api_key_file: Option<PathBuf>,
    /// Whether unencrypted http is allowed beyond this machine.
    allow_http: bool,
    /// Calls a minute that Twenty allows, shared with the workspace's other integrations; 0 leaves it to the server to
    /// say so.
    requests_per_minute: u32,
    /// Calls a minute of these that content sweeps and first loads leave to other users of the workspace.
    reserve: u32,
    /// A PEM file with certificate authorities beside the system's.
    ca_file: Option<PathBuf>,
    /// The longest time to connect.
    #[serde(deserialize_with = "duration")]
    connect_timeout: Duration,
    /// The longest silence within an answer.
    #[serde(deserialize_with = "duration")]
    read_timeout: Duration,
    /// The longest time for one call.
    #[serde(deserialize_with = "duration")]
    request_timeout: Duration,
    /// The longest time for one call with all its repetitions.
    #[serde(deserialize_with = "duration")]
    retry_deadline: Duration,
}

/// PostgreSQL's side.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MirrorSettings {
    /// Where PostgreSQL is, such as `postgres://user:password@host:5432/database`. Beyond this machine it must prove its
    /// name by a certificate, unless `?sslmode=` at the end says otherwise; see [Encryption](#encryption) below.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    database_url: Option<SecretString>,
    /// A file that holds that address; it wins over `mirror.database_url`.
    database_url_file: Option<PathBuf>,
    /// The schema of the mirrored tables.
    schema: String,
    /// The most connections to PostgreSQL, beside one for the lease. With only one, `run` does not hear of local changes,
    /// but looks for them every few seconds.
    max_connections: u32,
    /// How long the program that works on the mirror may be silent before one that stands by takes its place; one that was
    /// killed is replaced at once. The same for all of them.
    #[serde(deserialize_with = "duration")]
    lease: Duration,
}

/// The names of tables. What stands in them may be secret, and is not kept.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let tables = BTreeMap::<String, BTreeMap<String, Value>>::deserialize(deserializer)?;
    Ok(tables.into_keys().collect())
}

/// A duration such as `30s` or `5m`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format!("{text:?} is no duration: {error}")))
}

impl Loaded {
    /// Reads all layers. `file` must exist when it is given.
    ///
    /// # Errors
    /// A layer cannot be read, a key is unknown or a type is wrong.
    pub fn read(file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let optional = File::new(DEFAULT_FILE, FileFormat::Toml).required(false);
        let file =
            file.map_or(optional, |path| File::new(&path.to_string_lossy(), FileFormat::Toml));
        let environment = |variables| {
            Environment::with_prefix("TWENTY_SYNC")
                .prefix_separator("__")
                .separator("__")
                .ignore_empty(true)
                .source(variables)
        };
        Loaded::from(file, environment(None), |name| env::var(name).ok())
    }

    fn from(
        file: File<config::FileSourceFile, FileFormat>,
        environment: Environment,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Loaded, ConfigError> {
        let built_in = File::from_str(BUILT_IN, FileFormat::Toml);
        let mut builder =
            Layers::builder().add_source(built_in).add_source(file).add_source(environment);
        let mut short_names = BTreeMap::new();
        for (name, key) in SHORT_NAMES {
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                builder = builder.set_override(*key, value).map_err(|error| layer(&error))?;
                short_names.insert(*key, *name);
            }
        }
        let layers = builder.build().map_err(|error| layer(&error))?;
        let loaded = Loaded::of(layers, short_names)?;
        let workspaces = workspaces::split(&loaded.layers, &loaded.short_names)?;
        Ok(Loaded { workspaces, ..loaded })
    }

    /// What the layers come to.
    pub(super) fn of(
        layers: Layers,
        short_names: BTreeMap<&'static str, &'static str>,
    ) -> Result<Loaded, ConfigError> {
        match layers.clone().try_deserialize() {
            Ok(settings) => {
                Ok(Loaded { layers, settings, short_names, workspaces: BTreeMap::new() })
            }
            Err(error) => Err(unfit(&layers, &error)),
        }
    }

    /// How to log.
    pub fn log(&self) -> &Log {
        &self.settings.log
    }

    /// Where traces go.
    ///
    /// # Errors
    /// The address of the collector makes no sense.
    pub fn telemetry(&self) -> Result<&Telemetry, ConfigError> {
        let wrong = |reason: &str| ConfigError::Invalid {
            key: "telemetry.otlp_endpoint",
            reason: reason.to_owned(),
            hint: "such as http://127.0.0.1:4318; what a collector wants to know goes into OTEL_EXPORTER_OTLP_HEADERS",
        };
        match &self.settings.telemetry.otlp_endpoint {
            Some(url) if !["http", "https"].contains(&url.scheme()) || url.host().is_none() => {
                Err(wrong("it must begin with http:// or https://"))
            }
            Some(url) if !url.username().is_empty() || url.password().is_some() => {
                Err(wrong("it must not hold a user name or a password"))
            }
            Some(_) | None => Ok(&self.settings.telemetry),
        }
    }

    /// Where `run` answers operators.
    ///
    /// # Errors
    /// The address makes no sense, or the token's file cannot be read.
    pub fn health(&self) -> Result<Health, ConfigError> {
        self.settings.health.read(show::is_built_in(&self.layers, "health.listen"))
    }

    /// How to reach Twenty.
    ///
    /// # Errors
    /// URL or key are not set, or the key's file cannot be read.
    pub fn source(&self) -> Result<Source, ConfigError> {
        let set = &self.settings.source;
        let missing = |what, hint| ConfigError::Missing { what, hint };
        let url = set.url.clone().ok_or(missing(
            "the address of Twenty",
            "set TWENTY_URL, such as https://api.twenty.com or https://crm.example.org",
        ))?;
        let key =
            secret::read("source.api_key_file", set.api_key.as_ref(), set.api_key_file.as_deref())?;
        let api_key = key.filter(|key| !key.expose_secret().is_empty()).ok_or(missing(
            "the API key",
            "set TWENTY_API_KEY or TWENTY_API_KEY_FILE; Twenty makes keys under Settings > APIs",
        ))?;
        Ok(Source {
            url,
            api_key,
            allow_http: set.allow_http,
            requests_per_minute: set.requests_per_minute,
            reserve: set.reserve,
            ca_file: set.ca_file.clone(),
            connect_timeout: set.connect_timeout,
            read_timeout: set.read_timeout,
            request_timeout: set.request_timeout,
            retry_deadline: set.retry_deadline,
        })
    }

    /// How to reach PostgreSQL.
    ///
    /// # Errors
    /// The URL is not set, or its file cannot be read.
    pub fn mirror(&self) -> Result<MirrorConfig, ConfigError> {
        let set = &self.settings.mirror;
        let file = set.database_url_file.as_deref();
        let url = secret::read("mirror.database_url_file", set.database_url.as_ref(), file)?;
        let database_url = url.ok_or(ConfigError::Missing {
            what: "the address of PostgreSQL",
            hint: "set DATABASE_URL, such as postgres://user:password@localhost:5432/crm",
        })?;
        if set.max_connections == 0 {
            let (key, reason) =
                ("mirror.max_connections", "there must be at least one connection".to_owned());
            return Err(ConfigError::Invalid { key, reason, hint: "8 is a good number" });
        }
        if set.lease < SHORTEST_LEASE {
            let (key, reason) = ("mirror.lease", "it is shorter than a second".to_owned());
            return Err(ConfigError::Invalid { key, reason, hint: "15s is a good time" });
        }
        Ok(MirrorConfig {
            database_url,
            schema: set.schema.clone(),
            max_connections: set.max_connections,
            lease: set.lease,
        })
    }

    /// Whether and where Twenty says that something changed.
    ///
    /// # Errors
    /// An address makes no sense, or the secret is missing, too short or cannot be read.
    pub fn webhook(&self) -> Result<Webhook, ConfigError> {
        self.settings.webhook.read()
    }

    /// All that the program needs to sync.
    ///
    /// # Errors
    /// One of the two sides is not set, or what is set makes no sense.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Ok(Config {
            source: self.source()?,
            mirror: self.mirror()?,
            schema: self.settings.schema,
            pull: self.settings.pull.clone(),
            sweep: self.settings.sweep.clone(),
            push: self.settings.push,
            fuse: self.settings.fuse,
            webhook: self.webhook()?,
            objects: self.settings.objects.clone(),
        })
    }

    /// Every setting with its value and where it was read, secrets hidden.
    pub fn settings(&self) -> Vec<Setting> {
        show::settings(&self.layers, &self.short_names)
    }
}

pub(super) fn layer(error: &config::ConfigError) -> ConfigError {
    ConfigError::Layer(error.to_string())
}

/// Tells an unknown key, whose place the library does not name, from a value that does not fit.
fn unfit(layers: &Layers, error: &config::ConfigError) -> ConfigError {
    let text = error.to_string();
    let Some((name, known)) =
        text.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "))
    else {
        return ConfigError::Layer(text);
    };
    let (known, parent) = known.split_once(" for key `").unwrap_or((known, ""));
    let parent = parent.trim_end_matches('`');
    let key = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    let origin = show::origin(layers, &key);
    let known = known.trim_start_matches("one of ").replace('`', "");
    ConfigError::Unknown { key, origin, known }
}

#[cfg(test)]
pub(super) mod tests;
