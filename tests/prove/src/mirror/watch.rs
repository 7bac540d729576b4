//! Checks that what the log says is so.

use super::Mirror;
use crate::{
    objects::{Key, Object, cut},
    plan::{
        pending::{Operation, OperationKind},
        reconcile::{MirrorStep, NewBase, Outcome, Reconciled},
    },
    record::{Image, canonical},
};

impl Mirror {
    /// What was changed in a column whose field is gone is told as refused; the row as it was then.
    pub(super) fn report_lost(&mut self, object: &Object, key: Key, reconciled: &Reconciled) {
        if object.table.lost.is_empty() {
            return;
        }
        let refused = reconciled.settled.iter().filter(|it| it.outcome == Outcome::Refused);
        let refused: Vec<i64> = refused.map(|settled| settled.operation).collect();
        let entries = self.outbox.get(&key).into_iter().flatten();
        let told = entries.filter(|entry| refused.contains(&entry.id));
        let names: Vec<String> = told.flat_map(|entry| entry.changed.clone()).collect();
        let columns = self.catalog.columns(key.0, &names);
        if let Some(row) = self.row(key).cloned().filter(|_| !columns.is_empty()) {
            self.reported.push((key, columns, row));
        }
    }

    /// An entry of the log is not done with while what it changed is to be sent, unless it was part of a write.
    pub(super) fn watch_settled(&mut self, object: &Object, key: Key, reconciled: &Reconciled) {
        let NewBase::Pending { base: Some(base), waiting, .. } = &reconciled.base else { return };
        // Times are read with milliseconds, whatever the table keeps.
        let Some(mut row) = self.row(key).map(cut) else { return };
        if let MirrorStep::Update(patch) = &reconciled.mirror {
            for (index, value) in patch {
                row.set(*index, Some(value.clone()));
            }
        }
        let sent = self.bases.get(&key).and_then(|held| held.sent_through).unwrap_or(0);
        let is_settled = |entry: &Operation| {
            reconciled.settled.iter().any(|settled| settled.operation == entry.id)
        };
        let base = cut(base);
        let is_early = |entry: &&Operation| {
            entry.id > sent && is_settled(entry) && is_open(object, entry, (&base, &row), waiting)
        };
        let entries = self.outbox.get(&key).into_iter().flatten();
        let early: Vec<i64> = entries.filter(is_early).map(|entry| entry.id).collect();
        self.early.extend(early.iter().map(|id| format!("{key:?}: change {id} was never sent")));
    }
}

/// Whether something that an entry changed is still to be sent.
fn is_open(
    object: &Object,
    entry: &Operation,
    (base, row): (&Image, &Image),
    waiting: &[usize],
) -> bool {
    let columns = object.columns();
    object.editable.iter().map(|unit| &object.units[*unit]).any(|unit| {
        let mut touched = unit.columns.iter().filter(|index| {
            entry.kind != OperationKind::Update || entry.changed.contains(&columns[**index].name)
        });
        let waits = unit.columns.iter().any(|index| waiting.contains(index));
        touched.next().is_some()
            && !waits
            && canonical::units_equal(columns, unit, base, row) == Some(false)
    })
}
