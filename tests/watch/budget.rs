//! What calls are spent on, what is left of them, and how long a first load takes.

use fake_twenty::{Call, World};
use serde_json::Value;

use super::{daemon::Daemon, stage::Stage};

const RPM: &str = "TWENTY_SYNC__SOURCE__REQUESTS_PER_MINUTE";
const RESERVE: &str = "TWENTY_SYNC__SOURCE__RESERVE";

/// The value of each series of this metric.
fn series(metrics: &str, name: &str) -> Vec<(String, f64)> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
    lines.map(|(labels, value)| (labels.to_owned(), value.parse().expect("a number"))).collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What Twenty's limit counts a request for: one call, and none for metadata.
fn cost(call: &Call) -> usize {
    let path = call.info.bare_path();
    usize::from(path == "/graphql" || path.starts_with("/rest/"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_counted_once_where_it_belongs() {
    let stage = Stage::set(World::sample()).await;
    let mut program = stage.program();
    program.env(RPM, "6000").env(RESERVE, "600").env("TWENTY_SYNC__PULL__INTERVAL", "1h");
    let daemon = Daemon::start(&mut program, "127.0.0.1").await;
    let is_over = |text: &str| parsed(text)["last_run"]["outcome"] == "in_sync";
    daemon.until_text("/api/status", is_over).await;
    let spent: usize = stage.fake.calls().iter().map(cost).sum();
    let sum = |metrics: &str| {
        let calls = series(metrics, "twenty_sync_api_calls_total").into_iter();
        calls.map(|(_, calls)| calls).sum::<f64>()
    };
    let told = daemon.body("/api/status").await;
    let known = f64::from(u32::try_from(spent).expect("a few hundred calls"));
    let metrics = daemon.until_text("/metrics", |metrics| sum(metrics) >= known).await;
    assert!((sum(&metrics) - known).abs() < 0.5, "{spent} calls, and {metrics}\n{told}");
    for (lane, is_used) in [("backfill", true), ("pull", true), ("push", false), ("sweep", false)] {
        let label = format!("{{lane=\"{lane}\",outcome=\"answered\"}}");
        let calls = series(&metrics, &format!("twenty_sync_api_calls_total{label}"));
        assert_eq!(calls.len(), 1, "{label} in {metrics}");
        assert_eq!(calls[0].1 > 0.0, is_used, "{label}: {calls:?}");
    }
    for (name, value) in [("limit", 6000.0), ("reserve", 600.0)] {
        let name = format!("twenty_sync_api_budget_{name}_calls");
        assert_eq!(series(&metrics, &name), [(String::new(), value)]);
    }
    assert_eq!(series(&metrics, "twenty_sync_api_budget_left_calls").len(), 1, "{metrics}");

    let told = stage.run(&["status", "--json"]).await;
    let budget = &parsed(&told.stdout)["budget"];
    assert_eq!(budget["limit_calls"], 6000, "{told:?}");
    assert_eq!(budget["reserve_calls"], 600, "{told:?}");
    let lanes = budget["calls"].as_object().expect("lanes").values();
    let told: u64 = lanes
        .flat_map(|outcomes| outcomes.as_object().expect("outcomes").values())
        .map(|calls| calls.as_u64().expect("a count"))
        .sum();
    assert_eq!(usize::try_from(told).unwrap(), spent);
    let text = stage.run(&["status"]).await.stdout;
    assert!(text.contains("of 6,000 left, 600 reserved for others"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_tells_how_long_it_takes_before_and_while_it_runs() {
    let stage = Stage::set(World::with_people(40_000)).await;
    let objects: u64 = {
        let mut program = stage.program();
        // What is there at once is soon spent; the rest comes at one call a second.
        let daemon = Daemon::start(program.env(RPM, "70").env(RESERVE, "10"), "127.0.0.1").await;
        let is_under_way = |text: &str| {
            let people = parsed(text)["objects"].as_array().cloned().unwrap_or_default();
            people
                .iter()
                .any(|object| object["object"] == "people" && object["walk_seen"] != Value::Null)
        };
        let status = parsed(&daemon.until_text("/api/status", is_under_way).await);
        let load = &status["first_load"];
        let (seen, total) = (load["seen"].as_u64().unwrap(), load["total"].as_u64().unwrap());
        assert!(seen < total && total >= 40_000, "{load}");
        let calls = load["calls"].as_u64().unwrap();
        assert!(calls >= (total - seen) / 200, "{load}");
        assert_eq!(load["seconds"], calls, "at 60 calls a minute: {load}");
        let text = stage.run(&["status"]).await.stdout;
        assert!(text.contains("first load: ") && text.contains(" left"), "{text}");
        let log = daemon.end().await;
        let begins = log.lines().map(parsed).find(|line| line["message"] == "a first load begins");
        let begins = begins.unwrap_or_else(|| panic!("it is not in the log: {log}"));
        assert!(begins["seconds"].as_u64().is_some_and(|seconds| seconds >= calls), "{begins}");
        begins["objects"].as_u64().unwrap()
    };
    assert!(objects > 5, "{objects}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_run_says_before_its_first_load_what_that_takes_and_nothing_afterwards() {
    let stage = Stage::set(World::sample()).await;
    let ended = stage.run(&["--once"]).await;
    let said = ended.stderr.lines().filter(|line| line.starts_with("first load: ")).count();
    assert_eq!(said, 1, "{ended:?}");
    let counting = stage.fake.calls().len();
    let ended = stage.run(&["--once"]).await;
    assert!(!ended.stderr.contains("first load"), "{ended:?}");
    assert!(stage.fake.calls().len() > counting);
    let status = stage.run(&["status", "--json"]).await;
    assert_eq!(parsed(&status.stdout)["first_load"], Value::Null, "{status:?}");
}
