//! The server's limit of calls: token buckets that round down, and begin anew at every call that they take.
//!
//! It exists because a server that counts in another way would be kinder: what refills in less than the time of one
//! token is forgotten with each call (docs/twenty.md, "Rate limits"). Invariants: a refused call leaves the clock as it
//! was; every root of a request is counted for itself; nobody is told how much is left.

use std::time::Duration;

use crate::daemon::Limit;

#[derive(Debug)]
struct Bucket {
    limit: Limit,
    tokens: u64,
    /// When it last took a call, in milliseconds.
    clock: u64,
}

/// The buckets of a workspace: a short and a long window.
#[derive(Debug)]
pub(crate) struct Buckets(Vec<Bucket>);

impl Buckets {
    /// Full ones: so many calls a minute, and a hundred in a second.
    pub(crate) fn new(calls: u32, now: i64) -> Buckets {
        let short = Limit { calls: 100, window: Duration::from_secs(1) };
        let long = Limit { calls, window: Duration::from_mins(1) };
        let full = |limit: Limit| Bucket { limit, tokens: limit.calls.into(), clock: millis(now) };
        Buckets([short, long].map(full).into())
    }

    /// Takes one call, or says which limit is reached.
    pub(crate) fn take(&mut self, now: i64) -> Result<(), Limit> {
        self.0.iter_mut().try_for_each(|bucket| bucket.take(millis(now)))
    }

    /// Whether no call has been missed for so long that nothing more fits in.
    pub(crate) fn are_full(&self, now: i64) -> bool {
        self.0.iter().all(|bucket| bucket.available(millis(now)) == u64::from(bucket.limit.calls))
    }
}

impl Bucket {
    fn available(&self, now: u64) -> u64 {
        let window = u64::try_from(self.limit.window.as_millis()).unwrap_or(u64::MAX);
        let full = u64::from(self.limit.calls);
        (self.tokens + now.saturating_sub(self.clock) * full / window).min(full)
    }

    fn take(&mut self, now: u64) -> Result<(), Limit> {
        let available = self.available(now);
        if available == 0 {
            return Err(self.limit);
        }
        (self.tokens, self.clock) = (available - 1, now);
        Ok(())
    }
}

fn millis(micros: i64) -> u64 {
    u64::try_from(micros / 1_000).unwrap_or(0)
}
