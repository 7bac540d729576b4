//! `status`: what is mirrored, how fresh it is and what is stuck.
//!
//! It reads the mirror only, so it works while Twenty does not.

use std::process::ExitCode;

use secrecy::ExposeSecret;
use time::OffsetDateTime;

use super::{
    exit::{self, Failure},
    output::{Output, ago, grouped, held, printable, stopped, table, takes},
};
use crate::{
    config::MirrorConfig,
    mirror::{Budget, LastRun, Leader, Mirror, MirrorStatus, ObjectStatus, Stop, StopCause},
    plan::backfill::Estimate,
    record::Rest,
    source::Lane,
    sync::Status,
};

const UNSEEN: &str = "it could not be seen whether the Twenty server takes changes, so it is only read: changes made \
     here are refused until it can be; twenty-sync doctor says what to do";

pub(super) async fn show(config: &MirrorConfig, output: &mut Output) -> Result<ExitCode, Failure> {
    let pool = Mirror::connect(config.database_url.expose_secret(), 1).await?;
    let Some(mirror) = MirrorStatus::read(&pool, &config.schema).await? else {
        output.show(&serde_json::Value::Null, |_| {
            "nothing is mirrored yet: run twenty-sync --once".to_owned()
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    let status = Status::of(mirror);
    output.show(&status, text)?;
    let status = &status.mirror;
    let stuck = status
        .objects
        .iter()
        .any(|object| object.quarantined + object.conflicts > 0 || object.failure.is_some())
        || status.stops.iter().any(|stop| stop.cause != StopCause::Pause)
        || !status.held.is_empty();
    Ok(if stuck { ExitCode::from(exit::ATTENTION) } else { ExitCode::SUCCESS })
}

fn text(status: &Status) -> String {
    let Status { mirror: status, first_load } = status;
    let now = OffsetDateTime::now_utc();
    let headings = [
        "object",
        "table",
        "direction",
        "rows (about)",
        "read up to",
        "last success",
        "proven equal",
        "swept",
        "waiting",
        "problems",
        "conflicts",
        "state",
    ];
    let rows = status.objects.iter().map(|object| {
        vec![
            object.object.clone(),
            format!("{}.{}", status.schema, object.table_name),
            object.direction.clone(),
            grouped(unsigned(object.rows_estimate)),
            object.watermark.map_or("never".to_owned(), |time| ago(now, time)),
            object.succeeded_at.map_or("never".to_owned(), |time| ago(now, time)),
            object.proven_at.map_or("never".to_owned(), |time| ago(now, time)),
            swept(object, now),
            grouped(unsigned(object.waiting)),
            grouped(unsigned(object.quarantined)),
            grouped(unsigned(object.conflicts)),
            state(object, &status.stops),
        ]
    });
    let mut lines = vec![
        format!("workspace {} in schema {}", status.workspace_id, status.schema),
        table(&headings, rows),
    ];
    if status.server_rest == Some(Rest::Legacy) {
        let version = status.server_version.as_deref().unwrap_or("of 2025");
        lines.push(format!(
            "the Twenty server, version {}, is only read: changes made here are refused until it is upgraded",
            printable(version)
        ));
    }
    if status.server_rest == Some(Rest::Unseen) {
        lines.push(UNSEEN.to_owned());
    }
    lines.extend(status.objects.iter().flat_map(failures));
    lines.extend(first_load.as_ref().map(under_way));
    lines.extend(status.leader.as_ref().and_then(|leader| at_work(leader, now)));
    lines.extend(stopped(&status.stops));
    lines.extend(held(&status.held));
    lines.extend(status.budget.as_ref().map(|budget| spent(budget, now)));
    lines.extend(status.last_run.as_ref().map(|run| last_run(run, now)));
    lines.join("\n")
}

/// Which program works on the mirror.
fn at_work(leader: &Leader, now: OffsetDateTime) -> Option<String> {
    let (holder, since) = (printable(&leader.holder), ago(now, leader.since));
    leader.is_held.then(|| format!("{holder} works on this mirror; it began {since}"))
}

/// Why an object does not get on, if it does not.
fn failures(object: &ObjectStatus) -> Vec<String> {
    let name = printable(&object.object);
    let read = object.failure.as_ref().map(|failure| format!("{name}: {}", printable(failure)));
    let swept = object
        .sweep_failure
        .as_ref()
        .map(|failure| format!("{name}: the content sweep waits: {}", printable(failure)));
    read.into_iter().chain(swept).collect()
}

/// How far a first load is.
fn under_way(ahead: &Estimate) -> String {
    let (seen, total) = (grouped(ahead.seen), grouped(ahead.total));
    let objects = grouped(ahead.objects);
    format!("first load: {seen} of {total} records of {objects} objects read; {}", takes(ahead))
}

/// What the calls went to, and what is left of them.
fn spent(budget: &Budget, now: OffsetDateTime) -> String {
    let lanes = Lane::ALL.map(|lane| {
        let outcomes = budget.calls.get(lane.as_str());
        let calls: u64 = outcomes.map_or(0, |outcomes| outcomes.values().sum());
        format!("{} {}", lane.as_str(), grouped(calls))
    });
    let left = match (budget.left_calls, budget.limit_calls, budget.reserve_calls) {
        (Some(left), Some(limit), Some(reserve)) => format!(
            "{} of {} left, {} reserved for others",
            grouped(unsigned(left)),
            grouped(unsigned(limit)),
            grouped(unsigned(reserve))
        ),
        _ => "no limit is known".to_owned(),
    };
    format!("calls: {}; {left} ({})", lanes.join(", "), ago(now, budget.told_at))
}

/// When an object was last compared record by record, or how far that is.
fn swept(object: &ObjectStatus, now: OffsetDateTime) -> String {
    match (object.sweep_seen, object.swept_at) {
        (Some(seen), _) => {
            let total = object.sweep_total.unwrap_or(seen);
            format!("{} of {}", grouped(unsigned(seen)), grouped(unsigned(total)))
        }
        (None, Some(time)) => ago(now, time),
        (None, None) => "never".to_owned(),
    }
}

fn state(object: &ObjectStatus, stops: &[Stop]) -> String {
    if let Some(state) = stopped_state(object, stops) {
        return state;
    }
    match (&object.failure, object.walk_seen, object.watermark) {
        (Some(_), _, _) => "failed".to_owned(),
        (None, Some(seen), _) => {
            let total = object.walk_total.unwrap_or(seen);
            format!("reading, {} of {}", grouped(unsigned(seen)), grouped(unsigned(total)))
        }
        (None, None, None) => "waiting".to_owned(),
        (None, None, Some(_)) => "in sync".to_owned(),
    }
}

/// What does not run of an object; a stop that asks for a person says more than a pause.
fn stopped_state(object: &ObjectStatus, stops: &[Stop]) -> Option<String> {
    let stops: Vec<&Stop> = stops.iter().filter(|stop| stop.object == object.object).collect();
    let paused = |stop: &&&Stop| stop.cause == StopCause::Pause;
    if stops.iter().any(|stop| stop.cause != StopCause::Pause) {
        return Some("stopped".to_owned());
    }
    let flows: Vec<&str> = stops.iter().filter(paused).map(|stop| stop.flow.as_str()).collect();
    match flows.as_slice() {
        [] => None,
        [flow] => Some(format!("{flow} paused")),
        _ => Some("paused".to_owned()),
    }
}

fn last_run(run: &LastRun, now: OffsetDateTime) -> String {
    let began = ago(now, run.started_at);
    match (&run.outcome, run.calls, run.rows_changed) {
        (Some(outcome), calls, rows) => {
            let (calls, rows) = (unsigned(calls.unwrap_or(0)), unsigned(rows.unwrap_or(0)));
            let outcome = outcome.replace('_', " ");
            format!(
                "last run ({}) began {began}: {outcome}, {} rows changed, {} calls",
                run.mode,
                grouped(rows),
                grouped(calls)
            )
        }
        (None, _, _) => format!("last run ({}) began {began} and has not ended", run.mode),
    }
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
