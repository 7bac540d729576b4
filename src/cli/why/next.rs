//! What comes next for a record, and who is to do it.

use super::{super::conflicts::is_held, super::output::moment, Known};
use crate::mirror::Problem;

/// Each thing that is to come; one line says that nothing is.
pub(super) fn of(known: &Known) -> Vec<String> {
    let mut next: Vec<String> = known.problems.iter().flat_map(after_problem).collect();
    for conflict in known.conflicts.iter().filter(|conflict| is_held(conflict)) {
        let id = conflict.conflict_id;
        next.push(format!(
            "somebody decides: twenty-sync conflicts resolve {id} --take source|mirror"
        ));
    }
    next.extend(push(known));
    if next.is_empty() {
        next.push("nothing, until one side changes".to_owned());
    }
    next
}

fn push(known: &Known) -> Option<String> {
    if known.state.base.as_ref().is_some_and(|base| base.sent_at.is_some()) {
        let awaited = "Twenty's answer; if none comes, the record is read and compared";
        return Some(awaited.to_owned());
    }
    let pending = known.state.pending.as_ref().filter(|pending| pending.state == "waiting")?;
    Some(match pending.operation.as_str() {
        "insert" => "the record is created in Twenty".to_owned(),
        "delete" => "the record is deleted in Twenty".to_owned(),
        "nothing" => "nothing is sent: it was inserted and deleted here".to_owned(),
        _ => format!("{} of it is sent to Twenty", pending.changed.join(", ")),
    })
}

fn after_problem(problem: &Problem) -> Vec<String> {
    let hint = problem.hint.clone();
    let again = match (problem.direction.as_str(), problem.retry_at) {
        ("push", Some(at)) => format!("it is tried again at {} UTC", moment(at)),
        ("push", None) => "it is tried again when the row, or what it needs, changes".to_owned(),
        _ => "it is read again when it changes in Twenty".to_owned(),
    };
    hint.into_iter().chain([again]).collect()
}
