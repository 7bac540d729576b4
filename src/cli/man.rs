//! The manual pages, made from the words of the command line.
//!
//! They exist for packages, which install them under /usr/share/man/man1. Invariant: a page says what `--help` says,
//! because both come from the same declarations.

use std::path::Path;

use clap::CommandFactory;

use super::{arguments::Arguments, exit::Failure};

/// Writes a page for the program and one for each command that is not hidden.
pub(super) fn write(folder: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|error| {
        Failure::failed(format!("could not write manual pages to {}: {error}", folder.display()))
    })
}
