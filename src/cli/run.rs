//! `--once` and `run`: sync once, or until stopped.
//!
//! Invariants: both use the same pass of the engine; the first SIGTERM or SIGINT ends the run between two pages,
//! the second one at once.

use std::process::ExitCode;

use indicatif::MultiProgress;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    exit::{self, Failure},
    output::{Output, grouped, held, printable, stopped, table},
    progress::Display,
    watch,
};
use crate::{
    config::{self, Config},
    health::Health,
    mirror::RunMode,
    sync::{Engine, ObjectReport, PushReport, RunReport, keep_syncing},
};

pub(super) async fn once(
    config: &Config,
    output: &mut Output,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    let stop = stop_on_signals()?;
    let term = Engine::open(config).await?.lead(config).await?;
    let display = Display::start(bars);
    let report = term.engine.pass(RunMode::Once, &stop, &display.sender).await;
    display.finish().await;
    term.end().await;
    let report = report?;
    output.show(&as_json(&report), |_| summary(&report))?;
    match report.failure() {
        Some(error) => Err(Failure::from(error)),
        None => Ok(exit::of_outcome(report.outcome)),
    }
}

pub(super) async fn forever(
    config: &Config,
    watched: &config::Health,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    let stop = stop_on_signals()?;
    let health = Health::default();
    let _watchers = watch::start(watched, &health, &stop).await?;
    let display = Display::start(bars);
    // Two loops and what watches them are a large value, made once.
    let ended = Box::pin(keep_syncing(config, &stop, &display.sender, &health)).await;
    display.finish().await;
    ended?;
    Ok(ExitCode::SUCCESS)
}

/// A token that the first signal cancels; the second one ends the process.
pub(super) fn stop_on_signals() -> Result<CancellationToken, Failure> {
    let failed = |error| Failure::failed(format!("could not listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            if asked.is_cancelled() {
                #[expect(clippy::exit, reason = "a second signal means now")]
                std::process::exit(code);
            }
            tracing::info!(
                event = "stopping",
                "stopping after the page under way; once more ends at once"
            );
            asked.cancel();
        }
    });
    Ok(stop)
}

fn summary(report: &RunReport) -> String {
    let headings = ["object", "read", "inserted", "updated", "removed", "set aside", "state"];
    let mut lines = vec![table(&headings, report.objects.iter().map(cells))];
    for object in &report.objects {
        let name = printable(&object.object);
        if let Some(error) = &object.failure {
            lines.push(format!("{name}: {}", printable(&exit::chain(error))));
        }
        if !object.withheld.is_empty() {
            let columns = object.withheld.join(", ");
            lines.push(format!(
                "{name}: the source sent no {columns}; the mirror keeps what it has"
            ));
        }
    }
    lines.extend(stopped(&report.stops));
    lines.extend(held(&report.held));
    lines.push(closing(report));
    lines.join("\n")
}

fn cells(object: &ObjectReport) -> Vec<String> {
    let applied = &object.applied;
    let state = match (&object.failure, object.stopped) {
        (Some(_), _) => "failed",
        (None, true) => "stopped",
        (None, false) => "in sync",
    };
    vec![
        printable(&object.object),
        grouped(object.read),
        grouped(applied.inserted),
        grouped(applied.updated),
        grouped(applied.removed),
        grouped(applied.set_aside),
        state.to_owned(),
    ]
}

fn closing(report: &RunReport) -> String {
    let PushReport { written, refused, conflicts, .. } = report.pushed;
    let (rows, calls) = (grouped(report.rows_changed()), grouped(report.calls));
    let mut lines = vec![format!(
        "{rows} rows changed here, {} records written to Twenty, {calls} calls",
        grouped(written)
    )];
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("{} {what}", grouped(count)));
        }
    };
    note(refused, "times Twenty refused a record: select * from sync.problem");
    note(conflicts, "fields in conflict: select * from sync.conflict");
    note(report.quarantined, "records in quarantine: select * from sync.problem");
    note(
        report.waiting,
        "records with changes that are not in Twenty yet: select * from sync.pending",
    );
    lines.join("\n")
}

fn as_json(report: &RunReport) -> serde_json::Value {
    let objects: Vec<_> = report
        .objects
        .iter()
        .map(|object| {
            json!({
                "object": object.object,
                "table": object.table,
                "read": object.read,
                "inserted": object.applied.inserted,
                "updated": object.applied.updated,
                "removed": object.applied.removed,
                "set_aside": object.applied.set_aside,
                "withheld": object.withheld,
                "failure": object.failure.as_ref().map(|error| exit::chain(error)),
            })
        })
        .collect();
    json!({
        "outcome": report.outcome.as_str(),
        "rows_changed": report.rows_changed(),
        "calls": report.calls,
        "quarantined": report.quarantined,
        "waiting": report.waiting,
        "written": report.pushed.written,
        "refused": report.pushed.refused,
        "conflicts": report.pushed.conflicts,
        "stops": report.stops,
        "held": report.held,
        "objects": objects,
    })
}
