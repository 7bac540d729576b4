//! What the budget knows: its buckets, the calls under way, and whether the server has refused one.
//!
//! It exists as the pure half of the budget, so that a day of calls can be tested in a millisecond. Invariant:
//! nothing is credited for a time in which a call of ours may still reach the server.

use std::time::Duration;

use super::{Limit, bucket::Bucket};

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
    in_flight: u32,
    sent: Duration,
    settled: Duration,
    paused_until: Duration,
    /// Refusals in a row.
    strikes: u32,
}

impl Ledger {
    pub(super) fn new(own: Option<Limit>) -> Ledger {
        Ledger { buckets: own.map(Bucket::own).into_iter().collect(), ..Ledger::default() }
    }

    /// Takes `cost` calls out of every bucket, or says when to ask again.
    pub(super) fn take(&mut self, now: Duration, cost: u32) -> Result<(), Duration> {
        if now < self.paused_until {
            return Err(self.paused_until);
        }
        let since = self.since();
        let waits = self.buckets.iter_mut().filter_map(|bucket| bucket.ask(now, since, cost).err());
        if let Some(until) = waits.max() {
            return Err(until);
        }
        let idle = now.saturating_sub(since);
        self.buckets.iter_mut().for_each(|bucket| bucket.spend(idle, cost));
        self.in_flight += 1;
        self.sent = now;
        Ok(())
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
            self.buckets.iter_mut().for_each(Bucket::empty);
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
        if let Some(bucket) = self.buckets.iter_mut().find(|bucket| bucket.window == limit.window) {
            bucket.learn(limit.calls);
            return bucket.rest();
        }
        let bucket = Bucket::learned(limit);
        let rest = bucket.rest();
        if self.buckets.len() < MOST_BUCKETS {
            self.buckets.push(bucket);
        }
        rest
    }

    /// When the server's clock started at the latest.
    fn since(&self) -> Duration {
        if self.in_flight == 0 { self.settled } else { self.settled.max(self.sent + GRACE) }
    }
}
