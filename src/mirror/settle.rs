//! Decides records with local changes under lock, and writes what was decided.
//!
//! It exists because a decision is only as good as what it was taken from: the state is locked, read, decided on by
//! a pure function of the caller, and written, all in one transaction. Invariants: a record without local changes
//! is left alone; everything a decision says is written, or nothing; a record whose values PostgreSQL refuses
//! stops no other.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Mirror, TableWriter,
    base::{self, BaseWrite},
    claim::Claimed,
    conflict,
    error::{MirrorError, condition, is_refused_value},
    outbox, refusal,
    rows::Written,
    transaction::{ATTEMPTS, give_way, is_contention},
};
use crate::{
    plan::{
        pending::{Operation, Pending},
        reconcile::{MirrorStep, NewBase, Next, Outcome, Reconciled, Settled},
    },
    record::{Row, Value},
};

/// What was decided on a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The planner's answer.
    pub reconciled: Reconciled,
    /// When the source last changed the record, where that was seen.
    pub source_updated_at: Option<OffsetDateTime>,
}

/// Which writing of `sync.base` records had when they were looked at.
pub type Writings = HashMap<Uuid, i64>;

/// Decides on a record from its locked state; `None` leaves it as it is. It may be asked more than once.
pub type Decide<'a> = dyn FnMut(&Pending) -> Option<Decision> + Send + 'a;

/// A record that was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// The record.
    pub record_id: Uuid,
    /// What comes next.
    pub next: Next,
    /// How many of its fields are in conflict.
    pub conflicts: usize,
}

/// What settling did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettleReport {
    /// The records that were decided on.
    pub decided: Vec<Decided>,
    /// Rows changed in the mirrored table.
    pub rows_changed: u64,
    /// Records that could not be decided on, with the reason: a value that one side cannot hold.
    pub refused: Vec<(Uuid, String)>,
    /// Records in doubt that were left because a page passed by, with the writing that they are now: they have to be
    /// looked at once more.
    pub passed: Writings,
}

/// A record with its decision.
pub(super) struct Verdict {
    pub(super) state: Claimed,
    pub(super) decision: Decision,
}

impl Verdict {
    /// The record, if it was new and is in the source now.
    fn arrived(&self) -> Option<Uuid> {
        let is_new = self.state.base.is_none();
        (is_new && self.decision.reconciled.base.is_agreed()).then_some(self.state.record_id)
    }
}

impl Mirror {
    /// Has `decide` decide on each of these records that has local changes, and writes what it says.
    ///
    /// # Errors
    /// PostgreSQL refuses, people hold the rows for too long, or the table has other columns by now. Then nothing was
    /// written of the part that failed.
    pub async fn settle(
        &self,
        table: &TableWriter,
        ids: &[Uuid],
        decide: &mut Decide<'_>,
    ) -> Result<SettleReport, MirrorError> {
        self.settle_seen(table, ids, &Writings::new(), decide).await
    }

    /// The same for what was seen at the source. A record that was decided anew since it had this writing is left, and
    /// so is one that a page passed by: that may have shown more.
    ///
    /// # Errors
    /// As above.
    #[tracing::instrument(level = "debug", name = "transaction", skip_all, fields(of = "answer"))]
    pub async fn settle_seen(
        &self,
        table: &TableWriter,
        ids: &[Uuid],
        seen: &Writings,
        decide: &mut Decide<'_>,
    ) -> Result<SettleReport, MirrorError> {
        let mut report = SettleReport::default();
        let mut parts = vec![ids];
        while let Some(part) = parts.pop() {
            match (self.settle_part(table, part, seen, decide).await, part) {
                (Ok(done), _) => report.add(done),
                (Err(error), [id]) if is_refused_value(&error) => {
                    report.refused.push((*id, condition(&error)));
                }
                (Err(error), _) if is_refused_value(&error) => {
                    parts.extend([&part[part.len() / 2..], &part[..part.len() / 2]]);
                }
                (Err(error), _) => return Err(table.relation.failed(error)),
            }
        }
        Ok(report)
    }

    async fn settle_part(
        &self,
        table: &TableWriter,
        ids: &[Uuid],
        seen: &Writings,
        decide: &mut Decide<'_>,
    ) -> Result<SettleReport, sqlx::Error> {
        let mut attempt = 0;
        loop {
            match self.try_settle(table, ids, seen, decide).await {
                Err(error) if is_contention(&error) && attempt < ATTEMPTS => {
                    give_way(attempt).await;
                }
                result => return result,
            }
            attempt += 1;
        }
    }

    async fn try_settle(
        &self,
        table: &TableWriter,
        ids: &[Uuid],
        seen: &Writings,
        decide: &mut Decide<'_>,
    ) -> Result<SettleReport, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let mut report = SettleReport::default();
        let mut verdicts = Vec::new();
        let states = base::lock(self, &mut transaction, &table.relation, ids).await?;
        table.check(self, &mut transaction).await?;
        for state in states {
            if seen.get(&state.record_id).is_some_and(|written| *written != state.written) {
                if state.sent_at.is_some() {
                    report.passed.insert(state.record_id, state.written);
                }
                continue;
            }
            match state.pending(&table.described) {
                Ok(pending) => {
                    verdicts.extend(decide(&pending).map(|decision| Verdict { state, decision }));
                }
                Err(undecodable) => report.refused.push((state.record_id, undecodable.to_string())),
            }
        }
        let written = apply(self, &mut transaction, table, &verdicts).await?;
        transaction.commit().await?;
        report.rows_changed = written.total();
        report.decided = verdicts.iter().map(decided).collect();
        Ok(report)
    }
}

impl SettleReport {
    fn add(&mut self, more: SettleReport) {
        self.decided.extend(more.decided);
        self.rows_changed += more.rows_changed;
        self.refused.extend(more.refused);
        self.passed.extend(more.passed);
    }
}

fn decided(verdict: &Verdict) -> Decided {
    let Reconciled { next, conflicts, .. } = &verdict.decision.reconciled;
    Decided { record_id: verdict.state.record_id, next: *next, conflicts: conflicts.len() }
}

/// Writes what was decided: rows, bases, log and conflicts.
pub(super) async fn apply(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &TableWriter,
    verdicts: &[Verdict],
) -> Result<Written, sqlx::Error> {
    let written = apply_rows(connection, table, verdicts).await?;
    let mut bases = Vec::new();
    let mut forgotten = Vec::new();
    let mut settled = Vec::new();
    for Verdict { state, decision } in verdicts {
        settled.extend(decision.reconciled.settled.iter().copied());
        match &decision.reconciled.base {
            NewBase::Unchanged => {
                let (object_id, through) =
                    (table.relation.object_id, decided_through(state, decision));
                base::note_decided(mirror, connection, object_id, state.record_id, through).await?;
            }
            NewBase::Settled => {
                forgotten.push(state.record_id);
                settled.extend(state.operations.iter().filter_map(|entry| rest(entry, decision)));
            }
            NewBase::Pending { base, waiting, given_up } => {
                let names = waiting.iter().map(|&index| table.described[index].name.as_str());
                let (record_id, base) = (state.record_id, base.as_ref());
                let given_up = given_up.as_ref();
                let decided_through = decided_through(state, decision);
                bases.push(BaseWrite {
                    record_id,
                    base,
                    given_up,
                    waiting: names.collect(),
                    decided_through,
                });
            }
        }
    }
    base::write(mirror, connection, table, &bases).await?;
    let came: Vec<Uuid> = verdicts.iter().filter_map(Verdict::arrived).collect();
    refusal::release_waiting(mirror, connection, &came).await?;
    base::forget(mirror, connection, table.relation.object_id, &forgotten).await?;
    outbox::settle(connection, &settled, None).await?;
    conflict::put(mirror, connection, table, verdicts).await?;
    conflict::close_agreed(mirror, connection, table, verdicts).await?;
    Ok(written)
}

/// The last change seen, if there is nothing to send.
fn decided_through(state: &Claimed, decision: &Decision) -> Option<i64> {
    match decision.reconciled.next {
        Next::Nothing => state.through(),
        Next::Push | Next::Read => None,
    }
}

/// A change of a record that is settled as a whole, where the decision does not name it.
fn rest(entry: &Operation, decision: &Decision) -> Option<Settled> {
    let named = decision.reconciled.settled.iter().any(|settled| settled.operation == entry.id);
    (!named).then_some(Settled { operation: entry.id, outcome: Outcome::Agreed })
}

async fn apply_rows(
    connection: &mut PgConnection,
    table: &TableWriter,
    verdicts: &[Verdict],
) -> Result<Written, sqlx::Error> {
    let mut rows = Vec::new();
    let mut removed = Vec::new();
    for Verdict { state, decision } in verdicts {
        match &decision.reconciled.mirror {
            MirrorStep::Keep => {}
            MirrorStep::Update(values) => rows.push(partial(table, state.record_id, values)),
            MirrorStep::Insert(row) => rows.push(row.clone()),
            MirrorStep::Remove => removed.push(state.record_id),
        }
    }
    let there = verdicts.iter().filter(|verdict| verdict.state.mirror.is_some());
    let there: Vec<Uuid> = there.map(|verdict| verdict.state.record_id).collect();
    let mut written = table.upsert(connection, &rows.iter().collect::<Vec<_>>(), &there).await?;
    if !removed.is_empty() {
        written.removed = table.relation.remove(connection, &removed).await?;
    }
    Ok(written)
}

/// A row of which only these values are known.
fn partial(table: &TableWriter, id: Uuid, values: &[(usize, Value)]) -> Row {
    let of_column = |(index, column): (usize, &crate::record::Column)| {
        if column.path.key == "id" {
            return Some(Value::Uuid(id));
        }
        values.iter().find(|(changed, _)| *changed == index).map(|(_, value)| value.clone())
    };
    let values = table.described.iter().enumerate().map(of_column).collect();
    Row { id, updated_at: OffsetDateTime::UNIX_EPOCH, deleted_at: None, values }
}
