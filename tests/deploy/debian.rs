//! What the Debian package is said to hold can be had, and what is made for it is made.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::files::{assert_ended_well, path};

/// The part of Cargo.toml that describes the package.
fn package() -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    let output = command.current_dir(path("")).output().unwrap();
    assert_ended_well(&output);
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().find(|package| package["name"] == "twenty-sync").unwrap();
    ours["metadata"]["deb"].clone()
}

fn assets(package: &Value) -> Vec<[String; 2]> {
    let of_one = |asset: &Value| [0, 1].map(|part| asset[part].as_str().unwrap().to_owned());
    package["assets"].as_array().unwrap().iter().map(of_one).collect()
}

fn is_there(pattern: &str) -> bool {
    let path = path(pattern);
    let Some(extension) = pattern.rsplit_once("/*.").map(|(_, extension)| extension) else {
        return path.is_file();
    };
    fs::read_dir(path.parent().unwrap())
        .unwrap()
        .any(|entry| entry.unwrap().path().extension().is_some_and(|of_file| of_file == extension))
}

#[test]
fn every_file_of_the_package_is_there_or_is_built() {
    let assets = assets(&package());
    assert!(assets.len() > 10, "{assets:?}");
    for [source, _] in assets {
        assert!(source.starts_with("target/") || is_there(&source), "{source}");
    }
}

#[test]
fn settings_of_the_operator_survive_an_upgrade() {
    let package = package();
    let kept = package["conf-files"].as_array().unwrap();
    for [_, place] in assets(&package).iter().filter(|[_, place]| place.starts_with("etc/")) {
        assert!(kept.iter().any(|file| file == &format!("/{place}")), "{place}");
    }
    assert_eq!(kept.len(), 2);
}

/// A mailbox of the machine that built it would be somebody else's wherever it is installed.
#[test]
fn the_maintainer_holds_the_copyright_and_claims_no_mailbox() {
    let package = package();
    let (name, address) = package["maintainer"].as_str().unwrap().split_once(" <").unwrap();
    assert!(fs::read_to_string(path("LICENSE")).unwrap().contains(&format!(" {name}\n")), "{name}");
    let (mailbox, domain) = address.strip_suffix('>').unwrap().split_once('@').unwrap();
    assert!(!mailbox.is_empty() && domain.ends_with(".invalid"), "{address}");
}

#[test]
fn maintainer_scripts_can_be_read_by_the_shell() {
    for script in ["postinst", "prerm", "postrm"] {
        let script = path("deploy/debian").join(script);
        assert_ended_well(&Command::new("sh").arg("-n").arg(script).output().unwrap());
    }
}

fn write_manual(folder: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_twenty-sync")).arg("man").arg(folder).output().unwrap()
}

#[test]
fn every_command_has_a_manual_page_but_the_one_that_makes_them() {
    let folder = tempfile::tempdir().unwrap();
    assert_ended_well(&write_manual(folder.path()));
    let page = |name: &str| fs::read_to_string(folder.path().join(name));
    assert!(page("twenty-sync.1").unwrap().contains("twenty\\-sync\\-status(1)"));
    assert!(page("twenty-sync-problems-discard.1").unwrap().contains("Give up the local changes"));
    assert!(page("twenty-sync-man.1").is_err());
}

#[test]
fn manual_pages_that_cannot_be_written_are_missed() {
    let output = write_manual(Path::new("/nowhere/at/all"));
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("could not write manual pages to /nowhere/at/all"), "{told}");
}
