//! Sends one batch and acknowledges what came of it.
//!
//! It exists because four kinds of request have one life: written down, sent, answered, acknowledged. Invariants: a
//! batch that was refused because of one record is halved until that record is alone; what was hit is read back, so
//! that the mirror holds the values as the source keeps them; an unknown outcome changes nothing here.

use std::sync::Arc;

use uuid::Uuid;

use super::{Round, look::Fate};
use crate::{
    mirror::{Decision, Sending},
    plan::{
        batch::{Batch, GuardedUpdate, NewRecord, Work},
        pending::Pending,
        push::Verb,
        reconcile::{Acknowledgement, Answer, acknowledge},
    },
    record::{DeleteMode, Ids, ObjectId, Row},
    source::{self, Change, Delete, NewRecords, ObjectNames, Patch, Refusal, Sent},
    sync::{SyncError, target::Target, writes::Writes},
};

/// What came of a batch.
#[derive(Default)]
struct Results {
    /// Records that the source took, with the row where the answer held it.
    written: Vec<(Uuid, Option<Row>)>,
    /// Records that were not hit: their guard did not hold.
    missed: Vec<Uuid>,
    /// Parts that were refused.
    refused: Vec<(Work, Refusal)>,
}

/// Records under way, until what became of them is stored.
struct UnderWay<'a> {
    writes: &'a Writes,
    object: ObjectId,
    ids: Vec<Uuid>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.writes.end(self.object, &self.ids);
    }
}

impl Round<'_> {
    /// Sends a batch, in smaller and smaller parts where it is refused.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<(), SyncError> {
        let mut parts = vec![batch];
        while let Some(batch) = parts.pop() {
            if self.memory.is_stopped(batch.object) {
                return Ok(());
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

    /// Sends a batch; what was refused is the answer.
    async fn send_part(&mut self, batch: &Batch) -> Result<Vec<(Batch, Refusal)>, SyncError> {
        let Some(target) = self.workspace.target(batch.object) else { return Ok(Vec::new()) };
        let ids = batch.records();
        self.writes.begin(batch.object, &ids);
        let _under_way = UnderWay { writes: self.writes, object: batch.object, ids: ids.clone() };
        if self.mark(batch.object, &ids, target).await? < ids.len() {
            // Some were settled meanwhile. The others are planned anew with the next round.
            return Ok(Vec::new());
        }
        let results = self.execute(target, &batch.work).await?;
        self.acknowledge(batch, target, results.written).await?;
        if !results.missed.is_empty() {
            for id in &results.missed {
                self.memory.guard_failed(batch.object, *id);
            }
            self.look(batch.object, &results.missed, Fate::Refused).await?;
        }
        let part = |(work, refusal)| (Batch { object: batch.object, work }, refusal);
        Ok(results.refused.into_iter().map(part).collect())
    }

    /// Writes down what is about to be sent; how many records still have something to send.
    async fn mark(
        &self,
        object: ObjectId,
        ids: &[Uuid],
        target: &Target,
    ) -> Result<usize, SyncError> {
        let sending = |id: &Uuid| {
            let claim = self.claims.get(id)?;
            let sent = match &claim.verb {
                Verb::Create(create) => &create.sent,
                Verb::Update(write) | Verb::Restore(write) => &write.sent,
                Verb::Delete(delete) => &delete.sent,
                Verb::Nothing | Verb::Read(_) => return None,
            };
            let image = Some(sent.to_json(&target.table.columns));
            Some(Sending { object_id: object, record_id: *id, image, through: claim.through })
        };
        let sendings: Vec<Sending> = ids.iter().filter_map(sending).collect();
        Ok(self.mirror.mark_sent(&sendings).await?.len())
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
                let rows = created.into_iter().filter_map(|record| record.decoded.ok());
                results.written.extend(rows.map(|row| (row.id, Some(row))));
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

    /// Takes what the source has now as one more observation. What the answer did not hold is read.
    async fn acknowledge(
        &mut self,
        batch: &Batch,
        target: &Target,
        written: Vec<(Uuid, Option<Row>)>,
    ) -> Result<(), SyncError> {
        if written.is_empty() {
            return Ok(());
        }
        let unread: Vec<Uuid> =
            written.iter().filter(|(_, row)| row.is_none()).map(|(id, _)| *id).collect();
        let seen = self.see(batch.object, &unread).await?;
        let ids: Vec<Uuid> = written.iter().map(|(id, _)| *id).collect();
        let now = time::OffsetDateTime::now_utc();
        let mut decide = |pending: &Pending| {
            let (id, row) = written.iter().find(|(id, _)| *id == pending.id)?;
            let answer = match (row.as_ref().or_else(|| seen.row(*id)), &batch.work) {
                (Some(row), _) => Answer::Written(row.clone()),
                (None, Work::Delete { .. }) => Answer::Deleted { at: now },
                (None, Work::Create(_) | Work::Update(_)) => return None,
            };
            let source_updated_at = match &answer {
                Answer::Written(row) => Some(row.updated_at),
                Answer::Deleted { at } => Some(*at),
            };
            let acknowledgement = Acknowledgement { answer, through: self.claims.get(id)?.through };
            let reconciled = acknowledge(target.rules(), pending, &acknowledgement);
            Some(Decision { reconciled, source_updated_at })
        };
        let settled = self.mirror.settle(&target.writer, &ids, &mut decide).await?;
        self.count(&settled);
        self.report.written += ids.len() as u64;
        self.mirror.release_waiting_for(&ids).await?;
        Ok(())
    }
}

impl Results {
    fn put(&mut self, ids: &Ids, work: Work, outcome: Sent<Vec<source::Hit>>) {
        match outcome {
            Sent::Done(hits) => {
                let is_hit = |id: &&Uuid| hits.iter().any(|hit| hit.id == **id);
                let (hit, missed): (Vec<&Uuid>, Vec<&Uuid>) =
                    ids.as_slice().iter().partition(is_hit);
                self.written.extend(hit.into_iter().map(|id| (*id, None)));
                self.missed.extend(missed);
            }
            Sent::Refused(refusal) => self.refused.push((work, refusal)),
            Sent::Unknown(cause) => log_unknown(&cause),
        }
    }
}

fn log_unknown(cause: &Arc<source::Problem>) {
    tracing::warn!(error = %cause, "it is not known whether a write arrived; its records are read");
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
