//! Pulls one object: page by page from the source into the mirror.
//!
//! It exists as the loop around [`crate::plan::walk`]: read a page, have it judged, apply it. Invariants: the
//! next page is asked for when this one is stored, so a kill costs one page at most; a page that is not believed is read once more
//! before it counts as a failure; nothing of such a page is applied, and its walk starts over.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use super::{ObjectReport, Progress, ProgressSender, SyncError, engine::chain};
use crate::{
    config::DeletedRecords,
    mirror::{
        Applied, Decision, Incoming, LocalEdits, Mirror, MirrorError, PageWrite, SetAside,
        TableWriter, Walked,
    },
    plan::{
        pending::{self, Pending, Rules, Sighting},
        policy::Policies,
        reconcile::reconcile,
        schema::Table,
        walk::{self, Checkpoint, PageFacts, Step, Walk, WalkError},
    },
    record::{Decoder, DeleteMode, RecordText, Row, Undecodable},
    source::{Client, Page, PageRecord, PageRequest},
};

/// The largest page that a server gives.
const PAGE_SIZE: u16 = 200;

/// What a pull needs to know beyond its two sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct PullSettings {
    pub(super) overlap: Duration,
    pub(super) deleted_records: DeletedRecords,
}

/// One object to pull.
#[derive(Debug)]
pub(super) struct Pull<'a> {
    pub(super) source: &'a Client,
    pub(super) mirror: &'a Mirror,
    pub(super) table: &'a Table,
    pub(super) settings: PullSettings,
    pub(super) progress: &'a ProgressSender,
}

/// A pull under way: where its checkpoint stands and what it did so far.
struct Running {
    writer: TableWriter,
    watermark: Option<OffsetDateTime>,
    version: i64,
    withheld: BTreeSet<usize>,
}

impl Pull<'_> {
    /// Pulls until the walk is complete, it fails, or `stop` says so.
    pub(super) async fn run(&self, stop: &CancellationToken) -> ObjectReport {
        let mut report = ObjectReport {
            object: self.table.name_plural.clone(),
            table: self.table.name.clone(),
            read: 0,
            applied: Applied::default(),
            withheld: Vec::new(),
            failure: None,
        };
        if let Err(error) = self.walk(stop, &mut report).await {
            self.note(&error).await;
            report.failure = Some(error);
        }
        self.say(report.read, report.read, true);
        report
    }

    async fn walk(
        &self,
        stop: &CancellationToken,
        report: &mut ObjectReport,
    ) -> Result<(), SyncError> {
        let stored = self.mirror.checkpoint(self.table.object_id).await?;
        let decoder = Decoder::new(self.table.columns.as_slice().into());
        let mut running = Running {
            writer: TableWriter::new(self.mirror, self.table).map_err(MirrorError::from)?,
            watermark: stored.checkpoint.watermark,
            version: stored.version,
            withheld: BTreeSet::new(),
        };
        let mut walk = walk::begin(&stored.checkpoint, self.settings.overlap);
        let mut page = self.read(&walk, &decoder, stop).await?;
        loop {
            let judged = self.judge(&walk, &mut page, &decoder, stop).await?;
            report.read += page.records.len() as u64;
            match judged {
                Ok(Step::More(next)) => {
                    self.say(next.seen, next.fewest.unwrap_or(next.seen), false);
                    let checkpoint =
                        Checkpoint { watermark: running.watermark, walk: Some(next.clone()) };
                    self.apply(&mut running, report, page, checkpoint, Walked::Further).await?;
                    page = self.read(&next, &decoder, stop).await?;
                    walk = next;
                }
                Ok(Step::Done(checkpoint)) => {
                    self.apply(&mut running, report, page, checkpoint, Walked::ToTheEnd).await?;
                    report.withheld = self.names(&running.withheld);
                    return Ok(());
                }
                Err(cause) => {
                    // What an early end brought is as good as any record; another page is not believed at all.
                    if !matches!(cause, WalkError::EndedEarly { .. }) {
                        page.records.clear();
                    }
                    let checkpoint = Checkpoint { watermark: running.watermark, walk: None };
                    self.apply(&mut running, report, page, checkpoint, Walked::InVain).await?;
                    return Err(SyncError::Walk { object: self.table.name_plural.clone(), cause });
                }
            }
        }
    }

    /// Judges a page. One that is not believed is read once more, because a fault on the way can pass.
    async fn judge(
        &self,
        walk: &Walk,
        page: &mut Page,
        decoder: &Decoder,
        stop: &CancellationToken,
    ) -> Result<Result<Step, WalkError>, SyncError> {
        if let Ok(step) = walk::advance(walk, &facts(page), PAGE_SIZE.into()) {
            return Ok(Ok(step));
        }
        *page = self.read(walk, decoder, stop).await?;
        Ok(walk::advance(walk, &facts(page), PAGE_SIZE.into()))
    }

    async fn read(
        &self,
        walk: &Walk,
        decoder: &Decoder,
        stop: &CancellationToken,
    ) -> Result<Page, SyncError> {
        let (object, cursor) = (self.table.name_plural.as_str(), walk.cursor.as_deref());
        let request = PageRequest { object, since: walk.since, cursor, limit: PAGE_SIZE };
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(SyncError::Stopped),
            page = self.source.page(&request, decoder) => Ok(page?),
        }
    }

    async fn apply(
        &self,
        running: &mut Running,
        report: &mut ObjectReport,
        page: Page,
        checkpoint: Checkpoint,
        walked: Walked,
    ) -> Result<(), SyncError> {
        let mut write = PageWrite {
            rows: Vec::with_capacity(page.records.len()),
            removed: Vec::new(),
            tombstones: Vec::new(),
            set_aside: Vec::new(),
            checkpoint,
            walked,
            version: running.version,
        };
        for record in page.records {
            self.sort(record, &mut write, &mut running.withheld);
        }
        let edits = &mut LocalEdits {
            acknowledged: &|_| false,
            decide: &mut |pending, row| Some(self.decide(pending, row)),
        };
        report.applied.add(self.mirror.apply_page(&running.writer, &write, edits).await?);
        running.version += 1;
        Ok(())
    }

    /// Decides on a record with local changes from what a page shows of it.
    fn decide(&self, pending: &Pending, row: Option<&Row>) -> Decision {
        let rules = Rules {
            table: self.table,
            policies: &Policies::default(),
            deleted: match self.settings.deleted_records {
                DeletedRecords::Remove => pending::DeletedRecords::Remove,
                DeletedRecords::Keep => pending::DeletedRecords::Keep,
            },
            delete_mode: DeleteMode::Soft,
        };
        let sighting = row.map_or(Sighting::Absent, |row| Sighting::of(row.clone()));
        let reconciled = reconcile(rules, pending, &sighting);
        Decision { reconciled, source_updated_at: row.map(|row| row.updated_at) }
    }

    /// Puts a record where it belongs: a row, a removal, or set aside.
    fn sort(&self, record: PageRecord, write: &mut PageWrite, withheld: &mut BTreeSet<usize>) {
        let PageRecord { decoded, json } = record;
        match decoded {
            Ok(row)
                if row.deleted_at.is_some()
                    && self.settings.deleted_records == DeletedRecords::Remove =>
            {
                write.removed.push(row.id);
                write.tombstones.push(row);
            }
            Ok(row) => {
                let absent = row.values.iter().enumerate().filter(|(_, value)| value.is_none());
                withheld.extend(absent.map(|(index, _)| index));
                write.rows.push(Incoming { row, json });
            }
            Err(fault) => write.set_aside.push(set_aside(fault, &json)),
        }
    }

    fn names(&self, columns: &BTreeSet<usize>) -> Vec<String> {
        columns.iter().map(|&index| self.table.columns[index].name.clone()).collect()
    }

    /// Remembers a failure for `status`. That it cannot be remembered is no second failure.
    async fn note(&self, error: &SyncError) {
        if matches!(error, SyncError::Stopped) {
            return;
        }
        let failure = chain(error);
        tracing::warn!(
            object = self.table.name_plural,
            error = failure,
            "could not read an object to the end"
        );
        if let Err(error) = self.mirror.note_failure(self.table.object_id, &failure).await {
            tracing::debug!(error = chain(&error), "could not note a failure");
        }
    }

    fn say(&self, seen: u64, total: u64, finished: bool) {
        let object = self.table.name_plural.clone();
        // Nobody listening is no reason to stop.
        let _ = self.progress.send(Progress { object, seen, total, finished });
    }
}

fn facts(page: &Page) -> PageFacts {
    let fact = |record: &PageRecord| match &record.decoded {
        Ok(row) => Some((row.id, Some(row.updated_at))),
        Err(fault) => fault.id.map(|id| (id, None)),
    };
    PageFacts {
        served_at: page.served_at,
        records: page.records.iter().map(fact).collect(),
        end_cursor: page.end_cursor.clone(),
        has_next: page.has_next,
        total: page.total,
    }
}

fn set_aside(fault: Undecodable, json: &RecordText) -> SetAside {
    let key = match fault.id {
        Some(id) => id.to_string(),
        None => format!("sha256:{}", hex(&Sha256::digest(json.as_bytes()))),
    };
    SetAside {
        key,
        id: fault.id,
        reason: fault.to_string(),
        field: fault.field,
        json: json.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
