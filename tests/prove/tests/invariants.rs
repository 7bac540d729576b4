//! docs/invariants.md names tests: each of them exists, and the program has no planted mistake.

use std::{fs, path::Path};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_test_that_the_table_names_exists() {
    let table = text("docs/invariants.md");
    let named: Vec<&str> =
        table.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
    assert!(named.len() > 20, "only {} tests are named", named.len());
    for name in named {
        let (file, function) = name.split_once("::").unwrap();
        assert!(text(file).contains(&format!("fn {function}")), "there is no {name}");
    }
}

#[test]
fn every_invariant_has_a_row_with_a_test_or_a_reason() {
    let table = text("docs/invariants.md");
    for number in 1..=28 {
        let start = format!("| I{number} |");
        let row = table.lines().find(|line| line.starts_with(&start));
        let cells: Vec<&str> = row.unwrap_or_default().split('|').map(str::trim).collect();
        assert!(cells.len() == 6 && !(cells[3].is_empty() && cells[4].is_empty()), "{start}");
    }
}

#[test]
fn the_program_cannot_be_built_with_planted_mistakes() {
    let manifest = text("Cargo.toml");
    assert!(!manifest.contains("planted = ["), "only tests/prove has the feature");
    let (program, _) = manifest.split_once("[dev-dependencies]").unwrap();
    assert!(!program.contains("\nprove"), "the program does not depend on tests/prove");
    assert!(!text("src/lib.rs").contains("mod mistakes"), "and has no module of mistakes");
}
