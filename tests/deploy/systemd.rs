//! The units are understood by systemd, and leave the program nothing that it does not need.

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use super::files::{ask, assert_ended_well, path, text};

const SERVICES: [&str; 2] = ["twenty-sync.service", "twenty-sync-once.service"];
const TIMER: &str = "twenty-sync-once.timer";

/// The units as they would be with the program installed, where it was just built.
fn installed() -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let program = format!("ExecStart={}", env!("CARGO_BIN_EXE_twenty-sync"));
    let units = SERVICES.iter().chain([&TIMER]).map(|unit| {
        let unit_path = folder.path().join(unit);
        let text = text(&format!("deploy/{unit}")).replace("ExecStart=twenty-sync", &program);
        fs::write(&unit_path, text).unwrap();
        unit_path
    });
    let units = units.collect();
    (folder, units)
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    let (_folder, units) = installed();
    let Some(output) = ask(Command::new("systemd-analyze").arg("verify").args(units)) else {
        return;
    };
    assert_ended_well(&output);
    // An unknown key is told, and is no failure. What is told of other units is theirs.
    let told = String::from_utf8(output.stderr).unwrap();
    let ours: Vec<&str> = told.lines().filter(|line| line.contains("twenty-sync")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn the_services_are_exposed_to_the_network_and_to_nothing_else() {
    let (_folder, units) = installed();
    for unit in units.iter().filter(|unit| unit.extension().is_some_and(|kind| kind == "service")) {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--threshold=15"]).arg(unit);
        let Some(output) = ask(&mut command) else { return };
        assert_ended_well(&output);
    }
}

#[test]
fn both_services_have_the_same_sandbox() {
    let [daemon, once] = SERVICES.map(|unit| {
        let text = text(&format!("deploy/{unit}"));
        let (_, sandbox) = text.split_once("# The program needs the network").unwrap();
        sandbox.split("\n[Install]").next().unwrap().trim_end().to_owned()
    });
    assert_eq!(daemon, once);
    for line in
        ["NoNewPrivileges=yes", "ProtectSystem=strict", "LimitCORE=0", "CapabilityBoundingSet="]
    {
        assert!(daemon.lines().any(|other| other == line), "{line}");
    }
}

#[test]
fn secrets_reach_the_services_as_credentials() {
    for unit in SERVICES {
        let text = text(&format!("deploy/{unit}"));
        for line in [
            "LoadCredential=api-key:/etc/twenty-sync/api-key",
            "LoadCredential=database-url:/etc/twenty-sync/database-url",
            "Environment=TWENTY_API_KEY_FILE=%d/api-key",
            "Environment=DATABASE_URL_FILE=%d/database-url",
        ] {
            assert!(text.lines().any(|other| other == line), "{unit}: {line}");
        }
    }
}

#[test]
fn what_only_a_person_can_repair_is_not_restarted() {
    let text = text("deploy/twenty-sync.service");
    assert!(text.contains("\nRestartPreventExitStatus=2 77 78\n"));
    assert!(path("deploy").join(TIMER).is_file());
}

#[test]
fn a_reload_tells_the_program_and_no_other() {
    let text = text("deploy/twenty-sync.service");
    assert!(text.contains("\nExecReload=kill -HUP $MAINPID\n"));
}
