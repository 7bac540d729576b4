//! Pulls one object: `src/sync/pull.rs`.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Daemon, Fail, withheld::Withheld, writes::PageMoment};
use crate::{
    clock::OVERLAP,
    mirror::{Decision, LocalEdits, Overtaken, PageWrite},
    mistakes::{self, Bug},
    objects::Object,
    plan::{
        pending::{Pending, Sighting},
        reconcile::reconcile,
        walk::{self, Checkpoint, PageFacts, Step, Walk, WalkError},
    },
    record::Row,
    twenty::{Listing, Served},
    world::World,
};

/// How often a page is read once more because rows of its object were written meanwhile.
const OVERTAKEN: usize = 3;

/// A page, and when it was asked for.
struct Read<'a> {
    page: Listing,
    moment: PageMoment<'a>,
}

/// Where the object stood before the page, and where it stands after it.
struct Place {
    version: i64,
    checkpoint: Checkpoint,
    is_complete: bool,
    withheld: Option<Vec<String>>,
}

impl Daemon {
    pub(super) async fn pull(&self, object: usize) -> Result<(), Fail> {
        let mut walked = self.walk(object).await;
        for _ in 0..OVERTAKEN {
            if walked == Err(Fail::Overtaken) {
                walked = self.walk(object).await;
            }
        }
        walked
    }

    async fn walk(&self, object: usize) -> Result<(), Fail> {
        let stored = self.look("read checkpoint", |w| w.mirror.checkpoints[object].clone()).await?;
        let watermark = stored.checkpoint.watermark;
        let mut version = stored.version;
        let mut walk = walk::begin(&stored.checkpoint, OVERLAP);
        if mistakes::is(Bug::NoOverlap) && walk.cursor.is_none() {
            walk.since = watermark;
        }
        let mut largest = watermark;
        let mut shown = Vec::new();
        let mut withheld = Withheld::new(self, object, walk.since.is_none());
        loop {
            let mut read = self.page(object, &walk).await?;
            let judged = self.judge(object, &walk, &mut read).await?;
            shown.extend(read.page.records.iter().map(|served| served.row.id));
            let times = read.page.records.iter().map(|served| served.row.updated_at);
            largest = times.max().max(largest);
            withheld.note(&read.page);
            let (next, checkpoint, is_complete) = match judged {
                Ok(Step::More(next)) => {
                    let checkpoint = Checkpoint { watermark, walk: Some(next.clone()) };
                    (Some(next), checkpoint, false)
                }
                Ok(Step::Done(mut checkpoint)) => {
                    plant(&mut checkpoint, &read, largest);
                    withheld.ends(&mut checkpoint);
                    (None, checkpoint, true)
                }
                Err(cause) => {
                    if !matches!(cause, WalkError::EndedEarly { .. }) {
                        read.page.records.clear();
                    }
                    let checkpoint = Checkpoint { watermark, walk: None };
                    let place = Place { version, checkpoint, is_complete: false, withheld: None };
                    self.apply(object, read, place).await?;
                    return Err(Fail::Walk(cause));
                }
            };
            let withheld = is_complete.then(|| withheld.names());
            self.apply(object, read, Place { version, checkpoint, is_complete, withheld }).await?;
            version += 1;
            let Some(next) = next else {
                return self.forget_unseen(object, &walk, &shown, version).await;
            };
            walk = next;
        }
    }

    /// A mistake: what a walk of everything did not show is removed.
    async fn forget_unseen(
        &self,
        object: usize,
        walk: &Walk,
        shown: &[Uuid],
        version: i64,
    ) -> Result<(), Fail> {
        if !mistakes::is(Bug::DeleteOnAbsence) || walk.since.is_some() {
            return Ok(());
        }
        let rows = |world: &mut World| {
            let expected = world.mirror.expected_ids(object, &world.objects[object]);
            let absent = expected.into_iter().filter(|id| !shown.contains(id)).collect();
            let checkpoint = world.mirror.checkpoints[object].checkpoint.clone();
            PageWrite { absent, checkpoint, version, ..PageWrite::default() }
        };
        let write = self.look("list rows", rows).await?;
        self.write_page(object, write, &|_| false, None).await
    }

    /// Judges a page. One that is not believed is read once more.
    async fn judge<'a>(
        &'a self,
        object: usize,
        walk: &Walk,
        read: &mut Read<'a>,
    ) -> Result<Result<Step, WalkError>, Fail> {
        let judged = self.advance(walk, &read.page);
        if judged.is_ok() {
            return Ok(judged);
        }
        *read = self.page(object, walk).await?;
        Ok(self.advance(walk, &read.page))
    }

    fn advance(&self, walk: &Walk, page: &Listing) -> Result<Step, WalkError> {
        let limit = self.world.borrow().page as u64;
        let known = |served: &Served| Some((served.row.id, Some(served.row.updated_at)));
        let facts = PageFacts {
            served_at: page.served_at,
            records: page.records.iter().map(known).collect(),
            end_cursor: page.cursor.clone(),
            has_next: page.has_next,
            total: page.total,
        };
        walk::advance(walk, &facts, limit)
    }

    /// Reads a page. One that was overtaken by our own writes is read anew.
    async fn page<'a>(&'a self, object: usize, walk: &Walk) -> Result<Read<'a>, Fail> {
        let id = self.objects[object].table.object_id;
        for _ in 0..OVERTAKEN {
            let read = self.page_once(object, walk).await?;
            let shown = read.page.records.iter().map(|served| served.row.id);
            if mistakes::is(Bug::OvertakenPageKept) || !read.moment.is_overtaken(id, shown) {
                return Ok(read);
            }
            self.hit("page", "overtaken by a write");
        }
        Err(Fail::Overtaken)
    }

    async fn page_once<'a>(&'a self, object: usize, walk: &Walk) -> Result<Read<'a>, Fail> {
        let moment = self.writes.page();
        let (since, cursor) = (walk.since, walk.cursor.clone());
        let ask = |world: &mut World| {
            let (limit, now) = (world.page, world.now);
            let page = world.twenty.page(object, since, cursor.as_deref(), limit, now);
            let mut page = spoil(world, object, page, cursor.as_deref());
            world.project(object, &self.objects[object], &mut page.records);
            page
        };
        Ok(Read { page: self.read_of(object, "page", ask).await?, moment })
    }

    async fn apply(&self, object: usize, read: Read<'_>, place: Place) -> Result<(), Fail> {
        let Read { page, moment } = read;
        let Place { version, checkpoint, is_complete, withheld } = place;
        let mut write = PageWrite { checkpoint, version, withheld, ..PageWrite::default() };
        self.sort(object, page.records, &mut write);
        let id = self.objects[object].table.object_id;
        let is_older = |record| moment.is_older(id, record);
        let is_overtaken = |record| moment.is_overtaken(id, std::iter::once(record));
        if mistakes::is(Bug::CheckpointBeforeRows) {
            let first =
                PageWrite { checkpoint: write.checkpoint.clone(), version, ..PageWrite::default() };
            self.write_page(object, first, &is_older, Some(&is_overtaken)).await?;
            write.version += 1;
            self.write_page(object, write, &is_older, Some(&is_overtaken)).await?;
            self.world.borrow_mut().mirror.checkpoints[object].version = version + 1;
            return Ok(());
        }
        self.hit("page", if is_complete { "last" } else { "further" });
        self.write_page(object, write, &is_older, Some(&is_overtaken)).await
    }

    /// Puts records where they belong: rows, or removals.
    pub(super) fn sort(&self, object: usize, records: Vec<Served>, write: &mut PageWrite) {
        let keeps = self.objects[object].keeps_deleted();
        for served in records {
            if served.row.deleted_at.is_some() && !keeps {
                write.tombstones.push(served);
            } else {
                write.rows.push(served);
            }
        }
    }

    pub(super) async fn write_page(
        &self,
        object: usize,
        write: PageWrite,
        is_older: &dyn Fn(Uuid) -> bool,
        is_overtaken: Option<&dyn Fn(Uuid) -> bool>,
    ) -> Result<(), Fail> {
        let of = &self.objects[object];
        let applied = self.commit_of(object, "commit page", |world| {
            let now = world.at_postgres();
            let edits = &mut LocalEdits {
                is_older,
                is_overtaken,
                decide: &mut |pending, row| decide(of, pending, row),
            };
            world.mirror.apply_page(object, of, &write, edits, now)
        });
        match applied.await? {
            Ok(()) => Ok(()),
            Err(Overtaken) => Err(Fail::Overtaken),
        }
    }
}

/// Decides on a record with local changes from what a page shows of it.
fn decide(object: &Object, pending: &Pending, row: Option<&Row>) -> Option<Decision> {
    if pending.sent.is_some() {
        return None;
    }
    let sighting = row.map_or(Sighting::Absent, |row| Sighting::of(row.clone()));
    Some(Decision { reconciled: reconcile(object.rules(), pending, &sighting), rev: None })
}

/// What servers and what lies before them make of pages.
fn spoil(world: &mut World, object: usize, mut page: Listing, cursor: Option<&str>) -> Listing {
    // Two such faults in one walk can hide each other; no count tells of that.
    let is_soon = world.effects < world.spoiled + 60;
    let often = if world.crowded { world.faults.min(4) } else { world.faults };
    if world.faults == 0 || is_soon || !world.dice.once_in(often) {
        return page;
    }
    world.spoiled = world.effects;
    match world.dice.below(4) {
        0 => {
            world.tally.hit("truncated listing", "page");
            world.say("truncated listing");
            let keep = world.dice.below(page.records.len().max(1));
            page.records.truncate(keep);
            (page.has_next, page.cursor) = (false, None);
        }
        1 => {
            world.tally.hit("page repeated", "page");
            world.say("page repeated");
            let (limit, now) = (world.page, world.now);
            page = world.twenty.page(object, None, None, limit, now);
            page.has_next |= cursor.is_some();
        }
        2 => {
            world.tally.hit("filter ignored", "page");
            world.say("filter ignored");
            let (limit, now) = (world.page, world.now);
            page = world.twenty.page(object, None, cursor, limit, now);
        }
        _ => {
            world.tally.hit("cursor stands", "page");
            world.say("cursor stands");
            page.cursor = cursor.map(str::to_owned);
            page.has_next = true;
        }
    }
    page
}

/// Mistakes about how far the object has been read.
fn plant(checkpoint: &mut Checkpoint, read: &Read<'_>, largest: Option<OffsetDateTime>) {
    if mistakes::is(Bug::WatermarkOfLastPage) {
        checkpoint.watermark = Some(read.page.served_at);
    }
    if mistakes::is(Bug::WatermarkOfLargestTime) {
        checkpoint.watermark = largest.or(checkpoint.watermark);
    }
}
