//! The record-wise part: whether a record exists on each side, and what that means.

use time::OffsetDateTime;

use super::{
    MirrorStep, NewBase, Next, Outcome, Reconciled,
    conflict::{Conflict, ConflictKind, Resolution, values_of},
    fields::{Fields, Merging},
    settle,
};
use crate::{
    plan::{
        merge::{Reference, see},
        pending::{DeletedRecords, Life, Pending, Rules, Sighting},
        policy::{DeletePolicy, Side},
        push::{self, Basis, Verb, is_writable},
    },
    record::{Column, FieldKind, Image, Row, Unit, Value, canonical, units},
};

/// One decision: the facts it is taken from.
pub(super) struct Decision<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) pending: &'a Pending,
    pub(super) units: Vec<Unit>,
    /// The last outbox entry of the write that is being acknowledged.
    pub(super) through: Option<i64>,
}

impl<'a> Decision<'a> {
    pub(super) fn new(
        rules: Rules<'a>,
        pending: &'a Pending,
        through: Option<i64>,
    ) -> Decision<'a> {
        Decision { rules, pending, units: units(&rules.table.columns), through }
    }

    pub(super) fn columns(&self) -> &'a [Column] {
        &self.rules.table.columns
    }

    pub(super) fn acknowledged(&self) -> bool {
        self.through.is_some()
    }

    /// What the fields of `row` are compared with.
    pub(super) fn reference(&self, row: &Row) -> Reference<'a> {
        let version = self.rules.column("updatedAt");
        let known = version.and_then(|column| self.pending.base.as_ref()?.get(column));
        Reference {
            base: self.pending.base.as_ref(),
            sent: self.pending.sent.as_ref(),
            // Where a later create was accepted, it never arrived.
            given_up: self.pending.given_up.as_ref().filter(|_| !self.acknowledged()),
            arrived: self.acknowledged(),
            moved: known != Some(&Value::Timestamp(row.updated_at)),
        }
    }

    /// Whether the source is known to have been sent a value for `unit`.
    pub(super) fn was_sent(&self, unit: &Unit) -> bool {
        let sent = self.pending.sent.as_ref();
        sent.is_some_and(|sent| unit.columns.iter().all(|&column| sent.get(column).is_some()))
    }

    /// `otherwise`, unless this is the answer to our own write.
    pub(super) fn outcome(&self, otherwise: Outcome) -> Outcome {
        if self.acknowledged() { Outcome::Written } else { otherwise }
    }

    /// When the mirror last changed `unit`.
    pub(super) fn changed_at(&self, unit: &Unit) -> OffsetDateTime {
        let touching = self.pending.operations.iter().filter(|operation| {
            settle::touched(self.columns(), operation).any(|column| unit.columns.contains(&column))
        });
        touching.map(|operation| operation.changed_at).max().unwrap_or(self.pending.changed_at)
    }

    pub(super) fn on(&self, sighting: &Sighting) -> Reconciled {
        match sighting {
            Sighting::Unseen => self.unseen(),
            Sighting::Absent => self.absent(),
            Sighting::Tombstone(row) => self.tombstone(row),
            Sighting::Present(row) => self.present(row),
        }
    }

    fn unseen(&self) -> Reconciled {
        match push::plan(self.rules, self.pending, Basis::Stored) {
            Verb::Nothing if self.can_settle() && !self.has_lost() => {
                self.settled(self.as_before(), Outcome::Nothing, Vec::new())
            }
            Verb::Nothing => unchanged(Next::Nothing),
            Verb::Read(_) => unchanged(Next::Read),
            Verb::Create(_) | Verb::Update(_) | Verb::Restore(_) | Verb::Delete(_) => {
                unchanged(Next::Push)
            }
        }
    }

    fn present(&self, row: &Row) -> Reconciled {
        match (&self.pending.mirror, self.base_life()) {
            (Some(mirror), _) => self.flow(Merging::new(self, row, mirror).all()),
            (None, Life::Live) => self.deleted_here(row),
            // Our restore arrived, and then the row was deleted.
            (None, Life::Dead) if self.sent_a_restore() => self.deleted_here(row),
            (None, Life::Dead) => {
                self.settled(MirrorStep::Insert(row.clone()), Outcome::Merged, Vec::new())
            }
            (None, Life::None) => {
                self.settled(MirrorStep::Insert(row.clone()), Outcome::Nothing, Vec::new())
            }
        }
    }

    /// What both sides agreed on; a record whose create arrived was agreed on by that.
    fn base_life(&self) -> Life {
        match self.rules.life(self.pending.base.as_ref()) {
            Life::None if self.pending.sent.is_some() => Life::Live,
            life => life,
        }
    }

    /// Whether a local change waits in a column whose field is gone. Without a row it has nothing to wait in.
    fn has_lost(&self) -> bool {
        self.pending.mirror.is_some()
            && self.pending.operations.iter().any(|operation| settle::is_lost(self, operation))
    }

    /// Whether the write whose outcome was unknown is a delete.
    fn sent_a_delete(&self) -> bool {
        self.pending.sent.as_ref().is_some_and(|sent| self.is_dead(sent))
    }

    /// Whether it is a restore, given that the base is in the trash.
    fn sent_a_restore(&self) -> bool {
        #[cfg(feature = "planted")]
        if crate::mistakes::is(crate::mistakes::Bug::RestoreUndeletable) {
            return false;
        }
        self.pending.sent.is_some() && !self.sent_a_delete()
    }

    pub(super) fn is_dead(&self, image: &Image) -> bool {
        self.rules.life(Some(image)) == Life::Dead
    }

    /// Merged fields: settled if nothing remains to be sent or decided.
    fn flow(&self, fields: Fields) -> Reconciled {
        if fields.open.is_empty() && fields.waiting.is_empty() && !self.has_lost() {
            let settled = settle::all(self, &fields);
            let mirror = updated(fields.patch);
            let conflicts = fields.conflicts;
            return Reconciled {
                mirror,
                base: NewBase::Settled,
                conflicts,
                settled,
                next: Next::Nothing,
            };
        }
        self.pending(fields)
    }

    fn pending(&self, fields: Fields) -> Reconciled {
        let next = if fields.open.is_empty() { Next::Nothing } else { Next::Push };
        Reconciled {
            settled: settle::some(self, &fields),
            mirror: updated(fields.patch),
            base: pending_from(fields.base, fields.waiting),
            conflicts: fields.conflicts,
            next,
        }
    }

    fn tombstone(&self, row: &Row) -> Reconciled {
        let Some(mirror) = &self.pending.mirror else { return self.deleted_on_both(row) };
        let base = if self.sent_a_delete() { Life::Dead } else { self.base_life() };
        let life = (base, self.rules.life(Some(mirror)));
        let merging = Merging::new(self, row, mirror);
        match life {
            (Life::Dead, Life::Live) => self.restore(merging.all(), Vec::new()),
            (Life::None, Life::Live) => self.restore(merging.restoring().all(), Vec::new()),
            (Life::Live, Life::Live) => self.deleted_there(row, merging.all()),
            (_, Life::Dead | Life::None) => self.bury(row, &merging.all()),
        }
    }

    fn deleted_on_both(&self, row: &Row) -> Reconciled {
        let edits = match self.base_life() {
            Life::Live => self.source_edits(row),
            Life::Dead | Life::None => Vec::new(),
        };
        let conflict =
            || self.whole(ConflictKind::DeletedInMirror, &edits, Some(row), Side::Mirror);
        let conflicts = if edits.is_empty() { Vec::new() } else { vec![conflict()] };
        let mirror = match self.rules.deleted {
            DeletedRecords::Keep => MirrorStep::Insert(row.clone()),
            DeletedRecords::Remove => MirrorStep::Keep,
        };
        self.settled(mirror, self.outcome(Outcome::Agreed), conflicts)
    }

    fn deleted_there(&self, row: &Row, fields: Fields) -> Reconciled {
        #[cfg(feature = "planted")]
        if crate::mistakes::is(crate::mistakes::Bug::DeadRevived) {
            return self.restore(fields, Vec::new());
        }
        let policy = self.rules.policies.deletes;
        if policy == DeletePolicy::DeleteWins || edited(&fields).is_empty() {
            return self.bury(row, &fields);
        }
        let edits = edited(&fields);
        let conflict = self.whole(ConflictKind::DeletedAtSource, &edits, Some(row), Side::Mirror);
        self.restore(fields, vec![conflict])
    }

    /// The record goes from the mirror as well, or into its trash; edits become a conflict.
    fn bury(&self, row: &Row, fields: &Fields) -> Reconciled {
        let edits = edited(fields);
        let conflict =
            || self.whole(ConflictKind::DeletedAtSource, &edits, Some(row), Side::Source);
        let conflicts = if edits.is_empty() { Vec::new() } else { vec![conflict()] };
        let nothing = self.outcome(Outcome::Nothing);
        let outcome = if edits.is_empty() { nothing } else { Outcome::Conflict };
        let mirror = match (self.rules.deleted, &self.pending.mirror) {
            (DeletedRecords::Keep, Some(mirror)) => updated(differences(&row.values, mirror)),
            (DeletedRecords::Remove, Some(_)) => MirrorStep::Remove,
            (_, None) => MirrorStep::Keep,
        };
        self.settled(mirror, outcome, conflicts)
    }

    /// The record stays in the mirror and is to be restored: its base is the one in the trash.
    fn restore(&self, fields: Fields, mut conflicts: Vec<Conflict>) -> Reconciled {
        let deleted_at = self.rules.column("deletedAt");
        let alive = |(index, _): &(usize, Value)| Some(*index) != deleted_at;
        conflicts.extend(fields.conflicts);
        Reconciled {
            mirror: updated(fields.patch.into_iter().filter(alive).collect()),
            base: pending_from(fields.base, fields.waiting),
            conflicts,
            settled: Vec::new(),
            next: Next::Push,
        }
    }

    fn absent(&self) -> Reconciled {
        let Some(mirror) = &self.pending.mirror else {
            return self.settled(MirrorStep::Keep, self.outcome(Outcome::Agreed), Vec::new());
        };
        let Some(base) = self.pending.base.as_ref().filter(|_| !self.sent_a_delete()) else {
            return self.create_anew();
        };
        let edits: Vec<usize> = push::changed(self.rules, Some(base), mirror)
            .into_iter()
            .flat_map(|unit| unit.columns)
            .collect();
        let restores = self.is_dead(base) && !self.is_dead(mirror);
        let conflict = |winner| self.whole(ConflictKind::DeletedAtSource, &edits, None, winner);
        match (edits.is_empty() && !restores, self.rules.policies.deletes) {
            (true, _) => self.settled(MirrorStep::Remove, Outcome::Nothing, Vec::new()),
            (false, DeletePolicy::EditRestores) if !self.is_dead(mirror) => {
                again(None, vec![conflict(Side::Mirror)])
            }
            (false, DeletePolicy::DeleteWins | DeletePolicy::EditRestores) => {
                let conflicts = vec![conflict(Side::Source)];
                self.settled(MirrorStep::Remove, Outcome::Conflict, conflicts)
            }
        }
    }

    /// A record that is not there and was never agreed on. What was sent of it may still arrive.
    fn create_anew(&self) -> Reconciled {
        let Pending { base, sent, given_up, .. } = self.pending;
        let is_create = base.is_none();
        let given_up = sent.clone().or_else(|| given_up.clone()).filter(|_| is_create);
        let base = NewBase::Pending { base: None, waiting: Vec::new(), given_up };
        Reconciled { base, ..again(None, Vec::new()) }
    }

    /// The columns of the units that the source changed since both sides agreed. A place in a list is no reason to
    /// keep a record, and neither is a value as it was before a write that may not have arrived.
    pub(super) fn source_edits(&self, row: &Row) -> Vec<usize> {
        let source = Image::of(row);
        let reference = Reference { moved: false, ..self.reference(row) };
        let changed = |unit: &&Unit| {
            let seen = see(self.columns(), unit, reference, &source, &source);
            let is_position = self.columns()[unit.columns[0]].field_kind == FieldKind::Position;
            let counts = is_writable(self.rules.table, unit) && !is_position;
            counts && seen.is_some_and(|seen| seen.source_changed)
        };
        self.units.iter().filter(changed).flat_map(|unit| unit.columns.clone()).collect()
    }

    /// A conflict about the record.
    pub(super) fn whole(
        &self,
        kind: ConflictKind,
        columns: &[usize],
        row: Option<&Row>,
        winner: Side,
    ) -> Conflict {
        Conflict {
            kind,
            field: None,
            columns: columns.to_vec(),
            base: values_of(self.pending.base.as_ref(), columns),
            source: values_of(row.map(Image::of).as_ref(), columns),
            mirror: values_of(self.pending.mirror.as_ref(), columns),
            winner: Some(winner),
            resolution: Resolution::Deletes(self.rules.policies.deletes),
        }
    }

    pub(super) fn settled(
        &self,
        mirror: MirrorStep,
        outcome: Outcome,
        conflicts: Vec<Conflict>,
    ) -> Reconciled {
        let settled = settle::with(self, outcome);
        Reconciled { mirror, base: NewBase::Settled, conflicts, settled, next: Next::Nothing }
    }
}

/// Still to be sent, from `base` on.
pub(super) fn again(base: Option<Image>, conflicts: Vec<Conflict>) -> Reconciled {
    let base = NewBase::Pending { base, waiting: Vec::new(), given_up: None };
    let (mirror, settled) = (MirrorStep::Keep, Vec::new());
    Reconciled { mirror, base, conflicts, settled, next: Next::Push }
}

fn pending_from(base: Image, waiting: Vec<usize>) -> NewBase {
    NewBase::Pending { base: Some(base), waiting, given_up: None }
}

fn unchanged(next: Next) -> Reconciled {
    Reconciled {
        mirror: MirrorStep::Keep,
        base: NewBase::Unchanged,
        conflicts: Vec::new(),
        settled: Vec::new(),
        next,
    }
}

pub(super) fn updated(patch: Vec<(usize, Value)>) -> MirrorStep {
    if patch.is_empty() { MirrorStep::Keep } else { MirrorStep::Update(patch) }
}

/// The columns that the mirror changed, whatever became of them.
fn edited(fields: &Fields) -> Vec<usize> {
    let conflicts = fields.conflicts.iter().flat_map(|conflict| conflict.columns.iter());
    let mut columns: Vec<usize> =
        conflicts.chain(&fields.open).chain(&fields.waiting).copied().collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

pub(super) fn differences(values: &[Option<Value>], mirror: &Image) -> Vec<(usize, Value)> {
    let differs = |(index, value): (usize, &Option<Value>)| {
        let value = value.as_ref()?;
        let same = mirror.get(index).is_some_and(|own| canonical::identical(own, value));
        (!same).then(|| (index, value.clone()))
    };
    values.iter().enumerate().filter_map(differs).collect()
}
