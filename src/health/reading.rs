//! What the loops tell: the words of this module.
//!
//! It exists so that this leaf needs to know neither side. Invariant: names of objects and counts, never a value of a
//! record.

use time::OffsetDateTime;

/// Whether a side answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Side {
    /// It was not asked yet.
    #[default]
    NotAsked,
    /// It answered the last time it was asked.
    Answers,
    /// It did not, and why.
    Fails(String),
}

/// What was asked of Twenty since the program started, and what may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls as Twenty's limit counts them, by lane and outcome.
    pub counts: Vec<CallCount>,
    /// What is left, where a limit is known.
    pub budget: Option<BudgetReading>,
}

/// Calls for one purpose that came to one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallCount {
    /// What for.
    pub lane: &'static str,
    /// What became of them.
    pub outcome: &'static str,
    /// How many.
    pub calls: u64,
}

/// A limit of calls, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetReading {
    /// Calls that Twenty allows in its window.
    pub limit: u32,
    /// Calls that could be made now.
    pub left: u32,
    /// Calls of the limit that sweeps and first loads leave to others.
    pub reserve: u32,
}

/// The state of the mirror at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When.
    pub at: OffsetDateTime,
    /// As `twenty-sync status --json` shows it.
    pub json: String,
    /// The same, object by object.
    pub objects: Vec<ObjectReading>,
}

/// The state of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReading {
    /// Its plural name.
    pub object: String,
    /// Whether local changes go to Twenty.
    pub is_pushed: bool,
    /// Whether its first walk is under way.
    pub is_walked: bool,
    /// Server time up to which everything is read.
    pub read_up_to: Option<OffsetDateTime>,
    /// When it was last read to the end.
    pub succeeded_at: Option<OffsetDateTime>,
    /// When both sides were last proven equal.
    pub proven_at: Option<OffsetDateTime>,
    /// Rows, as PostgreSQL estimates them.
    pub rows: i64,
    /// Records with local changes that Twenty does not have yet.
    pub waiting: i64,
    /// Since when the oldest of these changes waits.
    pub waiting_since: Option<OffsetDateTime>,
    /// Records set aside.
    pub quarantined: i64,
    /// Conflicts that wait for a person.
    pub conflicts: i64,
    /// Every way in which it can be stopped.
    pub stops: Vec<StopReading>,
}

/// Whether one flow is stopped by one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopReading {
    /// `pull` or `push`.
    pub direction: &'static str,
    /// What can stop it.
    pub cause: &'static str,
    /// Whether it does.
    pub is_stopped: bool,
}
