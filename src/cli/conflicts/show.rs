//! `conflicts show`: one conflict with all three values, and what can be done about it.

use std::{collections::BTreeMap, process::ExitCode};

use serde_json::value::RawValue;

use super::{
    super::{
        exit::Failure,
        objects::open,
        output::{Output, moment, printable, table},
    },
    is_held, one, state, what,
};
use crate::{config::MirrorConfig, mirror::StoredConflict};

/// Values by column, each as JSON.
pub(in crate::cli) type Values = BTreeMap<String, Box<RawValue>>;

pub(in crate::cli) async fn show(
    config: &MirrorConfig,
    id: i64,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let conflict = one(&mirror, id).await?;
    output.show(&conflict, text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(conflict: &StoredConflict) -> String {
    let head = [
        ("record", format!("{} {}", conflict.object, conflict.record_id)),
        ("what", what(&conflict.kind, conflict.field.as_deref())),
        ("state", state(&conflict.resolution, conflict.resolved_by.as_deref())),
        ("rule", conflict.policy.clone()),
        ("in Twenty", conflict.source_updated_at.map(moment).unwrap_or_default()),
        ("in the mirror", changed_here(conflict)),
        ("found", moment(conflict.detected_at)),
        ("decided", conflict.resolved_at.map(moment).unwrap_or_default()),
    ];
    let head = head.iter().filter(|(_, value)| !value.is_empty());
    let mut lines: Vec<String> = head
        .map(|(name, value)| format!("{:<15}{}", format!("{name}:"), printable(value)))
        .collect();
    lines.push(String::new());
    lines.push(three(conflict));
    lines.extend(next(conflict).map(|next| format!("\n{next}")));
    lines.join("\n")
}

fn changed_here(conflict: &StoredConflict) -> String {
    let by = conflict.changed_by.as_ref().map(|by| format!(" by {by}"));
    let at = conflict.changed_at.map(moment).unwrap_or_default();
    format!("{at}{}", by.unwrap_or_default())
}

/// The columns with the values that each side had.
fn three(conflict: &StoredConflict) -> String {
    let [base, source, mirror] =
        [&conflict.base, &conflict.source, &conflict.mirror].map(|json| values(json.as_deref()));
    let mut names: Vec<&String> = base.keys().chain(source.keys()).chain(mirror.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let cell = |side: &Values, name: &String| {
        side.get(name).map(|value| value.get().to_owned()).unwrap_or_default()
    };
    let rows = names.into_iter().map(|name| {
        vec![name.clone(), cell(&base, name), cell(&source, name), cell(&mirror, name)]
    });
    table(&["column", "both had", "Twenty has", "the mirror had"], rows)
}

/// The members of a JSON object; none where there is none.
pub(in crate::cli) fn values(json: Option<&RawValue>) -> Values {
    json.and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

fn next(conflict: &StoredConflict) -> Option<String> {
    let id = conflict.conflict_id;
    if is_held(conflict) {
        return Some(format!(
            "twenty-sync conflicts resolve {id} --take source   keeps Twenty's side\n\
             twenty-sync conflicts resolve {id} --take mirror   keeps the mirror's side"
        ));
    }
    let decided = ["source", "mirror"].contains(&conflict.resolution.as_str());
    decided.then(|| format!("twenty-sync conflicts undo {id}   puts the losing side back"))
}
