//! Compares both sides and repairs what differs: `src/sync/verify.rs` as a content sweep runs it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Daemon, Fail};
use crate::{
    clock::OVERLAP,
    mirror::hide,
    plan::{
        pending::Pending,
        verify::{Comparison, Finding, Recent},
    },
    record::Image,
    twenty::Served,
    world::World,
};

/// What the mirror holds of a record, and what is to be done about it if it has local changes.
type Stored = (Uuid, Option<Image>, Option<Pending>);

impl Daemon {
    pub(super) async fn compare_all(&self) -> Result<(), Fail> {
        for object in self.mirrored() {
            let mut compared = self.compare(object).await;
            for _ in 0..3 {
                if compared == Err(Fail::Overtaken) {
                    compared = self.compare(object).await;
                }
            }
            match compared {
                Err(Fail::Fenced) => return Err(Fail::Fenced),
                Err(fail) => self.hit("comparison failed", fail.name()),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    async fn compare(&self, object: usize) -> Result<(), Fail> {
        let watermark = self.look("read checkpoint", |w| w.mirror.watermark(object)).await?;
        let Some(watermark) = watermark else { return Ok(()) };
        let ask = |world: &mut World| {
            let mut page = world.twenty.page(object, None, None, usize::MAX / 2, world.now);
            world.project(object, &self.objects[object], &mut page.records);
            (page.records, page.served_at)
        };
        let (records, served_at) = self.read_of(object, "compare page", ask).await?;
        let recent = Recent::after(Some(watermark - OVERLAP), served_at);
        let source: BTreeMap<Uuid, Served> =
            records.into_iter().map(|served| (served.row.id, served)).collect();
        let rows = self.look("list rows", |world| stored(world, object, None)).await?;
        let here: BTreeSet<Uuid> = rows.iter().map(|(id, ..)| *id).collect();
        let missing = source.keys().filter(|id| !here.contains(*id)).map(|id| (*id, None, None));
        let all: Vec<Stored> = rows.iter().cloned().chain(missing).collect();
        let unequal: Vec<Uuid> = all
            .iter()
            .filter(|stored| self.differs(object, &source, stored, recent))
            .map(|(id, ..)| *id)
            .collect();
        if unequal.is_empty() {
            return Ok(());
        }
        self.repair(object, &unequal, recent).await
    }

    /// Looks a second time, the mirror first; what is unequal then is repaired.
    async fn repair(&self, object: usize, ids: &[Uuid], recent: Recent) -> Result<(), Fail> {
        let mut moment = self.before_look(object).await?;
        let rows = self.look("list rows", |world| stored(world, object, Some(ids))).await?;
        let found = self.look_up(object, ids).await?;
        let source: BTreeMap<Uuid, Served> =
            found.into_iter().map(|served| (served.row.id, served)).collect();
        let wrong: Vec<Uuid> = rows
            .iter()
            .filter(|stored| self.differs(object, &source, stored, recent))
            .map(|(id, ..)| *id)
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        self.hit("comparison", "repaired");
        let gone = wrong.iter().copied().filter(|id| !source.contains_key(id)).collect();
        let records =
            source.into_values().filter(|served| wrong.contains(&served.row.id)).collect();
        self.apply_read(object, records, &mut moment).await?;
        let complete: Vec<usize> = self.mirrored().collect();
        self.bury(object, gone, &complete).await
    }

    fn differs(
        &self,
        object: usize,
        source: &BTreeMap<Uuid, Served>,
        (id, row, edited): &Stored,
        recent: Recent,
    ) -> bool {
        let of = &self.objects[object];
        let edited = edited.clone().map(|pending| hide(of, pending));
        let comparison = Comparison {
            columns: of.columns(),
            units: &of.units,
            deleted: of.deleted,
            hides_trash: false,
            recent,
        };
        let source = source.get(id).map(|served| &served.row);
        let finding = match (&edited, source) {
            (None, source) => comparison.of(source, row.as_ref()),
            (Some(Pending { base: Some(base), sent: None, waiting, .. }), Some(source)) => {
                comparison.since(source, base, waiting)
            }
            (Some(_), _) => Finding::NotDue,
        };
        !matches!(finding, Finding::Equal | Finding::NotDue)
    }
}

/// What the mirror holds of these records, or of all.
fn stored(world: &mut World, object: usize, ids: Option<&[Uuid]>) -> Vec<Stored> {
    let mirror = &world.mirror;
    let known: BTreeSet<Uuid> = match ids {
        Some(ids) => ids.iter().copied().collect(),
        None => mirror.rows[object]
            .keys()
            .copied()
            .chain(mirror.bases.keys().filter(|key| key.0 == object).map(|key| key.1))
            .collect(),
    };
    let one = |id: Uuid| {
        let key = (object, id);
        (id, mirror.row(key).cloned(), mirror.pending(key))
    };
    known.into_iter().map(one).collect()
}
