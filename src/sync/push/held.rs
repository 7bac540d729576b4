//! Leaves what people hold to them, so that the rest goes on.
//!
//! It exists because anybody may keep a transaction open on a row, and nobody else's changes may wait for that.
//! Invariants: a record that people hold is left for this push and tried with the next one; a create that was left keeps
//! back what refers to it; that something was left is the outcome of the push.

use std::collections::HashSet;

use uuid::Uuid;

use super::Round;
use crate::{
    plan::batch::{Batch, Limits, Planned, batch},
    record::ObjectId,
    sync::SyncError,
};

/// What was left to people in this push.
#[derive(Debug, Default)]
pub(super) struct Held {
    records: HashSet<(ObjectId, Uuid)>,
    /// Why, the first time.
    pub(super) error: Option<SyncError>,
}

impl Held {
    pub(super) fn holds(&self, object: ObjectId, record: Uuid) -> bool {
        self.records.contains(&(object, record))
    }
}

impl Round<'_> {
    /// What could not be written because people hold it is left to them.
    pub(super) fn spare(
        &mut self,
        object: ObjectId,
        ids: &[Uuid],
        written: Result<(), SyncError>,
    ) -> Result<(), SyncError> {
        match written {
            Err(error) if error.is_held() => {
                self.held.records.extend(ids.iter().map(|id| (object, *id)));
                self.held.error.get_or_insert(error);
                self.leave(ids);
                Ok(())
            }
            written => written,
        }
    }

    /// What is left of a batch without the records that people hold.
    pub(super) async fn without_held(
        &mut self,
        whole: &Batch,
        error: SyncError,
    ) -> Result<Vec<Batch>, SyncError> {
        let (object, ids) = (whole.object, whole.records());
        let free = self.mirror.free(object, &ids).await?;
        let (free, held): (Vec<Uuid>, Vec<Uuid>) =
            ids.into_iter().partition(|id| free.contains(id));
        if held.is_empty() {
            // They were let go of just now, and come with the next round.
            self.leave(&free);
            return Ok(Vec::new());
        }
        self.spare(object, &held, Err(error))?;
        let planned = free.into_iter().filter_map(|record| {
            let verb = self.claims.get(&record)?.verb.clone();
            Some(Planned { object, record, verb })
        });
        Ok(batch(planned.collect(), Limits::default()))
    }
}
