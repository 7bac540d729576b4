//! What to do after a request failed.
//!
//! It exists as one table because the source's status says little (docs/twenty.md, "Errors"): a relation to a
//! missing record is a 500, a missing permission a 400. Invariants: a write whose outcome is unknown is never
//! repeated before the record was read; waiting times grow to a limit and are spread over their whole length, so
//! that many records do not come back at once; every end that a person must see has a hint.

use std::time::Duration;

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It may have been carried out: a timeout, a lost connection, a 5xx without a reason.
    InDoubt,
    /// It was not sent, or was refused before it began: no connection, a proxy's 503, a read that failed.
    Unavailable,
    /// Too many requests.
    RateLimited,
    /// The key is not accepted.
    Unauthorized,
    /// The key may not write this object.
    Forbidden,
    /// Our own id is there already: an earlier attempt arrived, or the id is somebody else's.
    IdExists,
    /// Another record has a value that must be unique.
    NotUnique,
    /// It refers to a record that is not there.
    MissingReference,
    /// The source does not know a field or option: its schema changed.
    UnknownField,
    /// A value is not accepted, by a 400 or by the text of a 500 that a repeat cannot change.
    BadValue,
    /// The guard did not hold: somebody changed the field.
    GuardFailed,
    /// A request of many records was refused because of one of them.
    Batch,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The same again, after this time.
    Retry(Duration),
    /// Read the record by id, trash included, after this time, and reconcile.
    Read(Duration),
    /// Read the schema, then try again.
    RefreshSchema,
    /// Send the halves by themselves.
    Halve,
    /// Set the record aside.
    Quarantine {
        /// What is wrong.
        reason: &'static str,
        /// What a person can do.
        hint: &'static str,
    },
    /// Stop writing to the object; go on capturing.
    StopObject {
        /// What a person can do.
        hint: &'static str,
    },
    /// Stop everything; go on capturing.
    Halt {
        /// What a person can do.
        hint: &'static str,
    },
}

/// How patient to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The longest first wait.
    pub first: Duration,
    /// The longest wait of all.
    pub longest: Duration,
    /// After how many failures of a kind that looks lasting a record is set aside.
    pub lasting: u32,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { first: Duration::from_secs(1), longest: Duration::from_mins(5), lasting: 3 }
    }
}

/// What to do after `failure`, the `attempt`th in a row (from 1). `random` is any number, evenly spread.
pub fn after(failure: Failure, attempt: u32, patience: Patience, random: u64) -> Disposition {
    let wait = wait(attempt, patience, random);
    let lasting = attempt >= patience.lasting;
    match failure {
        Failure::InDoubt => Disposition::Read(wait),
        Failure::Unavailable | Failure::RateLimited => Disposition::Retry(wait),
        Failure::IdExists | Failure::GuardFailed => Disposition::Read(Duration::ZERO),
        Failure::Batch => Disposition::Halve,
        Failure::UnknownField if attempt <= 1 => Disposition::RefreshSchema,
        Failure::MissingReference if !lasting => Disposition::Retry(wait),
        Failure::Unauthorized => {
            Disposition::Halt { hint: "check the API key: it is not accepted" }
        }
        Failure::Forbidden => Disposition::StopObject {
            hint: "give the key's role the right to write this object, or set direction = \"pull\"",
        },
        Failure::NotUnique => quarantine(NOT_UNIQUE),
        Failure::MissingReference => quarantine(MISSING_REFERENCE),
        Failure::UnknownField => quarantine(UNKNOWN_FIELD),
        Failure::BadValue => quarantine(BAD_VALUE),
    }
}

/// A reason and a hint.
type Why = (&'static str, &'static str);

const NOT_UNIQUE: Why = (
    "another record has the same unique value",
    "change the value here, or on the other record, which may be in the trash",
);
const MISSING_REFERENCE: Why = (
    "it refers to a record that the source does not have",
    "clear the reference, or wait until that record is sent or restored",
);
const UNKNOWN_FIELD: Why = (
    "the source does not know a field or an option",
    "compare with `twenty-sync schema plan`, and correct the value",
);
const BAD_VALUE: Why = (
    "the source does not accept a value",
    "correct the value; it is tried again when the row changes",
);

fn quarantine((reason, hint): Why) -> Disposition {
    Disposition::Quarantine { reason, hint }
}

/// Anything between nothing and a limit that doubles with each attempt.
fn wait(attempt: u32, patience: Patience, random: u64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let limit = patience.first.saturating_mul(1 << doublings).min(patience.longest);
    let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random % milliseconds.saturating_add(1))
}

#[cfg(test)]
mod tests;
