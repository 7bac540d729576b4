//! Calls under the server's limit: who made them, what was refused, and whether that could be helped.
//!
//! It exists to check I23 by what arrives at the server, not by what the program believes. Invariants: strangers call,
//! too; a process that is alone with a bucket that was full, and whose calls arrive within a second, is never refused;
//! after a refusal it asks for nothing before the server can have filled a part of its bucket again; no window holds
//! more than its own limit allows.

use std::collections::{BTreeMap, VecDeque};

use super::World;
use crate::{clock::SECOND, daemon::Limit, dice::Dice, twenty::Buckets};

const MINUTE: i64 = 60 * SECOND;

/// The limit of a workspace, and the books of the calls under it.
#[derive(Debug)]
pub(crate) struct Calls {
    server: Buckets,
    limit: u32,
    /// The limit that the program is configured with, and what it leaves to others.
    pub(crate) own: (Option<u32>, u32),
    /// How often strangers called.
    strangers: u64,
    callers: BTreeMap<u64, Caller>,
}

/// What is known of a process.
#[derive(Debug, Default)]
struct Caller {
    /// Whether nobody else has called since it began, when nothing was missing.
    is_alone: bool,
    strangers: u64,
    /// When it was last told to be patient.
    refused: Option<i64>,
    sent: VecDeque<i64>,
}

impl Calls {
    pub(crate) fn new(dice: &mut Dice, now: i64) -> Calls {
        let limit = dice.pick(&[6, 12, 30, 100]).unwrap_or(100);
        let own = dice.pick(&[Some(limit), Some(limit), Some(limit / 2), Some(1_000), None]);
        let reserve = if dice.once_in(2) { limit / 5 } else { 0 };
        Calls {
            server: Buckets::new(limit, now),
            limit,
            own: (own.flatten(), reserve),
            strangers: 0,
            callers: BTreeMap::new(),
        }
    }

    /// A process begins.
    pub(crate) fn begins(&mut self, epoch: u64, now: i64) {
        let is_alone = self.server.are_full(now);
        let strangers = self.strangers;
        self.callers.insert(epoch, Caller { is_alone, strangers, ..Caller::default() });
    }

    /// How many calls a minute a process may make at most, as far as it can know.
    fn allowed(&self) -> u32 {
        self.own.0.unwrap_or(u32::MAX)
    }

    /// Whether the program is configured to call no more often than the server lets it.
    fn is_modest(&self) -> bool {
        self.allowed() <= self.limit
    }
}

impl World {
    /// Takes so many calls of a request that a process was let to send at a moment; how many of them pass, and which
    /// limit stopped the next one.
    pub(crate) fn take_calls(
        &mut self,
        epoch: u64,
        let_at: i64,
        cost: u32,
    ) -> (u32, Option<Limit>) {
        let now = self.now;
        let Some(calls) = &mut self.calls else { return (cost, None) };
        let mut passed = 0;
        let mut reached = None;
        while passed < cost && reached.is_none() {
            match calls.server.take(now) {
                Ok(()) => passed += 1,
                Err(limit) => reached = Some(limit),
            }
        }
        self.note_call(epoch, let_at, cost);
        if let Some(limit) = reached {
            self.note_refusal(epoch, limit);
        }
        (passed, reached)
    }

    fn note_call(&mut self, epoch: u64, let_at: i64, cost: u32) {
        let now = self.now;
        let Some(calls) = &mut self.calls else { return };
        let most = u64::from(calls.allowed()) * 2 + u64::from(cost);
        let pause = MINUTE / i64::from(calls.limit);
        let others = calls.callers.iter_mut().filter(|(other, _)| **other != epoch);
        others.for_each(|(_, other)| other.is_alone = false);
        let Some(caller) = calls.callers.get_mut(&epoch) else { return };
        // After that the program takes a call to be counted.
        caller.is_alone &= now - let_at <= SECOND;
        caller.sent.extend((0..cost).map(|_| let_at));
        while caller.sent.front().is_some_and(|sent| *sent <= let_at - MINUTE) {
            caller.sent.pop_front();
        }
        let in_window = caller.sent.len() as u64;
        let too_soon =
            caller.refused.filter(|refused| (*refused..refused + pause).contains(&let_at));
        self.tally.more("calls", "under a limit", cost.into());
        if in_window > most {
            self.wrong("I23", format!("{in_window} calls in a minute, where {most} are too many"));
        }
        if let Some(refused) = too_soon {
            self.wrong("I23", format!("called {} µs after a refusal", let_at - refused));
        }
    }

    fn note_refusal(&mut self, epoch: u64, limit: Limit) {
        self.tally.hit("429", "bucket");
        self.say(&format!("429: {} calls in {:?}", limit.calls, limit.window));
        let Some(calls) = &self.calls else { return };
        let Some(caller) = calls.callers.get(&epoch) else { return };
        if caller.is_alone && caller.strangers == calls.strangers && calls.is_modest() {
            self.wrong("I23", "refused, although nobody else calls".to_owned());
        }
    }

    /// A process learns that it was refused.
    pub(crate) fn is_told_of_refusal(&mut self, epoch: u64) {
        let now = self.now;
        if let Some(caller) = self.calls.as_mut().and_then(|calls| calls.callers.get_mut(&epoch)) {
            caller.refused = Some(now);
        }
    }

    /// What happens in varied histories only.
    pub(crate) fn happens(&mut self) {
        if self.calls.is_some() && self.dice.once_in(16) {
            self.strangers_call();
        }
        if self.drift.as_mut().is_some_and(|drift| drift.dice.once_in(24)) {
            self.change_model();
        }
        let beside = self.drift.as_mut().and_then(|drift| drift.beside.as_mut());
        if beside.is_some_and(|dice| dice.once_in(12)) {
            self.apply_schema();
        }
    }

    /// Counts what kind of history this was.
    pub(crate) fn count_kinds(&mut self) {
        let kinds = [
            (self.varied, "with a data model of their own"),
            (self.calls.is_some(), "under a limit of calls"),
            (self.drift.is_some(), "with a data model that changes"),
        ];
        for (_, kind) in kinds.into_iter().filter(|(is_so, _)| *is_so) {
            self.tally.hit("histories", kind);
        }
    }

    /// Somebody else's program calls, as often as it can.
    fn strangers_call(&mut self) {
        let now = self.now;
        let most = self.dice.below(12);
        if let Some(calls) = &mut self.calls {
            calls.strangers += 1;
            let passed = (0..most).take_while(|_| calls.server.take(now).is_ok()).count();
            self.tally.more("calls of strangers", "under a limit", passed as u64);
        }
    }

    /// A request that was given up is counted when it arrives.
    pub(super) fn late_call(&mut self) {
        let now = self.now;
        if let Some(calls) = &mut self.calls {
            calls.strangers += 1;
            // One that comes over the limit would be refused; that it is carried out is the harder case.
            let _ = calls.server.take(now);
        }
    }
}
