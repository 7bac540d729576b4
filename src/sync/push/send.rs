//! Sends one batch and acknowledges what came of it.
//!
//! It exists because four kinds of request have one life: written down, sent, answered, acknowledged. Invariants: a
//! batch that was refused because of one record is halved until that record is alone; what was hit is read back, so
//! that the mirror holds the values as the source keeps them; an unknown outcome changes nothing here; a record that
//! people hold keeps no other of its batch.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use super::{
    Round,
    look::{Gone, PASSED},
    under_way::{UnderWay, ids_of},
};
use crate::{
    mirror::{Decision, Sending},
    plan::{
        batch::{Batch, GuardedUpdate, NewRecord, Work},
        fate::Fate,
        pending::Pending,
        push::Verb,
        reconcile::{Acknowledgement, Answer, acknowledge},
    },
    record::{DeleteMode, Ids, ObjectId, Row},
    source::{self, Change, Delete, NewRecords, ObjectNames, Patch, Refusal, Sent},
    sync::{SyncError, target::Target},
};

/// What came of a batch.
#[derive(Default)]
struct Results {
    /// Records that the source took, as the answer holds them.
    created: Vec<Row>,
    /// Records that the source took, of which the answer says no more.
    hit: Vec<Uuid>,
    /// Records that were not hit: their guard did not hold.
    missed: Vec<Uuid>,
    /// Parts that were refused.
    refused: Vec<(Work, Refusal)>,
}

impl Round<'_> {
    /// Sends a batch, in smaller and smaller parts where it is refused.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<(), SyncError> {
        let mut parts = vec![batch];
        while let Some(batch) = parts.pop() {
            if self.memory.is_stopped(batch.object) {
                return Ok(());
            }
            match self.mark(&batch).await {
                Ok(true) => {}
                Ok(false) => {
                    // One was decided anew, or the object was stopped. All are planned anew with the next round.
                    self.leave(&batch.records());
                    continue;
                }
                Err(error) if error.is_held() => {
                    parts.extend(self.without_held(&batch, error).await?);
                    continue;
                }
                Err(error) => return Err(error),
            }
            for (part, refusal) in self.send_part(&batch).await? {
                match part.halves() {
                    Some((left, right)) if refuse_one(&refusal) => parts.extend([right, left]),
                    _ => self.refuse(&part, &refusal).await?,
                }
            }
        }
        Ok(())
    }

    /// Sends a batch that was written down; what was refused is the answer.
    async fn send_part(&mut self, batch: &Batch) -> Result<Vec<(Batch, Refusal)>, SyncError> {
        let Some(target) = self.workspace.target(batch.object) else { return Ok(Vec::new()) };
        let (object, ids) = (batch.object, batch.records());
        // Only now: a page that is stored before this must not pass by a record of which nothing says that it is read
        // again after a kill.
        let mut under_way = UnderWay::begin(self.writes, object, &ids);
        let mut results = self.execute(target, &batch.work).await?;
        if !results.created.is_empty() {
            let rows = results.created.into_iter().map(|row| (row.id, row)).collect();
            // Of what a page passed by, the answer may be older than what that showed.
            results.hit.extend(self.acknowledge(object, &rows, Gone::default()).await?);
        }
        if !results.missed.is_empty() {
            for id in &results.missed {
                self.memory.guard_failed(object, *id);
            }
            self.look(object, &results.missed, Fate::Refused).await?;
        }
        if !results.hit.is_empty() {
            under_way.keep(&results.hit);
            self.unread.put(under_way);
            self.read_back(source::IDS_PER_CALL).await?;
        }
        let part = |(work, refusal)| (Batch { object, work }, refusal);
        Ok(results.refused.into_iter().map(part).collect())
    }

    /// Leaves records for the next round, with those that refer to the new ones among them.
    pub(super) fn leave(&mut self, ids: &[Uuid]) {
        let is_new = |id: &&Uuid| {
            self.claims.get(*id).is_some_and(|claim| matches!(claim.verb, Verb::Create(_)))
        };
        let new: Vec<Uuid> = ids.iter().filter(is_new).copied().collect();
        self.unsent.extend(new);
    }

    /// Reads back what was written, where it is at least so many records of one object.
    pub(super) async fn read_back(&mut self, at_least: usize) -> Result<(), SyncError> {
        if !self.unread.has(at_least) {
            return Ok(());
        }
        // Those of a failed read are still written down as sent: the next round looks what became of them.
        for (object, under_way) in self.unread.take() {
            let ids = ids_of(&under_way);
            let acknowledged = self.acknowledge_read(object, &ids).await;
            drop(under_way);
            self.spare(object, &ids, acknowledged)?;
        }
        Ok(())
    }

    /// Reads what arrived, and takes it as the answer; once more where a page passed by.
    async fn acknowledge_read(&mut self, object: ObjectId, ids: &[Uuid]) -> Result<(), SyncError> {
        let mut ids = ids.to_vec();
        for _ in 0..=PASSED {
            let seen = self.see(object, &ids).await?;
            let gone = seen.gone(&ids);
            self.follow_destroyed(&gone.ids).await?;
            ids = self.acknowledge(object, &seen.into_rows(), gone).await?;
            if ids.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Writes down what is about to be sent; whether nothing was decided anew since it was claimed.
    async fn mark(&mut self, batch: &Batch) -> Result<bool, SyncError> {
        let (object, ids) = (batch.object, batch.records());
        let Some(target) = self.workspace.target(object) else { return Ok(false) };
        let sending = |id: &Uuid| {
            let claim = self.claims.get(id)?;
            let sent = match &claim.verb {
                Verb::Create(create) => &create.sent,
                Verb::Update(write) | Verb::Restore(write) => &write.sent,
                Verb::Delete(delete) => &delete.sent,
                Verb::Nothing | Verb::Read(_) => return None,
            };
            let image = Some(sent.to_json(&target.table.columns));
            let (through, written) = (claim.through, *self.written.get(id)?);
            Some(Sending { object_id: object, record_id: *id, image, through, written })
        };
        let sendings: Vec<Sending> = ids.iter().filter_map(sending).collect();
        let marked = self.mirror.mark_sent(&sendings).await;
        let marked = marked.map_err(|error| error.of_rows(target.plural()))?;
        let Some(written) = marked else { return Ok(false) };
        self.written.extend(ids.iter().map(|id| (*id, written)));
        Ok(true)
    }

    async fn execute(&self, target: &Target, work: &Work) -> Result<Results, SyncError> {
        let names = ObjectNames::new(&target.table.name_singular, &target.table.name_plural)?;
        match work {
            Work::Create(records) => self.create(target, names, records).await,
            Work::Update(updates) => self.update(names, updates).await,
            Work::Delete { ids, mode } => self.delete(names, ids, *mode).await,
        }
    }

    async fn create(
        &self,
        target: &Target,
        names: ObjectNames<'_>,
        records: &[NewRecord],
    ) -> Result<Results, SyncError> {
        let mut results = Results::default();
        let Some(new) = new_records(records) else { return Ok(results) };
        match self.source.create(names, &new, &target.decoder).await? {
            Sent::Done(created) => {
                results.created =
                    created.into_iter().filter_map(|record| record.decoded.ok()).collect();
            }
            Sent::Refused(refusal) => {
                results.refused.push((Work::Create(records.to_vec()), refusal));
            }
            Sent::Unknown(_) => {}
        }
        Ok(results)
    }

    async fn update(
        &self,
        names: ObjectNames<'_>,
        updates: &[GuardedUpdate],
    ) -> Result<Results, SyncError> {
        let requests: Vec<source::GuardedUpdate> = updates.iter().filter_map(request).collect();
        let outcomes = self.source.update_each(names, &requests).await?;
        let mut results = Results::default();
        for (update, outcome) in updates.iter().zip(outcomes) {
            results.put(update.ids(), Work::Update(vec![update.clone()]), outcome);
        }
        Ok(results)
    }

    async fn delete(
        &self,
        names: ObjectNames<'_>,
        ids: &Ids,
        mode: DeleteMode,
    ) -> Result<Results, SyncError> {
        let outcome = self.source.delete(names, &Delete { ids: ids.clone(), mode }).await?;
        let mut results = Results::default();
        results.put(ids, Work::Delete { ids: ids.clone(), mode }, outcome);
        Ok(results)
    }

    /// Takes what the source has now as one more observation. `gone` are records that it destroyed. Says which records a
    /// page passed by meanwhile.
    async fn acknowledge(
        &mut self,
        object: ObjectId,
        rows: &HashMap<Uuid, Row>,
        gone: Gone,
    ) -> Result<Vec<Uuid>, SyncError> {
        let Some(target) = self.workspace.target(object) else { return Ok(Vec::new()) };
        let ids: Vec<Uuid> = rows.keys().copied().chain(gone.ids).collect();
        let mut decide = |pending: &Pending| {
            let claim = self.claims.get(&pending.id)?;
            let (answer, source_updated_at) = match (rows.get(&pending.id), &claim.verb) {
                (Some(row), _) => (Answer::Written(row.clone()), row.updated_at),
                (None, Verb::Delete(_)) => (Answer::Deleted { at: gone.by? }, gone.by?),
                // It was there a moment ago. What became of it is looked at with the next round.
                (None, _) => return None,
            };
            let acknowledgement = Acknowledgement { answer, through: claim.through };
            let reconciled = acknowledge(target.rules(), pending, &acknowledgement);
            Some(Decision { reconciled, source_updated_at: Some(source_updated_at) })
        };
        let settled =
            self.mirror.settle_seen(&target.writer, &ids, &self.written, &mut decide).await?;
        let passed = self.count(settled);
        self.report.written += (ids.len() - passed.len()) as u64;
        self.mirror.release_waiting_for(&ids).await?;
        Ok(passed)
    }
}

impl Results {
    fn put(&mut self, ids: &Ids, work: Work, outcome: Sent<Vec<source::Hit>>) {
        match outcome {
            Sent::Done(hits) => {
                let is_hit = |id: &&Uuid| hits.iter().any(|hit| hit.id == **id);
                let (hit, missed): (Vec<&Uuid>, Vec<&Uuid>) =
                    ids.as_slice().iter().partition(is_hit);
                self.hit.extend(hit);
                self.missed.extend(missed);
            }
            Sent::Refused(refusal) => self.refused.push((work, refusal)),
            Sent::Unknown(cause) => log_unknown(&cause),
        }
    }
}

fn log_unknown(cause: &Arc<source::Problem>) {
    tracing::warn!(event = "write_unknown", error = %cause, "it is not known whether a write arrived; its records are read");
}

/// Whether one record may be at fault. What is refused to the whole object is refused to each of its records.
fn refuse_one(refusal: &Refusal) -> bool {
    use source::RefusalKind::{Permission, ReadOnly};
    !matches!(refusal.kind, Permission | ReadOnly)
}

fn new_records(records: &[NewRecord]) -> Option<NewRecords> {
    let new = |record: &NewRecord| {
        let mut fields = record.body.clone();
        fields.remove("id");
        source::NewRecord { id: record.id, fields }
    };
    NewRecords::new(records.iter().map(new).collect())
}

/// The request of a planned update. Its ids and the condition on the trash are the source's business.
fn request(update: &GuardedUpdate) -> Option<source::GuardedUpdate> {
    let mut body = update.body().clone();
    let change = if update.restores() {
        body.remove("deletedAt");
        Change::Restore(Patch::new(body).ok())
    } else {
        Change::Set(Patch::new(body).ok()?)
    };
    Some(source::GuardedUpdate { ids: update.ids().clone(), guards: update.guard(), change })
}
