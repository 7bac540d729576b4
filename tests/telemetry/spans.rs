//! Which spans come, what they hold, and what a collector that is not there costs.

use std::time::{Duration, Instant};

use fake_twenty::World;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    collector::{Collector, Span},
    log,
    scene::Scene,
    stage::{finish, secrets::Secrets},
};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    assert!(!found.is_empty(), "no span {name}");
    found
}

/// Whether `span` is within one of this name.
fn is_within(spans: &[Span], span: &Span, name: &str) -> bool {
    let parent = spans.iter().find(|other| other.id == span.parent);
    parent.is_some_and(|parent| parent.name == name || is_within(spans, parent, name))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_span_for_every_step_and_no_value_in_it() {
    let scene = Scene::of(World::sample()).await;
    let collector = Collector::start().await;
    let id = scene.some("people", 0);
    scene.sql(&format!("update twenty.people set city = 'Canary City' where id = '{id}'")).await;
    let mut program = scene.program();
    program.arg("--once").env(ENDPOINT, &collector.url);
    program.env("OTEL_EXPORTER_OTLP_HEADERS", "x-of-whom=canary");
    let ended = finish(&mut program).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let spans = collector.spans();
    let [pass] = named(&spans, "pass")[..] else { panic!("one pass") };
    assert_eq!(pass.attributes["mode"], "once");
    let walks = named(&spans, "walk");
    assert!(walks.iter().any(|walk| walk.attributes["object"] == "people"), "{walks:?}");
    for (name, within) in
        [("walk", "pass"), ("page", "walk"), ("call", "pass"), ("push_round", "pass")]
    {
        let found = named(&spans, name);
        assert!(found.iter().any(|span| is_within(&spans, span, within)), "{name} in {within}");
    }
    for within in ["walk", "push_round"] {
        for name in ["call", "transaction"] {
            let found = named(&spans, name);
            assert!(found.iter().any(|span| is_within(&spans, span, within)), "{name} in {within}");
        }
    }
    let calls = named(&spans, "call");
    for (lane, method) in [("pull", "GET"), ("push", "POST")] {
        let is_it = |call: &&&Span| {
            let told = |key: &str| call.attributes.get(key).map(String::as_str);
            (told("lane"), told("method")) == (Some(lane), Some(method))
        };
        let call = calls.iter().find(is_it);
        let call = call.unwrap_or_else(|| panic!("no {method} in {lane}: {calls:?}"));
        assert_eq!(call.attributes["outcome"], "answered");
        assert_eq!(call.attributes["status"], "200");
    }
    assert_eq!(collector.resource("service.name").as_deref(), Some("twenty-sync"));
    assert_eq!(collector.header("x-of-whom").as_deref(), Some("canary"));
    let text = collector.text();
    Secrets::given_to(&scene.program()).assert_untold("a span", &text);
    for untold in ["Canary City", scene.stage.fake.url(), "/rest/"] {
        assert!(!text.contains(untold), "a span tells {untold}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_one_warning() {
    let scene = Scene::set(World::sample(), &[]).await;
    let mut program = scene.program();
    program.arg("--once").env(ENDPOINT, "http://127.0.0.1:1").env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let ended = finish(&mut program).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let warnings = ended.stderr.lines().filter(|line| line.contains("\"WARN\"")).count();
    assert_eq!(warnings, 1, "{ended:?}");
    assert!(ended.stderr.contains("traces_lost"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_up_neither_the_work_nor_the_end() {
    let scene = Scene::set(World::sample(), &[("PULL__INTERVAL", "100ms")]).await;
    // The kernel takes the connections, and nobody reads them.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut program = scene.program();
    program.arg("run").env(ENDPOINT, format!("http://{}", deaf.local_addr().unwrap()));
    let (mut child, mut log) = log::spawn(&mut program);
    let threads = format!("/proc/{}/task", child.id().unwrap());
    while let Some(line) = log.next_line().await {
        if line.contains("passed over all objects") {
            break;
        }
    }
    assert!(are_sent_from(&threads), "the spans have a thread of their own");
    kill_process(Pid::from_raw(child.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
    let mut stopped = None;
    while let Some(line) = log.next_line().await {
        if line.contains("\"stopped\"") {
            stopped = Some(Instant::now());
        }
    }
    assert!(child.wait().await.unwrap().success());
    let took = stopped.expect("it said so").elapsed();
    assert!(took < Duration::from_secs(4), "the end took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_nothing_of_it_is_loaded() {
    let scene = Scene::set(World::sample(), &[("PULL__INTERVAL", "100ms")]).await;
    let (child, mut log) = log::spawn(scene.program().arg("run"));
    let threads = format!("/proc/{}/task", child.id().unwrap());
    while let Some(line) = log.next_line().await {
        if line.contains("passed over all objects") {
            break;
        }
    }
    assert!(!are_sent_from(&threads), "there is a thread for spans");
}

/// Whether a process has the thread from which spans are sent.
fn are_sent_from(threads: &str) -> bool {
    let threads = std::fs::read_dir(threads).expect("the process runs").flatten();
    let mut names = threads.filter_map(|one| std::fs::read_to_string(one.path().join("comm")).ok());
    names.any(|name| name.starts_with("OpenTelemetry"))
}
