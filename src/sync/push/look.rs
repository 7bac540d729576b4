//! Reads records by id, trash included, and decides them from what is there.
//!
//! It exists because an unknown outcome, a guard that did not hold and a field without a guard all have the same
//! answer: look. Invariant: what was read is decided on under lock, in one transaction with what is written.

use std::collections::HashMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::Round;
use crate::{
    mirror::Decision,
    plan::{
        fate::Fate,
        pending::{Pending, Sighting},
        reconcile::reconcile,
    },
    record::{ObjectId, Row},
    sync::SyncError,
};

/// How often a record is read once more because a page passed by.
pub(super) const PASSED: usize = 3;

/// What was read, by record.
pub(super) struct Seen {
    rows: HashMap<Uuid, Row>,
    /// Records that are there but cannot be read.
    unreadable: Vec<Uuid>,
    /// A time of the server that is not before it answered; nothing where nothing was asked.
    answered_by: Option<OffsetDateTime>,
}

/// Records that the source does not have any more.
#[derive(Default)]
pub(super) struct Gone {
    pub(super) ids: Vec<Uuid>,
    /// By when they were gone, as the source's clock has it: ours may be wrong. Nothing where nothing was asked.
    pub(super) by: Option<OffsetDateTime>,
}

impl Seen {
    /// What was seen of a record; `None` if it cannot be read.
    pub(super) fn sighting(&self, id: Uuid) -> Option<Sighting> {
        if self.unreadable.contains(&id) {
            return None;
        }
        Some(self.rows.get(&id).map_or(Sighting::Absent, |row| Sighting::of(row.clone())))
    }

    /// Whether the record is not there at all.
    fn is_absent(&self, id: Uuid) -> bool {
        !self.rows.contains_key(&id) && !self.unreadable.contains(&id)
    }

    /// Those of these records that are not there at all.
    pub(super) fn gone(&self, ids: &[Uuid]) -> Gone {
        let is_gone = |id: &Uuid| self.answered_by.is_some() && self.is_absent(*id);
        Gone { ids: ids.iter().copied().filter(is_gone).collect(), by: self.answered_by }
    }

    pub(super) fn into_rows(self) -> HashMap<Uuid, Row> {
        self.rows
    }

    pub(super) fn row(&self, id: Uuid) -> Option<&Row> {
        self.rows.get(&id)
    }
}

impl Round<'_> {
    /// Reads records and decides them, where nothing was decided on them meanwhile; once more where a page passed by.
    pub(super) async fn look(
        &mut self,
        object: ObjectId,
        ids: &[Uuid],
        fate: Fate,
    ) -> Result<(), SyncError> {
        let mut ids = ids.to_vec();
        for _ in 0..=PASSED {
            ids = self.look_once(object, &ids, fate).await?;
            if ids.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Says which records a page passed by meanwhile.
    async fn look_once(
        &mut self,
        object: ObjectId,
        ids: &[Uuid],
        fate: Fate,
    ) -> Result<Vec<Uuid>, SyncError> {
        let Some(target) = self.workspace.target(object) else { return Ok(Vec::new()) };
        let seen = self.see(object, ids).await?;
        self.follow_destroyed(&seen.gone(ids).ids).await?;
        let mut decide = |pending: &Pending| {
            let sighting = seen.sighting(pending.id)?;
            let pending = fate.judge(&target.table.columns, pending, &sighting);
            let source_updated_at = seen.row(pending.id).map(|row| row.updated_at);
            Some(Decision {
                reconciled: reconcile(target.rules(), &pending, &sighting),
                source_updated_at,
            })
        };
        let settled =
            self.mirror.settle_seen(&target.writer, ids, &self.written, &mut decide).await;
        // A page that was asked for before is older than what was read, as it is older than an answer; also where it is
        // not known whether that was stored.
        self.writes.end(object, ids);
        let settled = settled?;
        // Only what was decided on is the base that a guard by its version stands for.
        let decided = settled.decided.iter().filter_map(|decided| seen.row(decided.record_id));
        for row in decided {
            self.memory.saw(object, row.id, row.updated_at);
        }
        let passed = self.count(settled);
        let there: Vec<Uuid> = seen.rows.keys().copied().collect();
        if !there.is_empty() {
            self.mirror.release_waiting_for(&there).await?;
        }
        Ok(passed)
    }

    /// Reads records.
    pub(super) async fn see(&self, object: ObjectId, ids: &[Uuid]) -> Result<Seen, SyncError> {
        let mut seen = Seen { rows: HashMap::new(), unreadable: Vec::new(), answered_by: None };
        let Some(target) = self.workspace.target(object) else { return Ok(seen) };
        let found = self.source.look_up(target.plural(), ids, &target.decoder).await?;
        seen.answered_by = found.answered_by;
        for record in found.records {
            match record.decoded {
                Ok(row) => drop(seen.rows.insert(row.id, row)),
                Err(fault) => seen.unreadable.extend(fault.id),
            }
        }
        Ok(seen)
    }
}
