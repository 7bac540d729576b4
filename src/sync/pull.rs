//! Pulls one object: page by page from the source into the mirror.
//!
//! It exists as the loop around [`crate::plan::walk`]: read a page, have it judged, apply it. Invariants: the
//! next page is asked for when this one is stored, so a kill costs one page at most; a page that is not believed
//! is read once more before it counts as a failure; nothing of such a page is applied, and its walk starts over.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Disposition, ObjectReport, Progress, ProgressSender, SyncError, WalkProgress,
    engine::chain,
    target::Target,
    writes::{PageMoment, Writes},
};
use crate::{
    config,
    mirror::{
        Decision, Incoming, LocalEdits, Mirror, MirrorError, PageWrite, SetAside, StoredCheckpoint,
        TableWriter, Walked,
    },
    plan::{
        pending::{Pending, Sighting},
        reconcile::reconcile,
        rewind,
        walk::{self, Checkpoint, PageFacts, Step, Walk, WalkError},
    },
    record::{Flow, RecordText, Row, Undecodable},
    source::{Client, Lane, Page, PageRecord, PageRequest},
};

mod confirmed;
mod first;
mod removal;

pub(super) use confirmed::LookMoment;

/// The largest page that a server gives.
pub(super) const PAGE_SIZE: u16 = 200;

/// How often a page is read once more because rows of its object were written meanwhile, such as by a content sweep.
const OVERTAKEN: usize = 3;

/// How far a walk reaches back.
pub(super) fn overlap(config: &config::Pull) -> Duration {
    Duration::try_from(config.overlap).unwrap_or(Duration::MAX)
}

/// What becomes of what was read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect<'a> {
    /// It is written.
    Apply,
    /// It is only counted.
    Preview,
    /// It is written beside the table; where the object stands is neither asked nor told.
    Beside(&'a TableWriter),
}

/// One object to pull.
#[derive(Debug)]
pub(super) struct Pull<'a> {
    pub(super) source: &'a Client,
    pub(super) mirror: &'a Mirror,
    pub(super) target: &'a Target,
    pub(super) overlap: Duration,
    pub(super) writes: &'a Writes,
    pub(super) effect: Effect<'a>,
    pub(super) progress: &'a ProgressSender,
}

/// A page, and when it was asked for.
struct Read<'a> {
    page: Page,
    moment: PageMoment<'a>,
}

/// A pull under way: where its checkpoint stands and what it did so far.
struct Running {
    watermark: Option<OffsetDateTime>,
    version: i64,
    withheld: BTreeSet<usize>,
    /// What the last complete walk was not shown.
    withheld_before: Vec<String>,
    from_the_start: bool,
    /// Rows that this walk removed.
    removed: u64,
    /// The rows there were, once they were counted.
    total: Option<u64>,
    /// Whether a person lets this walk remove what it wants.
    released: bool,
    /// The newest records that were seen, with their times of change.
    newest: Vec<(Uuid, OffsetDateTime)>,
}

impl Running {
    fn at(stored: &StoredCheckpoint, overlap: Duration) -> Running {
        Running {
            watermark: stored.checkpoint.watermark,
            version: stored.version,
            withheld: BTreeSet::new(),
            withheld_before: stored.withheld.clone(),
            from_the_start: walk::begin(&stored.checkpoint, overlap).since.is_none(),
            removed: stored.removed,
            total: None,
            released: false,
            newest: Vec::new(),
        }
    }
}

impl<'a> Pull<'a> {
    /// Pulls until the walk is complete, it fails, or `stop` says so.
    #[tracing::instrument(level = "debug", name = "walk", skip_all, fields(object = self.target.plural()))]
    pub(super) async fn run(&self, stop: &CancellationToken) -> ObjectReport {
        let mut report = ObjectReport::of(&self.target.table);
        let mut walked = self.walk(stop, &mut report).await;
        for _ in 0..OVERTAKEN {
            if walked.as_ref().is_err_and(SyncError::is_overtaken) {
                walked = self.walk(stop, &mut report).await;
            }
        }
        if let Err(error) = walked {
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
        if self.is_stopped(report).await? {
            return Ok(());
        }
        let stored = self.checkpoint().await?;
        let mut running = Running::at(&stored, self.overlap);
        let (mut walk, mut read) = self.first_page(&stored.checkpoint, stop).await?;
        running.from_the_start = walk.since.is_none();
        loop {
            let judged = self.judge(&walk, &mut read, stop).await?;
            report.read += read.page.records.len() as u64;
            match judged {
                Ok(Step::More(next)) => {
                    self.say(next.seen, next.fewest.unwrap_or(next.seen), false);
                    let checkpoint =
                        Checkpoint { watermark: running.watermark, walk: Some(next.clone()) };
                    let applied =
                        self.apply(&mut running, report, read, checkpoint, Walked::Further);
                    if self.has_blown(applied.await, &mut running, report).await? {
                        return Ok(());
                    }
                    if self.is_stopped(report).await? {
                        return Ok(());
                    }
                    read = self.read(&next, stop).await?;
                    walk = next;
                }
                Ok(Step::Done(checkpoint)) => {
                    let applied =
                        self.apply(&mut running, report, read, checkpoint, Walked::ToTheEnd);
                    if self.has_blown(applied.await, &mut running, report).await? {
                        return Ok(());
                    }
                    report.withheld = self.names(&running.withheld);
                    return Ok(());
                }
                Err(cause) => {
                    // What an early end brought is as good as any record; another page is not believed at all.
                    if !matches!(cause, WalkError::EndedEarly { .. }) {
                        read.page.records.clear();
                    }
                    let checkpoint = Checkpoint { watermark: running.watermark, walk: None };
                    self.apply(&mut running, report, read, checkpoint, Walked::InVain).await?;
                    return Err(SyncError::Walk {
                        object: self.target.table.name_plural.clone(),
                        cause,
                    });
                }
            }
        }
    }

    /// Whether the object was stopped since the last page. Its walk then goes on from here when the stop is lifted.
    async fn is_stopped(&self, report: &mut ObjectReport) -> Result<bool, SyncError> {
        if !matches!(self.effect, Effect::Preview) {
            report.stopped =
                self.mirror.is_stopped(self.target.table.object_id, Flow::Pull).await?;
        }
        Ok(report.stopped)
    }

    /// Judges a page. One that is not believed is read once more, because a fault on the way can pass.
    async fn judge(
        &self,
        walk: &Walk,
        read: &mut Read<'a>,
        stop: &CancellationToken,
    ) -> Result<Result<Step, WalkError>, SyncError> {
        if let Ok(step) = walk::advance(walk, &facts(walk, &read.page), PAGE_SIZE.into()) {
            return Ok(Ok(step));
        }
        *read = self.read(walk, stop).await?;
        Ok(walk::advance(walk, &facts(walk, &read.page), PAGE_SIZE.into()))
    }

    /// Reads a page. One that was overtaken by our own writes is read anew: what it shows of their records would be
    /// ignored, and the watermark would go past what others changed in them since.
    async fn read(&self, walk: &Walk, stop: &CancellationToken) -> Result<Read<'a>, SyncError> {
        let object = self.target.table.object_id;
        for _ in 0..OVERTAKEN {
            let read = self.read_once(walk, stop).await?;
            let rows = read.page.records.iter().filter_map(|record| record.decoded.as_ref().ok());
            if !read.moment.is_overtaken(object, rows.map(|row| row.id)) {
                return Ok(read);
            }
        }
        Err(MirrorError::Overtaken { object: self.target.table.name_plural.clone() }.into())
    }

    #[tracing::instrument(level = "debug", name = "page", skip_all)]
    async fn read_once(
        &self,
        walk: &Walk,
        stop: &CancellationToken,
    ) -> Result<Read<'a>, SyncError> {
        let (object, cursor) = (self.target.table.name_plural.as_str(), walk.cursor.as_deref());
        let request = PageRequest { object, since: walk.since, cursor, limit: PAGE_SIZE };
        let moment = self.writes.page();
        // Whoever reads everything can wait for those who read what changed.
        let lane = if walk.since.is_some() { Lane::Pull } else { Lane::Backfill };
        let source = self.source.in_lane(lane);
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(SyncError::Stopped),
            page = source.page(&request, &self.target.decoder) => Ok(Read { page: page?, moment }),
        }
    }

    async fn apply(
        &self,
        running: &mut Running,
        report: &mut ObjectReport,
        read: Read<'_>,
        checkpoint: Checkpoint,
        walked: Walked,
    ) -> Result<(), SyncError> {
        let Read { page, moment } = read;
        for row in page.records.iter().filter_map(|record| record.decoded.as_ref().ok()) {
            rewind::note(&mut running.newest, row.id, row.updated_at, page.served_at);
        }
        let version = running.version;
        let rows = Vec::with_capacity(page.records.len());
        let mut write = PageWrite { rows, checkpoint, walked, version, ..PageWrite::default() };
        for record in page.records {
            self.sort(record, &mut write, &mut running.withheld);
        }
        if walked == Walked::ToTheEnd && report.read > 0 {
            self.compare_withheld(running, &mut write);
        }
        if matches!(self.effect, Effect::Apply) {
            write.may_remove = self.may_remove(running, &write).await?;
        }
        let object = self.target.table.object_id;
        let edits = &mut LocalEdits {
            acknowledged: &|id| moment.is_older(object, id),
            overtaken: Some(&|id| moment.is_overtaken(object, std::iter::once(id))),
            decide: &mut |pending, row| self.decide(pending, row),
        };
        let writer = &self.target.writer;
        match self.effect {
            Effect::Apply => {
                let applied = self.mirror.apply_page(writer, &write, edits).await?;
                running.removed += applied.removed;
                running.version += 1;
                if walked == Walked::ToTheEnd {
                    let object = self.target.table.object_id;
                    self.mirror.keep_sentinels(object, &running.newest).await?;
                }
                report.applied.add(applied);
            }
            Effect::Preview => {
                report.applied.add(self.mirror.preview_page(writer, &write, edits).await?);
            }
            Effect::Beside(shadow) => report.applied.add(self.mirror.fill(shadow, &write).await?),
        }
        Ok(())
    }

    /// At the end of a walk: a column that is shown again has to be filled.
    fn compare_withheld(&self, running: &Running, write: &mut PageWrite) {
        let now = self.names(&running.withheld);
        if walk::are_shown_again(&running.withheld_before, &now) && !running.from_the_start {
            write.checkpoint.watermark = None;
        }
        write.withheld = Some(now);
    }

    async fn checkpoint(&self) -> Result<StoredCheckpoint, SyncError> {
        let object = self.target.table.object_id;
        Ok(match self.effect {
            Effect::Apply => self.mirror.checkpoint(object).await?,
            Effect::Preview => self.mirror.stored_checkpoint(object).await?.unwrap_or_default(),
            Effect::Beside(_) => StoredCheckpoint::default(),
        })
    }

    /// Decides on a record with local changes from what a page shows of it. One with a write of unknown outcome is
    /// left to the push, which reads it by id.
    fn decide(&self, pending: &Pending, row: Option<&Row>) -> Option<Decision> {
        if pending.sent.is_some() {
            return None;
        }
        let sighting = row.map_or(Sighting::Absent, |row| Sighting::of(row.clone()));
        let reconciled = reconcile(self.target.rules(), pending, &sighting);
        Some(Decision { reconciled, source_updated_at: row.map(|row| row.updated_at) })
    }

    /// Puts a record where it belongs: a row, a removal, or set aside.
    fn sort(&self, record: PageRecord, write: &mut PageWrite, withheld: &mut BTreeSet<usize>) {
        let PageRecord { decoded, json } = record;
        match decoded {
            Ok(row) if row.deleted_at.is_some() && !self.target.keeps_deleted() => {
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
        columns.iter().map(|&index| self.target.table.columns[index].name.clone()).collect()
    }

    /// Remembers a failure for `status`. That it cannot be remembered is no second failure.
    async fn note(&self, error: &SyncError) {
        let is_ours =
            !matches!(error, SyncError::Stopped) && error.disposition() != Disposition::Replaced;
        if !is_ours || !matches!(self.effect, Effect::Apply) {
            return;
        }
        let failure = chain(error);
        if let Err(error) = self.mirror.note_failure(self.target.table.object_id, &failure).await {
            tracing::debug!(error = chain(&error), "could not note a failure");
        }
    }

    fn say(&self, seen: u64, total: u64, finished: bool) {
        let object = self.target.table.name_plural.clone();
        // Nobody listening is no reason to stop.
        let _ = self.progress.send(Progress::Walk(WalkProgress { object, seen, total, finished }));
    }
}

pub(super) fn facts(walk: &Walk, page: &Page) -> PageFacts {
    let before = if page.counts_the_rest { walk.seen } else { 0 };
    let fact = |record: &PageRecord| match &record.decoded {
        Ok(row) => Some((row.id, Some(row.updated_at))),
        Err(fault) => fault.id.map(|id| (id, None)),
    };
    PageFacts {
        served_at: page.served_at,
        records: page.records.iter().map(fact).collect(),
        end_cursor: page.end_cursor.clone(),
        has_next: page.has_next,
        total: page.total + before,
    }
}

fn set_aside(fault: Undecodable, json: &RecordText) -> SetAside {
    let key = match fault.id {
        Some(id) => id.to_string(),
        None => format!("sha256:{}", hex::encode(Sha256::digest(json.as_bytes()))),
    };
    SetAside {
        key,
        id: fault.id,
        reason: fault.to_string(),
        field: fault.field,
        json: json.to_string(),
    }
}
