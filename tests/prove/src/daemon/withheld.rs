//! Columns that a walk was not shown: a part of `src/sync/pull.rs`.
//!
//! It exists because a field that is out of sight for a moment leaves no trace in the records: when it is shown again,
//! only a walk from the start fills its column. Invariant: a walk of which no page was shown a column differs from one
//! that was shown it as null.

use std::collections::BTreeSet;

use super::Daemon;
use crate::{
    plan::walk::{self, Checkpoint},
    twenty::Listing,
};

/// What one walk was not shown, and what the one before it was not.
pub(super) struct Withheld<'a> {
    daemon: &'a Daemon,
    object: usize,
    before: Vec<String>,
    now: BTreeSet<usize>,
    from_the_start: bool,
}

impl<'a> Withheld<'a> {
    pub(super) fn new(daemon: &'a Daemon, object: usize, from_the_start: bool) -> Withheld<'a> {
        let before = daemon.world.borrow().mirror.catalog.withheld.get(object).cloned();
        let (before, now) = (before.unwrap_or_default(), BTreeSet::new());
        Withheld { daemon, object, before, now, from_the_start }
    }

    /// Notes what a page does not show, of what is known here.
    pub(super) fn note(&mut self, page: &Listing) {
        let hidden = &self.daemon.objects[self.object].hidden;
        for served in &page.records {
            let absent = served.row.values.iter().enumerate();
            let absent = absent.filter(|(_, value)| value.is_none()).map(|(index, _)| index);
            self.now.extend(absent.filter(|index| !hidden.contains(index)));
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        let columns = self.daemon.objects[self.object].columns();
        self.now.iter().map(|index| columns[*index].name.clone()).collect()
    }

    /// At the end of a walk: a column that is shown again has to be filled.
    pub(super) fn ends(&self, checkpoint: &mut Checkpoint) {
        if walk::are_shown_again(&self.before, &self.names()) && !self.from_the_start {
            checkpoint.watermark = None;
        }
    }
}
