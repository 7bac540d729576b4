//! Pushes local changes: `src/sync/push.rs` and its parts.

#[expect(dead_code, reason = "the program's own file, of which one history needs a part")]
#[path = "../../../../src/sync/push/memory.rs"]
mod memory;
mod send;
#[path = "../../../../src/sync/push/under_way.rs"]
mod under_way;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use self::{memory::Memory, under_way::Unread};
use super::{Daemon, Fail, writes::Writes};
use crate::{
    mirror::{Claimed, Decision, hide},
    mistakes::{self, Bug},
    objects::Key,
    plan::{
        batch::{Limits, Planned, batch},
        fate::Fate,
        order::{self, Kind, Node, Waiting},
        pending::{Pending, Sighting},
        push::{self, Verb},
        reconcile::reconcile,
    },
    record::{Image, ObjectId},
    twenty::Served,
    world::World,
};

/// A claimed record that is to be written.
struct Claim {
    object: usize,
    /// The last local change that the write contains.
    through: i64,
    attempts: u32,
    image: Image,
    verb: Verb,
}

/// One look at the local changes.
struct Round<'a> {
    daemon: &'a Daemon,
    memory: &'a mut Memory,
    claims: BTreeMap<Uuid, Claim>,
    /// Which writing of `sync.base` each record was claimed or sent from.
    written: BTreeMap<Uuid, i64>,
    /// New records that were set aside in this round.
    stuck: BTreeSet<Uuid>,
    /// New records that were not sent in this round.
    unsent: BTreeSet<Uuid>,
    unread: Unread<'a>,
}

/// How often a record is read once more because a page passed by.
const PASSED: usize = 3;

impl Daemon {
    /// Pushes until nothing is left that can go now.
    pub(super) async fn push(&self) -> Result<(), Fail> {
        let mut memory = Memory::default();
        loop {
            let _round = self.program.pushes();
            let claim = |world: &mut World| world.mirror.claim(world.at_postgres());
            let mut claimed = self.look("claim", claim).await?;
            claimed.retain(|record| {
                self.objects[record.key.0].is_mirrored
                    && memory.may_try(self.id_of(record.key.0), record.key.1)
            });
            let is_old = |record: &Claimed| !self.knows(&self.world.borrow(), record.key.0);
            if self.is_outdated.get() || claimed.iter().any(is_old) {
                self.is_outdated.set(true);
                return Ok(());
            }
            if claimed.is_empty() {
                return Ok(());
            }
            let mut round = Round {
                daemon: self,
                memory: &mut memory,
                claims: BTreeMap::new(),
                written: BTreeMap::new(),
                stuck: BTreeSet::new(),
                unsent: BTreeSet::new(),
                unread: Unread::default(),
            };
            round.run(claimed).await?;
        }
    }

    fn id_of(&self, object: usize) -> Uuid {
        self.objects[object].table.object_id
    }
}

impl Round<'_> {
    async fn run(&mut self, claimed: Vec<Claimed>) -> Result<(), Fail> {
        let mut done: BTreeMap<usize, Vec<Uuid>> = BTreeMap::new();
        let mut unread: BTreeMap<usize, Vec<Uuid>> = BTreeMap::new();
        for record in claimed {
            let (object, id) = record.key;
            self.memory.tried(self.daemon.id_of(object), id);
            self.written.insert(id, record.written);
            match self.plan(&record) {
                Planning::Done => done.entry(object).or_default().push(id),
                Planning::Read => unread.entry(object).or_default().push(id),
                Planning::Write => {}
            }
        }
        for (object, ids) in done {
            self.settle_unseen(object, &ids).await?;
        }
        for (object, ids) in unread {
            self.daemon.hit("look", "before a write");
            self.look(object, &ids, Fate::Unknown).await?;
        }
        self.write().await
    }

    /// Plans one record. What is to be written is put into the claims.
    fn plan(&mut self, record: &Claimed) -> Planning {
        let (object, id) = record.key;
        let basis = self.memory.basis(self.daemon.id_of(object), id);
        let rules = self.daemon.objects[object].rules();
        let mut pending = hide(&self.daemon.objects[object], record.pending.clone());
        if mistakes::is(Bug::DoubtForgotten) {
            pending.sent = None;
        }
        let through = record.through().or(record.sent_through).unwrap_or_default();
        match push::plan(rules, &pending, basis) {
            Verb::Nothing => Planning::Done,
            Verb::Read(_) => Planning::Read,
            mut verb => {
                let attempts = record.attempts;
                if mistakes::is(Bug::CreateRepeated)
                    && let Verb::Create(create) = &mut verb
                    && record.sent_through.is_none()
                    && attempts > 0
                {
                    create.body.remove("id");
                }
                let image = match &verb {
                    Verb::Delete(_) => pending.base,
                    _ => pending.mirror,
                };
                let columns = self.daemon.objects[object].columns().len();
                let image = image.unwrap_or_else(|| Image::unknown(columns));
                self.claims.insert(id, Claim { object, through, attempts, image, verb });
                Planning::Write
            }
        }
    }

    /// There is nothing to send for these records: their log is settled.
    async fn settle_unseen(&mut self, object: usize, ids: &[Uuid]) -> Result<(), Fail> {
        let of = &self.daemon.objects[object];
        let mut decide = |pending: &Pending| {
            let reconciled = reconcile(of.rules(), pending, &Sighting::Unseen);
            Some(Decision { reconciled, rev: None })
        };
        self.daemon
            .commit_of(object, "settle", |world| {
                let now = world.at_postgres();
                drop(world.mirror.settle(of, &keys(object, ids), &mut decide, now));
            })
            .await
    }

    /// Reads records and decides them, where nothing was decided on them meanwhile; once more where a page passed by.
    async fn look(&mut self, object: usize, ids: &[Uuid], fate: Fate) -> Result<(), Fail> {
        let mut ids = ids.to_vec();
        for _ in 0..=PASSED {
            ids = self.look_once(object, &ids, fate).await?;
            if ids.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Says which records a page passed by meanwhile.
    async fn look_once(
        &mut self,
        object: usize,
        ids: &[Uuid],
        fate: Fate,
    ) -> Result<Vec<Uuid>, Fail> {
        let of = &self.daemon.objects[object];
        let seen = self.seen(object, ids);
        let found = self.see(object, ids).await?;
        let mut decided = Vec::new();
        let mut decide = |pending: &Pending| {
            let seen = found.get(&pending.id);
            decided.extend(seen);
            let sighting = seen.map_or(Sighting::Absent, |served| Sighting::of(served.row.clone()));
            let pending = fate.judge(of.columns(), pending, &sighting);
            let reconciled = reconcile(of.rules(), &pending, &sighting);
            let rev = seen.map(|served| served.rev);
            Some(Decision { reconciled, rev })
        };
        let settled = self
            .daemon
            .commit_of(object, "settle by look", |world| {
                let now = world.at_postgres();
                world.mirror.settle(of, &seen, &mut decide, now)
            })
            .await;
        if !mistakes::is(Bug::LookUnnoticed) {
            self.daemon.writes.end(self.daemon.id_of(object), ids);
        }
        let passed = self.passed(settled?);
        // Only what was decided on is the base that a guard by its version stands for.
        for served in decided {
            self.memory.saw(self.daemon.id_of(object), served.row.id, served.row.updated_at);
        }
        Ok(passed)
    }

    /// Notes which writing records are now that a page passed by.
    fn passed(&mut self, passed: Vec<(Key, i64)>) -> Vec<Uuid> {
        self.written.extend(passed.iter().map(|(key, written)| (key.1, *written)));
        passed.into_iter().map(|(key, _)| key.1).collect()
    }

    /// These records, each with the writing of `sync.base` that it was claimed or sent from.
    fn seen(&self, object: usize, ids: &[Uuid]) -> Vec<(Key, Option<i64>)> {
        ids.iter().map(|id| ((object, *id), self.written.get(id).copied())).collect()
    }

    /// Reads records.
    async fn see(&self, object: usize, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Served>, Fail> {
        let known = &self.daemon.objects[object];
        let ask = |world: &mut World| {
            let mut found = world.twenty.by_ids(object, ids);
            world.project(object, known, &mut found);
            found
        };
        let found = self.daemon.read_of(object, "look by id", ask).await?;
        Ok(found.into_iter().map(|served| (served.row.id, served)).collect())
    }

    /// Writes what was claimed, parents first, wave after wave.
    async fn write(&mut self) -> Result<(), Fail> {
        let nodes: Vec<Node> =
            self.claims.iter().map(|(id, claim)| self.node(*id, claim)).collect();
        let mut stuck = self.daemon.look("list stuck", |world| world.mirror.stuck()).await?;
        stuck.retain(|id| !self.claims.contains_key(id));
        let order = order::order(&nodes, &stuck);
        for waiting in order.waiting {
            self.refuse_waiting(waiting).await?;
        }
        for wave in order.waves {
            let mut planned = Vec::with_capacity(wave.len());
            for step in &wave {
                if self.refers_to(step, &self.unsent) {
                    self.leave(&[step.record]);
                    continue;
                }
                match self.parents(step).into_iter().find(|parent| self.stuck.contains(parent)) {
                    Some(parent) => {
                        self.refuse_waiting(Waiting { record: step.record, parent }).await?;
                    }
                    None => planned.extend(self.planned(step)),
                }
            }
            for batch in batch(planned, self.limits()) {
                self.send(batch).await?;
            }
            self.read_back(1).await?;
        }
        Ok(())
    }

    /// Small batches meet more often than large ones.
    fn limits(&self) -> Limits {
        let size = 1 + self.daemon.world.borrow_mut().dice.below(6);
        Limits { creates: size, update_ids: size, clauses: size, updates: size, delete_ids: size }
    }

    fn refers_to(&self, step: &order::Step, records: &BTreeSet<Uuid>) -> bool {
        self.parents(step).iter().any(|parent| records.contains(parent))
    }

    /// What a step refers to, without what it leaves out. A delete needs nothing that it refers to.
    fn parents(&self, step: &order::Step) -> Vec<Uuid> {
        let claim = self.claims.get(&step.record);
        let claim = claim.filter(|claim| !matches!(claim.verb, Verb::Delete(_)));
        let Some(claim) = claim else { return Vec::new() };
        let table = &self.daemon.objects[claim.object].table;
        let references = push::references(table, &claim.image).into_iter();
        let kept = references.filter(|(column, _)| !step.postponed.contains(column));
        kept.map(|(_, parent)| parent).collect()
    }

    fn node(&self, record: Uuid, claim: &Claim) -> Node {
        let table = &self.daemon.objects[claim.object].table;
        let kind = match claim.verb {
            Verb::Create(_) => Kind::Create,
            Verb::Delete(_) => Kind::Delete,
            Verb::Update(_) | Verb::Restore(_) | Verb::Nothing | Verb::Read(_) => Kind::Update,
        };
        Node { record, kind, references: push::references(table, &claim.image) }
    }

    /// The write of a step; what is left out of a create is left out of what counts as sent, too.
    fn planned(&mut self, step: &order::Step) -> Option<Planned> {
        let claim = self.claims.get_mut(&step.record)?;
        let table = &self.daemon.objects[claim.object].table;
        if let Verb::Create(create) = &claim.verb {
            claim.verb = Verb::Create(create.clone().without(table, &step.postponed));
        }
        Some(Planned { object: table.object_id, record: step.record, verb: claim.verb.clone() })
    }

    /// Leaves records for the next round, with those that refer to the new ones among them.
    fn leave(&mut self, ids: &[Uuid]) {
        let is_new = |id: &&Uuid| {
            self.claims.get(*id).is_some_and(|claim| matches!(claim.verb, Verb::Create(_)))
        };
        let new: Vec<Uuid> = ids.iter().filter(is_new).copied().collect();
        self.unsent.extend(new);
    }

    fn place(&self, object: ObjectId) -> usize {
        let is = |known: &crate::objects::Object| known.table.object_id == object;
        self.daemon.objects.iter().position(is).unwrap_or_default()
    }
}

/// What comes next for a claimed record.
enum Planning {
    Done,
    Read,
    Write,
}

fn keys(object: usize, ids: &[Uuid]) -> Vec<(Key, Option<i64>)> {
    ids.iter().map(|id| ((object, *id), None)).collect()
}
