//! `config check`: every setting, its value, and where it was read.

use std::process::ExitCode;

use super::{
    exit::Failure,
    output::{Output, table},
};
use crate::config::Loaded;

pub(super) fn show(loaded: &Loaded, output: &mut Output) -> Result<ExitCode, Failure> {
    output.show(&loaded.settings(), |settings| {
        let rows = settings.iter().map(|setting| {
            vec![setting.key.clone(), setting.value.clone(), setting.origin.clone()]
        });
        table(&["setting", "value", "read in"], rows)
    })?;
    // What is missing or makes no sense is an error, after everything that is set was shown.
    loaded.workspaces()?;
    Ok(ExitCode::SUCCESS)
}
