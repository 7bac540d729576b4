//! Applies one page: rows, records set aside and the checkpoint, in one transaction.
//!
//! It exists because rows and the cursor they came under must never part: a crash between them would lose or
//! repeat records. Invariants: all or nothing; a row that PostgreSQL refuses is found by halving and set aside,
//! and the rest of the page goes on; applying a page twice changes nothing the second time.

use std::fmt;

use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

use super::{
    Decision, Mirror, base,
    checkpoint::{self, Walked},
    error::{MirrorError, condition, is_refused_value},
    quarantine,
    rows::{Incoming, TableWriter, Written},
    settle::{self, Verdict},
    sort::{Sorted, sort},
    transaction::{ATTEMPTS, give_way},
};
use crate::{
    plan::{pending::Pending, walk::Checkpoint},
    record::Row,
};

/// What a page writes.
#[derive(Debug, Clone, Default)]
pub struct PageWrite {
    /// Rows to insert or update.
    pub rows: Vec<Incoming>,
    /// Ids of rows to remove: their records were soft-deleted, or are known to be destroyed.
    pub removed: Vec<Uuid>,
    /// The soft-deleted ones among them, as read.
    pub tombstones: Vec<Row>,
    /// Records that could not be read.
    pub set_aside: Vec<SetAside>,
    /// Where the object stands after the page.
    pub checkpoint: Checkpoint,
    /// How the walk went.
    pub walked: Walked,
    /// The version that the stored checkpoint must have.
    pub version: i64,
    /// At the end of a walk that read records: the columns that it was not shown.
    pub withheld: Option<Vec<String>>,
    /// How many rows it may remove; nothing of it is written if it would remove more.
    pub may_remove: Option<u64>,
}

impl PageWrite {
    /// The records that it shows, those of the trash among them.
    fn shown(&self) -> impl Iterator<Item = Uuid> {
        let rows = self.rows.iter().map(|incoming| incoming.row.id);
        rows.chain(self.tombstones.iter().map(|row| row.id))
    }
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

/// How a page treats records with local changes.
pub struct LocalEdits<'a> {
    /// Whether a write to the record was acknowledged after the page was requested, or is on its way: the page knows
    /// nothing of it, and the answer to the write shows more. Asked while the record is locked.
    pub acknowledged: &'a (dyn Fn(Uuid) -> bool + Sync),
    /// Where the object moves on with the page: whether that write has ended since, so that nobody looks at the record
    /// any more. Then the page is read anew, as it is where it leaves another record of which no write is in doubt.
    pub overtaken: Option<&'a (dyn Fn(Uuid) -> bool + Sync)>,
    /// Decides on a record with local changes, given what the page shows of it, also in the trash; nothing is shown
    /// of a record that was destroyed. `None` as the answer leaves the record as it is.
    pub decide: &'a mut DecideOnPage<'a>,
}

/// See [`LocalEdits::decide`].
pub type DecideOnPage<'a> = dyn FnMut(&Pending, Option<&Row>) -> Option<Decision> + Send + 'a;

impl fmt::Debug for LocalEdits<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalEdits").finish_non_exhaustive()
    }
}

impl Mirror {
    /// Applies a page.
    ///
    /// # Errors
    /// Nothing of the page is written: PostgreSQL refuses, people hold its rows for too long, the table has other
    /// columns by now, or another process moved the checkpoint.
    #[tracing::instrument(level = "debug", name = "transaction", skip_all, fields(of = "page"))]
    pub async fn apply_page(
        &self,
        table: &TableWriter,
        page: &PageWrite,
        edits: &mut LocalEdits<'_>,
    ) -> Result<Applied, MirrorError> {
        let mut care = Care::Whole;
        let mut attempt = 0;
        loop {
            match self.try_page(table, page, edits, care).await {
                Err(MirrorError::Page { cause, .. })
                    if is_refused_value(&cause) && matches!(care, Care::Whole) =>
                {
                    care = Care::Halves;
                }
                Err(MirrorError::Busy { .. }) if attempt < ATTEMPTS => {
                    give_way(attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// What applying a page would change, without changing it.
    ///
    /// # Errors
    /// PostgreSQL refuses, or people hold its rows for too long.
    pub async fn preview_page(
        &self,
        table: &TableWriter,
        page: &PageWrite,
        edits: &mut LocalEdits<'_>,
    ) -> Result<Applied, MirrorError> {
        let failed = |cause| table.relation.failed(cause);
        let mut transaction = self.begin().await.map_err(failed)?;
        // In halves, because a refused value must not end the preview.
        let previewed = self
            .write_page(&mut transaction, table, page, edits, Care::Halves)
            .await
            .map_err(failed);
        transaction.rollback().await.map_err(failed)?;
        Ok(previewed?.0)
    }

    async fn try_page(
        &self,
        table: &TableWriter,
        page: &PageWrite,
        edits: &mut LocalEdits<'_>,
        care: Care,
    ) -> Result<Applied, MirrorError> {
        let failed = |cause| table.relation.failed(cause);
        let mut transaction = self.begin().await.map_err(failed)?;
        let (applied, leaves) =
            self.write_page(&mut transaction, table, page, edits, care).await.map_err(failed)?;
        table.check(self, &mut transaction).await.map_err(failed)?;
        if page.may_remove.is_some_and(|most| applied.removed > most) {
            let (object, removed) = (table.relation.object.clone(), applied.removed);
            return Err(MirrorError::TooManyRemoved { object, removed });
        }
        if edits.overtaken.is_some_and(|overtaken| leaves || page.shown().any(overtaken)) {
            return Err(MirrorError::Overtaken { object: table.relation.object.clone() });
        }
        let (id, version) = (table.relation.object_id, page.version);
        let to = (&page.checkpoint, page.walked);
        let counted = (page.withheld.as_deref(), applied.removed);
        let moved = checkpoint::advance(self, &mut transaction, id, version, to, counted);
        if !moved.await.map_err(failed)? {
            return Err(MirrorError::Overtaken { object: table.relation.object.clone() });
        }
        transaction.commit().await.map_err(failed)?;
        Ok(applied)
    }

    /// Says also whether the page leaves a record that nobody looks at any more.
    async fn write_page(
        &self,
        connection: &mut PgConnection,
        table: &TableWriter,
        page: &PageWrite,
        edits: &mut LocalEdits<'_>,
        care: Care,
    ) -> Result<(Applied, bool), sqlx::Error> {
        let sorted = sort(self, connection, table, page, edits.acknowledged, care).await?;
        let (mut written, mut refused) = match care {
            Care::Whole => {
                (table.upsert(connection, &sorted.rows, &sorted.locked).await?, Vec::new())
            }
            Care::Halves => write_in_halves(connection, table, page, &sorted).await?,
        };
        if !sorted.removed.is_empty() {
            written.removed = table.relation.remove(connection, &sorted.removed).await?;
        }
        let mut decided = Reconciling { mirror: self, table, page, care, refused: &mut refused };
        written.add(decided.reconcile(connection, &sorted.edited, edits.decide).await?);
        let leaves = !decided.pass_by(connection, &sorted.passed).await? || sorted.leaves;
        let ids =
            page.rows.iter().map(|incoming| incoming.row.id).chain(page.removed.iter().copied());
        let is_refused = |id: &Uuid| refused.iter().any(|record: &SetAside| record.id == Some(*id));
        let ids: Vec<Uuid> = ids.filter(|id| !is_refused(id)).collect();
        let changed: Vec<Uuid> = sorted.changed().filter(|id| !is_refused(id)).collect();
        let object = table.relation.object_id;
        quarantine::release_read(self, connection, object, &ids, &changed).await?;
        let set_aside: Vec<&SetAside> = refused.iter().chain(&page.set_aside).collect();
        let set_aside =
            quarantine::put(self, connection, table.relation.object_id, &set_aside).await?;
        let Written { inserted, updated, removed } = written;
        Ok((Applied { inserted, updated, removed, set_aside }, leaves))
    }
}

/// How the rows of a page are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Care {
    /// In one statement.
    Whole,
    /// In halves, after PostgreSQL refused a value, until the rows at fault are alone.
    Halves,
}

/// Decides the records of a page that have local changes.
struct Reconciling<'a> {
    mirror: &'a Mirror,
    table: &'a TableWriter,
    page: &'a PageWrite,
    care: Care,
    refused: &'a mut Vec<SetAside>,
}

impl Reconciling<'_> {
    async fn reconcile(
        &mut self,
        connection: &mut PgConnection,
        edited: &[Uuid],
        decide: &mut DecideOnPage<'_>,
    ) -> Result<Written, sqlx::Error> {
        if edited.is_empty() {
            return Ok(Written::default());
        }
        let states = base::lock(self.mirror, connection, &self.table.relation, edited).await?;
        let (mut verdicts, mut in_doubt) = (Vec::new(), Vec::new());
        for state in states {
            // A row that the source could not hold is refused when it is pushed; until then it keeps what it has.
            let Ok(pending) = state.pending(&self.table.described) else { continue };
            let row = self.shown(state.record_id).map(|incoming| &incoming.row);
            let tombstone = || self.page.tombstones.iter().find(|row| row.id == state.record_id);
            let decision = decide(&pending, row.or_else(tombstone));
            if decision.is_none() {
                in_doubt.push(state.record_id);
            }
            verdicts.extend(decision.map(|decision| Verdict { state, decision }));
        }
        self.pass_by(connection, &in_doubt).await?;
        match self.care {
            Care::Whole => settle::apply(self.mirror, connection, self.table, &verdicts).await,
            Care::Halves => self.one_by_one(connection, verdicts).await,
        }
    }

    /// Goes by those of these records that the page shows; whether all of them are in doubt.
    async fn pass_by(
        &self,
        connection: &mut PgConnection,
        ids: &[Uuid],
    ) -> Result<bool, sqlx::Error> {
        let shown: Vec<Uuid> = self.page.shown().filter(|id| ids.contains(id)).collect();
        let object = self.table.relation.object_id;
        let in_doubt = base::pass_by(self.mirror, connection, object, &shown).await?;
        Ok(shown.iter().all(|id| in_doubt.contains(id)))
    }

    async fn one_by_one(
        &mut self,
        connection: &mut PgConnection,
        verdicts: Vec<Verdict>,
    ) -> Result<Written, sqlx::Error> {
        let mut written = Written::default();
        for verdict in verdicts {
            let id = verdict.state.record_id;
            let mut savepoint = connection.begin().await?;
            match settle::apply(self.mirror, &mut savepoint, self.table, &[verdict]).await {
                Ok(more) => {
                    savepoint.commit().await?;
                    written.add(more);
                }
                Err(error) if is_refused_value(&error) => {
                    savepoint.rollback().await?;
                    self.refused.extend(self.shown(id).map(|incoming| refuse(incoming, &error)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    fn shown(&self, id: Uuid) -> Option<&Incoming> {
        self.page.rows.iter().find(|incoming| incoming.row.id == id)
    }
}

/// Writes rows in halves until those that PostgreSQL refuses are alone; they are the second answer.
pub(super) async fn write_in_halves(
    connection: &mut PgConnection,
    table: &TableWriter,
    page: &PageWrite,
    sorted: &Sorted<'_>,
) -> Result<(Written, Vec<SetAside>), sqlx::Error> {
    let mut written = Written::default();
    let mut refused = Vec::new();
    let mut parts = vec![sorted.rows.as_slice()];
    while let Some(part) = parts.pop() {
        let mut savepoint = connection.begin().await?;
        match table.upsert(&mut savepoint, part, &sorted.locked).await {
            Ok(more) => {
                savepoint.commit().await?;
                written.add(more);
            }
            Err(error) if is_refused_value(&error) => {
                savepoint.rollback().await?;
                match part {
                    [row] => {
                        let at_fault =
                            page.rows.iter().filter(|incoming| incoming.row.id == row.id);
                        refused.extend(at_fault.map(|incoming| refuse(incoming, &error)));
                    }
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
