//! One token bucket, as the server keeps it: refills are rounded down, and the clock starts anew at every call.
//!
//! It exists because the server has several (a short and a long window), and all must agree. Invariant: pure;
//! times are given as durations since the budget began.

use std::time::Duration;

use super::Limit;

/// Slack for clocks and cables, so that a rest is a full one on the server as well.
const MARGIN: Duration = Duration::from_millis(50);

/// A volley is this part of the limit.
const VOLLEYS: u32 = 10;

#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) window: Duration,
    own: Option<u32>,
    learned: Option<u32>,
    tokens: u32,
    resting_until: Option<Duration>,
}

impl Bucket {
    /// A full bucket with a limit of our own.
    pub(super) fn own(limit: Limit) -> Bucket {
        Bucket {
            window: limit.window,
            own: Some(limit.calls),
            learned: None,
            tokens: limit.calls,
            resting_until: None,
        }
    }

    /// An empty bucket with a limit that the server told.
    pub(super) fn learned(limit: Limit) -> Bucket {
        Bucket {
            window: limit.window,
            own: None,
            learned: Some(limit.calls),
            tokens: 0,
            resting_until: None,
        }
    }

    /// The server says what it allows, and that it is used up.
    pub(super) fn learn(&mut self, calls: u32) {
        self.learned = Some(calls);
        self.empty();
    }

    pub(super) fn empty(&mut self) {
        self.tokens = 0;
        self.resting_until = None;
    }

    /// What it lets pass in its window.
    pub(super) fn limit(&self) -> Limit {
        Limit { calls: self.calls(), window: self.window }
    }

    fn calls(&self) -> u32 {
        self.own.unwrap_or(u32::MAX).min(self.learned.unwrap_or(u32::MAX))
    }

    /// How long it takes to fill `tokens`.
    fn time_for(&self, tokens: u32) -> Duration {
        let nanos = self.window.as_nanos() * u128::from(tokens);
        Duration::from_nanos(
            u64::try_from(nanos.div_ceil(u128::from(self.calls()))).unwrap_or(u64::MAX),
        )
    }

    /// How long a rest for a whole volley takes.
    pub(super) fn rest(&self) -> Duration {
        self.time_for((self.calls() / VOLLEYS).max(1)) + MARGIN
    }

    /// What it holds after so long without a call.
    pub(super) fn available(&self, idle: Duration) -> u32 {
        let refill = idle.as_nanos() * u128::from(self.calls()) / self.window.as_nanos().max(1);
        self.tokens.saturating_add(u32::try_from(refill).unwrap_or(u32::MAX)).min(self.calls())
    }

    /// Whether `cost` calls may go now.
    pub(super) fn allows(&self, now: Duration, since: Duration, cost: u32) -> bool {
        let is_resting = self.resting_until.is_some_and(|until| now < until);
        !is_resting && self.available(now.saturating_sub(since)) >= cost.min(self.calls())
    }

    /// Whether `cost` calls may go now, or when to ask again. `since` is when the server's clock last started.
    pub(super) fn ask(
        &mut self,
        now: Duration,
        since: Duration,
        cost: u32,
    ) -> Result<(), Duration> {
        if let Some(until) = self.resting_until.filter(|until| now < *until) {
            return Err(until);
        }
        let missing =
            cost.min(self.calls()).saturating_sub(self.available(now.saturating_sub(since)));
        if missing == 0 {
            return Ok(());
        }
        let until =
            (since + self.rest()).max(since + self.time_for(missing) + MARGIN).max(now + MARGIN);
        self.resting_until = Some(until);
        Err(until)
    }

    /// Spends what [`Bucket::ask`] allowed.
    pub(super) fn spend(&mut self, idle: Duration, cost: u32) {
        self.tokens = self.available(idle).saturating_sub(cost);
        self.resting_until = None;
    }
}
