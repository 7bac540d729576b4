//! Applies what was read by id: records that are there, and the absence of those that are not.
//!
//! It exists so that what a sweep or a comparison found takes the same path as a page: unsent edits are reconciled,
//! and newer writes of ours win. Invariant: the checkpoint stays where it is.

use uuid::Uuid;

use super::{Pull, set_aside};
use crate::{
    mirror::{Applied, Incoming, LocalEdits, PageWrite, StoredCheckpoint, TableWriter, Walked},
    source::PageRecord,
    sync::{SyncError, writes::PageMoment},
};

/// Records in one transaction.
const PER_TRANSACTION: usize = 200;

impl Pull<'_> {
    /// Writes these records, which were read at `moment`.
    pub(in crate::sync) async fn apply_read(
        &self,
        records: Vec<PageRecord>,
        moment: &PageMoment<'_>,
    ) -> Result<Applied, SyncError> {
        let page = self.page_of(records).await?;
        self.apply_confirmed(&page, moment).await
    }

    /// Writes these records beside the table.
    pub(in crate::sync) async fn fill_read(
        &self,
        shadow: &TableWriter,
        records: Vec<PageRecord>,
    ) -> Result<Applied, SyncError> {
        let page = self.page_of(records).await?;
        Ok(self.mirror.fill(shadow, &page).await?)
    }

    async fn page_of(&self, records: Vec<PageRecord>) -> Result<PageWrite, SyncError> {
        let mut page = self.confirmed_page().await?;
        for PageRecord { decoded, json } in records {
            match decoded {
                Ok(row) if row.deleted_at.is_some() && !self.target.keeps_deleted() => {
                    page.removed.push(row.id);
                    page.tombstones.push(row);
                }
                Ok(row) => page.rows.push(Incoming { row, json }),
                Err(fault) => page.set_aside.push(set_aside(fault, &json)),
            }
        }
        Ok(page)
    }

    /// Removes records that were looked for by id since `moment` and are not there, trash included.
    pub(in crate::sync) async fn remove_absent(
        &self,
        ids: &[Uuid],
        moment: &PageMoment<'_>,
    ) -> Result<Applied, SyncError> {
        let mut applied = Applied::default();
        for ids in ids.chunks(PER_TRANSACTION) {
            let page = PageWrite { removed: ids.to_vec(), ..self.confirmed_page().await? };
            applied.add(self.apply_confirmed(&page, moment).await?);
        }
        Ok(applied)
    }

    async fn confirmed_page(&self) -> Result<PageWrite, SyncError> {
        let StoredCheckpoint { checkpoint, version, .. } = self.checkpoint().await?;
        Ok(PageWrite {
            rows: Vec::new(),
            removed: Vec::new(),
            tombstones: Vec::new(),
            set_aside: Vec::new(),
            checkpoint,
            walked: Walked::Further,
            version,
            withheld: None,
            may_remove: None,
        })
    }

    async fn apply_confirmed(
        &self,
        page: &PageWrite,
        moment: &PageMoment<'_>,
    ) -> Result<Applied, SyncError> {
        let edits = &mut LocalEdits {
            acknowledged: &|id| moment.is_older(self.target.table.object_id, id),
            decide: &mut |pending, row| self.decide(pending, row),
        };
        Ok(self.mirror.apply_page(&self.target.writer, page, edits).await?)
    }
}
