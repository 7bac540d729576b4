//! `reset`: one object read anew and put in the place of what its table holds.
//!
//! Invariant: nobody's unsent change is given up, so the question is about time and calls, not about loss.

use std::process::ExitCode;

use indicatif::MultiProgress;
use serde_json::json;

use super::{
    exit::Failure,
    objects::{find, open},
    output::{Output, grouped, printable},
    progress::Display,
    signals::stop_on_signals,
};
use crate::{
    config::Config,
    sync::{Engine, ResetReport},
};

pub(super) async fn run(
    config: &Config,
    object: &str,
    yes: bool,
    output: &mut Output,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    let known = find(&open(&config.mirror).await?, object).await?;
    let place = format!("{}.{}", config.mirror.schema, known.table);
    let question = format!(
        "{}: read every record from Twenty again and make {place} equal to them? Changes that are not sent yet stay",
        known.plural
    );
    output.insist(&question, yes, "nothing was reset")?;
    let stop = stop_on_signals()?;
    let engine = Engine::open(config).await?;
    let display = Display::start(bars, None);
    let report = engine.reset(&known.plural, &stop, &display.sender).await;
    display.finish().await;
    let report = report?;
    output.show(&as_json(&report), |_| text(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn text(report: &ResetReport) -> String {
    let name = printable(&report.object);
    let applied = &report.applied;
    let mut lines: Vec<String> =
        report.mended.iter().map(|step| format!("{name}: {step}")).collect();
    lines.push(format!(
        "{name}: {} records read; {} rows inserted, {} updated, {} removed",
        grouped(report.read),
        grouped(applied.inserted),
        grouped(applied.updated),
        grouped(applied.removed)
    ));
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("{name}: {} {what}", grouped(count)));
        }
    };
    note(applied.set_aside, "records were set aside: select * from sync.problem");
    note(report.unsent, "records with changes that are not in Twenty yet keep them");
    lines.join("\n")
}

fn as_json(report: &ResetReport) -> serde_json::Value {
    let applied = &report.applied;
    json!({
        "object": report.object, "table": report.table, "read": report.read,
        "inserted": applied.inserted, "updated": applied.updated, "removed": applied.removed,
        "set_aside": applied.set_aside, "unsent": report.unsent, "mended": report.mended,
    })
}
