//! What a run tells while it works and when it ends.
//!
//! It exists because the engine never prints: it returns values, and the command line shows them. Invariant: no
//! field value of any record is in a report.

use tokio::sync::mpsc::UnboundedSender;

use super::{Disposition, PushReport, SyncError};
use crate::{
    mirror::{Applied, Outcome, Stop},
    plan::{backfill::Estimate, schema::Table},
};

/// Where progress goes; a receiver that is gone is no error.
pub type ProgressSender = UnboundedSender<Progress>;

/// For work whose progress nobody follows.
pub(super) fn unheard() -> ProgressSender {
    tokio::sync::mpsc::unbounded_channel().0
}

/// What a run has to tell meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A first load begins, or goes on; so much is before it.
    Ahead(Estimate),
    /// How far one object's walk is.
    Walk(WalkProgress),
}

/// How far one object's walk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkProgress {
    /// The object's plural name.
    pub object: String,
    /// Records seen by this walk, earlier runs included.
    pub seen: u64,
    /// Records this walk will see, by the server's count.
    pub total: u64,
    /// Whether this object is done, well or not.
    pub finished: bool,
}

/// What became of one object.
#[derive(Debug)]
pub struct ObjectReport {
    /// The object's plural name.
    pub object: String,
    /// The table.
    pub table: String,
    /// Records read in this run.
    pub read: u64,
    /// What changed in the mirror.
    pub applied: Applied,
    /// Columns whose key the source did not send, so they were left as they are.
    pub withheld: Vec<String>,
    /// Whether it was stopped meanwhile, between two pages: see [`RunReport::stops`].
    pub stopped: bool,
    /// Why it failed, if it did.
    pub failure: Option<SyncError>,
}

impl ObjectReport {
    /// A report of a table of which nothing is to be told yet.
    pub(super) fn of(table: &Table) -> ObjectReport {
        ObjectReport {
            object: table.name_plural.clone(),
            table: table.name.clone(),
            read: 0,
            applied: Applied::default(),
            withheld: Vec::new(),
            stopped: false,
            failure: None,
        }
    }

    /// Whether the object was read to the end.
    pub(super) fn is_complete(&self) -> bool {
        self.failure.is_none() && !self.stopped
    }
}

/// What became of a run.
#[derive(Debug)]
pub struct RunReport {
    /// Every mirrored object, by name.
    pub objects: Vec<ObjectReport>,
    /// Why a single run could not look for destroyed records, if it could not.
    pub uncounted: Option<SyncError>,
    /// What was written back.
    pub pushed: PushReport,
    /// Calls to the source that count against its limit.
    pub calls: u64,
    /// Records of the workspace that are set aside, from this run and earlier ones.
    pub quarantined: u64,
    /// Records with local changes that are not at the source: refused, held, or made meanwhile.
    pub waiting: u64,
    /// Changes of the tables that the data model asks for and that were not made.
    pub held: Vec<String>,
    /// What does not run, and why.
    pub stops: Vec<Stop>,
    /// How it ended.
    pub outcome: Outcome,
}

impl RunReport {
    /// Rows changed in mirrored tables.
    pub fn rows_changed(&self) -> u64 {
        self.objects.iter().map(|object| object.applied.rows_changed()).sum()
    }

    /// The failure that says most about the run: a refused key before a wrong configuration before the rest.
    pub fn failure(&self) -> Option<&SyncError> {
        let failures = self.objects.iter().filter_map(|object| object.failure.as_ref());
        failures.chain(&self.uncounted).min_by_key(|error| rank(error))
    }

    /// The same failure, kept.
    pub fn into_failure(self) -> Option<SyncError> {
        let failures = self.objects.into_iter().filter_map(|object| object.failure);
        failures.chain(self.uncounted).min_by_key(rank)
    }
}

fn rank(error: &SyncError) -> u8 {
    match error.disposition() {
        Disposition::Unauthorised => 0,
        Disposition::Configuration => 1,
        Disposition::Replaced => 2,
        Disposition::Retry => 3,
    }
}
