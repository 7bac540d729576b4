//! Exit codes, and failures as a person reads them.
//!
//! It exists so that scripts can tell "try again" from "call somebody". Invariant: the table from failure to code
//! stands here alone.

use std::process::ExitCode;

use crate::{
    config::ConfigError,
    mirror::{MirrorError, MirrorFault, Outcome},
    source::{SourceError, SourceFault},
    sync::{Disposition, SyncError},
};

/// Failed; it may work next time.
pub(super) const FAILED: u8 = 1;
/// Wrong usage.
pub(super) const USAGE: u8 = 2;
/// Finished, but something needs a person.
pub(super) const ATTENTION: u8 = 3;
/// There are differences.
pub(super) const DIFFERENCES: u8 = 4;
/// The key is refused.
pub(super) const UNAUTHORISED: u8 = 77;
/// The configuration must change.
pub(super) const CONFIGURATION: u8 = 78;

/// Why a command failed: one line, perhaps a hint, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: USAGE, message: message.into(), hint: Some("see --help".to_owned()) }
    }

    pub(super) fn failed(message: impl Into<String>) -> Failure {
        Failure { code: FAILED, message: message.into(), hint: None }
    }

    pub(super) fn configuration(message: impl Into<String>) -> Failure {
        Failure { code: CONFIGURATION, message: message.into(), hint: None }
    }
}

/// Nobody is there to say yes.
pub(super) fn not_asked(question: &str) -> Failure {
    Failure {
        code: USAGE,
        message: format!("nobody is there to be asked: {question}"),
        hint: Some("say it with --yes".to_owned()),
    }
}

/// The code of a run that came to its end.
pub(super) fn of_outcome(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::InSync => ExitCode::SUCCESS,
        Outcome::Attention => ExitCode::from(ATTENTION),
        Outcome::Failed => ExitCode::from(FAILED),
    }
}

fn of_disposition(disposition: Disposition) -> u8 {
    match disposition {
        Disposition::Retry | Disposition::Replaced => FAILED,
        Disposition::Unauthorised => UNAUTHORISED,
        Disposition::Configuration => CONFIGURATION,
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    crate::sync::chain(error)
}

impl From<&SyncError> for Failure {
    fn from(error: &SyncError) -> Failure {
        Failure {
            code: of_disposition(error.disposition()),
            message: chain(error),
            hint: error.hint(),
        }
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Failure {
        Failure::from(&error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure { code: CONFIGURATION, message: chain(&error), hint: error.hint() }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        let code = match error.fault() {
            SourceFault::Retry | SourceFault::Replaced => FAILED,
            SourceFault::Unauthorised => UNAUTHORISED,
            SourceFault::Configuration => CONFIGURATION,
        };
        Failure { code, message: chain(&error), hint: error.hint() }
    }
}

impl From<MirrorError> for Failure {
    fn from(error: MirrorError) -> Failure {
        let code = match error.fault() {
            MirrorFault::Transient | MirrorFault::Replaced => FAILED,
            MirrorFault::Configuration => CONFIGURATION,
        };
        Failure { code, message: chain(&error), hint: error.hint() }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::failed(format!("could not print: {error}"))
    }
}
