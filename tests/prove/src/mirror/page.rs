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

/// A record on a page, and whether its row stays.
struct Shown<'a> {
    served: &'a Served,
    stays: bool,
}

impl Shown<'_> {
    fn id(&self) -> Uuid {
        self.served.row.id
    }
}

impl PageWrite {
    /// The records that it shows, those of the trash among them.
    fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        let rows = self.rows.iter().map(|served| Shown { served, stays: true });
        rows.chain(self.tombstones.iter().map(|served| Shown { served, stays: false }))
    }
}

/// Another process moved the checkpoint, or a write ended of which the page knows less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overtaken;

/// How a page treats records with local changes.
pub(crate) struct LocalEdits<'a> {
    /// Whether the page knows nothing of the last write to this record.
    pub(crate) is_older: &'a dyn Fn(Uuid) -> bool,
    /// Where the watermark goes past the page: whether that write has ended since the page was asked for, so that nobody
    /// looks at the record any more.
    pub(crate) is_overtaken: Option<&'a dyn Fn(Uuid) -> bool>,
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
        let shown: Vec<Shown<'_>> = page.shown().collect();
        let ids: BTreeSet<Uuid> =
            shown.iter().map(Shown::id).chain(page.absent.iter().copied()).collect();
        let overtaken = edits.is_overtaken.filter(|_| !mistakes::is(Bug::OvertakenPageKept));
        if overtaken.is_some_and(|is_overtaken| ids.iter().any(|id| is_overtaken(*id))) {
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
        let mut left = shown.iter().filter(|shown| ignored.contains(&shown.id()));
        if overtaken.is_some() && left.any(|shown| self.forgets(place, shown)) {
            return Err(Overtaken);
        }
        for record in &shown {
            // A page that is ignored and shows what is here anyway has told of it.
            let is_taken = !ignored.contains(&record.id()) || self.holds(place, record);
            if !edited.contains(&record.id()) && is_taken {
                self.write(object, (place, record.id()), record, now);
            }
        }
        for id in &page.absent {
            if !edited.contains(id) && !ignored.contains(id) {
                self.put((place, *id), None);
                self.buried.push((place, *id));
            }
        }
        for id in &edited {
            let served = shown.iter().find(|shown| shown.id() == *id).map(|shown| shown.served);
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

    /// Whether nobody would read what a page shows of a record that it leaves: its write is settled, and it is another
    /// one than here.
    fn forgets(&self, place: usize, shown: &Shown<'_>) -> bool {
        match self.bases.get(&(place, shown.id())) {
            Some(base) => base.sent.is_none(),
            None => !self.holds(place, shown),
        }
    }

    /// Whether the row is what the page shows.
    fn holds(&self, place: usize, shown: &Shown<'_>) -> bool {
        let key = (place, shown.id());
        self.row(key).cloned() == self.as_shown(key, shown)
    }

    fn as_shown(&self, key: Key, shown: &Shown<'_>) -> Option<Image> {
        shown.stays.then(|| self.whole(key, Image::of(&shown.served.row)))
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
    fn write(&mut self, object: &Object, key: Key, shown: &Shown<'_>, now: i64) {
        let (before, after) = (self.row(key).cloned(), self.as_shown(key, shown));
        let served = shown.served;
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
