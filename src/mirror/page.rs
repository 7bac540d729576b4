//! Applies one page: rows, records set aside and the checkpoint, in one transaction.
//!
//! It exists because rows and the cursor they came under must never part: a crash between them would lose or
//! repeat records. Invariants: all or nothing; a row that PostgreSQL refuses is found by halving and set aside,
//! and the rest of the page goes on; applying a page twice changes nothing the second time.

use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

use super::{
    Mirror,
    checkpoint::{self, Walked},
    error::{MirrorError, condition, is_refused_value},
    quarantine,
    rows::{Incoming, TableWriter, Written},
};
use crate::plan::walk::Checkpoint;

/// What a page writes.
#[derive(Debug, Clone)]
pub struct PageWrite {
    /// Rows to insert or update.
    pub rows: Vec<Incoming>,
    /// Ids of rows to remove: their records were soft-deleted.
    pub removed: Vec<Uuid>,
    /// Records that could not be read.
    pub set_aside: Vec<SetAside>,
    /// Where the object stands after the page.
    pub checkpoint: Checkpoint,
    /// How the walk went.
    pub walked: Walked,
    /// The version that the stored checkpoint must have.
    pub version: i64,
}

/// A record set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// What tells it apart: its id, or a digest of its JSON.
    pub key: String,
    /// Its id, if that could be read.
    pub id: Option<Uuid>,
    /// The field at fault, if one is.
    pub field: Option<String>,
    /// Why it was set aside.
    pub reason: String,
    /// The record as it came.
    pub json: String,
}

/// What a page changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows removed.
    pub removed: u64,
    /// Records set aside, new or for another reason than before.
    pub set_aside: u64,
}

impl Applied {
    /// Rows changed in the mirrored table.
    pub fn rows_changed(&self) -> u64 {
        self.inserted + self.updated + self.removed
    }

    /// Adds what another page changed.
    pub fn add(&mut self, other: Applied) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.removed += other.removed;
        self.set_aside += other.set_aside;
    }
}

impl Mirror {
    /// Applies a page.
    ///
    /// # Errors
    /// Nothing of the page is written: PostgreSQL refuses, or another process moved the checkpoint.
    pub async fn apply_page(
        &self,
        table: &TableWriter,
        page: &PageWrite,
    ) -> Result<Applied, MirrorError> {
        match self.try_page(table, page, Care::Whole).await {
            Err(MirrorError::Page { cause, .. }) if is_refused_value(&cause) => {
                self.try_page(table, page, Care::Halves).await
            }
            result => result,
        }
    }

    async fn try_page(
        &self,
        table: &TableWriter,
        page: &PageWrite,
        care: Care,
    ) -> Result<Applied, MirrorError> {
        let failed = |cause| MirrorError::Page { object: table.object.clone(), cause };
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let applied = self.write_page(&mut transaction, table, page, care).await.map_err(failed)?;
        let (id, version) = (table.object_id, page.version);
        let moved =
            checkpoint::advance(self, &mut transaction, id, version, &page.checkpoint, page.walked);
        if !moved.await.map_err(failed)? {
            return Err(MirrorError::Overtaken { object: table.object.clone() });
        }
        transaction.commit().await.map_err(failed)?;
        Ok(applied)
    }

    async fn write_page(
        &self,
        connection: &mut PgConnection,
        table: &TableWriter,
        page: &PageWrite,
        care: Care,
    ) -> Result<Applied, sqlx::Error> {
        let (written, refused) = match care {
            Care::Whole => (table.upsert(connection, &page.rows).await?, Vec::new()),
            Care::Halves => write_in_halves(connection, table, &page.rows).await?,
        };
        let removed = match page.removed.as_slice() {
            [] => 0,
            ids => table.remove(connection, ids).await?,
        };
        let ids =
            page.rows.iter().map(|incoming| incoming.row.id).chain(page.removed.iter().copied());
        let is_refused = |id: &Uuid| refused.iter().any(|record: &SetAside| record.id == Some(*id));
        let ids: Vec<Uuid> = ids.filter(|id| !is_refused(id)).collect();
        quarantine::release(self, connection, table.object_id, &ids).await?;
        let set_aside: Vec<&SetAside> = refused.iter().chain(&page.set_aside).collect();
        let set_aside = quarantine::put(self, connection, table.object_id, &set_aside).await?;
        Ok(Applied { inserted: written.inserted, updated: written.updated, removed, set_aside })
    }
}

/// How the rows of a page are written.
#[derive(Debug, Clone, Copy)]
enum Care {
    /// In one statement.
    Whole,
    /// In halves, after PostgreSQL refused a value, until the rows at fault are alone.
    Halves,
}

async fn write_in_halves(
    connection: &mut PgConnection,
    table: &TableWriter,
    rows: &[Incoming],
) -> Result<(Written, Vec<SetAside>), sqlx::Error> {
    let mut written = Written::default();
    let mut refused = Vec::new();
    let mut parts = vec![rows];
    while let Some(part) = parts.pop() {
        let mut savepoint = connection.begin().await?;
        match table.upsert(&mut savepoint, part).await {
            Ok(more) => {
                savepoint.commit().await?;
                written.inserted += more.inserted;
                written.updated += more.updated;
            }
            Err(error) if is_refused_value(&error) => {
                savepoint.rollback().await?;
                match part {
                    [incoming] => refused.push(refuse(incoming, &error)),
                    _ => parts.extend([&part[part.len() / 2..], &part[..part.len() / 2]]),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok((written, refused))
}

fn refuse(incoming: &Incoming, error: &sqlx::Error) -> SetAside {
    SetAside {
        key: incoming.row.id.to_string(),
        id: Some(incoming.row.id),
        field: None,
        reason: condition(error),
        json: incoming.json.to_string(),
    }
}
