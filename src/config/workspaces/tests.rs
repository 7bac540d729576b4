//! What is said for all, and what one workspace says of itself.

use std::io::Write;

use secrecy::ExposeSecret;

use super::{super::layers::tests::load, ConfigError, Loaded};

const TWO: &str = r#"
[source]
api_key_file = "/nowhere/key"
[pull]
parallel = 2
[objects.notes]
direction = "off"
[workspaces.acme]
source = { url = "https://acme.example", api_key = "canary-acme" }
mirror.schema = "acme"
[workspaces.beta]
source = { url = "https://beta.example", api_key = "canary-beta" }
mirror.schema = "beta"
pull.parallel = 7
objects.people.direction = "pull"
"#;

const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://h/d");

fn two(more: &str) -> Result<Loaded, ConfigError> {
    load(&format!("{TWO}{more}"), &[DATABASE])
}

fn chain(error: &ConfigError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

fn refused(file: &str, environment: &[(&str, &str)]) -> ConfigError {
    load(file, environment).and_then(|loaded| loaded.workspaces()).unwrap_err()
}

#[test]
fn a_workspace_says_what_is_to_differ_and_the_rest_is_for_all() {
    let workspaces = two("").unwrap().workspaces().unwrap();
    let told: Vec<_> = workspaces
        .iter()
        .map(|one| {
            let config = &one.config;
            let key = config.source.api_key.expose_secret();
            let objects: Vec<_> = config.objects.keys().map(String::as_str).collect();
            (one.name.as_deref(), key, config.mirror.schema.as_str(), config.pull.parallel, objects)
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("acme"), "canary-acme", "acme", 2, vec!["notes"]),
            (Some("beta"), "canary-beta", "beta", 7, vec!["notes", "people"]),
        ]
    );
}

#[test]
fn without_workspaces_there_is_one_without_a_name() {
    let environment = [("TWENTY_URL", "https://a.example"), ("TWENTY_API_KEY", "k"), DATABASE];
    let loaded = load("", &environment).unwrap();
    assert_eq!(loaded.workspace_names().count(), 0);
    let workspaces = loaded.workspaces().unwrap();
    assert_eq!(workspaces.iter().map(|one| one.name.as_deref()).collect::<Vec<_>>(), [None]);
}

#[test]
fn a_file_of_a_workspace_wins_over_a_secret_for_all() {
    let mut key = tempfile::NamedTempFile::new().unwrap();
    writeln!(key, "of-acme").unwrap();
    let file = format!(
        "[workspaces.acme.source]\nurl = \"https://a.example\"\napi_key_file = {:?}",
        key.path()
    );
    let loaded = load(&file, &[("TWENTY_API_KEY", "for-all"), DATABASE]).unwrap();
    let workspaces = loaded.workspaces().unwrap();
    assert_eq!(workspaces[0].config.source.api_key.expose_secret(), "of-acme");
}

#[test]
fn the_environment_can_name_a_workspace_too() {
    let loaded = load(TWO, &[DATABASE, ("TWENTY_SYNC__WORKSPACES__BETA__PULL__PARALLEL", "9")]);
    let workspaces = loaded.unwrap().workspaces().unwrap();
    assert_eq!(workspaces[1].config.pull.parallel, 9);
}

#[test]
fn what_is_wrong_with_one_is_told_with_its_name_and_place() {
    for (more, words) in [
        (
            "[workspaces.acme.sweeep]\ninterval = \"1h\"",
            "unknown setting workspaces.acme.sweeep, read in ",
        ),
        (
            "[workspaces.acme.log]\nlevel = \"warn\"",
            "unknown setting workspaces.acme.log, read in ",
        ),
        (
            "[workspaces.acme.fuse]\nshares = 1",
            "workspace acme: unknown setting fuse.shares, read in ",
        ),
        (
            "[workspaces.acme.fuse]\nrows = \"few\"",
            "workspace acme: cannot read the configuration: ",
        ),
        (
            "[workspaces.gamma.mirror]\nschema = \"g\"",
            "workspace gamma: the address of Twenty is not set",
        ),
        ("[workspaces.Gamma]", "\"Gamma\" cannot be the name of one"),
    ] {
        let error = two(more).and_then(|loaded| loaded.workspaces()).unwrap_err();
        assert!(chain(&error).contains(words), "{} for {more}", chain(&error));
        assert!(error.hint().is_some(), "{error}");
    }
    let scalar = load("workspaces.acme = 1", &[]).unwrap_err();
    assert!(scalar.to_string().contains("workspaces.acme"), "{scalar}");
}

#[test]
fn two_that_would_get_into_each_others_way_are_refused() {
    let with = |acme: &str, beta: &str| {
        let source = |key: &str, more: &str| {
            format!("source = {{ url = \"https://a.example\", api_key = \"{key}\" }}\n{more}\n")
        };
        let (acme, beta) = (source("a", acme), source("b", beta));
        format!(
            "[webhook]\nsecret = \"0123456789abcdef\"\n[workspaces.acme]\n{acme}[workspaces.beta]\n{beta}"
        )
    };
    let apart = ("mirror.schema = \"acme\"", "mirror.schema = \"beta\"");
    assert!(load(&with(apart.0, apart.1), &[DATABASE]).unwrap().workspaces().is_ok());
    let listens = |schema: &str| format!("{schema}\nwebhook.listen = \"127.0.0.1:8083\"");
    for (file, words) in [
        (with("", ""), "acme and beta would have their tables in the same schema"),
        (with(&listens(apart.0), &listens(apart.1)), "would hear webhooks at the same address"),
        (with(apart.0, apart.1).replace("\"b\"", "\"a\""), "have the same API key"),
    ] {
        let error = refused(&file, &[DATABASE]);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn secrets_of_a_workspace_are_never_shown_and_places_are_those_of_its_own() {
    let loaded = load(TWO, &[DATABASE, ("TWENTY_URL", "https://all.example")]).unwrap();
    let acme = loaded.workspace("acme").unwrap();
    let shown = format!("{:?} {:?} {loaded:?}", loaded.settings(), acme.settings());
    assert!(!shown.contains("canary"), "{shown}");
    let url = acme.settings().into_iter().find(|setting| setting.key == "source.url").unwrap();
    assert!(url.value == "https://acme.example" && url.origin.contains(".toml"), "{url}");
    let database = acme.settings().into_iter().find(|setting| setting.key == "mirror.database_url");
    assert_eq!(database.unwrap().origin, "DATABASE_URL");
}
