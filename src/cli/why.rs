//! `why`: one record's time line on both sides, how it stands, and what comes next.
//!
//! It exists for the question "I changed it here, why is it not there?". Invariants: it works while Twenty does not;
//! it tells what was seen and written down, and guesses nothing.

use std::process::ExitCode;

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    conflicts::is_held,
    exit::{self, Failure},
    objects::{find, open},
    output::{Output, ago, moment, printable, table},
};
use crate::{
    config::MirrorConfig,
    mirror::{Change, ConflictFilter, KnownObject, Mirror, Problem, RecordState, StoredConflict},
};

mod difference;
mod next;
mod timeline;

use difference::Difference;
use timeline::Event;

/// All that is known of a record.
#[derive(Debug, Serialize)]
struct Known {
    object: String,
    record_id: Uuid,
    #[serde(flatten)]
    state: RecordState,
    changes: Vec<Change>,
    conflicts: Vec<StoredConflict>,
    problems: Vec<Problem>,
}

/// What is told of it.
#[derive(Debug, Serialize)]
struct Account {
    #[serde(flatten)]
    known: Known,
    differences: Vec<Difference>,
    timeline: Vec<Event>,
    next: Vec<String>,
}

pub(super) async fn tell(
    config: &MirrorConfig,
    object: &str,
    id: Uuid,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let object = find(&mirror, object).await?;
    let known = gather(&mirror, &object, id).await?;
    if known.is_nothing() {
        return Err(unknown(&object, id));
    }
    let needs_a_person = known.needs_a_person();
    let account = Account {
        differences: difference::of(&known.state),
        timeline: timeline::of(&known),
        next: next::of(&known),
        known,
    };
    output.show(&account, text)?;
    Ok(if needs_a_person { ExitCode::from(exit::ATTENTION) } else { ExitCode::SUCCESS })
}

async fn gather(mirror: &Mirror, object: &KnownObject, id: Uuid) -> Result<Known, Failure> {
    let mut problems = mirror.problems().await?;
    problems.retain(|problem| problem.object == object.plural && problem.record_id == Some(id));
    Ok(Known {
        object: object.plural.clone(),
        record_id: id,
        state: mirror.record_state(object.object_id, id).await?,
        changes: mirror.history(object.object_id, id).await?,
        conflicts: mirror.conflicts(ConflictFilter::Record(object.object_id, id)).await?,
        problems,
    })
}

impl Known {
    fn is_nothing(&self) -> bool {
        let state = &self.state;
        state.row.is_none()
            && state.base.is_none()
            && self.changes.is_empty()
            && self.conflicts.is_empty()
            && self.problems.is_empty()
    }

    fn needs_a_person(&self) -> bool {
        !self.problems.is_empty() || self.conflicts.iter().any(is_held)
    }
}

fn unknown(object: &KnownObject, id: Uuid) -> Failure {
    let plural = &object.plural;
    Failure {
        code: exit::FAILED,
        message: format!("the mirror knows nothing of {plural} {id}"),
        hint: Some(
            "it may be in the trash, or not be read yet: see `twenty-sync status`".to_owned(),
        ),
    }
}

fn text(account: &Account) -> String {
    let known = &account.known;
    let mut lines = vec![format!("{} {}", printable(&known.object), known.record_id)];
    lines.push(last_pull(known));
    let events = account
        .timeline
        .iter()
        .map(|event| vec![moment(event.at), event.place.as_str().to_owned(), event.what.clone()]);
    lines.extend([String::new(), table(&["when (UTC)", "where", "what"], events)]);
    if !account.differences.is_empty() {
        let headings = ["column", "both had", "the mirror has"];
        let rows = account.differences.iter().map(Difference::cells);
        lines.extend([String::new(), table(&headings, rows)]);
    }
    lines.push(String::new());
    lines.extend(account.next.iter().map(|next| format!("next: {}", printable(next))));
    lines.join("\n")
}

fn last_pull(known: &Known) -> String {
    let now = OffsetDateTime::now_utc();
    let object = printable(&known.object);
    match known.state.last_pull {
        Some(time) => format!("{object} were last read to the end {}", ago(now, time)),
        None => format!("{object} were never read to the end yet"),
    }
}
