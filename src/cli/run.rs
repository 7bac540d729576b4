//! `--once`: sync once, and tell what that did.
//!
//! Invariant: it is the same pass of the engine as that of `run`.

use std::{collections::BTreeMap, process::ExitCode};

use futures_util::future::join_all;
use indicatif::MultiProgress;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    exit::{self, Failure},
    output::{Output, grouped, held, printable, stopped, table},
    progress::Display,
    signals::stop_on_signals,
};
use crate::{
    config::Workspace,
    mirror::RunMode,
    sync::{Engine, ObjectReport, PushReport, RunReport, SyncError, overdue},
};

/// Syncs every workspace, side by side; the exit code is the worst one.
pub(super) async fn once(
    workspaces: &[Workspace],
    output: &mut Output,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    let stop = stop_on_signals()?;
    let runs = workspaces.iter().map(|workspace| Box::pin(run(workspace, &stop, bars)));
    let mut ended: Vec<_> = join_all(runs).await;
    if let [Workspace { name: None, .. }] = workspaces {
        let report = ended.remove(0)?;
        output.show(&as_json(&report), |_| summary(&report))?;
        return match report.failure() {
            Some(error) => Err(Failure::from(error)),
            None => Ok(ExitCode::from(exit::of_outcome(report.outcome))),
        };
    }
    let names = workspaces.iter().filter_map(|workspace| workspace.name.as_deref());
    several(&names.zip(ended).collect::<Vec<_>>(), output)
}

async fn run(
    workspace: &Workspace,
    stop: &CancellationToken,
    bars: &MultiProgress,
) -> Result<RunReport, Failure> {
    let config = &workspace.config;
    let term = Engine::open(config).await?.lead(config).await?;
    let display = Display::start(bars, workspace.name.as_deref());
    let report = tokio::select! {
        report = term.engine.pass(RunMode::Once, stop, &display.sender) => report,
        // What PostgreSQL does not answer any more would never end by itself.
        lost = term.lost() => Err(lost),
        () = overdue(stop) => Err(SyncError::Stopped),
    };
    display.finish().await;
    term.end().await;
    Ok(report?)
}

fn several(
    ended: &[(&str, Result<RunReport, Failure>)],
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let told: BTreeMap<_, _> = ended.iter().map(|(name, ended)| (name, told(ended))).collect();
    output.show(&told, |_| {
        let reports = ended.iter().filter_map(|(name, ended)| Some((name, ended.as_ref().ok()?)));
        let summaries = reports.map(|(name, report)| format!("{name}\n\n{}", summary(report)));
        summaries.collect::<Vec<_>>().join("\n\n")
    })?;
    let codes = ended.iter().map(|(name, ended)| {
        let failure = match ended {
            Ok(report) => report.failure().map(Failure::from),
            Err(failure) => Some(failure.clone()),
        };
        let code = |report: &RunReport| exit::of_outcome(report.outcome);
        let code =
            failure.as_ref().map_or_else(|| ended.as_ref().map_or(0, code), |failure| failure.code);
        if let Some(failure) = failure {
            output.failure(&failure.of(Some(name)));
        }
        code
    });
    Ok(exit::worst(codes.collect::<Vec<_>>()))
}

fn told(ended: &Result<RunReport, Failure>) -> serde_json::Value {
    match ended {
        Ok(report) => as_json(report),
        Err(Failure { code, message, hint }) => {
            json!({"outcome": "failed", "failure": message, "hint": hint, "exit_code": code})
        }
    }
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
    if let Some(error) = &report.uncounted {
        let why = exit::chain(error);
        lines.push(format!("destroyed records were not looked for: {}", printable(&why)));
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
        "uncounted": report.uncounted.as_ref().map(|error| exit::chain(error)),
        "stops": report.stops,
        "held": report.held,
        "objects": objects,
    })
}
