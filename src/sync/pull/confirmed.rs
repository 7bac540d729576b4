//! Applies what was read by id: records that are there, and the absence of those that are not.
//!
//! It exists so that what a sweep or a comparison found takes the same path as a page: unsent edits are reconciled,
//! and newer writes of ours win. Invariants: the object stays where it is; what others wrote since the look began is
//! newer, and is never overwritten by it.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Pull;
use crate::{
    mirror::{Applied, LocalEdits, PageWrite, StoredCheckpoint, TableWriter},
    source::PageRecord,
    sync::{SyncError, writes::PageMoment},
};

/// Records in one transaction.
const PER_TRANSACTION: usize = 200;

/// When records are looked for by id, and where the object stood then.
#[derive(Debug)]
pub(in crate::sync) struct LookMoment<'a> {
    writes: PageMoment<'a>,
    stored: StoredCheckpoint,
}

impl<'a> Pull<'a> {
    /// Records are about to be looked for by id.
    pub(in crate::sync) async fn before_look(&self) -> Result<LookMoment<'a>, SyncError> {
        Ok(LookMoment { stored: self.checkpoint().await?, writes: self.writes.page() })
    }

    /// Writes these records, which were read since `moment`.
    pub(in crate::sync) async fn apply_read(
        &self,
        records: Vec<PageRecord>,
        moment: &mut LookMoment<'_>,
    ) -> Result<Applied, SyncError> {
        self.apply_confirmed(self.page_of(records), moment).await
    }

    /// Writes these records beside the table.
    pub(in crate::sync) async fn fill_read(
        &self,
        shadow: &TableWriter,
        records: Vec<PageRecord>,
    ) -> Result<Applied, SyncError> {
        Ok(self.mirror.fill(shadow, &self.page_of(records)).await?)
    }

    fn page_of(&self, records: Vec<PageRecord>) -> PageWrite {
        let mut page = PageWrite::default();
        for record in records {
            self.sort(record, &mut page, &mut BTreeSet::new());
        }
        page
    }

    /// Removes records that were looked for by id since `moment` and are not there, trash included.
    pub(in crate::sync) async fn remove_absent(
        &self,
        ids: &[Uuid],
        moment: &mut LookMoment<'_>,
    ) -> Result<Applied, SyncError> {
        let mut applied = Applied::default();
        for ids in ids.chunks(PER_TRANSACTION) {
            let page = PageWrite { removed: ids.to_vec(), ..PageWrite::default() };
            applied.add(self.apply_confirmed(page, moment).await?);
        }
        Ok(applied)
    }

    async fn apply_confirmed(
        &self,
        page: PageWrite,
        moment: &mut LookMoment<'_>,
    ) -> Result<Applied, SyncError> {
        let StoredCheckpoint { checkpoint, version, .. } = moment.stored.clone();
        let page = PageWrite { checkpoint, version, ..page };
        let edits = &mut LocalEdits {
            acknowledged: &|id| moment.writes.is_older(self.target.table.object_id, id),
            overtaken: None,
            decide: &mut |pending, row| self.decide(pending, row),
        };
        let applied = self.mirror.apply_page(&self.target.writer, &page, edits).await?;
        moment.stored.version += 1;
        Ok(applied)
    }
}
