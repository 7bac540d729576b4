//! Applies a page: rows, removals and the checkpoint in one transaction. `src/mirror/page.rs` and `sort.rs`.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Mirror, Stored, capture::of_object, settle::Decision};
use crate::{
    mistakes::{self, Bug},
    objects::{Key, Object},
    plan::{pending::Pending, walk::Checkpoint},
    record::{Image, Row},
    twenty::Served,
};

/// What a page writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageWrite {
    pub(crate) rows: Vec<Served>,
    /// Records in the trash whose rows go.
    pub(crate) tombstones: Vec<Served>,
    /// Records that are known to be destroyed.
    pub(crate) absent: Vec<Uuid>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) version: i64,
    /// At the end of a walk, the columns that it was not shown.
    pub(crate) withheld: Option<Vec<String>>,
}

/// Another process moved the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overtaken;

/// How a page treats records with local changes.
pub(crate) struct LocalEdits<'a> {
    /// Whether the page knows nothing of the last write to this record.
    pub(crate) is_older: &'a dyn Fn(Uuid) -> bool,
    /// Whether that write has ended since the page was asked for, so that nobody looks at the record any more.
    pub(crate) is_overtaken: &'a dyn Fn(Uuid) -> bool,
    /// Decides on a record, given what the page shows of it.
    pub(crate) decide: &'a mut dyn FnMut(&Pending, Option<&Row>) -> Option<Decision>,
}

impl Mirror {
    pub(crate) fn apply_page(
        &mut self,
        place: usize,
        object: &Object,
        page: &PageWrite,
        edits: &mut LocalEdits<'_>,
        now: i64,
    ) -> Result<(), Overtaken> {
        if self.checkpoints[place].version != page.version && !mistakes::is(Bug::NoVersionCheck) {
            return Err(Overtaken);
        }
        let shown = page.rows.iter().chain(&page.tombstones);
        let ids: BTreeSet<Uuid> =
            shown.clone().map(|served| served.row.id).chain(page.absent.iter().copied()).collect();
        if ids.iter().any(|id| (edits.is_overtaken)(*id)) && !mistakes::is(Bug::OvertakenPageKept) {
            return Err(Overtaken);
        }
        let is_known =
            |id: &Uuid| self.rows[place].contains_key(id) || self.bases.contains_key(&(place, *id));
        let any_known = ids.iter().any(is_known);
        let edited: BTreeSet<Uuid> = of_object(self.bases.keys().copied(), place)
            .into_iter()
            .filter(|id| ids.contains(id))
            .collect();
        let ignored = |id: Uuid| {
            let asks = any_known || !mistakes::is(Bug::StrangersNotAsked);
            asks && (edits.is_older)(id) && !mistakes::is(Bug::OldPageApplied)
        };
        let ignored: BTreeSet<Uuid> = ids.iter().copied().filter(|id| ignored(*id)).collect();
        for served in &page.rows {
            if !edited.contains(&served.row.id) && !ignored.contains(&served.row.id) {
                self.write(object, (place, served.row.id), served, true, now);
            }
        }
        for served in &page.tombstones {
            if !edited.contains(&served.row.id) && !ignored.contains(&served.row.id) {
                self.write(object, (place, served.row.id), served, false, now);
            }
        }
        for id in &page.absent {
            if !edited.contains(id) && !ignored.contains(id) {
                self.put((place, *id), None);
                self.buried.push((place, *id));
            }
        }
        for id in &edited {
            let served = shown.clone().find(|served| served.row.id == *id);
            let Some(pending) = self.pending_of(object, (place, *id)) else { continue };
            let row = served.map(|served| &served.row);
            let decided = if ignored.contains(id) { None } else { (edits.decide)(&pending, row) };
            match decided {
                Some(mut decision) => {
                    decision.rev = served.map(|served| served.rev);
                    self.apply(object, (place, *id), decision, now);
                }
                None if served.is_some() => self.pass_by((place, *id)),
                None => {}
            }
        }
        if let (Some(withheld), Some(held)) = (&page.withheld, self.catalog.withheld.get_mut(place))
        {
            held.clone_from(withheld);
        }
        let version = self.checkpoints[place].version + 1;
        self.checkpoints[place] = Stored { checkpoint: page.checkpoint.clone(), version };
        Ok(())
    }

    /// A page showed this record, whose write is under way or in doubt, and goes by: who learns that the write was
    /// refused has to look what it showed.
    fn pass_by(&mut self, key: Key) {
        self.writings += 1;
        if let Some(base) = self.bases.get_mut(&key) {
            base.written = self.writings;
        }
    }

    /// Makes the row what the page shows, or removes it.
    fn write(&mut self, object: &Object, key: Key, served: &Served, stays: bool, now: i64) {
        let before = self.row(key).cloned();
        let after = stays.then(|| self.whole(key, Image::of(&served.row)));
        if before != after {
            self.release_waiting_for(&[key.1], now);
            if self.known.get(&key).is_some_and(|known| served.rev < *known) {
                self.regressed.push(format!("{key:?} was overwritten by change {}", served.rev));
            }
            self.put(key, after.clone());
            if mistakes::is(Bug::EchoCaptured) {
                self.log(object, key, (before.as_ref(), after.as_ref()), now);
            }
        }
        self.knows(key, served.rev);
    }
}
