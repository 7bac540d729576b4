//! What a pass did, before it is counted and told.
//!
//! It exists because what a pass could not do is part of what it did. Invariant: a single run that could not look for
//! destroyed records says so.

use crate::sync::{Disposition, ObjectReport, PushReport, SyncError};

/// What a pass did to each object, and to the source.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) objects: Vec<ObjectReport>,
    pub(super) pushed: PushReport,
    /// Why destroyed records were not looked for, where that was due and nobody does it in a moment.
    pub(super) uncounted: Option<SyncError>,
}

/// Whether the source could not be reached, so that it may come back as another one.
pub(super) fn was_away(result: &Result<Passed, SyncError>) -> bool {
    let is_away = |error: &SyncError| {
        matches!(error, SyncError::Source(_)) && error.disposition() == Disposition::Retry
    };
    match result {
        Ok(Passed { objects, uncounted, .. }) => {
            let failures = objects.iter().filter_map(|object| object.failure.as_ref());
            failures.chain(uncounted).any(is_away)
        }
        Err(error) => is_away(error),
    }
}
