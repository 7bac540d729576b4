//! Which workspaces a command is about.
//!
//! Invariant: where there are several, a command for one of them never guesses which.

use super::exit::Failure;
use crate::config::{Loaded, Workspace};

/// The configuration of the workspace called `name`, or of the only one.
pub(super) fn one<'a>(loaded: &'a Loaded, name: Option<&str>) -> Result<&'a Loaded, Failure> {
    let names: Vec<&str> = loaded.workspace_names().collect();
    match (name.or(only(&names)), names.is_empty()) {
        (Some(name), _) => loaded.workspace(name).ok_or_else(|| unknown(name, &names)),
        (None, true) => Ok(loaded),
        (None, false) => Err(Failure {
            hint: Some(format!("say --workspace with one of: {}", names.join(", "))),
            ..Failure::usage("there are several workspaces, and this command is about one of them")
        }),
    }
}

/// Every workspace, or only the one called `name`.
pub(super) fn all(loaded: &Loaded, name: Option<&str>) -> Result<Vec<Workspace>, Failure> {
    let mut workspaces = loaded.workspaces()?;
    let Some(name) = name else { return Ok(workspaces) };
    workspaces.retain(|workspace| workspace.name.as_deref() == Some(name));
    if workspaces.is_empty() {
        return Err(unknown(name, &loaded.workspace_names().collect::<Vec<_>>()));
    }
    Ok(workspaces)
}

fn only<'a>(names: &[&'a str]) -> Option<&'a str> {
    match names {
        [name] => Some(name),
        _ => None,
    }
}

fn unknown(name: &str, names: &[&str]) -> Failure {
    let hint = match names {
        [] => "the configuration names none: leave --workspace out".to_owned(),
        names => format!("there are: {}", names.join(", ")),
    };
    Failure { hint: Some(hint), ..Failure::usage(format!("there is no workspace {name:?}")) }
}
