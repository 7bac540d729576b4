//! Several workspaces in one configuration: `[workspaces.NAME]`.
//!
//! It exists so that one process, and its replicas, can keep many workspaces. What a workspace says of itself goes before
//! what is said for all, wherever either was read. Invariants: without `[workspaces]` nothing is different; what is the
//! process's own (logs, the endpoint) cannot be said for one workspace; no two workspaces share a key, a place for their
//! tables, or an address.

use std::collections::{BTreeMap, HashMap};

use config::{Config as Layers, ConfigError as LayerError, Source, Value, ValueKind};
use secrecy::ExposeSecret;

use super::{ConfigError, Loaded, Workspace, show};

/// What a workspace can say of itself.
pub(super) const SECTIONS: [&str; 9] =
    ["source", "mirror", "schema", "pull", "sweep", "push", "fuse", "webhook", "objects"];

/// Secrets that can be said in two ways, of which the file wins.
const SECRETS: [(&str, &str, &str); 3] = [
    ("source", "api_key", "api_key_file"),
    ("mirror", "database_url", "database_url_file"),
    ("webhook", "secret", "secret_file"),
];

type Table = HashMap<String, Value>;

impl Loaded {
    /// The names of the workspaces; none where there is one without a name.
    pub fn workspace_names(&self) -> impl Iterator<Item = &str> {
        self.workspaces.keys().map(String::as_str)
    }

    /// The configuration of one workspace: what is said for all, and what it says of itself.
    pub fn workspace(&self, name: &str) -> Option<&Loaded> {
        self.workspaces.get(name)
    }

    /// Every workspace that the program keeps.
    ///
    /// # Errors
    /// Those of [`Loaded::config`], for any of them, or two workspaces get into each other's way.
    pub fn workspaces(&self) -> Result<Vec<Workspace>, ConfigError> {
        if self.workspaces.is_empty() {
            return Ok(vec![Workspace { name: None, config: self.config()? }]);
        }
        let workspace = |(name, loaded): (&String, &Loaded)| {
            let config = loaded.config().map_err(|cause| of_workspace(name, cause))?;
            Ok(Workspace { name: Some(name.clone()), config })
        };
        let workspaces: Vec<_> =
            self.workspaces.iter().map(workspace).collect::<Result<_, ConfigError>>()?;
        keep_apart(&workspaces)?;
        Ok(workspaces)
    }
}

/// The configuration of each workspace in `layers`.
pub(super) fn split(
    layers: &Layers,
    short_names: &BTreeMap<&'static str, &'static str>,
) -> Result<BTreeMap<String, Loaded>, ConfigError> {
    let mut common = table(&layers.cache);
    let Some(named) = common.remove("workspaces") else { return Ok(BTreeMap::new()) };
    let of = |(name, own): (String, Value)| {
        let loaded = one(&common, &name, &own, short_names)?;
        Ok((name, loaded))
    };
    table(&named).into_iter().map(of).collect()
}

fn one(
    common: &Table,
    name: &str,
    own: &Value,
    short_names: &BTreeMap<&'static str, &'static str>,
) -> Result<Loaded, ConfigError> {
    let own = table(own);
    check_name(name)?;
    check_sections(name, &own)?;
    let mut common = common.clone();
    for (section, secret, file) in SECRETS {
        // The file that is meant for all must not win over the secret of one.
        let says = |key: &str| own.get(section).is_some_and(|own| table(own).contains_key(key));
        if says(secret)
            && !says(file)
            && let Some(Value { kind: ValueKind::Table(section), .. }) = common.get_mut(section)
        {
            section.remove(file);
        }
    }
    let mut short_names = short_names.clone();
    short_names.retain(|key, _| {
        let (section, key) = key.split_once('.').expect("a short name sets a key of a section");
        !own.get(section).is_some_and(|own| table(own).contains_key(key))
    });
    let layers = Layers::builder().add_source(Said(common)).add_source(Said(own)).build();
    let layers = layers.map_err(|error| of_workspace(name, super::layers::layer(&error)))?;
    Loaded::of(layers, short_names).map_err(|cause| of_workspace(name, cause))
}

/// A name becomes a label and stands in logs; the environment knows lower case only.
fn check_name(name: &str) -> Result<(), ConfigError> {
    let fits = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter)
    };
    if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) {
        return Ok(());
    }
    Err(ConfigError::Invalid {
        key: "workspaces",
        reason: format!("{name:?} cannot be the name of one"),
        hint: "lower-case letters, digits, - and _ make a name",
    })
}

fn check_sections(name: &str, own: &Table) -> Result<(), ConfigError> {
    let Some((section, value)) = own.iter().find(|(key, _)| !SECTIONS.contains(&key.as_str()))
    else {
        return Ok(());
    };
    Err(ConfigError::Unknown {
        key: format!("workspaces.{name}.{section}"),
        origin: Some(show::place(show::first_leaf(value))),
        known: SECTIONS.join(", "),
    })
}

/// Refuses two workspaces that would get into each other's way.
fn keep_apart(workspaces: &[Workspace]) -> Result<(), ConfigError> {
    for (place, left) in workspaces.iter().enumerate() {
        for right in &workspaces[place + 1..] {
            if let Some((what, hint)) = clash(left, right) {
                let name = |one: &Workspace| one.name.clone().unwrap_or_default();
                return Err(ConfigError::Clash {
                    left: name(left),
                    right: name(right),
                    what,
                    hint,
                });
            }
        }
    }
    Ok(())
}

fn clash(left: &Workspace, right: &Workspace) -> Option<(&'static str, &'static str)> {
    let (left, right) = (&left.config, &right.config);
    let url = |config: &super::Config| config.mirror.database_url.expose_secret().to_owned();
    let key = |config: &super::Config| config.source.api_key.expose_secret().to_owned();
    if url(left) == url(right) && left.mirror.schema == right.mirror.schema {
        return Some((
            "would have their tables in the same schema of the same database",
            "give one of them another mirror.schema, or a database of its own",
        ));
    }
    if key(left) == key(right) {
        return Some((
            "have the same API key",
            "each workspace has a key of its own: source.api_key_file",
        ));
    }
    let listens = left.webhook.listen.filter(|address| address.port() != 0);
    (listens.is_some() && listens == right.webhook.listen).then_some((
        "would hear webhooks at the same address",
        "give one of them another webhook.listen, or none",
    ))
}

fn of_workspace(name: &str, cause: ConfigError) -> ConfigError {
    ConfigError::OfWorkspace { name: name.to_owned(), cause: Box::new(cause) }
}

fn table(value: &Value) -> Table {
    match &value.kind {
        ValueKind::Table(table) => table.clone().into_iter().collect(),
        _ => Table::new(),
    }
}

/// What was read already, as a layer of its own.
#[derive(Debug, Clone)]
struct Said(Table);

impl Source for Said {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, Value>, LayerError> {
        Ok(self.0.clone().into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
