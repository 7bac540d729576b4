//! The field-wise part: each unit of a record that both sides have.
//!
//! Invariant: after it the base is what the source holds now, except for units that wait: these keep theirs, so that
//! nothing is forgotten when a person decides or the source shows the field again.

use super::{
    Outcome,
    conflict::{Conflict, ConflictKind, Resolution, values_of},
    decide::Decision,
};
use crate::{
    plan::{
        merge::{Reference, Seen, Verdict, merge, see},
        pending::Pending,
        policy::{Side, Times},
        push::{self, is_left_out, is_writable},
    },
    record::{FieldKind, Image, Row, Unit, Value, canonical},
};

/// What becomes of the fields of a record.
pub(super) struct Fields {
    /// Columns of the mirror that take the source's value.
    pub(super) patch: Vec<(usize, Value)>,
    /// The new base.
    pub(super) base: Image,
    pub(super) conflicts: Vec<Conflict>,
    /// Columns that wait.
    pub(super) waiting: Vec<usize>,
    /// Columns that are to be sent.
    pub(super) open: Vec<usize>,
    /// How each column ended, if it did.
    pub(super) fates: Vec<Option<Outcome>>,
}

/// The fields under way.
pub(super) struct Merging<'a> {
    decision: &'a Decision<'a>,
    row: &'a Row,
    source: Image,
    mirror: &'a Image,
    /// The row was inserted to bring a record back: what it leaves empty, the source fills.
    restores: bool,
    fields: Fields,
}

impl<'a> Merging<'a> {
    pub(super) fn new(decision: &'a Decision<'a>, row: &'a Row, mirror: &'a Image) -> Merging<'a> {
        let columns = decision.columns().len();
        let fields = Fields {
            patch: Vec::new(),
            base: decision.pending.base.clone().unwrap_or_else(|| Image::empty(columns)),
            conflicts: Vec::new(),
            waiting: Vec::new(),
            open: Vec::new(),
            fates: vec![None; columns],
        };
        Merging { decision, row, source: Image::of(row), mirror, restores: false, fields }
    }

    /// For a row that was inserted under the id of a record in the trash.
    pub(super) fn restoring(self) -> Merging<'a> {
        Merging { restores: true, ..self }
    }

    pub(super) fn all(mut self) -> Fields {
        for unit in &self.decision.units {
            if is_writable(self.decision.rules.table, unit) {
                self.writable(unit);
            } else {
                self.take_source(unit, Outcome::Agreed);
            }
        }
        self.fields
    }

    fn writable(&mut self, unit: &Unit) {
        let columns = self.decision.columns();
        let reference = self.decision.reference(self.row);
        match see(columns, unit, reference, &self.source, self.mirror) {
            Some(seen) => self.decide(unit, self.adjusted(unit, seen)),
            None => self.unseen(unit),
        }
    }

    /// The source does not show the unit now: what was changed in it here waits. If what was sent of it arrived, that is
    /// what both sides agreed on. If that is in doubt, nobody knows what they agreed on, where it was a create or another
    /// change followed it here. The source may have changed the unit since.
    fn unseen(&mut self, unit: &Unit) {
        let columns = self.decision.columns();
        let Pending { base, sent, .. } = self.decision.pending;
        let differs = |from: Option<&Image>| push::differs(columns, unit, from, self.mirror);
        let was_sent = sent.as_ref().filter(|_| self.decision.was_sent(unit));
        let has_changed = was_sent.is_some() && differs(was_sent);
        if !has_changed && !differs(base.as_ref()) {
            return;
        }
        self.fields.waiting.extend(&unit.columns);
        let has_arrived = self.decision.acknowledged();
        if let Some(sent) = was_sent.filter(|_| has_arrived || has_changed || base.is_none()) {
            for &index in &unit.columns {
                self.fields.base.set(index, sent.get(index).filter(|_| has_arrived).cloned());
            }
        }
    }

    /// No position is not a position: a row inserted anew leaves it to the source.
    fn adjusted(&self, unit: &Unit, seen: Seen) -> Seen {
        let columns = self.decision.columns();
        let empty = canonical::unit_empty(columns, unit, self.mirror) == Some(true);
        let is_position = columns[unit.columns[0]].field_kind == FieldKind::Position;
        if self.waits_without_base(unit) {
            Seen { mirror_changed: true, ..seen }
        } else if self.restores {
            Seen { source_changed: empty, ..seen }
        } else if is_position && empty
            || is_left_out(columns, unit, self.decision.pending, self.mirror)
        {
            Seen { mirror_changed: false, ..seen }
        } else {
            seen
        }
    }

    fn waits_without_base(&self, unit: &Unit) -> bool {
        let Pending { base: Some(base), waiting, .. } = self.decision.pending else { return false };
        unit.columns.iter().all(|index| base.get(*index).is_none() && waiting.contains(index))
    }

    fn decide(&mut self, unit: &Unit, seen: Seen) {
        let policy = self.decision.rules.policies.of(&unit.key);
        let mirror = self.decision.changed_at(unit);
        let times = Times { source: self.row.updated_at, mirror };
        match merge(seen, policy, times) {
            Verdict::Agreed if self.decision.was_sent(unit) => {
                self.take_source(unit, Outcome::Written);
            }
            Verdict::Agreed => self.take_source(unit, self.decision.outcome(Outcome::Agreed)),
            Verdict::TakeSource if self.not_kept(unit) => {
                let keeps = Resolution::SourceKeeps;
                self.conflict(unit, ConflictKind::NotKept, Some(Side::Source), keeps);
                self.take_source(unit, Outcome::Refused);
            }
            Verdict::TakeSource => self.take_source(unit, self.taken(seen)),
            Verdict::PushMirror => self.push(unit),
            Verdict::Conflict(winner) => {
                self.conflict(unit, ConflictKind::Field, winner, Resolution::Policy(policy));
                match winner {
                    Some(Side::Source) => self.take_source(unit, Outcome::Conflict),
                    Some(Side::Mirror) => self.push(unit),
                    None => self.hold(unit),
                }
            }
        }
    }

    fn taken(&self, seen: Seen) -> Outcome {
        match (self.decision.acknowledged(), seen.source_changed) {
            (true, _) => Outcome::Written,
            (false, true) => Outcome::Merged,
            (false, false) => Outcome::Nothing,
        }
    }

    fn take_source(&mut self, unit: &Unit, outcome: Outcome) {
        for &index in &unit.columns {
            let Some(value) = self.source.get(index) else { continue };
            let same = self.mirror.get(index).is_some_and(|own| canonical::identical(own, value));
            if !same {
                self.fields.patch.push((index, value.clone()));
            }
            self.fields.base.set(index, Some(value.clone()));
            self.fields.fates[index] = Some(outcome);
        }
    }

    /// The base stays. Where it would not show the conflict again, because that came from a write in doubt, or because
    /// both sides never agreed and one may become empty, it is forgotten: a field that waits without a base is in
    /// conflict.
    fn hold(&mut self, unit: &Unit) {
        let columns = self.decision.columns();
        let reference = Reference { sent: None, ..self.decision.reference(self.row) };
        let again = see(columns, unit, reference, &self.source, self.mirror);
        let is_new = self.decision.pending.base.is_none();
        if is_new || !again.is_some_and(|seen| seen.source_changed && seen.mirror_changed) {
            unit.columns.iter().for_each(|&index| self.fields.base.set(index, None));
        }
        self.fields.waiting.extend(&unit.columns);
    }

    fn push(&mut self, unit: &Unit) {
        for &index in &unit.columns {
            #[cfg(feature = "planted")]
            if crate::mistakes::is(crate::mistakes::Bug::BaseMovedEarly) {
                self.fields.base.set(index, self.mirror.get(index).cloned());
                continue;
            }
            self.fields.base.set(index, self.source.get(index).cloned());
        }
        self.fields.open.extend(&unit.columns);
    }

    fn conflict(
        &mut self,
        unit: &Unit,
        kind: ConflictKind,
        winner: Option<Side>,
        resolution: Resolution,
    ) {
        self.fields.conflicts.push(Conflict {
            kind,
            field: Some(unit.name.clone()),
            columns: unit.columns.clone(),
            base: values_of(self.decision.pending.base.as_ref(), &unit.columns),
            source: values_of(Some(&self.source), &unit.columns),
            mirror: values_of(Some(self.mirror), &unit.columns),
            winner,
            resolution,
        });
    }

    /// The source acknowledged the write, and holds its old value or nothing instead.
    fn not_kept(&self, unit: &Unit) -> bool {
        let columns = self.decision.columns();
        let Some(sent) = self.decision.pending.sent.as_ref() else { return false };
        let became = canonical::may_have_become(columns, unit, sent, &self.source);
        if !self.decision.acknowledged() || became != Some(false) {
            return false;
        }
        let empty = |image| canonical::unit_empty(columns, unit, image) == Some(true);
        let old = self.decision.pending.base.as_ref().is_some_and(|base| {
            canonical::units_equal(columns, unit, base, &self.source) == Some(true)
        });
        old || empty(&self.source) && !empty(sent)
    }
}
