//! Reads anew what refers to records that the source does not have any more.
//!
//! It exists because a destroyed record takes references to it along, and some records that belong to it, without a
//! trace that a walk could see (docs/twenty.md, "Trash and cascades"). Invariant: this is done before it is settled
//! that the record is gone, so a kill in between leaves the record to be looked at once more.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::Round;
use crate::{
    record::ObjectId,
    sync::{
        SyncError,
        pull::{Effect, Pull},
        report,
        sweep::Sweeper,
    },
};

/// How often it is done once more because a page of the same object was written meanwhile.
const OVERTAKEN: usize = 3;

impl Round<'_> {
    /// These records are not at the source any more.
    pub(super) async fn follow_destroyed(&self, ids: &[Uuid]) -> Result<(), SyncError> {
        let mut followed = self.follow_once(ids).await;
        for _ in 0..OVERTAKEN {
            if followed.as_ref().is_err_and(SyncError::is_overtaken) {
                followed = self.follow_once(ids).await;
            }
        }
        followed
    }

    async fn follow_once(&self, ids: &[Uuid]) -> Result<(), SyncError> {
        if ids.is_empty() {
            return Ok(());
        }
        let progress = &report::unheard();
        let (source, mirror, writes) = (self.source, self.mirror, self.writes);
        let (overlap, effect) = (time::Duration::ZERO, Effect::Apply);
        let pull = |target| Pull { source, mirror, target, overlap, writes, effect, progress };
        let pulls: BTreeMap<ObjectId, Pull<'_>> =
            self.workspace.targets().map(|target| (target.table.object_id, pull(target))).collect();
        let complete = pulls.keys().copied().collect();
        let mut sweeper = Sweeper::new(pulls, complete, self.stop);
        let mut seen: HashSet<(ObjectId, Uuid)> = HashSet::new();
        for (object, absent) in sweeper.refresh_referring(ids, &mut seen).await? {
            sweeper.bury(object, absent).await?;
        }
        Ok(())
    }
}
