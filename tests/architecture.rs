//! The rule of who may know whom, as a test.
//!
//! `plan` and `record` are pure; `source` and `mirror` do not know each other; only `sync` and `cli` know both;
//! dynamic SQL has one door. A rule that is only written down is broken within a month.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every source file whose path starts with one of `places`, with its code: no comments, no tests.
fn code_of(places: &[&str]) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let within = |path: &Path| {
        let path =
            path.strip_prefix(&root).expect("a path below the root").to_string_lossy().into_owned();
        places
            .iter()
            .any(|place| path == format!("{place}.rs") || path.starts_with(&format!("{place}/")))
    };
    files.retain(|path| within(path) && path.file_name().is_some_and(|name| name != "tests.rs"));
    assert!(!files.is_empty(), "no files in {places:?}");
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a source file");
    files.into_iter().map(|path| (path.clone(), code(&read(&path)))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]").next().unwrap_or_default();
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn assert_none(places: &[&str], forbidden: &[&str]) {
    for (path, code) in code_of(places) {
        for word in forbidden {
            assert!(!code.contains(word), "{} must not mention {word}", path.display());
        }
    }
}

#[test]
fn the_core_is_pure() {
    let outside = [
        "tokio",
        "sqlx",
        "reqwest",
        "hyper",
        "tracing",
        "async ",
        ".await",
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant",
        "now_utc",
        "Uuid::new_v4",
        "rand::",
        "println!",
    ];
    assert_none(&["plan", "record"], &outside);
    assert_none(
        &["plan", "record"],
        &["crate::source", "crate::mirror", "crate::sync", "crate::cli", "crate::config"],
    );
    assert_none(&["record"], &["crate::plan"]);
}

#[test]
fn the_two_edges_do_not_know_each_other() {
    assert_none(&["source"], &["crate::mirror", "crate::sync", "crate::cli", "sqlx"]);
    assert_none(&["mirror"], &["crate::source", "crate::sync", "crate::cli", "reqwest"]);
    assert_none(&["sync"], &["crate::cli", "sqlx::", "reqwest::"]);
    assert_none(
        &["webhook"],
        &["crate::source", "crate::mirror", "crate::plan", "crate::sync", "crate::cli", "sqlx"],
    );
    assert_none(&["source", "mirror"], &["crate::webhook"]);
}

#[test]
fn what_watches_asks_nobody() {
    let others = ["crate::source", "crate::mirror", "crate::sync", "crate::cli", "crate::plan"];
    assert_none(&["health"], &others);
    assert_none(&["health"], &["sqlx", "reqwest", "crate::record"]);
    assert_none(&["plan", "record", "mirror"], &["crate::health"]);
}

#[test]
fn only_the_command_line_prints() {
    let printing = ["println!", "print!(", "stdout()"];
    assert_none(
        &["config", "health", "mirror", "plan", "record", "source", "sync", "webhook"],
        &printing,
    );
}

#[test]
fn dynamic_sql_has_one_door() {
    let places =
        ["cli", "config", "health", "mirror", "plan", "record", "source", "sync", "webhook"];
    for (path, code) in code_of(&places) {
        let is_the_door = path.ends_with("mirror/ident.rs");
        assert!(
            is_the_door || !code.contains("AssertSqlSafe"),
            "{} goes past mirror/ident.rs",
            path.display()
        );
    }
}

#[test]
fn every_file_says_why_it_exists() {
    for (path, _) in code_of(&[
        "cli", "config", "health", "mirror", "plan", "record", "source", "sync", "webhook",
    ]) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} has no account of itself", path.display());
        assert!(text.lines().count() <= 400, "{} is longer than 400 lines", path.display());
    }
}

/// The tests that a page names, as `file.rs::function`.
fn named_tests(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(page).expect("a page that is there");
    let quoted = text.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|words| words.split_once(".rs::"));
    named.map(|(file, name)| (format!("{file}.rs"), name.to_owned())).collect()
}

#[test]
fn every_test_that_the_pages_name_is_there() {
    for page in ["docs/threat-model.md", "docs/invariants.md"] {
        let named = named_tests(page);
        assert!(named.len() > 20, "{page} names {} tests", named.len());
        for (file, name) in named {
            let code = fs::read_to_string(&file).unwrap_or_default();
            let is_there = code.contains(&format!("fn {name}("));
            assert!(is_there, "{page} names {file}::{name}, which is not there");
        }
    }
}

/// The names of what is logged at info and above, with where.
fn events() -> Vec<(String, PathBuf)> {
    let places = ["cli", "config", "health", "mirror", "source", "sync", "telemetry", "webhook"];
    let mut events = Vec::new();
    for (path, code) in code_of(&places) {
        for level in ["info", "warn", "error"] {
            for call in code.split(&format!("tracing::{level}!(")).skip(1) {
                let named = call.trim_start().strip_prefix("event = \"");
                let name = named.and_then(|rest| rest.split_once('"'));
                let (name, _) = name.unwrap_or_else(|| {
                    panic!("{} logs something without a name: {:.60}", path.display(), call)
                });
                events.push((name.to_owned(), path.clone()));
            }
        }
    }
    events
}

#[test]
fn every_line_of_the_log_has_a_name_of_its_own_which_is_documented() {
    let mut names: Vec<String> = events().into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let docs = include_str!("../docs/operations.md");
    let (_, docs) = docs.split_once("## The log").expect("a section about the log");
    let rows = docs.lines().take_while(|line| !line.starts_with("## "));
    let mut documented: Vec<String> = rows
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    documented.sort_unstable();
    assert_eq!(names, documented);
}
