//! Pushes local changes: claim, plan, order, batch, send, acknowledge.
//!
//! It exists as the loop around [`crate::plan::push`] and [`crate::plan::batch`]. Invariants: what is sent is
//! written down before it is; a write whose fate is unknown is read before anything else is sent for its record; a
//! record that cannot go waits alone, with those that refer to it, also where people hold its row; every answer is one
//! more observation and takes the same path as a page.

mod destroyed;
mod held;
mod look;
mod memory;
mod refuse;
mod send;
mod under_way;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{held::Held, memory::Memory, under_way::Unread};
use super::{
    SyncError, fuse,
    target::{Target, Workspace},
    writes::Writes,
};
use crate::{
    mirror::{Behind, Claimed, Decision, Mirror, Queue, SettleReport, UnsentCreate, Writings},
    plan::{
        batch::{Limits, Planned, batch},
        fate::Fate,
        order::{self, Kind, Node, Waiting},
        pending::{Pending, Sighting},
        push::{self, Verb},
        reconcile::reconcile,
    },
    record::{Flow, Image, ObjectId},
    source::Client,
};

/// Records that are looked at together.
const CLAIM: u32 = 2_000;

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PushReport {
    /// Records that the source took: created, changed, restored or deleted.
    pub written: u64,
    /// Times that the source refused a record.
    pub refused: u64,
    /// Fields in conflict.
    pub conflicts: u64,
    /// The source does not know a field or option that the mirror has, or the mirror's tables have changed: the data
    /// model is another one.
    pub model_outdated: bool,
}

impl PushReport {
    /// Both together; what the second found about the data model counts.
    #[must_use]
    pub(super) fn with(self, second: PushReport) -> PushReport {
        PushReport {
            written: self.written + second.written,
            refused: self.refused + second.refused,
            conflicts: self.conflicts + second.conflicts,
            model_outdated: second.model_outdated,
        }
    }
}

/// Both sides, as a push needs them.
#[derive(Debug)]
pub(super) struct Push<'a> {
    pub(super) source: &'a Client,
    pub(super) mirror: &'a Mirror,
    pub(super) workspace: &'a RwLock<std::sync::Arc<Workspace>>,
    pub(super) writes: &'a Writes,
}

/// One look at the local changes, under one version of the data model.
struct Round<'a> {
    source: &'a Client,
    mirror: &'a Mirror,
    workspace: &'a Workspace,
    writes: &'a Writes,
    stop: &'a CancellationToken,
    memory: &'a mut Memory,
    held: &'a mut Held,
    report: &'a mut PushReport,
    /// What was claimed, by record.
    claims: HashMap<Uuid, Claim>,
    /// Which writing of `sync.base` each record was claimed or sent from.
    written: Writings,
    /// New records that were set aside in this round: those that refer to them must wait.
    stuck: BTreeSet<Uuid>,
    /// New records that were not sent in this round, because they were settled or their object was stopped since they
    /// were claimed: those that refer to them are left for the next round.
    unsent: BTreeSet<Uuid>,
    unread: Unread<'a>,
}

/// A claimed record that is to be written.
struct Claim {
    object: ObjectId,
    /// The last local change that the write contains.
    through: i64,
    attempts: u32,
    /// The row as it is sent; for a delete, as both sides knew it.
    image: Image,
    verb: Verb,
}

impl Push<'_> {
    /// Pushes until nothing is left that can go now. Fails in the end if people hold rows that should have gone.
    pub(super) async fn run(&self, stop: &CancellationToken) -> Result<PushReport, SyncError> {
        let mut report = PushReport::default();
        let (mut memory, mut held) = (Memory::default(), Held::default());
        while !stop.is_cancelled() {
            // The data model must not change between planning and acknowledging.
            let workspace = self.workspace.read().await;
            let (mut claimed, queues) = self.mirror.claim_counted(CLAIM).await?;
            let blown = self.blown(&workspace, &queues, &mut memory).await?;
            claimed.retain(|record| {
                !blown.contains(&record.object_id)
                    && memory.may_try(record.object_id, record.record_id)
                    && !held.holds(record.object_id, record.record_id)
            });
            let is_old = |record: &Claimed| !workspace.knows_table(record);
            if report.model_outdated || claimed.iter().any(is_old) {
                return Ok(PushReport { model_outdated: true, ..report });
            }
            if claimed.is_empty() {
                return held.error.map_or(Ok(report), Err);
            }
            let mut round = Round {
                source: self.source,
                mirror: self.mirror,
                workspace: &workspace,
                writes: self.writes,
                stop,
                memory: &mut memory,
                held: &mut held,
                report: &mut report,
                claims: HashMap::new(),
                written: Writings::new(),
                stuck: BTreeSet::new(),
                unsent: BTreeSet::new(),
                unread: Unread::default(),
            };
            match round.run(claimed).await {
                Err(error) if error.is_outdated() => round.report.model_outdated = true,
                done => done?,
            }
        }
        Err(SyncError::Stopped)
    }
}

impl Push<'_> {
    /// The objects of which more would be deleted or overwritten than may at once: they stop.
    async fn blown(
        &self,
        workspace: &Workspace,
        queues: &[Queue],
        memory: &mut Memory,
    ) -> Result<BTreeSet<ObjectId>, SyncError> {
        let mut blown = BTreeSet::new();
        for Queue { object_id, effects } in queues {
            let Some(target) = workspace.target(*object_id) else { continue };
            // Counting costs more than most queues.
            if !target.fuse.blows(*effects, 0) {
                continue;
            }
            let total = match memory.total(*object_id) {
                Some(total) => total,
                None => self.mirror.expected_count(&target.writer, target.deleted()).await?,
            };
            memory.counted(*object_id, total);
            if target.fuse.blows(*effects, total) {
                fuse::blow(self.mirror, target, Flow::Push, *effects, total).await?;
                blown.insert(*object_id);
            }
        }
        Ok(blown)
    }
}

impl Round<'_> {
    #[tracing::instrument(level = "debug", name = "push_round", skip_all, fields(records = claimed.len()))]
    async fn run(&mut self, claimed: Vec<Claimed>) -> Result<(), SyncError> {
        let (mut done, mut unread) = (ByObject::default(), ByObject::default());
        for record in claimed {
            self.memory.tried(record.object_id, record.record_id);
            self.written.insert(record.record_id, record.written);
            match self.plan(&record).await? {
                Planning::Done => done.put(&record),
                Planning::Read => unread.put(&record),
                Planning::Write | Planning::Stuck => {}
            }
        }
        for (object, ids) in done.0 {
            let settled = self.settle_unseen(object, &ids).await;
            self.spare(object, &ids, settled)?;
        }
        for (object, ids) in unread.0 {
            let looked = self.look(object, &ids, Fate::Unknown).await;
            self.spare(object, &ids, looked)?;
        }
        self.write().await
    }

    /// Plans one record. What is to be written is put into the claims.
    async fn plan(&mut self, record: &Claimed) -> Result<Planning, SyncError> {
        let Some(target) = self.workspace.target(record.object_id) else {
            return Ok(Planning::Stuck);
        };
        let pending = match record.pending(&target.table.columns) {
            Ok(pending) => pending,
            Err(undecodable) => {
                self.refuse_value(record, &undecodable.to_string()).await?;
                return Ok(Planning::Stuck);
            }
        };
        let basis = self.memory.basis(record.object_id, record.record_id);
        match push::plan(target.rules(), &pending, basis) {
            Verb::Nothing => Ok(Planning::Done),
            Verb::Read(_) => Ok(Planning::Read),
            verb => {
                let image = known(&verb, pending, target);
                let through = record.through().or(record.sent_through).unwrap_or_default();
                let (object, attempts) = (record.object_id, record.attempts);
                self.claims
                    .insert(record.record_id, Claim { object, through, attempts, image, verb });
                Ok(Planning::Write)
            }
        }
    }

    /// There is nothing to send for these records: their log is settled.
    async fn settle_unseen(&mut self, object: ObjectId, ids: &[Uuid]) -> Result<(), SyncError> {
        let Some(target) = self.workspace.target(object) else { return Ok(()) };
        let mut decide = |pending: &Pending| {
            let reconciled = reconcile(target.rules(), pending, &Sighting::Unseen);
            Some(Decision { reconciled, source_updated_at: None })
        };
        let settled = self.mirror.settle(&target.writer, ids, &mut decide).await?;
        self.count(settled);
        Ok(())
    }

    /// Writes what was claimed, parents first, wave after wave.
    async fn write(&mut self) -> Result<(), SyncError> {
        let nodes: Vec<Node> =
            self.claims.iter().map(|(id, claim)| self.node(*id, claim)).collect();
        let mut unsent = self.mirror.unsent_creates().await?;
        unsent.retain(|create| !self.claims.contains_key(&create.record_id));
        let stuck: BTreeSet<Uuid> = unsent.iter().map(|create| create.record_id).collect();
        let order = order::order(&nodes, &stuck);
        self.set_waiting_aside(order.waiting, &unsent).await?;
        for wave in order.waves {
            let mut planned = Vec::with_capacity(wave.len());
            for step in &wave {
                if self.refers_to(step, &self.unsent) {
                    self.leave(&[step.record]);
                    continue;
                }
                match self.stuck_parent(step) {
                    Some(parent) => {
                        self.refuse_waiting(Waiting { record: step.record, parent }).await?;
                    }
                    None => planned.extend(self.planned(step)),
                }
            }
            for batch in batch(planned, Limits::default()) {
                let (object, ids) = (batch.object, batch.records());
                let sent = self.send(batch).await;
                self.spare(object, &ids, sent)?;
            }
            self.read_back(1).await?;
        }
        Ok(())
    }

    /// What refers to a new record that is not sent waits with it: behind a stop without a word, else with a reason.
    async fn set_waiting_aside(
        &mut self,
        waiting: Vec<Waiting>,
        unsent: &[UnsentCreate],
    ) -> Result<(), SyncError> {
        let stopped = unsent.iter().filter_map(|create| Some((create.record_id, create.stopped?)));
        let (behind, refused) = order::behind(waiting, stopped.collect());
        for waiting in refused {
            self.refuse_waiting(waiting).await?;
        }
        let behind = behind.into_iter().filter_map(|(record_id, parent)| {
            let Claim { object, through, .. } = self.claims.get(&record_id)?;
            Some(Behind { object_id: *object, record_id, through: *through, parent })
        });
        Ok(self.mirror.wait_behind(&behind.collect::<Vec<_>>()).await?)
    }

    /// The new record that a step refers to and that was set aside in an earlier wave. Sent all the same, the step
    /// would be refused, and be tried again by the clock instead of with its parent.
    fn stuck_parent(&self, step: &order::Step) -> Option<Uuid> {
        self.parents(step).into_iter().find(|parent| self.stuck.contains(parent))
    }

    fn refers_to(&self, step: &order::Step, records: &BTreeSet<Uuid>) -> bool {
        self.parents(step).iter().any(|parent| records.contains(parent))
    }

    /// What a step refers to, without what it leaves out. A delete needs nothing that it refers to.
    fn parents(&self, step: &order::Step) -> Vec<Uuid> {
        let known =
            self.claims.get(&step.record).filter(|claim| !matches!(claim.verb, Verb::Delete(_)));
        let Some((claim, target)) =
            known.and_then(|claim| Some((claim, self.workspace.target(claim.object)?)))
        else {
            return Vec::new();
        };
        let references = push::references(&target.table, &claim.image).into_iter();
        let kept = references.filter(|(column, _)| !step.postponed.contains(column));
        kept.map(|(_, parent)| parent).collect()
    }

    fn node(&self, record: Uuid, claim: &Claim) -> Node {
        let references = self
            .workspace
            .target(claim.object)
            .map(|target| push::references(&target.table, &claim.image));
        let kind = match claim.verb {
            Verb::Create(_) => Kind::Create,
            Verb::Delete(_) => Kind::Delete,
            Verb::Update(_) | Verb::Restore(_) | Verb::Nothing | Verb::Read(_) => Kind::Update,
        };
        Node { record, kind, references: references.unwrap_or_default() }
    }

    /// The write of a step; what is left out of a create is left out of what counts as sent, too.
    fn planned(&mut self, step: &order::Step) -> Option<Planned> {
        let claim = self.claims.get_mut(&step.record)?;
        let target = self.workspace.target(claim.object)?;
        if self.memory.is_stopped(claim.object) {
            return None;
        }
        if let Verb::Create(create) = &claim.verb {
            claim.verb = Verb::Create(create.clone().without(&target.table, &step.postponed));
        }
        Some(Planned { object: claim.object, record: step.record, verb: claim.verb.clone() })
    }

    /// Says which records a page passed by.
    fn count(&mut self, settled: SettleReport) -> Vec<Uuid> {
        let conflicts: usize = settled.decided.iter().map(|decided| decided.conflicts).sum();
        self.report.conflicts += conflicts as u64;
        let passed = settled.passed.keys().copied().collect();
        self.written.extend(settled.passed);
        passed
    }
}

/// What comes next for a claimed record.
enum Planning {
    Done,
    Read,
    Write,
    Stuck,
}

/// Ids by their object.
#[derive(Default)]
struct ByObject(BTreeMap<ObjectId, Vec<Uuid>>);

impl ByObject {
    fn put(&mut self, record: &Claimed) {
        self.0.entry(record.object_id).or_default().push(record.record_id);
    }
}

/// The row whose references decide when it is written.
fn known(verb: &Verb, pending: Pending, target: &Target) -> Image {
    let image = match verb {
        Verb::Delete(_) => pending.base,
        Verb::Nothing | Verb::Read(_) | Verb::Create(_) | Verb::Update(_) | Verb::Restore(_) => {
            pending.mirror
        }
    };
    image.unwrap_or_else(|| Image::unknown(target.table.columns.len()))
}
