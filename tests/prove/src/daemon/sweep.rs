//! Finds records that were destroyed: `src/sync/sweep.rs`.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::{Daemon, Fail, Found, writes::PageMoment};
use crate::{
    mirror::{PageWrite, Stored},
    mistakes::{self, Bug},
    objects::{Key, is_live},
    plan::sweep::{ALL_IDS, Contradiction, IdRange, Sweep},
    record::Image,
    twenty::Served,
    world::World,
};

/// When records are looked for by id, and where the object stood then.
pub(super) struct LookMoment<'a> {
    writes: PageMoment<'a>,
    stored: Stored,
}

impl Daemon {
    pub(super) async fn sweep_all(&self, complete: &[usize]) -> Result<(), Fail> {
        let mut suspicious = Vec::new();
        for &object in complete {
            let expected = self.expected(object).await?.len() as u64;
            if expected > 0 && self.count(object, ALL_IDS).await? < expected {
                suspicious.push(object);
            }
        }
        for object in suspicious {
            let swept = match self.sweep(object, complete).await {
                Err(Fail::Counts(_) | Fail::Overtaken) => self.sweep(object, complete).await,
                swept => swept,
            };
            match swept {
                Err(Fail::Fenced) => return Err(Fail::Fenced),
                Err(fail) => self.hit("sweep failed", fail.name()),
                Ok(()) => self.hit("sweep", "done"),
            }
        }
        Ok(())
    }

    async fn expected(&self, object: usize) -> Result<Vec<Uuid>, Fail> {
        let of = &self.objects[object];
        self.look("list expected", |world| world.mirror.expected_ids(object, of)).await
    }

    async fn sweep(&self, object: usize, complete: &[usize]) -> Result<(), Fail> {
        let mut moment = self.before_look(object).await?;
        let ids = self.expected(object).await?;
        let counted = self.count(object, ALL_IDS).await?;
        let mut search = Sweep::begin(&ids, counted);
        loop {
            let ranges = search.ask();
            if ranges.is_empty() {
                break;
            }
            let mut counts = Vec::new();
            for range in ranges {
                counts.push(self.count(object, range).await?);
            }
            search.answer(&counts).map_err(Fail::Counts)?;
        }
        let suspects: Vec<Uuid> = search.suspects().flatten().copied().collect();
        if mistakes::is(Bug::SuspectsBelieved) {
            return self.remove_absent(object, suspects, &mut moment).await;
        }
        let found = self.look_up(object, &suspects).await?;
        let (absent, found) = parted(&suspects, found);
        let trashed: Vec<Served> =
            found.into_iter().filter(|served| !is_live(&Image::of(&served.row))).collect();
        if !trashed.is_empty() && !self.objects[object].keeps_deleted() {
            self.apply_read(object, trashed, &mut moment).await?;
        }
        self.bury(object, absent, complete).await
    }

    /// Removes records that were not found, after what refers to them was read anew, and what is there again was taken.
    pub(super) async fn bury(
        &self,
        object: usize,
        absent: Vec<Uuid>,
        complete: &[usize],
    ) -> Result<(), Fail> {
        if absent.is_empty() {
            return Ok(());
        }
        let mut graves = vec![(object, absent)];
        let mut seen: HashSet<Key> = HashSet::new();
        let mut next = 0;
        while let Some((object, ids)) = graves.get(next).cloned() {
            seen.extend(ids.iter().map(|id| (object, *id)));
            if !mistakes::is(Bug::ReferrersForgotten) {
                graves.extend(self.refresh_referring(&ids, &mut seen, complete).await?);
            }
            next += 1;
        }
        for (object, ids) in graves.into_iter().rev() {
            let mut moment = self.before_look(object).await?;
            let found = self.look_up(object, &ids).await?;
            let (absent, found) = parted(&ids, found);
            if !found.is_empty() {
                self.apply_read(object, found, &mut moment).await?;
            }
            self.hit("sweep", "buried");
            self.remove_absent(object, absent, &mut moment).await?;
        }
        Ok(())
    }

    /// Reads anew what refers to these records; says what is not there any more.
    async fn refresh_referring(
        &self,
        ids: &[Uuid],
        seen: &mut HashSet<Key>,
        complete: &[usize],
    ) -> Result<Vec<(usize, Vec<Uuid>)>, Fail> {
        let mut graves = Vec::new();
        for place in self.mirrored() {
            let of = &self.objects[place];
            let list = |world: &mut World| world.mirror.referring(place, of, ids);
            let mut referring = self.look("list referring", list).await?;
            referring.retain(|id| seen.insert((place, *id)));
            if referring.is_empty() {
                continue;
            }
            let mut moment = self.before_look(place).await?;
            let found = self.look_up(place, &referring).await?;
            let (absent, found) = parted(&referring, found);
            self.apply_read(place, found, &mut moment).await?;
            if !absent.is_empty() && complete.contains(&place) {
                graves.push((place, absent));
            }
        }
        Ok(graves)
    }

    pub(super) async fn before_look(&self, object: usize) -> Result<LookMoment<'_>, Fail> {
        let stored = self.look("read checkpoint", |w| w.mirror.checkpoints[object].clone()).await?;
        Ok(LookMoment { stored, writes: self.writes.page() })
    }

    pub(super) async fn apply_read(
        &self,
        object: usize,
        records: Vec<Served>,
        moment: &mut LookMoment<'_>,
    ) -> Result<(), Fail> {
        let mut page = PageWrite::default();
        self.sort(object, records, &mut page);
        self.apply_confirmed(object, page, moment).await
    }

    async fn remove_absent(
        &self,
        object: usize,
        absent: Vec<Uuid>,
        moment: &mut LookMoment<'_>,
    ) -> Result<(), Fail> {
        if absent.is_empty() {
            return Ok(());
        }
        self.apply_confirmed(object, PageWrite { absent, ..PageWrite::default() }, moment).await
    }

    async fn apply_confirmed(
        &self,
        object: usize,
        page: PageWrite,
        moment: &mut LookMoment<'_>,
    ) -> Result<(), Fail> {
        let Stored { checkpoint, version } = moment.stored.clone();
        let page = PageWrite { checkpoint, version, ..page };
        let id = self.objects[object].table.object_id;
        let is_older = |record| moment.writes.is_older(id, record);
        self.write_page(object, page, &is_older, None).await?;
        moment.stored.version += 1;
        Ok(())
    }

    async fn count(&self, object: usize, range: IdRange) -> Result<u64, Fail> {
        let keeps = self.objects[object].keeps_deleted();
        let ask = |world: &mut World| {
            let counted = world.twenty.count(object, range, keeps);
            if world.faults > 0 && world.dice.once_in(world.faults) {
                world.tally.hit("wrong count", "sweep");
                return world.dice.below(usize::try_from(counted).unwrap_or(0) + 1) as u64;
            }
            counted
        };
        self.read_of(object, "count", ask).await
    }

    /// Looks for records by id, trash included. An answer with more or fewer records than it counts is not believed.
    pub(super) async fn look_up(&self, object: usize, ids: &[Uuid]) -> Result<Vec<Served>, Fail> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ask = |world: &mut World| {
            let mut records = world.twenty.by_ids(object, ids);
            world.project(object, &self.objects[object], &mut records);
            let counted = records.len() as u64;
            if world.faults > 0 && !records.is_empty() && world.dice.once_in(world.faults) {
                world.tally.hit("incomplete answer", "look by id");
                let gone = world.dice.below(records.len());
                records.remove(gone);
            }
            Found { records, counted }
        };
        let Found { records, counted } = self.read_of(object, "look by id", ask).await?;
        let given = records.len() as u64;
        if given != counted {
            return Err(Fail::Counts(Contradiction::Answer { given, counted }));
        }
        Ok(records)
    }
}

/// Those of `ids` that were not found, and what was.
fn parted(ids: &[Uuid], found: Vec<Served>) -> (Vec<Uuid>, Vec<Served>) {
    let there: BTreeSet<Uuid> = found.iter().map(|served| served.row.id).collect();
    (ids.iter().copied().filter(|id| !there.contains(id)).collect(), found)
}
