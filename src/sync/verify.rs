//! Proves that both sides are equal, record by record, or says where they are not.
//!
//! It exists because counts and times can agree where values do not. Invariants: both sides are read in the order
//! of ids, a page at a time, so memory does not grow; what is unequal is read a second time, the mirror first, and
//! only what differs then counts; records with local changes that the source does not have are counted by themselves
//! and compared with what both sides last agreed on; equality is noted only after a complete walk without a difference.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Progress, SyncError, WalkProgress,
    pull::{LookMoment, PAGE_SIZE, Pull, facts},
    sweep::{Look, Sweeper, id_of},
};
use crate::{
    mirror::{Agreed, StoredRow},
    plan::{
        content::{Allowance, Counts},
        verify::{Comparison, Finding, Recent},
        walk::{self, Step, Walk},
    },
    record::{Column, Decoded, Image, ObjectId, units},
    source::{IDS_PER_CALL, Page, PageRecord, PageRequest},
};

mod report;

pub use report::{Difference, Verified};

/// Rows of the mirror in one query.
const ROWS: u32 = 1_000;

/// How often records are looked for once more because rows of their object were written meanwhile.
const OVERTAKEN: usize = 5;

/// A comparison of one object.
pub(super) struct Verifier<'a, 's> {
    pub(super) sweeper: &'s mut Sweeper<'a>,
    pub(super) object: ObjectId,
    /// How much may be repaired; `None` repairs nothing.
    pub(super) repair: Option<Allowance>,
    pub(super) report: Verified,
}

impl<'a> Verifier<'a, '_> {
    /// Compares the object from its first record to its last.
    pub(super) async fn run(mut self, pull: &Pull<'a>) -> Verified {
        self.report.object = pull.target.plural().to_owned();
        let calls_before = pull.source.usage().total();
        let walked = self.walk(pull).await;
        self.report.calls = pull.source.usage().total() - calls_before;
        let proven = walked.is_ok() && self.report.unequal() == 0;
        let noted = match (walked, proven) {
            (Err(error), _) => Err(error),
            (Ok(()), true) => pull.mirror.note_proven(self.object).await.map_err(SyncError::from),
            (Ok(()), false) => Ok(()),
        };
        self.report.failure = noted.err();
        self.report
    }

    async fn walk(&mut self, pull: &Pull<'a>) -> Result<(), SyncError> {
        let stored = pull.mirror.stored_checkpoint(self.object).await?.unwrap_or_default();
        let mut walk = Walk::default();
        while let Some(next) = self.step(pull, &walk, stored.checkpoint.watermark).await? {
            self.say(pull, &next);
            walk = next;
        }
        Ok(())
    }

    /// Compares the next page of both sides, of which the mirror was read up to `watermark`; what comes after it, or
    /// nothing at the end.
    pub(super) async fn step(
        &mut self,
        pull: &Pull<'a>,
        walk: &Walk,
        watermark: Option<OffsetDateTime>,
    ) -> Result<Option<Walk>, SyncError> {
        let since = watermark.map(|watermark| watermark - pull.overlap);
        let (page, step) = self.page(pull, walk).await?;
        let recent = Recent::after(since, page.answered_by);
        let next = match step {
            Step::More(next) => Some(next),
            Step::Done(_) => None,
        };
        let to = next.as_ref().and_then(|next| next.last_id);
        self.compare(pull, page.records, walk.last_id, to, recent).await?;
        Ok(next)
    }

    /// Reads a page; one that is not believed is read once more.
    async fn page(&self, pull: &Pull<'a>, walk: &Walk) -> Result<(Page, Step), SyncError> {
        let object = pull.target.plural();
        let cursor = walk.cursor.as_deref();
        let request = PageRequest { object, since: None, cursor, limit: PAGE_SIZE };
        let mut again = false;
        loop {
            self.sweeper.go_on()?;
            let page = pull.source.page(&request, &pull.target.decoder).await?;
            match walk::advance(walk, &facts(walk, &page), PAGE_SIZE.into()) {
                Ok(step) => return Ok((page, step)),
                Err(_) if !again => again = true,
                Err(cause) => return Err(SyncError::Walk { object: object.to_owned(), cause }),
            }
        }
    }

    /// Compares what both sides hold above `after` and up to `to`.
    async fn compare(
        &mut self,
        pull: &Pull<'a>,
        records: Vec<PageRecord>,
        mut after: Option<Uuid>,
        to: Option<Uuid>,
        recent: Recent,
    ) -> Result<(), SyncError> {
        let readable = |record: PageRecord| Some((id_of(&record)?, record.decoded));
        let mut source: BTreeMap<Uuid, Decoded> =
            records.into_iter().filter_map(readable).collect();
        loop {
            let writer = &pull.target.writer;
            let rows = pull.mirror.stored_between(writer, after, to, ROWS).await?;
            let last = rows.last().map(|row| row.id).filter(|_| rows.len() >= ROWS as usize);
            let rest = last
                .map(|last| source.split_off(&Uuid::from_u128(last.as_u128().saturating_add(1))));
            let unequal = self.sides(pull, std::mem::take(&mut source), rows, recent);
            self.confirm(pull, &unequal, recent).await?;
            let Some(last) = last else { return Ok(()) };
            (after, source) = (Some(last), rest.unwrap_or_default());
        }
    }

    /// Compares a stretch of both sides; what is unequal is the answer.
    fn sides(
        &mut self,
        pull: &Pull<'a>,
        mut source: BTreeMap<Uuid, Decoded>,
        rows: Vec<StoredRow>,
        recent: Recent,
    ) -> Vec<Uuid> {
        let mut unequal = Vec::new();
        for stored in rows {
            let row = source.remove(&stored.id);
            match finding(pull, row.as_ref(), &stored, recent) {
                Seen::Finding(Finding::Equal) if row.is_some() => self.report.compared += 1,
                Seen::Finding(Finding::Equal) => {}
                Seen::Finding(_) => unequal.push(stored.id),
                Seen::Edited => self.report.waiting += 1,
                Seen::Unreadable => self.report.unreadable += 1,
            }
        }
        for (id, row) in source {
            let stored = StoredRow { id, json: None, is_edited: false, agreed: None };
            match finding(pull, Some(&row), &stored, recent) {
                Seen::Finding(Finding::Equal) | Seen::Edited => {}
                Seen::Finding(_) => unequal.push(id),
                Seen::Unreadable => self.report.unreadable += 1,
            }
        }
        unequal
    }

    /// Looks a second time; what is unequal then counts, and is repaired if that is wanted.
    async fn confirm(
        &mut self,
        pull: &Pull<'a>,
        unequal: &[Uuid],
        recent: Recent,
    ) -> Result<(), SyncError> {
        for ids in unequal.chunks(IDS_PER_CALL) {
            let mut confirmed = self.confirm_some(pull, ids, recent).await;
            for _ in 0..OVERTAKEN {
                if confirmed.as_ref().is_err_and(SyncError::is_overtaken) {
                    confirmed = self.confirm_some(pull, ids, recent).await;
                }
            }
            confirmed?;
        }
        Ok(())
    }

    async fn confirm_some(
        &mut self,
        pull: &Pull<'a>,
        ids: &[Uuid],
        recent: Recent,
    ) -> Result<(), SyncError> {
        let moment = match self.repair {
            Some(_) => Some(pull.before_look().await?),
            None => None,
        };
        let (found, look) = self.look(pull, ids, recent).await?;
        let wrong: Vec<(Uuid, &Finding)> =
            found.iter().filter_map(|(id, seen)| Some((*id, seen.difference()?))).collect();
        if let Some(moment) = moment.filter(|_| !wrong.is_empty()) {
            self.spend(pull, &wrong, &look)?;
            let wrong = wrong.iter().map(|(id, _)| *id).collect();
            self.write(pull, look, &wrong, moment).await?;
            self.report.repaired += self.equal_now(pull, &wrong, recent).await?;
        }
        for (id, seen) in found {
            match seen {
                Seen::Finding(finding) => self.report.put(id, finding),
                Seen::Edited => self.report.waiting += 1,
                Seen::Unreadable => self.report.unreadable += 1,
            }
        }
        Ok(())
    }

    /// Takes what a repair overwrites out of the allowance, or refuses it.
    fn spend(
        &mut self,
        pull: &Pull<'a>,
        wrong: &[(Uuid, &Finding)],
        look: &Look,
    ) -> Result<(), SyncError> {
        let Some(allowance) = self.repair else { return Ok(()) };
        let counts = |(id, finding): &&(Uuid, &Finding)| match allowance.counts {
            Counts::Removals => look.absent.contains(id),
            Counts::Everything => !matches!(finding, Finding::Missing),
        };
        let rows = wrong.iter().filter(counts).count() as u64;
        let less = allowance.less(rows);
        self.repair = less.or(self.repair);
        let (object, total) = (pull.target.plural().to_owned(), allowance.total);
        let records = allowance.overwritten + rows;
        match (less, allowance.counts) {
            (Some(_), _) => Ok(()),
            (None, Counts::Removals) => Err(SyncError::Fuse { object, records, total }),
            (None, Counts::Everything) => Err(SyncError::OverwriteFuse { object, records, total }),
        }
    }

    /// Repairs these records by what was seen of them.
    async fn write(
        &mut self,
        pull: &Pull<'a>,
        look: Look,
        wrong: &BTreeSet<Uuid>,
        mut moment: LookMoment<'_>,
    ) -> Result<(), SyncError> {
        let is_wrong = |record: &PageRecord| id_of(record).is_some_and(|id| wrong.contains(&id));
        let records = look.records.into_iter().filter(is_wrong).collect();
        pull.apply_read(records, &mut moment).await?;
        let gone = look.absent.into_iter().filter(|id| wrong.contains(id)).collect();
        self.sweeper.bury(self.object, gone).await
    }

    /// How many of these records are equal now, or are not due.
    async fn equal_now(
        &self,
        pull: &Pull<'a>,
        ids: &BTreeSet<Uuid>,
        recent: Recent,
    ) -> Result<u64, SyncError> {
        let ids: Vec<Uuid> = ids.iter().copied().collect();
        let (found, _) = self.look(pull, &ids, recent).await?;
        let is_equal = |seen: &Seen| {
            matches!(seen, Seen::Finding(Finding::Equal | Finding::NotDue) | Seen::Edited)
        };
        Ok(found.iter().filter(|(_, seen)| is_equal(seen)).count() as u64)
    }

    /// Reads both sides of records, the mirror first: what changes in between is recent, not unequal.
    async fn look(
        &self,
        pull: &Pull<'a>,
        ids: &[Uuid],
        recent: Recent,
    ) -> Result<(Vec<(Uuid, Seen)>, Look), SyncError> {
        let stored = pull.mirror.stored_rows(&pull.target.writer, ids).await?;
        let mut stored: BTreeMap<Uuid, StoredRow> =
            stored.into_iter().map(|row| (row.id, row)).collect();
        let look = self.sweeper.look(pull, ids).await?;
        let rows: BTreeMap<Uuid, &Decoded> = look
            .records
            .iter()
            .filter_map(|record| Some((id_of(record)?, &record.decoded)))
            .collect();
        // Changes made since the page was read are recent, too.
        let recent = recent.seen_until(look.answered_by);
        let found = ids.iter().map(|&id| {
            let none = StoredRow { id, json: None, is_edited: false, agreed: None };
            let stored = stored.remove(&id).unwrap_or(none);
            (id, finding(pull, rows.get(&id).copied(), &stored, recent))
        });
        Ok((found.collect(), look))
    }

    fn say(&self, pull: &Pull<'a>, walk: &Walk) {
        let (seen, total) = (walk.seen, walk.fewest.unwrap_or(walk.seen));
        let object = self.report.object.clone();
        // Nobody listening is no reason to stop.
        let _ = pull.progress.send(Progress::Walk(WalkProgress {
            object,
            seen,
            total,
            finished: false,
        }));
    }
}

/// What is seen of a record.
enum Seen {
    Finding(Finding),
    /// It has local changes that the source does not have.
    Edited,
    /// One of its sides cannot be read.
    Unreadable,
}

impl Seen {
    fn difference(&self) -> Option<&Finding> {
        match self {
            Seen::Finding(Finding::Equal | Finding::NotDue) | Seen::Edited | Seen::Unreadable => {
                None
            }
            Seen::Finding(finding) => Some(finding),
        }
    }
}

/// What both sides of a record show; a side without it is `None`. One with local changes is compared with what both
/// last agreed on, where that is known for certain.
fn finding(pull: &Pull<'_>, source: Option<&Decoded>, stored: &StoredRow, recent: Recent) -> Seen {
    let columns = pull.target.writer.columns();
    let (units, deleted) = (&units(columns), pull.target.deleted());
    let hides_trash = pull.target.keeps_what_is_hidden();
    let comparison = Comparison { columns, units, deleted, hides_trash, recent };
    if stored.is_edited {
        return edited(&comparison, source, stored.agreed.as_ref());
    }
    let mirror = stored.json.as_ref().map(|json| Image::decode(columns, json.get())).transpose();
    let source = source.map(Result::as_ref).transpose();
    let (Ok(source), Ok(mirror)) = (source, mirror) else { return Seen::Unreadable };
    Seen::Finding(comparison.of(source, mirror.as_ref()))
}

fn edited(comparison: &Comparison<'_>, source: Option<&Decoded>, agreed: Option<&Agreed>) -> Seen {
    let (Some(Ok(source)), Some(agreed)) = (source, agreed) else { return Seen::Edited };
    let Ok(base) = Image::decode(comparison.columns, agreed.json.get()) else {
        return Seen::Edited;
    };
    let waits = |(_, column): &(usize, &Column)| agreed.waiting.contains(&column.name);
    let waiting = comparison.columns.iter().enumerate().filter(waits);
    let waiting: BTreeSet<usize> = waiting.map(|(index, _)| index).collect();
    match comparison.since(source, &base, &waiting) {
        Finding::Equal | Finding::NotDue => Seen::Edited,
        finding => Seen::Finding(finding),
    }
}
