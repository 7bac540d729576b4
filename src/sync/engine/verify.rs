//! `verify`: which objects are compared, and with what.
//!
//! It exists so that a comparison stands on the same tables, rules and look-ups as a run. Invariant: without repair
//! no row is written.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::{
    record::ObjectId,
    sync::{
        ProgressSender, SyncError,
        pull::{Effect, Pull},
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
        let (source, mirror, writes) = (&self.source, &self.mirror, &self.writes);
        let overlap =
            time::Duration::try_from(self.config.pull.overlap).unwrap_or(time::Duration::MAX);
        let effect = Effect::Apply;
        let pull = |target| Pull { source, mirror, target, overlap, writes, effect, progress };
        let complete = self.complete(&workspace).await?;
        let pulls = workspace.targets().map(|target| (target.table.object_id, pull(target)));
        let mut sweeper = Sweeper::new(pulls.collect(), complete, stop);
        let wanted =
            |target: &&Target| names.is_empty() || names.iter().any(|name| target.is_called(name));
        let mut reports = Vec::new();
        for target in workspace.targets().filter(wanted) {
            let (object, report) = (target.table.object_id, Verified::default());
            let verifier = Verifier { sweeper: &mut sweeper, object, repair, report, removed: 0 };
            reports.push(verifier.run(&pull(target)).await);
        }
        reports.sort_by(|left, right| left.object.cmp(&right.object));
        Ok(reports)
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
