//! `problems list`, `problems retry` and `problems discard`: what is stuck, and the two ways out of it.
//!
//! It exists because a refused record stops only itself, so nobody notices it unless it can be listed. Invariants:
//! it works while Twenty does not; local changes are given up only after a yes; no value of a field is shown.

use std::process::ExitCode;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    exit::{self, Failure},
    objects::{find, find_if, open},
    output::{Output, ago, printable, table},
};
use crate::{
    config::MirrorConfig,
    mirror::{KnownObject, Mirror, Problem},
};

pub(super) async fn list(
    config: &MirrorConfig,
    object: Option<&str>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let only = find_if(&mirror, object).await?;
    let mut problems = mirror.problems().await?;
    problems.retain(|problem| only.as_ref().is_none_or(|only| only.plural == problem.object));
    output.show(&problems, |problems| text(problems))?;
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::ATTENTION) })
}

fn text(problems: &[Problem]) -> String {
    if problems.is_empty() {
        return "nothing is stuck".to_owned();
    }
    let now = OffsetDateTime::now_utc();
    let headings =
        ["object", "record", "direction", "attempts", "since", "field", "reason", "hint"];
    let rows = problems.iter().map(|problem| {
        vec![
            problem.object.clone(),
            problem.record_id.map_or("unreadable".to_owned(), |id| id.to_string()),
            problem.direction.clone(),
            attempts(problem),
            ago(now, problem.first_seen_at),
            problem.field.clone().unwrap_or_default(),
            reason(problem),
            problem.hint.clone().unwrap_or_default(),
        ]
    });
    table(&headings, rows)
}

/// Only what is pushed is counted: what could not be read is looked at when it changes.
fn attempts(problem: &Problem) -> String {
    if problem.attempts == 0 { String::new() } else { problem.attempts.to_string() }
}

/// Why, and who holds the value already.
pub(super) fn reason(problem: &Problem) -> String {
    let holder = problem.holder_id.map(|id| format!(" (record {id})"));
    format!("{}{}", problem.reason, holder.unwrap_or_default())
}

pub(super) async fn retry(
    config: &MirrorConfig,
    object: Option<&str>,
    id: Option<Uuid>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let objects = match find_if(&mirror, object).await? {
        Some(object) => vec![object],
        None => mirror.known_objects().await?,
    };
    let mut released = 0;
    for object in &objects {
        released += mirror.release(object.object_id, id.as_ref().map(std::slice::from_ref)).await?;
    }
    mirror.wake().await?;
    output.show(&serde_json::json!({ "released": released }), |_| match released {
        0 => "no refused change waits there; what could not be read is read again when it changes"
            .to_owned(),
        1 => "1 record is tried again at the next look".to_owned(),
        _ => format!("{released} records are tried again at the next look"),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn discard(
    config: &MirrorConfig,
    object: &str,
    id: Uuid,
    yes: bool,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let object = find(&mirror, object).await?;
    let Some(question) = question(&mirror, &object, id).await? else {
        return Err(nothing_to_discard(&object, id));
    };
    output.insist(&question, yes, "nothing was given up")?;
    if !mirror.discard(object.object_id, id).await? {
        return Err(nothing_to_discard(&object, id));
    }
    let done = serde_json::json!({"object": object.plural, "record_id": id, "discarded": true});
    output.show(&done, |_| {
        let plural = printable(&object.plural);
        format!("{plural} {id}: the row is again what both sides last agreed on")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be given up, as a question; `None` if there is nothing.
async fn question(
    mirror: &Mirror,
    object: &KnownObject,
    id: Uuid,
) -> Result<Option<String>, Failure> {
    let state = mirror.record_state(object.object_id, id).await?;
    let Some(base) = state.base else { return Ok(None) };
    let what = match (&base.row, &state.row) {
        (None, _) => "remove the row, which was inserted here and which Twenty does not have",
        (Some(_), None) => "bring the row back, which was deleted here",
        (Some(_), Some(_)) => "give up the local changes",
    };
    let of = state.pending.map(|pending| {
        let changed = pending.changed.join(", ");
        let changed = if changed.is_empty() { String::new() } else { format!(" of {changed}") };
        format!("{changed}, made by {}", pending.changed_by)
    });
    Ok(Some(format!("{} {id}: {what}{}?", object.plural, of.unwrap_or_default())))
}

fn nothing_to_discard(object: &KnownObject, id: Uuid) -> Failure {
    Failure {
        code: exit::FAILED,
        message: format!("{} {id} has no local changes that wait", object.plural),
        hint: Some(format!("`twenty-sync why {} {id}` tells what became of them", object.plural)),
    }
}
