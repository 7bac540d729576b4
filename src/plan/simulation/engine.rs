//! The mirror with its capture, and the engine between both sides, as the planner's functions would have it.

mod people;

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::{
    history::{History, Who},
    source::{Source, TABLE, UNITS, column, row, unit},
};
use crate::{
    plan::{
        batch::{Limits, Planned, Work, batch, delete_filter},
        fixture::ID,
        pending::{DeletedRecords, Operation, Pending, Rules, Sighting},
        policy::Policies,
        push::{Basis, ReadReason, Verb, plan},
        reconcile::{
            Acknowledgement, Answer, Conflict, MirrorStep, NewBase, Next, Reconciled, acknowledge,
            reconcile,
        },
    },
    record::{DeleteMode, Image, Row, canonical},
};

/// What the network does to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    RequestLost,
    ReplyLost,
}

/// What came back.
enum Reply {
    Row(Row),
    /// It was not carried out.
    Refused,
    Nothing,
}

/// Base and outbox of the record.
struct Local {
    base: Option<Image>,
    sent: Option<Image>,
    given_up: Option<Image>,
    operations: Vec<Operation>,
    waiting: BTreeSet<usize>,
    changed_at: OffsetDateTime,
}

/// Everything.
pub(super) struct Engine<'a> {
    rules: Rules<'a>,
    source: Source,
    mirror: Option<Image>,
    local: Option<Local>,
    under_way: Option<(Reply, i64)>,
    history: History,
    conflicts: Vec<Conflict>,
    number: u32,
    entries: i64,
    /// Whether the last write reached the source.
    landed: bool,
}

impl<'a> Engine<'a> {
    pub(super) fn new(policies: &'a Policies, deleted: DeletedRecords, there: bool) -> Engine<'a> {
        let rules = Rules { table: &TABLE, policies, deleted, delete_mode: DeleteMode::Soft };
        let mut engine = Engine {
            rules,
            source: Source::new(),
            mirror: None,
            local: None,
            under_way: None,
            history: History::default(),
            conflicts: Vec::new(),
            number: 0,
            entries: 0,
            landed: false,
        };
        if there {
            engine.revive(Who::Source, 0);
            engine.pull();
            engine.look();
        }
        engine
    }

    fn pending(&self) -> Option<Pending> {
        let local = self.local.as_ref()?;
        Some(Pending {
            id: ID,
            base: local.base.clone(),
            sent: local.sent.clone(),
            given_up: local.given_up.clone(),
            mirror: self.mirror.clone(),
            operations: local.operations.clone(),
            changed_at: local.changed_at,
            waiting: local.waiting.clone(),
        })
    }

    pub(super) fn pull(&mut self) {
        match self.pending() {
            Some(pending) if pending.sent.is_none() && self.under_way.is_none() => {
                self.see(&pending);
            }
            Some(_) => {}
            None => match (self.source.sight(), self.rules.deleted) {
                (Sighting::Present(row), _) | (Sighting::Tombstone(row), DeletedRecords::Keep) => {
                    self.mirror = Some(Image::of(&row));
                }
                _ => self.mirror = None,
            },
        }
    }

    /// Reads the record by id and reconciles it; doing it twice is doing it once.
    fn see(&mut self, pending: &Pending) {
        let sighting = self.source.sight();
        let reconciled = reconcile(self.rules, pending, &sighting);
        self.apply(reconciled);
        if let Some(again) = self.pending() {
            let mut twice = reconcile(self.rules, &again, &sighting);
            let (mirror, base) = (self.mirror.clone(), again.base.clone());
            twice.conflicts.retain(|conflict| conflict.winner.is_some());
            assert_eq!(twice.conflicts, [], "decided twice");
            self.apply(twice);
            assert_eq!(self.mirror, mirror, "not idempotent");
            assert_eq!(self.local.as_ref().map(|local| &local.base), Some(&base), "base moved");
        }
    }

    pub(super) fn send(&mut self, fault: Fault) {
        let Some(pending) = self.pending().filter(|_| self.under_way.is_none()) else { return };
        match plan(self.rules, &pending, Basis::Stored) {
            Verb::Nothing => self.apply(reconcile(self.rules, &pending, &Sighting::Unseen)),
            Verb::Read(ReadReason::NoGuard) => {
                self.see(&pending);
                let (Sighting::Present(row) | Sighting::Tombstone(row)) = self.source.sight()
                else {
                    return;
                };
                let Some(pending) = self.pending() else { return };
                let verb = plan(self.rules, &pending, Basis::JustRead(row.updated_at));
                assert!(!matches!(verb, Verb::Read(_)), "read for nothing: {verb:?}");
                self.execute(verb, fault);
            }
            Verb::Read(_) => self.see(&pending),
            verb => self.execute(verb, fault),
        }
    }

    fn execute(&mut self, verb: Verb, fault: Fault) {
        let local = self.local.as_mut().unwrap();
        local.sent = match &verb {
            Verb::Nothing | Verb::Read(_) => return,
            Verb::Create(create) => Some(create.sent.clone()),
            Verb::Update(write) | Verb::Restore(write) => Some(write.sent.clone()),
            Verb::Delete(delete) => Some(delete.sent.clone()),
        };
        let through = local.operations.last().map_or(0, |operation| operation.id);
        self.landed = false;
        let reply = match fault {
            Fault::RequestLost => Reply::Nothing,
            Fault::None => self.carry_out(verb),
            Fault::ReplyLost => {
                self.carry_out(verb);
                Reply::Nothing
            }
        };
        self.under_way = Some((reply, through));
    }

    fn carry_out(&mut self, verb: Verb) -> Reply {
        let object = TABLE.object_id;
        let mut batches = batch(vec![Planned { object, record: ID, verb }], Limits::default());
        let batch = batches.pop().unwrap();
        assert_eq!((batch.records(), batches.len()), (vec![ID], 0));
        match batch.work {
            Work::Create(_) if self.source.record.is_some() => Reply::Refused,
            Work::Create(records) => self.written(|source| source.create(&records[0].body)),
            Work::Update(updates) if self.source.passes(&updates[0].filter()) => {
                self.written(|source| source.write(updates[0].body()))
            }
            Work::Delete { ids, mode } if self.source.passes(&delete_filter(&ids, mode)) => {
                self.written(|source| source.bury(true))
            }
            Work::Update(_) | Work::Delete { .. } => Reply::Refused,
        }
    }

    fn written(&mut self, write: impl FnOnce(&mut Source)) -> Reply {
        write(&mut self.source);
        self.landed = true;
        Reply::Row(row(self.source.record.as_ref().unwrap()))
    }

    pub(super) fn answer(&mut self) {
        let Some((reply, through)) = self.under_way.take() else { return };
        let Some(pending) = self.pending() else { return };
        match reply {
            Reply::Row(row) => {
                // An answer shows the record as it was: what the mirror holds alike is agreed on by that.
                if let Some(mirror) = &self.mirror {
                    self.history.look(&Image::of(&row), mirror);
                }
                let answer = Answer::Written(row);
                let acknowledgement = Acknowledgement { answer, through };
                self.apply(acknowledge(self.rules, &pending, &acknowledgement));
            }
            Reply::Refused => self.see(&Pending { sent: None, ..pending }),
            Reply::Nothing => {}
        }
    }

    fn apply(&mut self, reconciled: Reconciled) {
        match reconciled.mirror {
            MirrorStep::Keep => {}
            MirrorStep::Update(patch) => {
                let mirror = self.mirror.as_mut().unwrap();
                for (index, value) in patch {
                    mirror.set(index, Some(value));
                }
            }
            MirrorStep::Insert(row) => {
                assert_eq!(self.mirror, None, "inserted over a row");
                self.mirror = Some(Image::of(&row));
            }
            MirrorStep::Remove => assert!(self.mirror.take().is_some(), "removed nothing"),
        }
        self.conflicts.extend(reconciled.conflicts);
        let local = self.local.as_mut().unwrap();
        let settled = |operation: &Operation| {
            reconciled.settled.iter().any(|settled| settled.operation == operation.id)
        };
        local.operations.retain(|operation| !settled(operation));
        match reconciled.base {
            NewBase::Unchanged => {}
            NewBase::Settled => {
                assert!(local.operations.is_empty(), "settled with entries left");
                assert_eq!(reconciled.next, Next::Nothing);
                self.local = None;
            }
            NewBase::Pending { base, waiting, given_up } => {
                (local.base, local.sent, local.given_up) = (base, None, given_up);
                local.waiting = waiting.into_iter().collect();
            }
        }
    }

    pub(super) fn look(&mut self) {
        if let (Some(source), Some(mirror)) = (&self.source.record, &self.mirror) {
            self.history.look(source, mirror);
        }
    }

    /// The network is sound, and people are quiet.
    pub(super) fn heal(&mut self) {
        for _ in 0..12 {
            self.answer();
            self.look();
            self.send(Fault::None);
            self.look();
            self.answer();
            self.pull();
            self.look();
        }
    }

    pub(super) fn check(&self) {
        let waiting = self.local.as_ref().map(|local| local.waiting.clone()).unwrap_or_default();
        let pending = self.pending();
        assert!(pending.is_none() || !waiting.is_empty(), "never ends: {pending:?}");
        let kept = match self.rules.deleted {
            DeletedRecords::Keep => self.source.record.as_ref(),
            DeletedRecords::Remove => self.source.record.as_ref().filter(|_| self.source.is_live()),
        };
        assert_eq!(kept.is_some(), self.mirror.is_some(), "there and not there");
        if let (Some(source), Some(mirror)) = (kept, &self.mirror) {
            for index in 0..UNITS {
                let unit = unit(index);
                let waits = unit.columns.iter().any(|column| waiting.contains(column));
                let equal = canonical::units_equal(&TABLE.columns, &unit, source, mirror);
                assert!(
                    waits || equal == Some(true),
                    "{} differs: {source:?} {mirror:?}",
                    unit.name
                );
                assert!(self.history.knows(index, source), "invented: {source:?}");
                assert!(self.history.knows(index, mirror), "invented: {mirror:?}");
            }
            assert_eq!(source.get(column("deleted_at")), mirror.get(column("deleted_at")));
        }
        self.history.check(self.source.record.as_ref(), &self.conflicts);
    }
}
