//! Content sweeps: which object is compared next, a page at a time, and what becomes of what is found.
//!
//! It exists because some changes leave no trace that a walk could see. Invariants: an object is swept only when it
//! was read to the end and its pull is not stopped; the place is stored after each page; what is repaired takes the
//! path of any page, and only as much as the fuse lets pass.

use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::{
    mirror::StoredSweep,
    plan::{
        content::{Allowance, ContentSweep},
        fuse::Effects,
        walk::Walk,
    },
    record::{Flow, ObjectId},
    source::Lane,
    sync::{
        Disposition, Schedule, SyncError,
        engine::chain,
        fuse,
        pull::{self, Effect, Pull},
        report,
        sweep::Sweeper,
        target::{Target, Workspace},
        verify::{Verified, Verifier},
    },
};

impl Engine {
    /// Compares every object whose content sweep is due or under way with the source, and repairs what differs here.
    /// Returns when that is done, or when none of the rest gets on now.
    ///
    /// # Errors
    /// A key or a configuration that cannot work, or the first failure of an object; the other objects are swept
    /// nevertheless.
    pub async fn sweep_contents(
        &self,
        schedule: &Schedule,
        stop: &CancellationToken,
    ) -> Result<(), SyncError> {
        let mut failure = None;
        for sweep in self.mirror.content_sweeps().await? {
            let next = schedule.next_after(sweep.due_from);
            let is_due = next.is_some_and(|next| next <= sweep.now);
            if sweep.under_way.is_none() && !is_due {
                continue;
            }
            // Another version of the data model may be in force with each object.
            let workspace = self.workspace.read().await.clone();
            match self.sweep_content(&workspace, sweep, stop).await {
                Ok(()) => {}
                Err(error @ SyncError::Stopped) => return Err(error),
                Err(error) if error.disposition() != Disposition::Retry => return Err(error),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn sweep_content(
        &self,
        workspace: &Workspace,
        stored: StoredSweep,
        stop: &CancellationToken,
    ) -> Result<(), SyncError> {
        let object = stored.object_id;
        if workspace.target(object).is_none() || !self.may_sweep(object).await? {
            return Ok(());
        }
        if stored.under_way.is_none() {
            self.mirror.begin_content_sweep(object).await?;
        }
        let sweep = stored.under_way.unwrap_or_default();
        let swept = self.sweep_pages(workspace, object, sweep, stop).await;
        if let Err(error) = &swept {
            self.note_content_failure(object, error).await;
        }
        swept
    }

    /// Goes on with a sweep until it is complete, its object is stopped, or it fails.
    async fn sweep_pages(
        &self,
        workspace: &Workspace,
        object: ObjectId,
        mut sweep: ContentSweep,
        stop: &CancellationToken,
    ) -> Result<(), SyncError> {
        let source = &self.source.in_lane(Lane::Sweep);
        let (mirror, writes) = (&self.mirror, &self.writes);
        let overlap = pull::overlap(&self.config.pull);
        // Nobody watches it; what it does is in the mirror.
        let progress = &report::unheard();
        let effect = Effect::Apply;
        let pull = |target| Pull { source, mirror, target, overlap, writes, effect, progress };
        let Some(target) = workspace.target(object) else { return Ok(()) };
        let complete = self.complete(workspace).await?;
        let pulls = workspace.targets().map(|target| (target.table.object_id, pull(target)));
        let mut sweeper = Sweeper::new(pulls.collect(), complete, stop);
        let total = mirror.expected_count(&target.writer, target.deleted()).await?;
        let pull = pull(target);
        while self.may_sweep(object).await? {
            let allowance = Allowance::of(&sweep, target.fuse, total);
            let (repair, report) = (Some(allowance), Verified::default());
            let mut verifier = Verifier { sweeper: &mut sweeper, object, repair, report };
            let watermark = mirror.stored_checkpoint(object).await?.unwrap_or_default();
            let watermark = watermark.checkpoint.watermark;
            let next = match verifier.step(&pull, &sweep.walk, watermark).await {
                Err(SyncError::OverwriteFuse { records, total, .. }) => {
                    return self.blow(target, sweep, records, total).await;
                }
                next => next?,
            };
            let left = verifier.repair.unwrap_or(allowance);
            sweep.tally.add(verifier.report.tally(left.overwritten - allowance.overwritten));
            let is_complete = next.is_none();
            sweep.walk = next.unwrap_or(Walk { cursor: None, ..sweep.walk });
            mirror.note_content_sweep(object, &sweep, is_complete).await?;
            if is_complete {
                return self.finish_content(object, target.plural(), &sweep).await;
            }
        }
        Ok(())
    }

    async fn finish_content(
        &self,
        object: ObjectId,
        name: &str,
        sweep: &ContentSweep,
    ) -> Result<(), SyncError> {
        let tally = sweep.tally;
        if tally.is_equal() {
            self.mirror.note_proven(object).await?;
        }
        let (compared, found, repaired) = (tally.compared, tally.found, tally.repaired);
        if found > 0 {
            tracing::info!(
                event = "silent_changes_repaired",
                object = name,
                compared,
                found,
                repaired,
                "repaired silent changes"
            );
        } else {
            tracing::debug!(object = name, compared, "compared, and everything is equal");
        }
        Ok(())
    }

    /// Whether an object is in a state in which a comparison means anything, and is wanted.
    async fn may_sweep(&self, object: ObjectId) -> Result<bool, SyncError> {
        if self.mirror.is_stopped(object, Flow::Pull).await? {
            return Ok(false);
        }
        let stored = self.mirror.stored_checkpoint(object).await?;
        Ok(stored.is_some_and(|stored| stored.checkpoint.watermark.is_some()))
    }

    /// Leaves the rest of a sweep, and the object's pull, to a person.
    async fn blow(
        &self,
        target: &Target,
        sweep: ContentSweep,
        overwrites: u64,
        total: u64,
    ) -> Result<(), SyncError> {
        let effects = Effects { deletes: 0, overwrites };
        // In this order: a kill in between must not look as if somebody had lifted the stop.
        fuse::blow(&self.mirror, target, Flow::Pull, effects, total).await?;
        let sweep = ContentSweep { blown: true, ..sweep };
        Ok(self.mirror.note_content_sweep(target.table.object_id, &sweep, false).await?)
    }

    /// Remembers a failure for `status`. A listing that cannot be believed ends the sweep; any other may pass.
    async fn note_content_failure(&self, object: ObjectId, error: &SyncError) {
        if matches!(error, SyncError::Stopped) {
            return;
        }
        let is_over = match error {
            SyncError::Walk { .. } => true,
            SyncError::Source(error) => error.is_cursor_refused(),
            _ => false,
        };
        let noted = self.mirror.note_content_failure(object, &chain(error), is_over).await;
        if let Err(error) = noted {
            tracing::debug!(error = chain(&error), "could not note a failure");
        }
    }
}
