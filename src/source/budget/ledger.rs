//! What the budget knows: its buckets, the calls under way, and whether the server has refused one.
//!
//! It exists as a pure part of the budget, so that a day of calls can be tested in a millisecond. Invariants:
//! nothing is credited for a time in which a call of ours may still reach the server; sweeps and backfills go only
//! as long as all our calls together leave the reserve to others.

use std::time::Duration;

use super::{BudgetState, Lane, Limit, bucket::Bucket};

/// A call that was sent this long ago has surely been counted, answered or not.
const GRACE: Duration = Duration::from_secs(1);

/// The first pause after a refusal that names no limit, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// No proxy makes us wait longer than this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

/// The server's texts name two windows; more are not believed.
const MOST_BUCKETS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    buckets: Vec<Bucket>,
    /// The same with limits less the reserve: every call is taken out, only those that can wait have to ask.
    spare: Vec<Bucket>,
    /// Calls a minute that are left to others.
    reserve: u32,
    in_flight: u32,
    sent: Duration,
    settled: Duration,
    paused_until: Duration,
    /// Refusals in a row.
    strikes: u32,
}

impl Ledger {
    pub(super) fn new(own: Option<Limit>, reserve: u32) -> Ledger {
        Ledger {
            buckets: own.map(Bucket::own).into_iter().collect(),
            spare: own.map(|own| Bucket::own(less(own, reserve))).into_iter().collect(),
            reserve,
            ..Ledger::default()
        }
    }

    /// Whether `cost` calls of a lane may go now.
    pub(super) fn allows(&self, now: Duration, lane: Lane, cost: u32) -> bool {
        let since = self.since();
        let spare = if lane.is_spare() { self.spare.as_slice() } else { &[] };
        now >= self.paused_until
            && self.buckets.iter().chain(spare).all(|bucket| bucket.allows(now, since, cost))
    }

    /// Takes `cost` calls out of every bucket, or says when to ask again.
    pub(super) fn take(&mut self, now: Duration, lane: Lane, cost: u32) -> Result<(), Duration> {
        if now < self.paused_until {
            return Err(self.paused_until);
        }
        let since = self.since();
        let spare = if lane.is_spare() { self.spare.as_mut_slice() } else { &mut [] };
        let asked = self.buckets.iter_mut().chain(spare);
        let waits = asked.filter_map(|bucket| bucket.ask(now, since, cost).err());
        if let Some(until) = waits.max() {
            return Err(until);
        }
        let idle = now.saturating_sub(since);
        self.buckets.iter_mut().chain(&mut self.spare).for_each(|bucket| bucket.spend(idle, cost));
        self.in_flight += 1;
        self.sent = now;
        Ok(())
    }

    /// What the slowest bucket holds.
    pub(super) fn state(&self, now: Duration) -> Option<BudgetState> {
        let slowest = self.buckets.iter().min_by_key(|bucket| bucket.limit().calls_a_day())?;
        let (limit, idle) = (slowest.limit(), now.saturating_sub(self.since()));
        let left = if now < self.paused_until { 0 } else { slowest.available(idle) };
        Some(BudgetState { limit, left, reserve: limit.calls - less(limit, self.reserve).calls })
    }

    /// A call is over.
    pub(super) fn settle(&mut self, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.settled = now;
    }

    pub(super) fn accepted(&mut self) {
        self.strikes = 0;
    }

    /// The server refused a call: everything waits. Refusals of calls that were under way together are one.
    pub(super) fn refused(
        &mut self,
        now: Duration,
        limit: Option<Limit>,
        retry_after: Option<Duration>,
    ) {
        let rest = limit.map_or(PAUSE, |limit| self.learn(limit));
        if limit.is_none() {
            self.buckets.iter_mut().chain(&mut self.spare).for_each(Bucket::empty);
        }
        if now >= self.paused_until {
            self.strikes += 1;
        }
        let doubled = rest
            .saturating_mul(1 << self.strikes.saturating_sub(1).min(10))
            .min(LONGEST_PAUSE.max(rest));
        let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        self.paused_until = self.paused_until.max(now + doubled.max(asked));
    }

    /// Notes a limit that the server named; returns how long to rest.
    fn learn(&mut self, limit: Limit) -> Duration {
        learn(&mut self.spare, less(limit, self.reserve));
        learn(&mut self.buckets, limit)
    }

    /// When the server's clock started at the latest.
    fn since(&self) -> Duration {
        if self.in_flight == 0 { self.settled } else { self.settled.max(self.sent + GRACE) }
    }
}

/// Notes a limit in the bucket of its window; returns how long to rest.
fn learn(buckets: &mut Vec<Bucket>, limit: Limit) -> Duration {
    if let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.window == limit.window) {
        bucket.learn(limit.calls);
        return bucket.rest();
    }
    let bucket = Bucket::learned(limit);
    let rest = bucket.rest();
    if buckets.len() < MOST_BUCKETS {
        buckets.push(bucket);
    }
    rest
}

/// What is left of a limit without so many calls a minute; something is.
fn less(limit: Limit, reserve: u32) -> Limit {
    let reserved = u128::from(reserve) * limit.window.as_millis() / 60_000;
    let reserved = u32::try_from(reserved).unwrap_or(u32::MAX);
    Limit { calls: limit.calls.saturating_sub(reserved).max(1), ..limit }
}
