//! Sorts a page's records: which may be written at once, and which have local changes to be reconciled with.
//!
//! It exists because people go on editing while a page is written. Invariants: what exists and differs is locked
//! before anyone asks whether it has local changes, and nothing is updated or removed that was not locked, so no
//! change slips in between; a page of unknown records costs one statement more than none; what did not change is
//! not locked, because a lock is a write.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Mirror, base,
    page::{Care, PageWrite},
    rows::TableWriter,
};
use crate::record::Row;

/// The records of a page by what is to be done with them.
#[derive(Debug, Default)]
pub(super) struct Sorted<'a> {
    /// Rows to insert, or to update where they are locked.
    pub(super) rows: Vec<&'a Row>,
    /// Ids of rows that are locked.
    pub(super) locked: Vec<Uuid>,
    /// Ids of rows to remove; they are locked.
    pub(super) removed: Vec<Uuid>,
    /// Ids of records with local changes.
    pub(super) edited: Vec<Uuid>,
    /// Ids of those of which the page knows less than the answer to a write that is under way.
    pub(super) passed: Vec<Uuid>,
    /// Whether the page shows another record than there is, which has no local changes, and knows less than the answer
    /// to its last write.
    pub(super) leaves: bool,
}

impl Sorted<'_> {
    /// The records that are another one than before, or were decided on.
    pub(super) fn changed(&self) -> impl Iterator<Item = Uuid> {
        let rows = self.rows.iter().map(|row| row.id);
        rows.chain(self.removed.iter().chain(&self.edited).copied())
    }
}

/// Locks what the page changes and sorts its records. Those whose last write was acknowledged after the page was
/// requested are left out.
pub(super) async fn sort<'a>(
    mirror: &Mirror,
    connection: &mut PgConnection,
    table: &TableWriter,
    page: &'a PageWrite,
    acknowledged: &(dyn Fn(Uuid) -> bool + Sync),
    care: Care,
) -> Result<Sorted<'a>, sqlx::Error> {
    let rows: Vec<&Row> = page.rows.iter().map(|incoming| &incoming.row).collect();
    let ids: Vec<Uuid> =
        rows.iter().map(|row| row.id).chain(page.removed.iter().copied()).collect();
    if ids.is_empty() {
        return Ok(Sorted::default());
    }
    let object_id = table.relation.object_id;
    let known = table.relation.known(mirror, connection, &ids).await?;
    if known.is_empty() {
        // What was deleted here and acknowledged since the page was asked for is as unknown as what is new.
        let shown = rows.len();
        let rows: Vec<&Row> = rows.into_iter().filter(|row| !acknowledged(row.id)).collect();
        return Ok(Sorted { leaves: rows.len() < shown, rows, ..Sorted::default() });
    }
    let there: Vec<&Row> = rows.iter().copied().filter(|row| known.contains(&row.id)).collect();
    let mut locked = match care {
        Care::Whole => table.lock_differing(connection, &there).await?,
        // One of the values cannot even be compared.
        Care::Halves => table.relation.lock(connection, &known).await?,
    };
    if !page.removed.is_empty() {
        locked.extend(table.relation.lock(connection, &page.removed).await?);
    }
    let edited = base::present(mirror, connection, object_id, &ids).await?;
    let older = |id: &Uuid| acknowledged(*id);
    let free = |id: &Uuid| !edited.contains(id) && !older(id);
    let is_left = |id: Uuid| !edited.contains(&id) && older(&id);
    let changes = |row: &&Row| !known.contains(&row.id) || locked.contains(&row.id);
    let rows: Vec<&Row> = rows.into_iter().filter(changes).collect();
    let removed = page.removed.iter().copied().filter(|id| locked.contains(id));
    Ok(Sorted {
        leaves: rows.iter().map(|row| row.id).chain(removed.clone()).any(is_left),
        rows: rows.into_iter().filter(|row| free(&row.id)).collect(),
        removed: removed.filter(free).collect(),
        passed: edited.iter().copied().filter(|id| older(id)).collect(),
        edited: edited.iter().copied().filter(|id| !older(id)).collect(),
        locked,
    })
}
