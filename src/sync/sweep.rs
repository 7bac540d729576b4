//! Finds records that were destroyed at the source, and removes them from the mirror.
//!
//! It exists because a hard delete leaves no trace that a walk could see. Invariants: only after a complete walk;
//! a record goes only if two looks by its id, trash included, did not find it, and each look gave as many records
//! as the server counts; counts or answers that contradict each other change nothing,
//! and more than the fuse allows is left to a person. The rows that refer to a
//! destroyed record are read anew *before* it goes, because the source changes them without a trace: a kill in
//! between leaves the record, so it is found again.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{SyncError, fuse, pull::Pull};
use crate::{
    mirror::Applied,
    plan::{
        fuse::Effects,
        pending::DeletedRecords,
        sweep::{ALL_IDS, Contradiction, IdRange, Sweep},
    },
    record::{Flow, ObjectId},
    source::{IDS_PER_CALL, PageRecord, Trash},
};

/// Counts that are asked for side by side.
const PARALLEL: usize = 4;

/// The objects of a workspace, to be swept.
pub(super) struct Sweeper<'a> {
    /// Every mirrored object.
    pub(super) pulls: BTreeMap<ObjectId, Pull<'a>>,
    /// Those that were read to the end.
    pub(super) complete: BTreeSet<ObjectId>,
    /// Those of which a person lets any number of records go.
    pub(super) released: BTreeSet<ObjectId>,
    pub(super) stop: &'a CancellationToken,
    /// What changed, by object.
    pub(super) applied: BTreeMap<ObjectId, Applied>,
    /// What went wrong, by object.
    pub(super) failures: BTreeMap<ObjectId, SyncError>,
    /// Those that the source did not count.
    uncounted: BTreeSet<ObjectId>,
}

/// What a look by ids brought.
#[derive(Default)]
pub(super) struct Look {
    pub(super) records: Vec<PageRecord>,
    pub(super) absent: Vec<Uuid>,
    /// A time of the server that is not before it answered.
    pub(super) answered_by: Option<OffsetDateTime>,
}

impl<'a> Sweeper<'a> {
    pub(super) fn new(
        pulls: BTreeMap<ObjectId, Pull<'a>>,
        complete: BTreeSet<ObjectId>,
        stop: &'a CancellationToken,
    ) -> Sweeper<'a> {
        let (released, applied, failures, uncounted) = Default::default();
        Sweeper { pulls, complete, released, stop, applied, failures, uncounted }
    }

    /// Sweeps every object of which the source counts too few records.
    pub(super) async fn run(&mut self) -> Result<(), SyncError> {
        for object in self.suspicious().await? {
            let swept = match self.sweep(object).await {
                // Somebody may have created or deleted records between two counts.
                Err(SyncError::Counts { .. }) => self.sweep(object).await,
                // Or another loop wrote rows of the object meanwhile.
                Err(error) if error.is_overtaken() => self.sweep(object).await,
                swept => swept,
            };
            if let Err(error) = swept {
                self.failures.insert(object, error);
            }
        }
        Ok(())
    }

    /// The objects of which it is known now that nothing is missing any more.
    pub(super) fn done(&self) -> Vec<ObjectId> {
        let is_open = |id: &ObjectId| self.failures.contains_key(id) || self.uncounted.contains(id);
        self.complete.iter().filter(|id| !is_open(id)).copied().collect()
    }

    /// An error where the source answered and left objects out.
    pub(super) fn uncounted(&self) -> Option<SyncError> {
        let names = self.uncounted.iter().filter_map(|object| self.pulls.get(object));
        let objects: Vec<_> = names.map(|pull| pull.target.plural().to_owned()).collect();
        (!objects.is_empty()).then_some(SyncError::Uncounted { objects })
    }

    /// The objects of which the source counts fewer records than it should hold. What it should hold is counted
    /// first: what is created meanwhile can hide a destroyed record until the next time, and never make one up.
    async fn suspicious(&mut self) -> Result<Vec<ObjectId>, SyncError> {
        let mut expected = Vec::new();
        for pull in self.complete.iter().filter_map(|object| self.pulls.get(object)) {
            let count = pull.mirror.expected_count(&pull.target.writer, pull.target.expected());
            expected.push((pull, count.await?));
        }
        expected.retain(|(_, count)| *count > 0);
        let names: Vec<&str> = expected.iter().map(|(pull, _)| pull.target.plural()).collect();
        let Some((pull, _)) = expected.first() else { return Ok(Vec::new()) };
        let counts = pull.source.counts(&names, trash(pull)).await?;
        let (mut suspicious, mut uncounted) = (Vec::new(), BTreeSet::new());
        for ((pull, expected), counted) in expected.iter().zip(counts) {
            let object = pull.target.table.object_id;
            match counted {
                Some(counted) if counted < *expected => suspicious.push(object),
                Some(_) => {}
                None => drop(uncounted.insert(object)),
            }
        }
        self.uncounted = uncounted;
        Ok(suspicious)
    }

    /// Narrows down where records are missing, and looks there.
    async fn sweep(&mut self, object: ObjectId) -> Result<(), SyncError> {
        let Some(pull) = self.pulls.get(&object) else { return Ok(()) };
        let (mut moment, target) = (pull.before_look().await?, pull.target);
        let ids = pull.mirror.expected_ids(&target.writer, target.expected()).await?;
        let counted = self.count(pull, vec![ALL_IDS]).await?.into_iter().sum();
        let mut search = Sweep::begin(&ids, counted);
        loop {
            let ranges = search.ask();
            if ranges.is_empty() {
                break;
            }
            let counts = self.count(pull, ranges).await?;
            search.answer(&counts).map_err(|cause| doubt(pull, cause))?;
        }
        let mut absent = Vec::new();
        let mut trashed = Vec::new();
        let total = ids.len() as u64;
        for ids in search.suspects().flat_map(|ids| ids.chunks(IDS_PER_CALL)) {
            let look = self.look(pull, ids).await?;
            absent.extend(look.absent);
            trashed.extend(look.records.into_iter().filter(is_trashed));
        }
        if !trashed.is_empty() && !target.keeps_deleted() {
            // They were deleted with a time that no walk asks for, or since the walk.
            let applied = pull.apply_read(trashed, &mut moment).await?;
            self.applied.entry(object).or_default().add(applied);
        }
        let records = absent.len() as u64;
        let effects = Effects { deletes: records, overwrites: 0 };
        if target.fuse.blows(effects, total) && !self.released.contains(&object) {
            return fuse::blow(pull.mirror, target, Flow::Pull, effects, total).await;
        }
        self.bury(object, absent).await
    }

    /// Removes records that were not found, after what refers to them was read anew. What went with them goes, too; what
    /// somebody made anew meanwhile is taken first, because its row may still name what goes.
    pub(super) async fn bury(
        &mut self,
        object: ObjectId,
        absent: Vec<Uuid>,
    ) -> Result<(), SyncError> {
        if absent.is_empty() {
            return Ok(());
        }
        let mut graves = vec![(object, absent)];
        let mut seen: HashSet<(ObjectId, Uuid)> = HashSet::new();
        let mut next = 0;
        while let Some((object, ids)) = graves.get(next).cloned() {
            seen.extend(ids.iter().map(|id| (object, *id)));
            graves.extend(self.refresh_referring(&ids, &mut seen).await?);
            next += 1;
        }
        for (object, ids) in graves.into_iter().rev() {
            let Some(pull) = self.pulls.get(&object) else { continue };
            let mut moment = pull.before_look().await?;
            let look = self.look(pull, &ids).await?;
            if !look.records.is_empty() {
                let applied = pull.apply_read(look.records, &mut moment).await?;
                self.applied.entry(object).or_default().add(applied);
            }
            let applied = pull.remove_absent(&look.absent, &mut moment).await?;
            let (name, records) = (pull.target.plural(), applied.removed);
            tracing::info!(
                event = "destroyed_records_removed",
                object = name,
                records,
                "removed records that the source destroyed"
            );
            self.applied.entry(object).or_default().add(applied);
        }
        Ok(())
    }

    /// Reads anew what refers to these records; says what is not there any more.
    pub(super) async fn refresh_referring(
        &mut self,
        ids: &[Uuid],
        seen: &mut HashSet<(ObjectId, Uuid)>,
    ) -> Result<Vec<(ObjectId, Vec<Uuid>)>, SyncError> {
        let mut graves = Vec::new();
        for (object, pull) in &self.pulls {
            let mut referring = pull.mirror.referring(&pull.target.writer, ids).await?;
            referring.retain(|id| seen.insert((*object, *id)));
            let mut absent = Vec::new();
            for ids in referring.chunks(IDS_PER_CALL) {
                let mut moment = pull.before_look().await?;
                let look = self.look(pull, ids).await?;
                absent.extend(look.absent);
                let applied = pull.apply_read(look.records, &mut moment).await?;
                self.applied.entry(*object).or_default().add(applied);
            }
            if !absent.is_empty() && self.complete.contains(object) {
                graves.push((*object, absent));
            }
        }
        Ok(graves)
    }

    /// An error where the run is to stop.
    pub(super) fn go_on(&self) -> Result<(), SyncError> {
        if self.stop.is_cancelled() { Err(SyncError::Stopped) } else { Ok(()) }
    }

    async fn count(&self, pull: &Pull<'_>, ranges: Vec<IdRange>) -> Result<Vec<u64>, SyncError> {
        let counts = ranges.into_iter().map(|range| async move {
            self.go_on()?;
            let (object, IdRange { from, to }) = (pull.target.plural(), range);
            Ok(pull.source.count_between(object, from, to, trash(pull)).await?)
        });
        stream::iter(counts).buffered(PARALLEL).try_collect().await
    }

    /// Looks for records by id, trash included. An answer with more or fewer records than it counts is not believed. Where
    /// the source hides its trash, a row that is known to be there is not absent.
    pub(super) async fn look(&self, pull: &Pull<'_>, ids: &[Uuid]) -> Result<Look, SyncError> {
        if ids.is_empty() {
            return Ok(Look::default());
        }
        self.go_on()?;
        let found = pull.source.look_up(pull.target.plural(), ids, &pull.target.decoder).await?;
        if !found.is_whole() {
            let (given, counted) = (found.records.len() as u64, found.counted);
            return Err(doubt(pull, Contradiction::Answer { given, counted }));
        }
        let there: HashSet<Uuid> = found.records.iter().filter_map(id_of).collect();
        let mut absent: Vec<Uuid> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
        if pull.target.keeps_what_is_hidden() && !absent.is_empty() {
            let kept = pull.mirror.trashed(&pull.target.writer, &absent).await?;
            absent.retain(|id| !kept.contains(id));
        }
        Ok(Look { records: found.records, absent, answered_by: found.answered_by })
    }
}

fn trash(pull: &Pull<'_>) -> Trash {
    match pull.target.expected() {
        DeletedRecords::Keep => Trash::Counted,
        DeletedRecords::Remove => Trash::LeftOut,
    }
}

pub(super) fn id_of(record: &PageRecord) -> Option<Uuid> {
    match &record.decoded {
        Ok(row) => Some(row.id),
        Err(fault) => fault.id,
    }
}

fn is_trashed(record: &PageRecord) -> bool {
    record.decoded.as_ref().is_ok_and(|row| row.deleted_at.is_some())
}

fn doubt(pull: &Pull<'_>, cause: Contradiction) -> SyncError {
    SyncError::Counts { object: pull.target.plural().to_owned(), cause }
}
