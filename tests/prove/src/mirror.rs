//! A model of the mirror: what PostgreSQL holds, and what its triggers and the program's statements do to it.
//!
//! It exists to stand in for `src/mirror` and the migrations. Invariants: each function is one transaction; a decision is
//! taken from the state as it is then, never from an older look; who does not lead writes nothing.

mod capture;
mod catalog;
mod claim;
mod page;
mod settle;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::{
    capture::Statement,
    catalog::{Catalog, hide},
    claim::{Claimed, Sending},
    page::{LocalEdits, Overtaken, PageWrite},
    settle::Decision,
};
use crate::{
    objects::{Key, Object, cut, is_live},
    plan::{
        pending::{Operation, Pending},
        reconcile::Conflict,
        walk::Checkpoint,
    },
    record::{Image, Value},
};

/// What both sides last agreed on of a record with local changes: a row of `sync.base`.
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) base: Option<Image>,
    pub(crate) sent: Option<Image>,
    pub(crate) given_up: Option<Image>,
    pub(crate) sent_through: Option<i64>,
    pub(crate) waiting: BTreeSet<usize>,
    pub(crate) decided_through: Option<i64>,
    pub(crate) since: i64,
    /// Which writing of the row this is: its `xmin`.
    pub(crate) written: i64,
}

/// A refused change: a row of `sync.quarantine`.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) attempts: u32,
    pub(crate) retry_at: Option<i64>,
    pub(crate) through: i64,
    pub(crate) holder: Option<Uuid>,
}

/// What a record is set aside for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) through: i64,
    /// The record that it waits for. If that is there by now, it is tried again at once.
    pub(crate) holder: Option<Uuid>,
    /// Which writing of `sync.base` the record was sent from.
    pub(crate) written: i64,
}

/// A checkpoint and its version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) version: i64,
}

/// A change of a row, before and after.
pub(crate) type Change = (Key, Option<Image>, Option<Image>);

/// The database.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) rows: Vec<BTreeMap<Uuid, Image>>,
    pub(crate) bases: BTreeMap<Key, Base>,
    /// Entries of the outbox that are not settled.
    pub(crate) outbox: BTreeMap<Key, Vec<Operation>>,
    pub(crate) refused: BTreeMap<Key, Refused>,
    pub(crate) conflicts: Vec<(Key, Conflict)>,
    pub(crate) checkpoints: Vec<Stored>,
    /// The tables, where they can change.
    pub(crate) catalog: Catalog,
    /// Who leads.
    pub(crate) epoch: u64,
    /// The number of the newest change of the source that a record is known by. Only the checks may look.
    pub(crate) known: BTreeMap<Key, u64>,
    /// What rows became since somebody last asked.
    pub(crate) changes: Vec<Change>,
    /// What was written although it was older than what is known.
    pub(crate) regressed: Vec<String>,
    /// Values in columns whose fields are gone that were told as refused, since somebody last asked.
    pub(crate) reported: Vec<(Key, Vec<usize>, Image)>,
    /// Changes of people that count as sent and are not.
    pub(crate) early: Vec<String>,
    /// Rows that went because their records were destroyed, since somebody last asked.
    pub(crate) buried: Vec<Key>,
    /// Records that were settled because both sides were seen to agree, since somebody last asked.
    pub(crate) agreed: Vec<Key>,
    /// How many of the conflicts the checks know.
    pub(crate) told: usize,
    entries: i64,
    writings: i64,
}

impl Mirror {
    pub(crate) fn new(objects: usize) -> Mirror {
        Mirror {
            rows: vec![BTreeMap::new(); objects],
            checkpoints: vec![Stored::default(); objects],
            ..Mirror::default()
        }
    }

    pub(crate) fn row(&self, key: Key) -> Option<&Image> {
        self.rows[key.0].get(&key.1)
    }

    /// A record with local changes, as the planner sees it.
    pub(crate) fn pending(&self, key: Key) -> Option<Pending> {
        let base = self.bases.get(&key)?;
        let operations = self.outbox.get(&key).cloned().unwrap_or_default();
        let since = crate::clock::time(base.since);
        let changed_at = operations.last().map_or(since, |last| last.changed_at);
        // Times are read with milliseconds, whatever the table keeps.
        Some(Pending {
            id: key.1,
            base: base.base.as_ref().map(cut),
            sent: base.sent.as_ref().map(cut),
            given_up: base.given_up.as_ref().map(cut),
            mirror: self.row(key).map(cut),
            operations,
            changed_at,
            waiting: base.waiting.clone(),
        })
    }

    /// Changes a row, or removes it.
    fn put(&mut self, key: Key, row: Option<Image>) {
        let before = match &row {
            Some(row) => self.rows[key.0].insert(key.1, row.clone()),
            None => self.rows[key.0].remove(&key.1),
        };
        if before != row {
            self.changes.push((key, before, row));
        }
    }

    /// The record is now known by this change of the source.
    fn knows(&mut self, key: Key, rev: u64) {
        let known = self.known.entry(key).or_default();
        *known = rev.max(*known);
    }

    /// The records that the source should hold: `sync`'s census.
    pub(crate) fn expected_ids(&self, place: usize, object: &Object) -> Vec<Uuid> {
        let counts = |image: &Image| object.keeps_deleted() || is_live(image);
        let own = |id: &Uuid| self.bases.contains_key(&(place, *id));
        let rows = self.rows[place].iter().filter(|(id, row)| !own(id) && counts(row));
        let bases = self
            .bases
            .iter()
            .filter(|((of, _), base)| *of == place && base.base.as_ref().is_some_and(counts));
        let ids: BTreeSet<Uuid> =
            rows.map(|(id, _)| *id).chain(bases.map(|((_, id), _)| *id)).collect();
        ids.into_iter().collect()
    }

    /// The rows that refer to one of these records, without those that the source does not know.
    pub(crate) fn referring(&self, place: usize, object: &Object, ids: &[Uuid]) -> Vec<Uuid> {
        let refers = |row: &Image| {
            object.relations.iter().any(|relation| {
                matches!(row.get(relation.column), Some(Value::Uuid(id)) if ids.contains(id))
            })
        };
        let is_new =
            |id: &Uuid| self.bases.get(&(place, *id)).is_some_and(|base| base.base.is_none());
        let rows = self.rows[place].iter().filter(|(id, row)| refers(row) && !is_new(id));
        rows.map(|(id, _)| *id).collect()
    }

    /// Has refused changes tried again that wait for one of these records.
    pub(crate) fn release_waiting_for(&mut self, ids: &[Uuid], now: i64) {
        for refused in self.refused.values_mut() {
            if refused.holder.is_some_and(|holder| ids.contains(&holder)) {
                refused.retry_at = Some(now);
            }
        }
    }

    /// Sets a record aside whose change was refused. One that a page has passed by since it was sent stays in doubt.
    pub(crate) fn refuse(
        &mut self,
        key: Key,
        refusal: Refusal,
        (retry_at, now): (Option<i64>, i64),
    ) -> Option<i64> {
        let Refusal { through, holder, written } = refusal;
        if let Some(base) = self.bases.get_mut(&key)
            && base.sent.is_some()
        {
            if base.written != written {
                return Some(base.written);
            }
            // The source has answered: what was sent did not arrive.
            self.writings += 1;
            (base.sent, base.sent_through, base.written) = (None, None, self.writings);
        }
        let before = self.refused.get(&key);
        let attempts = match before {
            Some(before) if through <= before.through => before.attempts + 1,
            _ => 1,
        };
        let has_come = holder.is_some_and(|parent| !self.is_unsent(parent));
        let retry_at = retry_at.or(has_come.then_some(now));
        self.refused.insert(key, Refused { attempts, retry_at, through, holder });
        None
    }

    /// Whether a record is new here and not in the source.
    pub(crate) fn is_unsent(&self, id: Uuid) -> bool {
        self.bases.iter().any(|(of, base)| of.1 == id && base.base.is_none())
    }

    /// New records that the source has refused.
    pub(crate) fn stuck(&self) -> BTreeSet<Uuid> {
        let is_new = |key: &&Key| self.bases.get(key).is_some_and(|base| base.base.is_none());
        self.refused.keys().filter(is_new).map(|key| key.1).collect()
    }

    pub(crate) fn watermark(&self, object: usize) -> Option<OffsetDateTime> {
        self.checkpoints[object].checkpoint.watermark
    }
}
