//! `conflicts list`, `show`, `resolve` and `undo`: fields that both sides changed, and what people decide.
//!
//! It exists because no rule knows which of two values is right, and a losing value is of use only if somebody can
//! find it. Invariants: it works while Twenty does not; only `show` prints values; deciding is done by the mirror,
//! once, and refused where the conflict is in another state.

use std::process::ExitCode;

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    arguments::Take,
    exit::{self, Failure},
    objects::{find_if, open},
    output::{Output, ago, table},
};
use crate::{
    config::MirrorConfig,
    mirror::{ConflictFilter, Mirror, Ruling, StoredConflict},
    plan::policy::Side,
};

mod show;

pub(super) use show::{show, values};

/// A conflict without its values.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    conflict_id: i64,
    object: &'a str,
    record_id: Uuid,
    kind: &'a str,
    field: Option<&'a str>,
    policy: &'a str,
    resolution: &'a str,
    #[serde(with = "time::serde::rfc3339")]
    detected_at: OffsetDateTime,
    changed_by: Option<&'a str>,
    resolved_by: Option<&'a str>,
}

impl<'a> From<&'a StoredConflict> for Listed<'a> {
    fn from(conflict: &'a StoredConflict) -> Listed<'a> {
        Listed {
            conflict_id: conflict.conflict_id,
            object: &conflict.object,
            record_id: conflict.record_id,
            kind: &conflict.kind,
            field: conflict.field.as_deref(),
            policy: &conflict.policy,
            resolution: &conflict.resolution,
            detected_at: conflict.detected_at,
            changed_by: conflict.changed_by.as_deref(),
            resolved_by: conflict.resolved_by.as_deref(),
        }
    }
}

pub(super) async fn list(
    config: &MirrorConfig,
    all: bool,
    object: Option<&str>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let only = find_if(&mirror, object).await?;
    let filter = if all { ConflictFilter::All } else { ConflictFilter::Held };
    let mut found = mirror.conflicts(filter).await?;
    found.retain(|conflict| only.as_ref().is_none_or(|o| o.object_id == conflict.object_id));
    let listed: Vec<Listed<'_>> = found.iter().map(Listed::from).collect();
    output.show(&listed, |listed| text(listed, all))?;
    let waits = found.iter().any(is_held);
    Ok(if waits { ExitCode::from(exit::ATTENTION) } else { ExitCode::SUCCESS })
}

pub(super) fn is_held(conflict: &StoredConflict) -> bool {
    conflict.resolution == "held"
}

fn text(listed: &[Listed<'_>], all: bool) -> String {
    match (listed.is_empty(), all) {
        (true, true) => return "there is no conflict".to_owned(),
        (true, false) => {
            return "no conflict waits for a person; --all lists decided ones".to_owned();
        }
        (false, _) => {}
    }
    let now = OffsetDateTime::now_utc();
    let headings = ["conflict", "object", "record", "what", "state", "found", "changed here by"];
    let rows = listed.iter().map(|conflict| {
        vec![
            conflict.conflict_id.to_string(),
            conflict.object.to_owned(),
            conflict.record_id.to_string(),
            what(conflict.kind, conflict.field),
            state(conflict.resolution, conflict.resolved_by),
            ago(now, conflict.detected_at),
            conflict.changed_by.unwrap_or_default().to_owned(),
        ]
    });
    table(&headings, rows)
}

/// What stands against what.
pub(super) fn what(kind: &str, field: Option<&str>) -> String {
    let field = field.unwrap_or("record");
    match kind {
        "deleted_at_source" => "changed here, deleted in Twenty".to_owned(),
        "deleted_in_mirror" => "deleted here, changed in Twenty".to_owned(),
        "not_kept" => format!("{field}: Twenty kept another value"),
        _ => field.to_owned(),
    }
}

/// How it stands, in words.
pub(super) fn state(resolution: &str, by: Option<&str>) -> String {
    let by = by.map_or(String::new(), |by| format!(", {by} decided"));
    match resolution {
        "held" => "waits for a person".to_owned(),
        "source" => format!("Twenty's side was kept{by}"),
        "mirror" => format!("the mirror's side was kept{by}"),
        "agreed" => "both sides came to agree".to_owned(),
        "undone" => format!("the losing side was put back{by}"),
        other => other.to_owned(),
    }
}

pub(super) async fn resolve(
    config: &MirrorConfig,
    id: i64,
    take: Take,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let conflict = one(&mirror, id).await?;
    if !is_held(&conflict) {
        return Err(not_applicable(&conflict, "only one that waits can be resolved"));
    }
    let (side, done) = match take {
        Take::Source => (Side::Source, "the mirror takes Twenty's side"),
        Take::Mirror => (Side::Mirror, "the mirror's side is sent to Twenty"),
    };
    let ruling = mirror.resolve_conflict(id, side, &person()).await?;
    finish(&mirror, id, ruling, done, output).await
}

pub(super) async fn undo(
    config: &MirrorConfig,
    id: i64,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let conflict = one(&mirror, id).await?;
    if !["source", "mirror"].contains(&conflict.resolution.as_str()) {
        return Err(not_applicable(&conflict, "only one that a side has won can be undone"));
    }
    let ruling = mirror.undo_conflict(id, &person()).await?;
    let done = "the side that had lost is back in the mirror, and is sent to Twenty";
    finish(&mirror, id, ruling, done, output).await
}

async fn finish(
    mirror: &Mirror,
    id: i64,
    ruling: Ruling,
    done: &str,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let conflict = one(mirror, id).await?;
    match ruling {
        Ruling::Done => {
            output.show(&Listed::from(&conflict), |_| format!("conflict {id}: {done}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Ruling::NotApplicable => Err(not_applicable(&conflict, "it changed meanwhile")),
    }
}

async fn one(mirror: &Mirror, id: i64) -> Result<StoredConflict, Failure> {
    mirror.conflict(id).await?.ok_or_else(|| Failure {
        code: exit::FAILED,
        message: format!("there is no conflict {id}"),
        hint: Some("`twenty-sync conflicts list --all` lists them with their numbers".to_owned()),
    })
}

fn not_applicable(conflict: &StoredConflict, rule: &str) -> Failure {
    let state = state(&conflict.resolution, conflict.resolved_by.as_deref());
    Failure {
        code: exit::FAILED,
        message: format!("cannot decide conflict {}: {state}", conflict.conflict_id),
        hint: Some(format!("{rule}; see `twenty-sync conflicts show {}`", conflict.conflict_id)),
    }
}

/// Who decides: whoever runs the program.
fn person() -> String {
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    named("USER").or_else(|| named("LOGNAME")).unwrap_or_else(|| "twenty-sync".to_owned())
}
