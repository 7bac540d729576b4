//! Sends one batch and acknowledges what came of it: `src/sync/push/send.rs` and `refuse.rs`.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{
    Fail, PASSED, Round,
    under_way::{UnderWay, ids_of},
};
use crate::{
    clock,
    mirror::{self, Decision, Sending},
    mistakes::{self, Bug},
    plan::{
        batch::{Batch, GuardedUpdate, Work},
        fate::Fate,
        order::Waiting,
        pending::Pending,
        push::Verb,
        reconcile::{Acknowledgement, Answer, acknowledge},
        retry::{Disposition, Failure, Patience, after},
    },
    twenty::{Refusal, Request, Response, Served},
    world::World,
};

/// What came of a batch.
#[derive(Default)]
struct Results {
    created: Vec<Served>,
    hit: Vec<Uuid>,
    missed: Vec<Uuid>,
    refused: Vec<(Work, Refusal)>,
}

impl Round<'_> {
    /// Sends a batch, in smaller and smaller parts where it is refused.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<(), Fail> {
        let mut parts = vec![batch];
        while let Some(batch) = parts.pop() {
            for (part, refusal) in self.send_part(&batch).await? {
                match part.halves() {
                    Some((left, right)) if !mistakes::is(Bug::BatchNotHalved) => {
                        parts.extend([right, left]);
                    }
                    _ => self.refuse(&part, refusal).await?,
                }
            }
        }
        Ok(())
    }

    /// Sends a batch; what was refused is the answer.
    async fn send_part(&mut self, batch: &Batch) -> Result<Vec<(Batch, Refusal)>, Fail> {
        let object = self.place(batch.object);
        let ids = batch.records();
        if !self.mark(object, &ids).await? {
            self.leave(&ids);
            return Ok(Vec::new());
        }
        let mut under_way = UnderWay::begin(&self.daemon.writes, batch.object, &ids);
        let mut results = self.execute(object, &batch.work).await;
        if !results.created.is_empty() {
            let rows = results.created.into_iter().map(|served| (served.row.id, served)).collect();
            results.hit.extend(self.acknowledge(object, &rows, &[]).await?);
        }
        if !results.missed.is_empty() {
            for id in &results.missed {
                self.memory.guard_failed(batch.object, *id);
            }
            self.daemon.hit("guard", "did not hold");
            self.look(object, &results.missed, Fate::Refused).await?;
        }
        if !results.hit.is_empty() {
            under_way.keep(&results.hit);
            self.unread.put(under_way);
            self.read_back(20).await?;
        }
        let part = |(work, refusal)| (Batch { object: batch.object, work }, refusal);
        Ok(results.refused.into_iter().map(part).collect())
    }

    /// Reads back what was written, where it is at least so many records of one object.
    pub(super) async fn read_back(&mut self, at_least: usize) -> Result<(), Fail> {
        if !self.unread.has(at_least) {
            return Ok(());
        }
        for (object, under_way) in self.unread.take() {
            let object = self.place(object);
            let mut ids = ids_of(&under_way);
            for _ in 0..=PASSED {
                let seen = self.see(object, &ids).await?;
                let gone: Vec<Uuid> =
                    ids.iter().copied().filter(|id| !seen.contains_key(id)).collect();
                ids = self.acknowledge(object, &seen, &gone).await?;
                if ids.is_empty() {
                    break;
                }
            }
            drop(under_way);
        }
        Ok(())
    }

    /// Writes down what is about to be sent; whether nothing was decided anew since it was claimed.
    async fn mark(&mut self, object: usize, ids: &[Uuid]) -> Result<bool, Fail> {
        let sending = |id: &Uuid| {
            let claim = self.claims.get(id)?;
            let sent = match &claim.verb {
                Verb::Create(create) => &create.sent,
                Verb::Update(write) | Verb::Restore(write) => &write.sent,
                Verb::Delete(delete) => &delete.sent,
                Verb::Nothing | Verb::Read(_) => return None,
            };
            let (image, key) = (sent.clone(), (object, *id));
            Some(Sending { key, image, through: claim.through, written: *self.written.get(id)? })
        };
        let sendings: Vec<Sending> = ids.iter().filter_map(sending).collect();
        let is_new = |id: &&Uuid| {
            matches!(self.claims.get(*id).map(|claim| &claim.verb), Some(Verb::Create(_)))
        };
        let new = ids.iter().filter(is_new).map(|id| (object, *id));
        self.daemon.world.borrow_mut().book.doubtful.extend(new);
        if mistakes::is(Bug::NotMarkedSent) {
            return Ok(true);
        }
        let mark = |world: &mut World| world.mirror.mark_sent(&sendings);
        let Some(written) = self.daemon.commit("mark sent", mark).await? else { return Ok(false) };
        for id in ids {
            self.written.insert(*id, written);
        }
        Ok(true)
    }

    async fn execute(&self, object: usize, work: &Work) -> Results {
        let mut results = Results::default();
        let known = self.daemon.objects[object].table.name_plural.clone();
        let request = Request { object, known, work: work.clone() };
        let what = match work {
            Work::Create(_) => "create",
            Work::Update(updates) if updates.iter().any(GuardedUpdate::restores) => "restore",
            Work::Update(_) => "update",
            Work::Delete { .. } => "delete",
        };
        match (self.daemon.write(what, request).await, work) {
            (None, _) => self.daemon.hit("in doubt", what),
            (Some(Response::Created(Ok(created))), _) => results.created = created,
            (Some(Response::Created(Err(refusal))), work) => {
                results.refused.push((work.clone(), refusal));
            }
            (Some(Response::Updated(outcomes)), Work::Update(updates)) => {
                for (update, outcome) in updates.iter().zip(outcomes) {
                    match outcome {
                        Ok(hit) => results.put(update.ids().as_slice(), &hit),
                        Err(refusal) => {
                            results.refused.push((Work::Update(vec![update.clone()]), refusal));
                        }
                    }
                }
            }
            (Some(Response::Deleted(hit)), work) => {
                let batch = Batch { object: Uuid::nil(), work: work.clone() };
                results.put(&batch.records(), &hit);
            }
            (Some(Response::Outdated), work) => {
                results.refused.push((work.clone(), Refusal::UnknownField));
            }
            (Some(Response::Updated(_)), _) => {}
        }
        results
    }

    /// Takes what Twenty has now as one more observation. `gone` are records that it destroyed.
    async fn acknowledge(
        &mut self,
        object: usize,
        rows: &BTreeMap<Uuid, Served>,
        gone: &[Uuid],
    ) -> Result<Vec<Uuid>, Fail> {
        let of = &self.daemon.objects[object];
        let ids: Vec<Uuid> = rows.keys().chain(gone).copied().collect();
        let at = clock::cut(clock::time(self.daemon.world.borrow_mut().at_program()));
        let (claims, seen) = (&self.claims, self.seen(object, &ids));
        let mut decide = |pending: &Pending| {
            let claim = claims.get(&pending.id)?;
            let shown = rows.get(&pending.id);
            let answer = match (shown, &claim.verb) {
                (Some(served), _) => Answer::Written(served.row.clone()),
                (None, Verb::Delete(_)) => Answer::Deleted { at },
                (None, _) => return None,
            };
            let through =
                if mistakes::is(Bug::LaterEditSettled) { i64::MAX } else { claim.through };
            let acknowledgement = Acknowledgement { answer, through };
            let reconciled = acknowledge(of.rules(), pending, &acknowledgement);
            Some(Decision { reconciled, rev: shown.map(|served| served.rev) })
        };
        let settled = self.daemon.commit_of(object, "acknowledge", |world| {
            let now = world.at_postgres();
            world.mirror.settle(of, &seen, &mut decide, now)
        });
        let passed = settled.await?;
        let release = |world: &mut World| {
            let now = world.at_postgres();
            world.mirror.release_waiting_for(&ids, now);
        };
        self.daemon.commit("release waiting", release).await?;
        Ok(self.passed(passed))
    }

    async fn refuse(&mut self, batch: &Batch, refusal: Refusal) -> Result<(), Fail> {
        let object = self.place(batch.object);
        let failure = match refusal {
            Refusal::DuplicateEntry => Failure::IdExists,
            Refusal::MissingParent => Failure::MissingReference,
            Refusal::Value => Failure::BadValue,
            Refusal::UnknownField => Failure::UnknownField,
        };
        for id in batch.records() {
            self.daemon.hit("refused", refusal.name());
            self.check_refusal(object, id, refusal);
            let attempts = self.claims.get(&id).map_or(0, |claim| claim.attempts);
            let random = self.daemon.world.borrow_mut().dice.roll();
            let disposition = after(failure, attempts + 1, Patience::default(), random);
            let wait = match disposition {
                Disposition::Read(_) => {
                    self.look(object, &[id], Fate::Exists).await?;
                    continue;
                }
                Disposition::Retry(wait) => Some(wait),
                Disposition::RefreshSchema => {
                    self.daemon.is_outdated.set(true);
                    Some(std::time::Duration::ZERO)
                }
                // A missing parent may come by itself; everything else waits for a change.
                _ if refusal == Refusal::MissingParent => Some(Patience::default().longest),
                _ => None,
            };
            let wait = wait.map(|wait| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
            self.set_aside(object, id, None, wait).await?;
        }
        Ok(())
    }

    fn check_refusal(&self, object: usize, id: Uuid, refusal: Refusal) {
        if refusal == Refusal::Value
            && let Some(claim) = self.claims.get(&id)
        {
            self.daemon.world.borrow_mut().check_refusal((object, id), &claim.image);
        }
    }

    /// A record whose parent is not at the source yet.
    pub(super) async fn refuse_waiting(&mut self, waiting: Waiting) -> Result<(), Fail> {
        let Some(claim) = self.claims.get(&waiting.record) else { return Ok(()) };
        let object = claim.object;
        self.daemon.hit("refused", "waits for its parent");
        self.set_aside(object, waiting.record, Some(waiting.parent), None).await
    }

    async fn set_aside(
        &mut self,
        object: usize,
        id: Uuid,
        holder: Option<Uuid>,
        wait: Option<i64>,
    ) -> Result<(), Fail> {
        let Some(claim) = self.claims.get(&id) else { return Ok(()) };
        if matches!(claim.verb, Verb::Create(_)) {
            self.stuck.insert(id);
        }
        let written = self.written.get(&id).copied().unwrap_or_default();
        let refusal = mirror::Refusal { through: claim.through, holder, written };
        let local = mistakes::is(Bug::RetryByLocalClock);
        let passed = self
            .daemon
            .commit("set aside", |world| {
                let now = if local { world.at_program() } else { world.at_postgres() };
                let retry_at = wait.map(|wait| now + wait);
                let passed = world.mirror.refuse((object, id), refusal, (retry_at, now));
                // One that a page passed by is looked at instead: what is on record of it is an older refusal.
                if passed.is_none() {
                    world.check_patience((object, id));
                }
                passed
            })
            .await?;
        let Some(written) = passed else { return Ok(()) };
        self.written.insert(id, written);
        self.look(object, &[id], Fate::Refused).await
    }
}

impl Results {
    fn put(&mut self, ids: &[Uuid], hit: &[Uuid]) {
        let (hit, missed): (Vec<Uuid>, Vec<Uuid>) = ids.iter().partition(|id| hit.contains(*id));
        self.hit.extend(hit);
        self.missed.extend(missed);
    }
}

impl Refusal {
    fn name(self) -> &'static str {
        match self {
            Refusal::DuplicateEntry => "duplicate entry",
            Refusal::MissingParent => "missing parent",
            Refusal::Value => "value",
            Refusal::UnknownField => "unknown field",
        }
    }
}
