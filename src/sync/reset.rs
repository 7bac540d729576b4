//! `reset`: an object's rows are read anew beside its table, and put in their place.
//!
//! It exists as the loop around a walk into [`Shadow`]. It works beside a daemon, whose pages and pushes are newer
//! than what it read. Invariants: the table is never without its rows; a record with local changes is left to the
//! merge that any page goes through; more than the fuse allows is not removed; the checkpoint stays where it is.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Engine, ObjectReport, ProgressSender, SyncError,
    engine::chain,
    pull::{Effect, Pull},
    target::Target,
};
use crate::{
    mirror::{Applied, Decision, Removal, Shadow},
    plan::{
        pending::{Pending, Sighting},
        reconcile::reconcile,
        schema,
    },
    record::{Flow, Row},
    source::IDS_PER_CALL,
};

/// What a reset did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetReport {
    /// The object's plural name.
    pub object: String,
    /// Its table.
    pub table: String,
    /// Records read.
    pub read: u64,
    /// What changed in the mirror.
    pub applied: Applied,
    /// Records with local changes, which stay.
    pub unsent: u64,
    /// What the table lacked and got back.
    pub mended: Vec<String>,
}

impl Engine {
    /// Reads an object, by singular or plural name, to the end and makes its table equal to that.
    ///
    /// # Errors
    /// Nothing of that name is mirrored, it is stopped, or either side refuses. Then its rows are as they were.
    pub async fn reset(
        &self,
        name: &str,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<ResetReport, SyncError> {
        let workspace = self.evolve().await?;
        let target = workspace
            .called(name)
            .ok_or_else(|| SyncError::NotMirrored { name: name.to_owned() })?;
        self.refuse_stopped(target).await?;
        let steps = schema::mend(&target.table, &self.mirror.structure(&target.writer).await?);
        self.mirror.mend(&steps).await?;
        let object = || target.plural().to_owned();
        let shadow = self.mirror.begin_reset(&target.writer).await?;
        let mut shadow = shadow.ok_or_else(|| SyncError::ResetUnderWay { object: object() })?;
        let built = self.build(target, &mut shadow, stop, progress).await;
        if let Err(error) = shadow.end().await {
            // The next run drops it.
            tracing::warn!(error = chain(&error), "could not drop what a reset built");
        }
        let (read, mut applied) = built?;
        let (unsent, merged) = self.merge_edited(target).await?;
        applied.updated += merged;
        let mended = steps.iter().map(ToString::to_string).collect();
        let table = target.table.name.clone();
        Ok(ResetReport { object: object(), table, read, applied, unsent, mended })
    }

    async fn refuse_stopped(&self, target: &Target) -> Result<(), SyncError> {
        let stops = self.mirror.stops().await?;
        let stop = stops
            .into_iter()
            .find(|stop| stop.object_id == target.table.object_id && stop.flow == Flow::Pull);
        match stop {
            None => Ok(()),
            Some(stop) => Err(SyncError::PullStopped {
                object: stop.object,
                reason: stop.reason,
                hint: stop.hint,
            }),
        }
    }

    /// Walks the object into the shadow, and puts the rows in their place; how many were read.
    async fn build(
        &self,
        target: &Target,
        shadow: &mut Shadow<'_>,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<(u64, Applied), SyncError> {
        let (source, mirror, writes) = (&self.source, &self.mirror, &self.writes);
        let effect = Effect::Beside(&shadow.writer);
        let overlap = time::Duration::ZERO;
        let pull = Pull { source, mirror, target, overlap, writes, effect, progress };
        let ObjectReport { read, applied, withheld, stopped, failure, .. } = pull.run(stop).await;
        failure.map_or(Ok(()), Err)?;
        if stopped {
            self.refuse_stopped(target).await?;
            return Err(SyncError::Stopped);
        }
        let removal = shadow.compare(&withheld).await?;
        self.refuse_removal(target, removal)?;
        self.refuse_other_model(target).await?;
        if stop.is_cancelled() {
            return Err(SyncError::Stopped);
        }
        let swapped = shadow.swap(&withheld).await?;
        Ok((read, Applied { set_aside: applied.set_aside, ..swapped }))
    }

    fn refuse_removal(&self, target: &Target, removal: Removal) -> Result<(), SyncError> {
        let Removal { records, total } = removal;
        if self.fuse().blows(records, total) {
            return Err(SyncError::ResetFuse {
                object: target.plural().to_owned(),
                records,
                total,
            });
        }
        Ok(())
    }

    /// What was read under one data model is not written into the tables of another.
    async fn refuse_other_model(&self, target: &Target) -> Result<(), SyncError> {
        let now = self.evolve().await?;
        if now.target(target.table.object_id).is_some_and(|now| now.table == target.table) {
            return Ok(());
        }
        Err(SyncError::ModelChanged { object: target.plural().to_owned() })
    }

    /// Brings records with local changes together with what the source has; how many there are, and how many rows
    /// changed. A record that was sent without an answer is left to the push.
    async fn merge_edited(&self, target: &Target) -> Result<(u64, u64), SyncError> {
        let ids = self.mirror.edited(target.table.object_id).await?;
        let mut changed = 0;
        for ids in ids.chunks(IDS_PER_CALL) {
            let records = self.source.by_ids(target.plural(), ids, &target.decoder).await?;
            let rows = records.into_iter().filter_map(|record| record.decoded.ok());
            let rows: HashMap<Uuid, Row> = rows.map(|row| (row.id, row)).collect();
            let mut decide = |pending: &Pending| {
                let row = rows.get(&pending.id).filter(|_| pending.sent.is_none())?;
                let reconciled = reconcile(target.rules(), pending, &Sighting::of(row.clone()));
                Some(Decision { reconciled, source_updated_at: Some(row.updated_at) })
            };
            changed += self.mirror.settle(&target.writer, ids, &mut decide).await?.rows_changed;
        }
        Ok((ids.len() as u64, changed))
    }
}
