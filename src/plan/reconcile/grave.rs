//! Rows that go, and rows that come back as they were.
//!
//! Invariant: what is put back into the mirror is what the source is known to have held.

use time::OffsetDateTime;

use super::{
    ConflictKind, MirrorStep, Outcome, Reconciled,
    decide::{Decision, again, differences, updated},
};
use crate::{
    plan::{
        pending::{DeletedRecords, Pending},
        policy::{DeletePolicy, Side},
    },
    record::{DeleteMode, Direction, Image, Row, Value},
};

impl Decision<'_> {
    pub(super) fn can_settle(&self) -> bool {
        // Whoever deletes the row has decided what waited in it.
        let waits = self.pending.mirror.is_some() && !self.pending.waiting.is_empty();
        self.rules.table.direction == Direction::Both && !waits
    }

    /// What was changed and changed back is spelt as the source spells it. A row of the trash that was deleted here
    /// comes back where such rows are kept.
    pub(super) fn as_before(&self) -> MirrorStep {
        if let (Some(base), Some(mirror)) = (&self.pending.base, &self.pending.mirror) {
            return updated(differences(base.values(), mirror));
        }
        let base = self.pending.base.as_ref().filter(|base| self.is_dead(base));
        let row = base.filter(|_| self.pending.mirror.is_none()).and_then(|base| self.row(base));
        match (self.rules.deleted, row) {
            (DeletedRecords::Keep, Some(row)) => MirrorStep::Insert(row),
            (DeletedRecords::Keep | DeletedRecords::Remove, _) => MirrorStep::Keep,
        }
    }

    /// The row was deleted here, and the record lives in the source.
    pub(super) fn deleted_here(&self, row: &Row) -> Reconciled {
        let edits = self.source_edits(row);
        let restores = self.rules.policies.deletes == DeletePolicy::EditRestores
            && edits.iter().any(|column| self.was_edited(*column, row));
        let winner = if restores { Side::Source } else { Side::Mirror };
        let conflict = || self.whole(ConflictKind::DeletedInMirror, &edits, Some(row), winner);
        let conflicts = if edits.is_empty() { Vec::new() } else { vec![conflict()] };
        if restores {
            self.settled(MirrorStep::Insert(row.clone()), Outcome::Conflict, conflicts)
        } else {
            again(Some(self.base_on(row)), conflicts)
        }
    }

    /// What the source holds; where it shows nothing, the base as it was.
    fn base_on(&self, row: &Row) -> Image {
        let mut base = self.pending.base.clone().unwrap_or_else(|| Image::of(row));
        for (index, value) in row.values.iter().enumerate().filter(|(_, value)| value.is_some()) {
            base.set(index, value.clone());
        }
        base
    }

    /// Whether the source's value was an edit. That a field is new brings no record back, and neither does a value that
    /// the row was not filled with yet, for then the record is the one that was agreed on; but what they hold is not
    /// forgotten.
    fn was_edited(&self, column: usize, row: &Row) -> bool {
        let Pending { base: Some(base), waiting, .. } = self.pending else { return true };
        waiting.contains(&column) || base.get(column).is_some() && self.reference(row).moved
    }

    /// The source acknowledged our delete.
    pub(super) fn deleted(&self, at: OffsetDateTime) -> Reconciled {
        let grave = self.pending.base.as_ref().map(|base| self.buried(base, at));
        match (&self.pending.mirror, self.rules.delete_mode) {
            (Some(_), DeleteMode::Soft) => again(grave, Vec::new()),
            (Some(_), DeleteMode::Destroy) => again(None, Vec::new()),
            (None, mode) => {
                let kept = mode == DeleteMode::Soft && self.rules.deleted == DeletedRecords::Keep;
                let row = grave.filter(|_| kept).and_then(|grave| self.row(&grave));
                let mirror = row.map_or(MirrorStep::Keep, MirrorStep::Insert);
                self.settled(mirror, Outcome::Written, Vec::new())
            }
        }
    }

    /// `base` as it lies in the trash: the time of the delete is also that of the last change.
    fn buried(&self, base: &Image, at: OffsetDateTime) -> Image {
        let mut grave = base.clone();
        for key in ["deletedAt", "updatedAt"] {
            if let Some(column) = self.rules.column(key) {
                grave.set(column, Some(Value::Timestamp(at)));
            }
        }
        grave
    }

    /// Nothing where a field waited without a base: a page shows the whole record.
    fn row(&self, image: &Image) -> Option<Row> {
        if self.pending.waiting.iter().any(|column| image.get(*column).is_none()) {
            return None;
        }
        let time = |key| match self.rules.column(key).and_then(|column| image.get(column)) {
            Some(Value::Timestamp(time)) => Some(*time),
            _ => None,
        };
        Some(Row {
            id: self.pending.id,
            updated_at: time("updatedAt")?,
            deleted_at: time("deletedAt"),
            values: image.values().to_vec(),
        })
    }
}
