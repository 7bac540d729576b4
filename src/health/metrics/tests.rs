//! The figures, as Prometheus reads them, and the list of them in the documentation.

use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

use super::text;
use crate::health::{
    BudgetReading, CallCount, Calls, Health, ObjectReading, Reading, Side, StopReading,
};

const DOCS: &str = include_str!("../../../docs/metrics.md");

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)
}

fn object(name: &str) -> ObjectReading {
    let stop = |direction, cause| StopReading { direction, cause, is_stopped: cause == "fuse" };
    ObjectReading {
        object: name.to_owned(),
        is_pushed: true,
        is_walked: false,
        read_up_to: Some(now() - Duration::seconds(40)),
        succeeded_at: Some(now()),
        proven_at: Some(now()),
        rows: 7,
        waiting: 3,
        waiting_since: Some(now() - Duration::seconds(9)),
        quarantined: 2,
        conflicts: 1,
        stops: ["fuse", "pause", "rewind"]
            .into_iter()
            .flat_map(|cause| [stop("pull", cause), stop("push", cause)])
            .collect(),
    }
}

/// Everything that can be known is known.
fn known(objects: Vec<ObjectReading>) -> Health {
    let health = Health::default();
    let count = |lane, outcome, calls| CallCount { lane, outcome, calls };
    let counts = vec![count("pull", "answered", 9), count("push", "throttled", 1)];
    let budget = Some(BudgetReading { limit: 100, left: 60, reserve: 10 });
    health.source(Side::Answers, Calls { counts, budget });
    health.mirror(Reading { at: now(), json: "{}".to_owned(), objects });
    health
}

async fn told(objects: Vec<ObjectReading>) -> String {
    let health = known(objects);
    health.leads(3);
    health.turning("pull", async { text(&health, now()) }).await
}

/// The samples, each a name with labels and its value.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            (series, value.parse().expect("a number"))
        })
        .collect()
}

/// Name, kind and names of labels of every metric.
fn families(text: &str) -> BTreeSet<[String; 3]> {
    let samples = samples(text);
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| {
            let (name, kind) = line.split_once(' ').expect("a kind");
            let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
            let of_it = |series: &&&str| series.split('{').next() == Some(name.as_str());
            let series =
                samples.keys().find(of_it).unwrap_or_else(|| panic!("{name} has no sample"));
            [name.clone(), kind.to_owned(), labels(series)]
        })
        .collect()
}

fn labels(series: &str) -> String {
    let inside = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
    let names = inside.split("\",").filter_map(|label| label.split_once('='));
    names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn the_documentation_lists_every_metric_and_no_other() {
    let rows = DOCS.lines().filter(|line| line.starts_with("| `twenty_sync_"));
    let documented: BTreeSet<[String; 3]> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            [cells[1], cells[2], cells[3]].map(|cell| cell.replace('`', ""))
        })
        .collect();
    assert_eq!(families(&told(vec![object("people")]).await), documented);
}

#[tokio::test]
async fn figures_are_told_in_seconds_by_object_and_direction() {
    let text =
        told(vec![object("people"), ObjectReading { is_pushed: false, ..object("notes") }]).await;
    let samples = samples(&text);
    for (series, value) in [
        ("twenty_sync_pull_lag_seconds{object=\"people\"}", 40.0),
        ("twenty_sync_push_lag_seconds{object=\"people\"}", 9.0),
        ("twenty_sync_outbox_records{object=\"people\"}", 3.0),
        ("twenty_sync_conflicts{object=\"people\"}", 1.0),
        ("twenty_sync_quarantined_records{object=\"people\"}", 2.0),
        ("twenty_sync_stopped{object=\"people\",flow=\"push\",cause=\"fuse\"}", 1.0),
        ("twenty_sync_stopped{object=\"people\",flow=\"push\",cause=\"pause\"}", 0.0),
        ("twenty_sync_api_calls_total{lane=\"pull\",outcome=\"answered\"}", 9.0),
        ("twenty_sync_api_calls_total{lane=\"push\",outcome=\"throttled\"}", 1.0),
        ("twenty_sync_api_budget_limit_calls", 100.0),
        ("twenty_sync_api_budget_left_calls", 60.0),
        ("twenty_sync_api_budget_reserve_calls", 10.0),
        ("twenty_sync_ready", 1.0),
        ("twenty_sync_leader", 1.0),
        ("twenty_sync_lease_epoch", 3.0),
        ("twenty_sync_proven_timestamp_seconds{object=\"notes\"}", 1_728_000_000.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series} in {text}");
    }
    assert!(
        !text.contains("twenty_sync_push_lag_seconds{object=\"notes\"}"),
        "a read-only object has no way back"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn an_object_has_fewer_than_twenty_series() {
    let count = async |number: usize| {
        let objects = (0..number).map(|place| object(&format!("objects{place}"))).collect();
        samples(&told(objects).await).len()
    };
    let (one, hundred) = (count(1).await, count(100).await);
    assert!((hundred - one) < 99 * 20, "{} series an object", (hundred - one) / 99);
}

#[tokio::test]
async fn a_name_cannot_add_a_series_of_its_own() {
    let hostile = "x\"} 1\ntwenty_sync_ready 0\n# <script>\\";
    let text = told(vec![object(hostile)]).await;
    assert_eq!(text.lines().filter(|line| line.starts_with("twenty_sync_ready")).count(), 1);
    assert!(text.contains("object=\"x\\\"} 1\\ntwenty_sync_ready 0\\n# <script>\\\\\""), "{text}");
}

#[tokio::test]
async fn nothing_read_yet_is_told_without_figures_of_objects() {
    let text = text(&Health::default(), now());
    assert_eq!(samples(&text).get("twenty_sync_ready"), Some(&0.0), "{text}");
    assert_eq!(samples(&text).get("twenty_sync_leader"), Some(&0.0), "{text}");
    assert!(!text.contains("object=") && !text.contains("lease_epoch"), "{text}");
    assert!(!text.contains("budget"), "no limit is known: {text}");
}
