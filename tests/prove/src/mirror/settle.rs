//! Decides records from their state as it is, and writes what was decided: `src/mirror/settle.rs`.

use super::Mirror;
use crate::{
    mistakes::{self, Bug},
    objects::{Key, Object},
    plan::{
        pending::Pending,
        reconcile::{MirrorStep, NewBase, Next, Reconciled},
    },
    record::Image,
};

/// What was decided on a record.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) reconciled: Reconciled,
    /// The number of the change that was seen, if the source was looked at.
    pub(crate) rev: Option<u64>,
}

/// Decides on a record; `None` leaves it as it is.
pub(crate) type Decide<'a> = dyn FnMut(&Pending) -> Option<Decision> + 'a;

impl Mirror {
    /// Has each of these records decided that has local changes. One that was seen while its row of `sync.base` was
    /// another writing is left: a page that passed by may have shown more.
    pub(crate) fn settle(
        &mut self,
        object: &Object,
        keys: &[(Key, Option<i64>)],
        decide: &mut Decide<'_>,
        now: i64,
    ) -> Vec<(Key, i64)> {
        let mut passed = Vec::new();
        for &(key, seen) in keys {
            let Some(pending) = self.pending_of(object, key) else { continue };
            let written = self.bases.get(&key).map(|base| base.written);
            if seen.is_some() && seen != written && !mistakes::is(Bug::SightingNotDated) {
                let base = self.bases.get(&key).filter(|base| base.sent.is_some());
                passed.extend(base.map(|base| (key, base.written)));
                continue;
            }
            if let Some(decision) = decide(&pending) {
                self.apply(object, key, decision, now);
            }
        }
        passed
    }

    pub(super) fn apply(&mut self, object: &Object, key: Key, decision: Decision, now: i64) {
        let Decision { reconciled, rev } = decision;
        let is_older =
            rev.is_some_and(|rev| self.known.get(&key).is_some_and(|known| rev < *known));
        let changes =
            reconciled.mirror != MirrorStep::Keep || reconciled.base != NewBase::Unchanged;
        if is_older && changes {
            self.regressed.push(format!("{key:?} was decided by change {rev:?}: {reconciled:?}"));
        }
        if let Some(rev) = rev {
            self.knows(key, rev);
        }
        let through = match reconciled.next {
            Next::Nothing => self.outbox.get(&key).and_then(|log| log.last()).map(|last| last.id),
            Next::Push | Next::Read => None,
        };
        self.watch_settled(object, key, &reconciled);
        self.report_lost(object, key, &reconciled);
        self.step(object, key, reconciled.mirror, now);
        if let Some(entries) = self.outbox.get_mut(&key) {
            let is_settled =
                |id: i64| reconciled.settled.iter().any(|settled| settled.operation == id);
            entries.retain(|entry| !is_settled(entry.id));
        }
        let is_new = self.bases.get(&key).is_some_and(|base| base.base.is_none());
        if is_new && reconciled.base.is_agreed() {
            self.release_waiting_for(&[key.1], now);
        }
        self.writings += 1;
        if let Some(base) = self.bases.get_mut(&key) {
            base.written = self.writings;
        }
        match reconciled.base {
            NewBase::Unchanged => {
                if let Some(base) = self.bases.get_mut(&key) {
                    base.decided_through = through;
                }
            }
            NewBase::Settled => {
                self.forget(key);
                self.agreed.extend(rev.map(|_| key));
            }
            NewBase::Pending { base: agreed, waiting, given_up } => {
                if let Some(base) = self.bases.get_mut(&key) {
                    (base.base, base.given_up) =
                        (with_hidden(object, agreed, base.base.as_ref()), given_up);
                    base.waiting = waiting.into_iter().collect();
                    base.decided_through = through;
                    (base.sent, base.sent_through) = (None, None);
                }
                if through.is_some() {
                    self.refused.remove(&key);
                }
            }
        }
        if !mistakes::is(Bug::LoserForgotten) {
            self.keep_conflicts(key, reconciled.conflicts);
        }
    }

    fn forget(&mut self, key: Key) {
        self.bases.remove(&key);
        self.outbox.remove(&key);
        self.refused.remove(&key);
    }

    /// A field that is held again is one conflict.
    fn keep_conflicts(&mut self, key: Key, conflicts: Vec<crate::plan::reconcile::Conflict>) {
        for conflict in conflicts {
            self.conflicts.retain(|(of, held)| {
                !(*of == key && held.winner.is_none() && held.field == conflict.field)
            });
            self.conflicts.push((key, conflict));
        }
    }

    fn step(&mut self, object: &Object, key: Key, step: MirrorStep, now: i64) {
        let before = self.row(key).cloned();
        let after = match step {
            MirrorStep::Keep => return,
            MirrorStep::Remove => None,
            MirrorStep::Insert(row) => Some(self.whole(key, Image::of(&row))),
            MirrorStep::Update(patch) => before.clone().map(|mut image| {
                for (index, value) in patch {
                    image.set(index, Some(value));
                }
                image
            }),
        };
        self.put(key, after.clone());
        if mistakes::is(Bug::EchoCaptured) && before != after {
            self.log(object, key, (before.as_ref(), after.as_ref()), now);
        }
    }
}

/// What both sides agreed on of fields that are out of sight stays.
fn with_hidden(object: &Object, agreed: Option<Image>, before: Option<&Image>) -> Option<Image> {
    let mut agreed = agreed?;
    for &index in &object.hidden {
        agreed.set(index, before.and_then(|before| before.get(index)).cloned());
    }
    Some(agreed)
}
