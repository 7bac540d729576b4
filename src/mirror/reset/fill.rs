//! Writes pages beside a table.
//!
//! It exists because rows that are read anew must not meet the rows that are there. Invariants: nothing of the table
//! is touched; a record that PostgreSQL refuses is set aside alone, as by any page.

use uuid::Uuid;

use crate::{
    mirror::{
        Applied, Mirror, MirrorError, PageWrite, SetAside, TableWriter,
        error::is_refused_value,
        page::{Care, write_in_halves},
        quarantine,
        sort::Sorted,
    },
    record::Flow,
};

impl Mirror {
    /// Writes a page beside a table. Records that PostgreSQL cannot hold are set aside.
    ///
    /// # Errors
    /// Nothing of the page is written: PostgreSQL refuses.
    pub async fn fill(
        &self,
        shadow: &TableWriter,
        page: &PageWrite,
    ) -> Result<Applied, MirrorError> {
        let filled = match self.try_fill(shadow, page, Care::Whole).await {
            Err(error) if is_refused_value(&error) => {
                self.try_fill(shadow, page, Care::Halves).await
            }
            filled => filled,
        };
        filled.map_err(|error| shadow.relation.failed(error))
    }

    async fn try_fill(
        &self,
        shadow: &TableWriter,
        page: &PageWrite,
        care: Care,
    ) -> Result<Applied, sqlx::Error> {
        let object = shadow.relation.object_id;
        let rows = page.rows.iter().map(|incoming| &incoming.row).collect();
        let sorted = Sorted { rows, ..Sorted::default() };
        let mut transaction = self.begin().await?;
        let (written, refused) = match care {
            Care::Whole => (shadow.upsert(&mut transaction, &sorted.rows, &[]).await?, Vec::new()),
            Care::Halves => write_in_halves(&mut transaction, shadow, page, &sorted).await?,
        };
        let is_refused = |id: &Uuid| refused.iter().any(|record: &SetAside| record.id == Some(*id));
        let ids = page.rows.iter().map(|incoming| incoming.row.id).chain(page.removed.clone());
        let ids: Vec<Uuid> = ids.filter(|id| !is_refused(id)).collect();
        quarantine::release(self, &mut transaction, (object, Flow::Pull), &ids).await?;
        let aside: Vec<&SetAside> = refused.iter().chain(&page.set_aside).collect();
        let set_aside = quarantine::put(self, &mut transaction, object, &aside).await?;
        transaction.commit().await?;
        Ok(Applied { inserted: written.inserted, set_aside, ..Applied::default() })
    }
}
