//! Decides one record from its three states: what both sides last agreed on, what the source holds, what the
//! mirror holds.
//!
//! | source | mirror row there | mirror row gone |
//! |---|---|---|
//! | not looked at | push, or settle if nothing differs | push the delete |
//! | present | merge field by field | delete wins (or the source's edit restores) |
//! | in the trash | delete wins (or the mirror's edit restores); a restore is pushed | settled |
//! | absent | never arrived: create. Else destroyed: delete wins (or is created anew) | settled |
//!
//! It exists as one function for pull, push and acknowledgement, so that no path overwrites an unsent edit without
//! this table. Invariants: nothing is invented: each value comes from a side; nothing is lost in silence: a value
//! that loses is in a conflict; deciding again on the outcome changes nothing; what the source does not show is
//! neither changed nor overwritten.
//!
//! The caller shows only what was read after the record's last write ended: an older page knows nothing of it.

mod conflict;
mod decide;
mod fields;
mod grave;
mod settle;

use time::OffsetDateTime;

pub use self::conflict::{Conflict, ConflictKind, Resolution};
use self::decide::Decision;
use super::pending::{Pending, Rules, Sighting};
use crate::record::{Image, Row, Value};

/// What is to be done with a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciled {
    /// What the mirror's row becomes.
    pub mirror: MirrorStep,
    /// What becomes of the base.
    pub base: NewBase,
    /// What lost, or waits for a person. An open conflict on the same fields is replaced.
    pub conflicts: Vec<Conflict>,
    /// Entries of the outbox that are settled.
    pub settled: Vec<Settled>,
    /// What comes next.
    pub next: Next,
}

/// What the mirror's row becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum MirrorStep {
    /// It stays.
    Keep,
    /// These columns change.
    Update(Vec<(usize, Value)>),
    /// This row is inserted.
    Insert(Row),
    /// It is removed.
    Remove,
}

/// What becomes of the base.
#[derive(Debug, Clone, PartialEq)]
pub enum NewBase {
    /// Base and sent values stay as they are.
    Unchanged,
    /// The record has no unsent edits any more: the base is deleted, and the whole outbox of the record settled.
    Settled,
    /// The record is still pending, from this base on; nothing is in doubt any more.
    Pending {
        /// What both sides agreed on now.
        base: Option<Image>,
        /// Columns that must not be sent now.
        waiting: Vec<usize>,
        /// What was sent of a create that is not there.
        given_up: Option<Image>,
    },
}

impl NewBase {
    /// Whether both sides have agreed on the record by now: it is in the source, or nothing is left of it.
    pub fn is_agreed(&self) -> bool {
        match self {
            NewBase::Settled => true,
            NewBase::Pending { base, .. } => base.is_some(),
            NewBase::Unchanged => false,
        }
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing to send.
    Nothing,
    /// There is something to send.
    Push,
    /// The source must be read, by id and trash included.
    Read,
}

/// An entry of the outbox that is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Its number.
    pub operation: i64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an entry of the outbox ended. Of several, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It came to nothing: undone before it was sent.
    Nothing,
    /// The source had the same value already.
    Agreed,
    /// It was undone here, and the source's later value taken.
    Merged,
    /// The source has it.
    Written,
    /// The source did not take it.
    Refused,
    /// It lost against the other side; the values are in a conflict.
    Conflict,
}

impl Outcome {
    /// The word in the outbox.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Nothing => "nothing",
            Outcome::Agreed => "agreed",
            Outcome::Merged => "merged",
            Outcome::Written => "written",
            Outcome::Refused => "refused",
            Outcome::Conflict => "conflict",
        }
    }
}

/// What the source answered to a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The record as it is after a create, an update or a restore: from the answer, or read right after it.
    Written(Row),
    /// The record went into the trash, or for ever.
    Deleted {
        /// When, as the source says.
        at: OffsetDateTime,
    },
}

/// A write that the source acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub struct Acknowledgement {
    /// The answer.
    pub answer: Answer,
    /// The last entry of the outbox that the write included.
    pub through: i64,
}

/// Decides from what was seen of the record.
pub fn reconcile(rules: Rules<'_>, pending: &Pending, sighting: &Sighting) -> Reconciled {
    Decision::new(rules, pending, None).on(sighting)
}

/// Decides from the answer to a write. [`Pending::sent`] holds what was sent; edits made since survive.
pub fn acknowledge(
    rules: Rules<'_>,
    pending: &Pending,
    acknowledgement: &Acknowledgement,
) -> Reconciled {
    let decision = Decision::new(rules, pending, Some(acknowledgement.through));
    match &acknowledgement.answer {
        Answer::Written(row) => decision.on(&Sighting::of(row.clone())),
        Answer::Deleted { at } => decision.deleted(*at),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
