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
#[derive(Debug, Clone)]
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

    /// The same, said of one of several workspaces.
    pub(super) fn of(self, workspace: Option<&str>) -> Failure {
        match workspace {
            Some(name) => {
                Failure { message: format!("workspace {name}: {}", self.message), ..self }
            }
            None => self,
        }
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
pub(super) fn of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::InSync => 0,
        Outcome::Attention => ATTENTION,
        Outcome::Failed => FAILED,
    }
}

/// Of several codes the one that says most, as of the failures of several objects: a refused key before a wrong
/// configuration before the rest.
pub(super) fn worst(codes: impl IntoIterator<Item = u8>) -> ExitCode {
    let rank = |code: &u8| {
        [0, ATTENTION, FAILED, CONFIGURATION, UNAUTHORISED].iter().position(|known| known == code)
    };
    ExitCode::from(codes.into_iter().max_by_key(rank).unwrap_or(0))
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

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use super::worst;

    #[test]
    fn of_several_codes_the_one_that_says_most_is_given() {
        for (codes, code) in [
            (&[][..], 0),
            (&[0, 0], 0),
            (&[0, 3, 0], 3),
            (&[3, 1], 1),
            (&[1, 78, 3], 78),
            (&[78, 77, 1], 77),
        ] {
            let told = worst(codes.iter().copied());
            assert_eq!(format!("{told:?}"), format!("{:?}", ExitCode::from(code)), "{codes:?}");
        }
    }
}
