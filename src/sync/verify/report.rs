//! What a comparison found.
//!
//! It exists as a value that grows while an object is compared and is shown when that ends. Invariant: records and
//! fields are named, no value of a field is.

use uuid::Uuid;

use crate::{
    plan::{content::Tally, verify::Finding},
    sync::SyncError,
};

/// Differences that are told one by one; of more, only the number.
const SHOWN: usize = 1_000;

/// What became of comparing one object.
#[derive(Debug, Default)]
pub struct Verified {
    /// The object's plural name.
    pub object: String,
    /// Records compared on both sides.
    pub compared: u64,
    /// Records left out: they have local changes that the source does not have yet.
    pub waiting: u64,
    /// Records left out: the source changed them since the mirror was read.
    pub recent: u64,
    /// Records left out: they cannot be read.
    pub unreadable: u64,
    /// Records that the mirror lacks.
    pub missing: u64,
    /// Records that the mirror should not have.
    pub extra: u64,
    /// Records whose fields differ.
    pub differing: u64,
    /// Records that were unequal and are repaired.
    pub repaired: u64,
    /// Calls to the source that count against its limit.
    pub calls: u64,
    /// The differences one by one, up to a limit.
    pub differences: Vec<Difference>,
    /// Why it ended early, if it did.
    pub failure: Option<SyncError>,
}

/// One record that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The record.
    pub id: Uuid,
    /// How.
    pub finding: Finding,
}

impl Verified {
    /// Records that are unequal now.
    pub fn unequal(&self) -> u64 {
        self.missing + self.extra + self.differing - self.repaired
    }

    /// The same in fewer words; `overwritten` of the rows were changed or removed.
    pub(in crate::sync) fn tally(&self, overwritten: u64) -> Tally {
        Tally {
            compared: self.compared,
            left_out: self.waiting + self.recent + self.unreadable,
            found: self.missing + self.extra + self.differing,
            repaired: self.repaired,
            overwritten,
        }
    }

    /// Counts what was found of a record.
    pub(super) fn put(&mut self, id: Uuid, finding: Finding) {
        match &finding {
            Finding::Equal => self.compared += 1,
            Finding::NotDue => self.recent += 1,
            Finding::Missing => self.missing += 1,
            Finding::Extra => self.extra += 1,
            Finding::Differing(_) => {
                self.compared += 1;
                self.differing += 1;
            }
        }
        let is_difference = !matches!(finding, Finding::Equal | Finding::NotDue);
        if is_difference && self.differences.len() < SHOWN {
            self.differences.push(Difference { id, finding });
        }
    }
}
