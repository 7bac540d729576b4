//! `verify`: which objects are compared, and with what.
//!
//! It exists so that a comparison stands on the same tables, rules and look-ups as a run. Invariant: without repair
//! no row is written.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::{
    plan::content::{Allowance, Counts},
    record::ObjectId,
    source::Lane,
    sync::{
        ProgressSender, SyncError,
        pull::{self, Effect, Pull},
        sweep::Sweeper,
        target::{Target, Workspace},
        verify::{Verified, Verifier},
    },
};

impl Engine {
    /// Compares both sides of these objects, by singular or plural name, or of all; and repairs the mirror's side
    /// where `repair` says so.
    ///
    /// # Errors
    /// The comparison could not begin, or nothing is mirrored by one of the names. What went wrong with single
    /// objects is in the reports.
    pub async fn verify(
        &self,
        names: &[String],
        repair: bool,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Vec<Verified>, SyncError> {
        let workspace = self.evolve().await?;
        let unknown = names.iter().find(|name| workspace.called(name).is_none());
        if let Some(name) = unknown {
            return Err(SyncError::NotMirrored { name: name.clone() });
        }
        let source = &self.source.in_lane(Lane::Sweep);
        let (mirror, writes) = (&self.mirror, &self.writes);
        let overlap = pull::overlap(&self.config.pull);
        let effect = Effect::Apply;
        let pull = |target| Pull { source, mirror, target, overlap, writes, effect, progress };
        let complete = self.complete(&workspace).await?;
        let pulls = workspace.targets().map(|target| (target.table.object_id, pull(target)));
        let mut sweeper = Sweeper::new(pulls.collect(), complete, stop);
        let wanted =
            |target: &&Target| names.is_empty() || names.iter().any(|name| target.is_called(name));
        if repair {
            // Not even by hand is the mirror made equal to what nobody has accepted.
            self.look_back().await?;
            for target in workspace.targets().filter(wanted) {
                self.refuse_stopped(target).await?;
            }
        }
        let mut reports = Vec::new();
        for target in workspace.targets().filter(wanted) {
            let (object, report) = (target.table.object_id, Verified::default());
            let repair = if repair { Some(self.removals(target).await?) } else { None };
            let verifier = Verifier { sweeper: &mut sweeper, object, repair, report };
            reports.push(verifier.run(&pull(target)).await);
        }
        reports.sort_by(|left, right| left.object.cmp(&right.object));
        Ok(reports)
    }

    /// A person who asks for a repair asks for what it overwrites, but not for a large removal.
    async fn removals(&self, target: &Target) -> Result<Allowance, SyncError> {
        let total = self.mirror.expected_count(&target.writer, target.deleted()).await?;
        Ok(Allowance { fuse: Some(target.fuse), total, overwritten: 0, counts: Counts::Removals })
    }

    /// The objects that were read to the end once.
    pub(in crate::sync) async fn complete(
        &self,
        workspace: &Workspace,
    ) -> Result<BTreeSet<ObjectId>, SyncError> {
        let mut complete = BTreeSet::new();
        for target in workspace.targets() {
            let stored = self.mirror.stored_checkpoint(target.table.object_id).await?;
            if stored.is_some_and(|stored| stored.checkpoint.watermark.is_some()) {
                complete.insert(target.table.object_id);
            }
        }
        Ok(complete)
    }
}
