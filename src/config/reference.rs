//! docs/configuration.md, written from the types that the configuration is read into.
//!
//! It exists so that what a setting means stands in one place, beside the setting. Invariants: every key that is read
//! is in the reference, and no other; the reference in the repository is what the types say, or a test fails.
//! `UPDATE_REFERENCE=1 cargo test --lib reference` writes it anew.

use std::{env, fmt::Write as _, fs, path::Path};

use config::{Config as Layers, File, FileFormat, Value as Set, ValueKind};
use serde_json::Value;

use super::{
    layers::{BUILT_IN, SHORT_NAMES, Settings, tests::load},
    workspaces::SECTIONS,
};

const HEAD: &str = "\
# Configuration

Every setting, with its type, its default, and the variable that sets it. This page is written from the program's own
types (`make reference`); [config/default.toml](../config/default.toml) has the defaults as a file.

A setting is read from the first of these places that has it:

1. a short name in the environment, where there is one: `TWENTY_URL`
2. its variable in the environment: `TWENTY_SYNC__SOURCE__URL`
3. the file that `--config` or `TWENTY_SYNC_CONFIG` names, or else `twenty-sync.toml` in the working folder
4. the default

An empty variable counts as not set, an unknown key is refused, and `twenty-sync config check` shows each value and
where it was read. A path is one of a file that the program can read; one line break at its end does not count. A file
with a secret is refused where others may read it: it is for the user that the program runs as (`chmod 600`), or root owns
it and lets a group read it (`chmod 640`). What Kubernetes or Docker mount into a container is for that container.
";

const WORKSPACES: &str = r#"
## [workspaces.NAME]

Several workspaces, kept side by side by one process; without any, there is one without a name. What stands in the
sections above is for all of them, and each says below its name what is to differ, in the same words:

```toml
[mirror]
database_url_file = "/run/secrets/database-url"

[workspaces.acme]
source = { url = "https://acme.example.org", api_key_file = "/run/secrets/acme" }
mirror.schema = "acme"

[workspaces.beta]
source = { url = "https://beta.example.org", api_key_file = "/run/secrets/beta" }
mirror.schema = "beta"
push.policy = "mirror"
objects.notes.direction = "off"
```

What a workspace says goes before what is said for all, wherever that was read; its variables have its name in them:
`TWENTY_SYNC__WORKSPACES__ACME__MIRROR__SCHEMA`. Names are of lower-case letters, digits, - and _. No two workspaces
may have one key, one schema of one database, or one `webhook.listen`.
"#;

const ENCRYPTION: &str = "
## Encryption

Twenty is spoken to by https, and its certificate is always verified. How PostgreSQL is spoken to, the end of the database
URL says, or else `PGSSLMODE`:

| `sslmode` | what |
|---|---|
| not said, and PostgreSQL is on this machine | as `prefer`: a socket or a loopback address leads nowhere else |
| not said, and it is on another one | as `verify-full` |
| `verify-full` | encrypted, and the server proves its name by a certificate before it is told anything |
| `verify-ca` | encrypted, and the server proves only that the authority knows it |
| `require` | encrypted, with whoever answers |
| `prefer`, `allow`, `disable` | encrypted or not, with whoever answers |

A certificate is believed from the authorities that browsers know, and from the one in the file that `sslrootcert` names:
`?sslrootcert=/etc/ssl/authority.pem`. Most hosted databases have an authority of their own and offer that file. Where the
network is your own, such as that of the containers of one machine, and PostgreSQL speaks no TLS, write
`?sslmode=disable`; `doctor` warns of less than `verify-full` beyond this machine.
";

/// A setting as the types know it.
#[derive(Debug)]
struct Entry {
    section: String,
    key: String,
    kind: String,
    meaning: String,
}

impl Entry {
    /// Where the built-in file sets it, or names it in a comment.
    fn place(&self) -> Option<usize> {
        let own = self.key.rsplit('.').next().unwrap_or_default();
        let section = self.section.trim_end_matches(".NAME");
        let from = BUILT_IN.find(&format!("[{section}"))?;
        let rest = &BUILT_IN[from..];
        ["\n", "\n# "]
            .iter()
            .filter_map(|start| rest.find(&format!("{start}{own} = ")))
            .min()
            .map(|at| from + at)
    }

    fn text(&self) -> String {
        let default = default(&self.key)
            .map_or("no default".to_owned(), |value| format!("default `{value}`"));
        let short = SHORT_NAMES.iter().filter(|(_, key)| *key == self.key);
        let variables = short.map(|(name, _)| (*name).to_owned()).chain([variable(&self.key)]);
        let variables: Vec<_> = variables.map(|name| format!("`{name}`")).collect();
        let Entry { key, kind, meaning, .. } = self;
        format!("### {key}\n\n{kind} · {default} · {}\n\n{meaning}\n", variables.join(" or "))
    }
}

fn variable(key: &str) -> String {
    format!("TWENTY_SYNC__{}", key.to_uppercase().replace('.', "__"))
}

/// The built-in value, as it is written in a file.
fn default(key: &str) -> Option<String> {
    let layers = Layers::builder().add_source(File::from_str(BUILT_IN, FileFormat::Toml)).build();
    let value: Set = layers.expect("the built-in file can be read").get(key).ok()?;
    Some(match value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        other => other.to_string(),
    })
}

/// Sections with what they are for, in the order of the built-in file.
fn sections(root: &Value) -> Vec<(String, String, Vec<Entry>)> {
    let mut sections = Vec::new();
    for (name, schema) in properties(root, root) {
        let (section, schema) = match element(root, schema) {
            Some(element) => (format!("{name}.NAME"), element),
            None => (name.clone(), resolved(root, schema)),
        };
        let mut entries = Vec::new();
        collect(root, &section, &section, schema, &mut entries);
        entries.sort_by_key(|entry| {
            (entry.key.matches('.').count(), entry.place(), entry.key.clone())
        });
        sections.push((section, meaning(schema), entries));
    }
    sections
        .sort_by_key(|(name, ..)| BUILT_IN.find(&format!("[{}", name.trim_end_matches("NAME"))));
    sections
}

fn collect(root: &Value, section: &str, path: &str, schema: &Value, found: &mut Vec<Entry>) {
    for (name, given) in properties(root, schema) {
        let key = format!("{path}.{name}");
        let schema = resolved(root, given);
        if let Some(element) = element(root, given) {
            collect(root, section, &format!("{key}.NAME"), element, found);
        } else if schema.get("properties").is_some() && !is_duration(given) {
            collect(root, section, &key, schema, found);
        } else {
            let meaning = format!("{}{}", meaning(given), words(schema));
            let kind = kind(&key, given, schema);
            found.push(Entry { section: section.to_owned(), key, kind, meaning });
        }
    }
}

fn properties<'a>(
    root: &'a Value,
    schema: &'a Value,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    resolved(root, schema)["properties"].as_object().into_iter().flatten()
}

/// What a table with names of people's own has under each.
fn element<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let schema = resolved(root, schema).get("additionalProperties")?;
    schema.is_object().then(|| resolved(root, schema))
}

/// The schema itself, not a reference to it, and not the choice between it and nothing.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let chosen = schema["anyOf"].as_array().and_then(|either| either.first()).unwrap_or(schema);
    match chosen["$ref"].as_str() {
        Some(path) => root.pointer(path.trim_start_matches('#')).expect("a reference to a schema"),
        None => chosen,
    }
}

fn is_duration(schema: &Value) -> bool {
    schema["$ref"].as_str().is_some_and(|path| path.ends_with("/Duration"))
}

fn meaning(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

fn choices(schema: &Value) -> impl Iterator<Item = (&str, String)> {
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    choices.filter_map(|choice| Some((choice["const"].as_str()?, meaning(choice))))
}

/// What each word means that can be written.
fn words(schema: &Value) -> String {
    choices(schema).fold(String::new(), |mut text, (word, meaning)| {
        let _ = write!(text, "\n- `{word}`: {meaning}");
        text
    })
}

fn kind(key: &str, given: &Value, schema: &Value) -> String {
    let words: Vec<_> = choices(schema).map(|(word, _)| format!("`\"{word}\"`")).collect();
    let base = match &schema["type"] {
        Value::Array(types) => types[0].as_str(),
        other => other.as_str(),
    };
    match base {
        _ if !words.is_empty() => words.join(", "),
        _ if is_duration(given) => "duration, such as `\"30s\"` or `\"5m\"`".to_owned(),
        Some("string") if key.ends_with("_file") => "path".to_owned(),
        Some("string") if schema["format"] == "uri" => "URL".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("number") => "number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        other => panic!("{key} is of a kind without a word: {other:?}"),
    }
}

fn reference(sections: &[(String, String, Vec<Entry>)]) -> String {
    let mut text = HEAD.to_owned();
    for (name, meaning, entries) in sections {
        let _ = write!(text, "\n## [{name}]\n\n{meaning}\n");
        for entry in entries {
            let _ = write!(text, "\n{}", entry.text());
        }
    }
    let sections: Vec<_> = SECTIONS.iter().map(|section| format!("`[{section}]`")).collect();
    let _ = write!(
        text,
        "{WORKSPACES}\nThese sections can be said for one: {}.\n{ENCRYPTION}",
        sections.join(", ")
    );
    text
}

fn known() -> Vec<(String, String, Vec<Entry>)> {
    let schema = schemars::schema_for!(Settings).to_value();
    sections(&schema)
}

#[test]
fn the_reference_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let told = reference(&known());
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == told, "docs/configuration.md is stale: `make reference` writes it");
}

#[test]
fn every_setting_says_what_it_means() {
    for (name, meaning, entries) in known() {
        assert!(!meaning.is_empty() && !entries.is_empty(), "[{name}]");
        for entry in entries {
            assert!(!entry.meaning.is_empty(), "{}", entry.key);
        }
    }
}

#[test]
fn the_built_in_file_sets_or_names_every_setting_and_no_other() {
    let sections = known();
    let entries = || sections.iter().flat_map(|(_, _, entries)| entries);
    for entry in entries() {
        let own = entry.key.rsplit('.').next().unwrap_or_default();
        let is_within = BUILT_IN.contains(&format!("{own} = "));
        assert!(
            entry.place().is_some() || (entry.key.contains(".NAME.") && is_within),
            "{}",
            entry.key
        );
    }
    let built_in =
        Layers::builder().add_source(File::from_str(BUILT_IN, FileFormat::Toml)).build().unwrap();
    let ValueKind::Table(tables) = built_in.cache.kind else { panic!("no tables") };
    for (section, value) in tables {
        let ValueKind::Table(values) = value.kind else { panic!("{section} is no table") };
        for name in values.keys() {
            let key = format!("{section}.{name}");
            assert!(entries().any(|entry| entry.key == key), "{key}");
        }
    }
}

/// What is read and what is told are compared by what the program itself says is known.
#[test]
fn what_the_program_knows_is_what_the_reference_has() {
    for (section, _, entries) in known() {
        let table = section.replace("NAME", "people");
        let error = load(&format!("[{table}]\nnonsense = 1"), &[]).unwrap_err();
        let hint = error.hint().unwrap();
        let known = hint.trim_start_matches("known here: ").replace(" or ", ", ");
        for name in known.split(", ") {
            let path = format!("{section}.{name}");
            let is_told =
                |entry: &Entry| entry.key == path || entry.key.starts_with(&format!("{path}."));
            assert!(entries.iter().any(is_told), "{path} is not in the reference");
        }
    }
}

#[test]
fn what_is_said_for_one_workspace_is_a_section_and_the_rest_is_of_the_process() {
    let error = load("nonsense = 1", &[]).unwrap_err();
    let hint = error.hint().unwrap();
    let mut known: Vec<&str> = hint.trim_start_matches("known here: ").split(", ").collect();
    known.retain(|section| !SECTIONS.contains(section));
    known.sort_unstable();
    assert_eq!(
        known,
        ["health", "log", "telemetry", "workspaces"],
        "a new section is of the process, or goes into SECTIONS"
    );
}
