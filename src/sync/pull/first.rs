//! Where a walk begins, or goes on.
//!
//! It exists because what is remembered of an earlier run may not hold any more. Invariants: a cursor that the source does
//! not know starts its walk over; where the source's clock went back, everything is read.

use tokio_util::sync::CancellationToken;

use super::{Pull, Read};
use crate::{
    plan::walk::{self, Checkpoint, Walk},
    sync::SyncError,
};

impl<'a> Pull<'a> {
    /// Reads on from where the checkpoint stands.
    pub(super) async fn first_page(
        &self,
        checkpoint: &Checkpoint,
        stop: &CancellationToken,
    ) -> Result<(Walk, Read<'a>), SyncError> {
        let mut walk = walk::begin(checkpoint, self.overlap);
        let read = match self.read(&walk, stop).await {
            Err(SyncError::Source(error)) if error.is_cursor_refused() && walk.cursor.is_some() => {
                // The server does not know where the last run stopped: its walk starts over.
                let anew = Checkpoint { walk: None, ..checkpoint.clone() };
                walk = walk::begin(&anew, self.overlap);
                self.read(&walk, stop).await?
            }
            read => read?,
        };
        if !walk::is_behind(&walk, read.page.served_at) {
            return Ok((walk, read));
        }
        let object = self.target.plural();
        tracing::info!(
            event = "source_clock_went_back",
            object,
            "the source's clock went back; the object is read from its first record"
        );
        let walk = Walk::default();
        let read = self.read(&walk, stop).await?;
        Ok((walk, read))
    }
}
