//! Which entries of the outbox are done with, and how each ended.
//!
//! Invariants: an entry is settled only when nothing it changed remains to be sent or decided, except that an entry
//! which an acknowledged write included is settled by it, even if a later edit touched the same column; while anything
//! is to be sent, the newest entry is not settled.

use super::{Outcome, Settled, decide::Decision, fields::Fields};
use crate::{
    plan::pending::{Operation, OperationKind},
    record::Column,
};

/// Every entry, each by what became of its columns.
pub(super) fn all(decision: &Decision<'_>, fields: &Fields) -> Vec<Settled> {
    let settled = |operation| Settled {
        operation: operation_id(operation),
        outcome: outcome(decision, fields, operation),
    };
    decision.pending.operations.iter().map(settled).collect()
}

/// The entries that are done with, while others are not.
pub(super) fn some(decision: &Decision<'_>, fields: &Fields) -> Vec<Settled> {
    let done = |operation: &&Operation| is_done(decision, fields, operation);
    let settled = |operation| Settled {
        operation: operation_id(operation),
        outcome: outcome(decision, fields, operation),
    };
    let mut settled: Vec<Settled> =
        decision.pending.operations.iter().filter(done).map(settled).collect();
    #[cfg(feature = "planted")]
    if crate::mistakes::is(crate::mistakes::Bug::OpenWithoutEntry) {
        return settled;
    }
    // What is still to be sent is found by the newest entry of the log, which is newer than any refusal of an older
    // one; what may have to be sent, by any.
    let newest = decision.pending.operations.last().map(operation_id);
    let is_only = settled.len() == decision.pending.operations.len();
    if !fields.open.is_empty() || !fields.waiting.is_empty() && is_only {
        settled.retain(|done| Some(done.operation) != newest);
    }
    settled
}

/// Every entry, all alike, except those that can never have gone.
pub(super) fn with(decision: &Decision<'_>, outcome: Outcome) -> Vec<Settled> {
    let settled = |operation: &Operation| {
        let outcome = if is_lost(decision, operation) { Outcome::Refused } else { outcome };
        Settled { operation: operation.id, outcome }
    };
    decision.pending.operations.iter().map(settled).collect()
}

/// Whether an entry changed a column whose field is gone.
pub(super) fn is_lost(decision: &Decision<'_>, operation: &Operation) -> bool {
    let lost = &decision.rules.table.lost;
    operation.kind == OperationKind::Update
        && lost.iter().any(|lost| operation.changed.contains(&lost.name))
}

/// The columns that an entry touched; an insert or delete touched all.
pub(super) fn touched<'a>(
    columns: &'a [Column],
    operation: &'a Operation,
) -> impl Iterator<Item = usize> + 'a {
    let whole = match operation.kind {
        OperationKind::Insert | OperationKind::Delete => true,
        OperationKind::Update => false,
    };
    let touched = move |column: &Column| whole || operation.changed.contains(&column.name);
    columns.iter().enumerate().filter(move |(_, column)| touched(column)).map(|(index, _)| index)
}

fn operation_id(operation: &Operation) -> i64 {
    operation.id
}

fn is_done(decision: &Decision<'_>, fields: &Fields, operation: &Operation) -> bool {
    if is_lost(decision, operation) {
        return false;
    }
    let included = decision.through.is_some_and(|through| operation.id <= through);
    let sent =
        |column| decision.pending.sent.as_ref().is_some_and(|sent| sent.get(column).is_some());
    touched(decision.columns(), operation).all(|column| {
        let waits = fields.waiting.contains(&column);
        let open = fields.open.contains(&column);
        !waits && (!open || included && sent(column))
    })
}

fn outcome(decision: &Decision<'_>, fields: &Fields, operation: &Operation) -> Outcome {
    let sent =
        |column| decision.pending.sent.as_ref().is_some_and(|sent| sent.get(column).is_some());
    let fate = |column: usize| match fields.fates[column] {
        Some(outcome) => Some(outcome),
        None => sent(column).then_some(Outcome::Written),
    };
    touched(decision.columns(), operation).filter_map(fate).max().unwrap_or(Outcome::Nothing)
}
