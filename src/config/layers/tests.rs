//! The layers, as a person meets them.

use std::io::Write;

use config::{Environment, File, FileFormat};
use secrecy::ExposeSecret;

use super::{ConfigError, Loaded};
use crate::record::Direction;

pub(in crate::config) fn load(
    file: &str,
    environment: &[(&str, &str)],
) -> Result<Loaded, ConfigError> {
    let mut path = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    path.write_all(file.as_bytes()).unwrap();
    let of = |prefix: &str| {
        let named = environment.iter().filter(move |(name, _)| name.starts_with(prefix));
        named.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let variables = Environment::with_prefix("TWENTY_SYNC")
        .prefix_separator("__")
        .separator("__")
        .ignore_empty(true)
        .source(Some(of("TWENTY_SYNC")));
    let short: std::collections::HashMap<String, String> = of("");
    Loaded::from(File::new(&path.path().to_string_lossy(), FileFormat::Toml), variables, |name| {
        short.get(name).cloned()
    })
}

#[test]
fn the_environment_overrides_the_file_and_the_file_what_is_built_in() {
    let loaded = load(
        "[source]\nurl = \"https://a.example\"\nrequests_per_minute = 50\n[objects.noteTargets]\ndirection = \"pull\"",
        &[("TWENTY_SYNC__SOURCE__URL", "https://b.example"), ("TWENTY_API_KEY", "k"), ("DATABASE_URL", "postgres://h/d")],
    )
    .unwrap();
    let config = loaded.config().unwrap();
    assert_eq!(config.source.url.as_str(), "https://b.example/");
    assert_eq!(config.source.requests_per_minute, 50);
    assert_eq!(config.source.api_key.expose_secret(), "k");
    assert_eq!(config.pull.overlap.as_secs(), 60);
    assert!(
        config.objects.values().all(|rule| rule.direction == Some(Direction::Pull))
            && config.objects.len() == 1
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_path_and_place() {
    let error = load("[source]\nurll = \"https://a.example\"", &[]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("unknown setting source.urll, read in ") && text.contains(".toml"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("api_key_file"), "{error:?}");
    let error = load("", &[("TWENTY_SYNC__PULL__INTERVALL", "1s")]).unwrap_err();
    assert!(error.to_string().contains("pull.intervall, read in the environment"), "{error}");
}

#[test]
fn a_wrong_type_is_refused_with_its_path_and_place() {
    for (file, key) in [
        ("[source]\nrequests_per_minute = \"many\"", "source.requests_per_minute"),
        ("[pull]\noverlap = \"soon\"", "pull.overlap"),
        ("[pull]\ndeleted_records = \"burn\"", "pull.deleted_records"),
        ("[objects.people]\ndirection = \"up\"", "objects.people.direction"),
    ] {
        let error = load(file, &[]).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn what_is_missing_is_said_only_when_it_is_needed() {
    let loaded = load("", &[("TWENTY_URL", "https://a.example"), ("TWENTY_API_KEY", "")]).unwrap();
    assert!(loaded.source().unwrap_err().hint().unwrap().contains("TWENTY_API_KEY"));
    assert!(loaded.mirror().unwrap_err().hint().unwrap().contains("DATABASE_URL"));
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let mut key = tempfile::NamedTempFile::new().unwrap();
    key.write_all(b"canary-key\n").unwrap();
    let path = key.path().to_string_lossy().into_owned();
    let loaded = load(
        "[source]\napi_key = \"canary-inline\"",
        &[
            ("TWENTY_URL", "https://a.example"),
            ("TWENTY_API_KEY_FILE", &path),
            ("TWENTY_SYNC__WEBHOOK__SECRET", "canary-of-the-webhook"),
            ("DATABASE_URL", "postgres://u:canary-password@h/d?password=canary-query"),
        ],
    )
    .unwrap();
    assert_eq!(loaded.source().unwrap().api_key.expose_secret(), "canary-key");
    let shown = format!("{:?} {:?}", loaded.settings(), loaded.config().unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("postgres://u:hidden@h/d"), "{shown}");
}

#[test]
fn a_secret_file_that_is_not_there_is_named() {
    let loaded =
        load("", &[("TWENTY_URL", "https://a.example"), ("TWENTY_API_KEY_FILE", "/nowhere/key")])
            .unwrap();
    let error = loaded.source().unwrap_err().to_string();
    assert!(error.contains("source.api_key_file") && error.contains("/nowhere/key"), "{error}");
}
