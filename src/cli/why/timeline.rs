//! What happened to a record, in order: Twenty's own times, local changes with their outcome, conflicts, problems.
//!
//! Invariant: each event was written down by one side at its time; two of the same moment keep the order of cause.

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    super::{
        conflicts::{is_held, state, values, what},
        problems::reason,
    },
    Known,
};
use crate::mirror::{Change, Problem, StoredConflict};

/// Where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    Source,
    Mirror,
    Pull,
    Push,
}

impl Place {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Place::Source => "Twenty",
            Place::Mirror => "mirror",
            Place::Pull => "pull",
            Place::Push => "push",
        }
    }
}

/// One thing that happened.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Event {
    #[serde(with = "time::serde::rfc3339")]
    pub(super) at: OffsetDateTime,
    pub(super) place: Place,
    pub(super) what: String,
    pub(super) by: Option<String>,
}

impl Event {
    fn new(at: OffsetDateTime, place: Place, what: String) -> Event {
        Event { at, place, what, by: None }
    }

    fn by(at: OffsetDateTime, place: Place, what: &str, by: Option<&str>) -> Event {
        let told = by.map_or(what.to_owned(), |by| format!("{what} by {by}"));
        Event { at, place, what: told, by: by.map(str::to_owned) }
    }
}

/// Everything, oldest first.
pub(super) fn of(known: &Known) -> Vec<Event> {
    let mut events = at_the_source(known);
    for change in &known.changes {
        events.extend(of_change(change));
    }
    for conflict in &known.conflicts {
        events.extend(of_conflict(conflict));
    }
    if let Some(sent_at) = known.state.base.as_ref().and_then(|base| base.sent_at) {
        events.push(Event::new(sent_at, Place::Push, "sent; the answer is awaited".to_owned()));
    }
    events.extend(known.problems.iter().map(of_problem));
    events.sort_by_key(|event| event.at);
    events
}

/// What the row tells of the other side, as it was last read; what was inserted here tells nothing.
fn at_the_source(known: &Known) -> Vec<Event> {
    let state = &known.state;
    let agreed = match &state.base {
        Some(base) => base.row.as_deref(),
        None => state.row.as_deref(),
    };
    let row = values(agreed);
    let text = |name: &str| -> Option<String> { serde_json::from_str(row.get(name)?.get()).ok() };
    let time = |name: &str| OffsetDateTime::parse(&text(name)?, &Rfc3339).ok();
    let (created, updated) = (time("created_at"), time("updated_at"));
    let author = text("created_by_name").filter(|name| !name.is_empty());
    let mut events = Vec::new();
    events.extend(created.map(|at| Event::by(at, Place::Source, "created", author.as_deref())));
    if updated != created {
        let last = |at| Event::new(at, Place::Source, "last changed, as far as read".to_owned());
        events.extend(updated.map(last));
    }
    let deleted = |at| Event::new(at, Place::Source, "moved to the trash".to_owned());
    events.extend(time("deleted_at").map(deleted));
    events
}

fn of_change(change: &Change) -> Vec<Event> {
    let what = match (change.operation.as_str(), change.changed.join(", ")) {
        ("insert", _) => "inserted".to_owned(),
        ("delete", _) => "deleted".to_owned(),
        (_, changed) => format!("{changed} changed"),
    };
    let by = Some(change.changed_by.as_str());
    let mut events = vec![Event::by(change.changed_at, Place::Mirror, &what, by)];
    events.extend(change.settled_at.map(|at| Event::new(at, Place::Push, outcome(change))));
    events
}

fn outcome(change: &Change) -> String {
    let told = match change.outcome.as_str() {
        "written" => "Twenty has the change",
        "agreed" => "Twenty had the same value already",
        "merged" => "combined with a change in Twenty",
        "conflict" => "decided as a conflict",
        "refused" => "given up",
        "nothing" => "undone before it was sent",
        other => other,
    };
    let reason = change.reason.as_ref().map(|reason| format!(": {reason}"));
    format!("{told}{}", reason.unwrap_or_default())
}

fn of_conflict(conflict: &StoredConflict) -> Vec<Event> {
    let (id, kind) = (conflict.conflict_id, &conflict.kind);
    let what = what(kind, conflict.field.as_deref());
    let found = format!("conflict {id}: {what}{}", told_values(conflict));
    let mut events = vec![Event::new(conflict.detected_at, Place::Pull, found)];
    if !is_held(conflict) {
        let state = state(&conflict.resolution, conflict.resolved_by.as_deref());
        let at = conflict.resolved_at.unwrap_or(conflict.detected_at);
        events.push(Event::new(at, Place::Pull, format!("conflict {id}: {state}")));
    }
    events
}

/// The values of a field, where it is only one column: records and composites are for `conflicts show`.
fn told_values(conflict: &StoredConflict) -> String {
    let one = |json| {
        let values = values(json);
        (values.len() == 1).then(|| values.into_values().next()).flatten()
    };
    match (one(conflict.source.as_deref()), one(conflict.mirror.as_deref())) {
        (Some(source), Some(mirror)) => {
            format!(", Twenty had {} and the mirror {}", source.get(), mirror.get())
        }
        _ => String::new(),
    }
}

fn of_problem(problem: &Problem) -> Event {
    let (place, what) = match problem.direction.as_str() {
        "push" => (Place::Push, "Twenty refused it"),
        _ => (Place::Pull, "set aside"),
    };
    let tries = match problem.attempts {
        0 | 1 => String::new(),
        tries => format!(" ({tries} times)"),
    };
    Event::new(problem.last_seen_at, place, format!("{what}{tries}: {}", reason(problem)))
}
