//! How many rows a walk may remove.
//!
//! It exists because a walk that sees most of an object in the trash looks like any other. Invariants: all rows count
//! that the walk removed, in earlier runs, too; the rows are counted only where it matters; a person who released the
//! fuse lets the walk remove what it wants.

use super::{Pull, Running};
use crate::{
    mirror::{MirrorError, PageWrite},
    plan::fuse::Effects,
    record::Flow,
    sync::{ObjectReport, SyncError, fuse},
};

impl Pull<'_> {
    /// How many rows `write` may remove; `None` if as many as it likes.
    pub(super) async fn may_remove(
        &self,
        running: &mut Running,
        write: &PageWrite,
    ) -> Result<Option<u64>, SyncError> {
        let (fuse, object) = (self.target.fuse, self.target.table.object_id);
        let at_most = running.removed + write.removed.len() as u64;
        if running.released || at_most <= fuse.rows {
            return Ok(None);
        }
        if running.total.is_none() {
            running.released = self.mirror.released_pulls().await?.contains(&object);
            if running.released {
                return Ok(None);
            }
        }
        let total = self.total(running).await?;
        Ok(Some(fuse.allows(total).saturating_sub(running.removed)))
    }

    /// Whether a page was not applied because it would have removed too much: the object then stops.
    pub(super) async fn has_blown(
        &self,
        applied: Result<(), SyncError>,
        running: &mut Running,
        report: &mut ObjectReport,
    ) -> Result<bool, SyncError> {
        match applied {
            Ok(()) => Ok(false),
            Err(SyncError::Mirror(MirrorError::TooManyRemoved { removed, .. })) => {
                self.blow(running, removed).await?;
                report.stopped = true;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Stops the object: a page would have removed `removed` rows more.
    async fn blow(&self, running: &mut Running, removed: u64) -> Result<(), SyncError> {
        let effects = Effects { deletes: running.removed + removed, overwrites: 0 };
        let total = self.total(running).await?;
        fuse::blow(self.mirror, self.target, Flow::Pull, effects, total).await
    }

    /// The rows of the object as the walk found them.
    async fn total(&self, running: &mut Running) -> Result<u64, SyncError> {
        if let Some(total) = running.total {
            return Ok(total);
        }
        let counted = self.mirror.expected_count(&self.target.writer, self.target.deleted());
        let total = counted.await? + running.removed;
        running.total = Some(total);
        Ok(total)
    }
}
