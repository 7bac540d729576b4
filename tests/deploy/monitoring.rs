//! Every alert has its page in the runbook, whose commands exist; alerts and dashboard ask for metrics that are there.

use std::{
    collections::BTreeSet,
    process::{Command, Output},
};

use serde_json::Value;

use super::files::{ask, assert_ended_well, path, text, yaml};

/// What the daemon exports.
const METRICS: [&str; 14] = [
    "twenty_sync_api_budget_left_calls",
    "twenty_sync_api_budget_limit_calls",
    "twenty_sync_api_calls_total",
    "twenty_sync_build_info",
    "twenty_sync_conflicts",
    "twenty_sync_leader",
    "twenty_sync_oldest_change_age_seconds",
    "twenty_sync_outbox_records",
    "twenty_sync_proven_timestamp_seconds",
    "twenty_sync_pull_lag_seconds",
    "twenty_sync_push_lag_seconds",
    "twenty_sync_quarantined_records",
    "twenty_sync_ready",
    "twenty_sync_stopped",
];

fn alerts() -> Vec<Value> {
    let file = yaml(&path("deploy/prometheus/alerts.yaml"));
    let groups = file["groups"].as_array().unwrap().clone();
    let alerts: Vec<Value> =
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
    assert!(!alerts.is_empty());
    alerts
}

fn name(alert: &Value) -> String {
    alert["alert"].as_str().unwrap().to_owned()
}

/// The sections of the runbook, by their headings.
fn runbook() -> Vec<(String, String)> {
    let text = text("docs/runbook.md");
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| section.split_once('\n').unwrap())
        .map(|(heading, body)| (heading.to_owned(), body.to_owned()))
        .collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&text("deploy/grafana/twenty-sync.json")).unwrap()
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

/// The names of metrics in an expression.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("twenty_sync_")).map(str::to_owned).collect()
}

fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let targets = panels(&dashboard).iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let alerts = alerts();
    alerts.iter().chain(targets).map(|asks| asks["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_every_metric_and_for_none_that_is_not_there() {
    let asked: BTreeSet<String> = expressions().iter().flat_map(|text| metrics(text)).collect();
    assert_eq!(asked, METRICS.iter().map(|&metric| metric.to_owned()).collect());
}

#[test]
fn every_alert_says_what_it_means_and_where_to_read_on() {
    for alert in alerts() {
        let name = name(&alert);
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        for key in ["summary", "description"] {
            assert!(
                alert["annotations"][key].as_str().is_some_and(|text| text.ends_with('.')),
                "{name}: {key}"
            );
        }
        let page = format!("docs/runbook.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook_url"], page.as_str());
    }
}

#[test]
fn every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() {
    let alerts: Vec<String> = alerts().iter().map(name).collect();
    let sections = runbook();
    let of_alerts = sections.iter().filter(|(heading, _)| heading.starts_with("TwentySync"));
    let headings: Vec<String> = of_alerts.clone().map(|(heading, _)| heading.clone()).collect();
    assert_eq!(headings, alerts);
    for (heading, body) in of_alerts {
        for part in ["**What it means.**", "**Look at.**", "**Do.**"] {
            assert!(body.contains(part), "{heading} lacks {part}");
        }
    }
}

#[test]
fn every_alert_was_seen_to_fire_and_to_be_silent() {
    let file = yaml(&path("deploy/prometheus/alerts.test.yaml"));
    let cases = file["tests"].as_array().unwrap().iter();
    let cases: Vec<&Value> =
        cases.flat_map(|test| test["alert_rule_test"].as_array().unwrap()).collect();
    for alert in alerts() {
        let of_alert = cases.iter().filter(|case| case["alertname"] == alert["alert"]);
        let (silent, firing): (Vec<&Value>, Vec<&Value>) =
            of_alert.partition(|case| case["exp_alerts"].as_array().unwrap().is_empty());
        assert!(!silent.is_empty() && !firing.is_empty(), "{}", name(&alert));
    }
}

#[test]
fn prometheus_understands_the_alerts() {
    let alerts = path("deploy/prometheus/alerts.yaml");
    let Some(output) = ask(Command::new("promtool").args(["check", "rules"]).arg(alerts)) else {
        return;
    };
    assert_ended_well(&output);
    let tests = path("deploy/prometheus/alerts.test.yaml");
    let tested = Command::new("promtool").args(["test", "rules"]).arg(tests).output().unwrap();
    assert_ended_well(&tested);
}

/// Whether the program understands a command; with --help its words are judged and nothing is done.
fn understand(command: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_twenty-sync"));
    program.args(command.split_whitespace()).arg("--help").output().unwrap()
}

#[test]
fn commands_of_the_runbook_are_commands_of_this_program() {
    let text = text("docs/runbook.md");
    let commands: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("$ twenty-sync "))
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        assert_ended_well(&understand(command));
    }
}

#[test]
fn the_dashboard_is_one_screen_whose_panels_do_not_overlap() {
    let dashboard = dashboard();
    assert!(panels(&dashboard).len() <= 12);
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let [x, y, width, height] =
            ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + width <= 24, "{panel}");
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} overlaps", panel["title"]);
        }
    }
}

#[test]
fn the_dashboard_keeps_to_the_namespace_and_the_source_that_were_chosen() {
    for panel in panels(&dashboard()) {
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}");
            let expression = target["expr"].as_str().unwrap();
            let filters = expression.matches("{namespace=~\"$namespace\"}").count();
            assert_eq!(filters, expression.matches("twenty_sync_").count(), "{expression}");
        }
    }
}
