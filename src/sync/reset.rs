//! `reset`: an object's rows are read anew beside its table, and put in their place.
//!
//! It exists as the loop around a walk into [`Shadow`]. It works beside a daemon, whose pages and pushes are newer
//! than what it read. Invariants: the table is never without its rows; a record with local changes is left to the
//! merge that any page goes through; a row goes only if its record was read in the trash or takes the path of a
//! destroyed one, and never more than the fuse allows; the checkpoint stays where it is.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Engine, ObjectReport, ProgressSender, SyncError,
    engine::chain,
    pull::{Effect, Pull},
    sweep::Sweeper,
    target::{Target, Workspace},
};
use crate::{
    mirror::{Applied, Decision, Shadow},
    plan::{
        fuse::Effects,
        pending::{Pending, Sighting},
        reconcile::reconcile,
        schema,
    },
    record::{Flow, Row},
    source::IDS_PER_CALL,
};

/// How often what others wrote meanwhile is read once more. Who writes a row all the time is not waited for.
const ROUNDS: usize = 3;

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
        self.look_back().await?;
        self.refuse_stopped(target).await?;
        let steps = schema::mend(&target.table, &self.mirror.structure(&target.writer).await?);
        self.mirror.mend(&steps).await?;
        let object = target.plural().to_owned();
        let Some(shadow) = self.mirror.begin_reset(&target.writer).await? else {
            return Err(SyncError::ResetUnderWay { object });
        };
        let mut resetting = Resetting { engine: self, workspace: &workspace, target, shadow, stop };
        let built = resetting.run(progress).await;
        if let Err(error) = resetting.shadow.end().await {
            // The next run drops it.
            tracing::warn!(
                event = "leftovers_kept",
                error = chain(&error),
                "could not drop what a reset built"
            );
        }
        let (read, mut applied) = built?;
        let (unsent, merged) = self.merge_edited(target).await?;
        applied.updated += merged;
        let mended = steps.iter().map(ToString::to_string).collect();
        Ok(ResetReport { object, table: target.table.name.clone(), read, applied, unsent, mended })
    }

    pub(super) async fn refuse_stopped(&self, target: &Target) -> Result<(), SyncError> {
        let stops = self.mirror.stops().await?;
        let is_stop = |stop: &crate::mirror::Stop| {
            stop.object_id == target.table.object_id && stop.flow == Flow::Pull
        };
        match stops.into_iter().find(is_stop) {
            None => Ok(()),
            Some(stop) => Err(SyncError::PullStopped {
                object: stop.object,
                reason: stop.reason,
                hint: stop.hint,
            }),
        }
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

/// A reset under way.
struct Resetting<'a> {
    engine: &'a Engine,
    workspace: &'a Workspace,
    target: &'a Target,
    shadow: Shadow<'a>,
    stop: &'a CancellationToken,
}

impl Resetting<'_> {
    /// Walks the object into the shadow, and puts the rows in their place; how many records were read.
    async fn run(&mut self, progress: &ProgressSender) -> Result<(u64, Applied), SyncError> {
        let Engine { source, mirror, writes, .. } = self.engine;
        let target = self.target;
        let pull = |target, effect| {
            let overlap = time::Duration::ZERO;
            Pull { source, mirror, target, overlap, writes, effect, progress }
        };
        let writer = self.shadow.writer.clone();
        let walk = pull(target, Effect::Beside(&writer));
        let ObjectReport { read, applied, withheld, stopped, failure, .. } =
            walk.run(self.stop).await;
        failure.map_or(Ok(()), Err)?;
        if stopped {
            self.engine.refuse_stopped(target).await?;
            return Err(SyncError::Stopped);
        }
        let pulls = self.workspace.targets();
        let pulls = pulls.map(|target| (target.table.object_id, pull(target, Effect::Apply)));
        let complete = self.engine.complete(self.workspace).await?;
        let mut sweeper = Sweeper::new(pulls.collect(), complete, self.stop);

        self.shadow.compare(&withheld).await?;
        let absent = self.confirm(&walk, &sweeper).await?;
        self.shadow.compare(&withheld).await?;
        self.refuse_other_model().await?;
        sweeper.go_on()?;
        let mut done = self.shadow.swap(&withheld).await?;
        for _ in 0..ROUNDS {
            let left = self.shadow.left(&withheld).await?;
            if left.is_empty() {
                break;
            }
            self.shadow.again(&left).await?;
            self.read(&walk, &sweeper, &left).await?;
            self.shadow.compare(&withheld).await?;
            self.shadow.spare(&self.shadow.unread().await?).await?;
            done.add(self.shadow.swap(&withheld).await?);
        }
        sweeper.bury(target.table.object_id, absent).await?;
        done.add(sweeper.applied.get(&target.table.object_id).copied().unwrap_or_default());
        done.set_aside += applied.set_aside;
        Ok((read, done))
    }

    /// Looks by id for the records that the walk did not show; those that are not there take the path of destroyed
    /// ones. More than the fuse allows is refused before.
    async fn confirm(
        &self,
        walk: &Pull<'_>,
        sweeper: &Sweeper<'_>,
    ) -> Result<Vec<Uuid>, SyncError> {
        let unread = self.shadow.unread().await?;
        let (records, total) = (unread.len() as u64, self.shadow.total().await?);
        let effects = Effects { deletes: records, overwrites: 0 };
        if self.target.fuse.blows(effects, total) {
            let object = self.target.plural().to_owned();
            return Err(SyncError::ResetFuse { object, records, total });
        }
        let absent = self.read(walk, sweeper, &unread).await?;
        self.shadow.spare(&absent).await?;
        Ok(absent)
    }

    /// Reads records by id into the shadow; which are not there.
    async fn read(
        &self,
        walk: &Pull<'_>,
        sweeper: &Sweeper<'_>,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, SyncError> {
        let mut absent = Vec::new();
        for ids in ids.chunks(IDS_PER_CALL) {
            let look = sweeper.look(walk, ids).await?;
            absent.extend(look.absent);
            walk.fill_read(&self.shadow.writer, look.records).await?;
        }
        Ok(absent)
    }

    /// What was read under one data model is not written into the tables of another.
    async fn refuse_other_model(&self) -> Result<(), SyncError> {
        let now = self.engine.evolve().await?;
        if now.target(self.target.table.object_id).is_some_and(|now| now.table == self.target.table)
        {
            return Ok(());
        }
        Err(SyncError::ModelChanged { object: self.target.plural().to_owned() })
    }
}
