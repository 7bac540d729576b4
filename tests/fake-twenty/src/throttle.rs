//! The token bucket, with its two flaws.
//!
//! The refill is rounded down to whole tokens and the bucket's clock is set on every accepted call, so calls that
//! come faster than one token's time refill nothing at all. Rejected calls leave the clock alone.

use std::time::{Duration, Instant};

use crate::error::ServerError;

/// How many calls in which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Tokens of a full bucket.
    pub limit: u32,
    /// Time to fill an empty one.
    pub window: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { limit: 100, window: Duration::from_mins(1) }
    }
}

/// The bucket of the workspace, shared by all its keys.
#[derive(Debug)]
pub(crate) struct Throttle {
    limit: Option<RateLimit>,
    bucket: Option<(u128, Instant)>,
    /// Tokens given so far, for the log of calls.
    taken: u64,
    /// A fault: nothing is given, whatever the bucket holds.
    denies: bool,
}

impl Throttle {
    pub(crate) fn new(limit: Option<RateLimit>) -> Self {
        Self { limit, bucket: None, taken: 0, denies: false }
    }

    pub(crate) fn set_limit(&mut self, limit: Option<RateLimit>) {
        *self = Self::new(limit);
    }

    /// Tokens given so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Switches the fault on and off.
    pub(crate) fn set_denies(&mut self, denies: bool) {
        self.denies = denies;
    }

    /// Takes tokens, or refuses.
    pub(crate) fn take(&mut self, tokens: u32) -> Result<(), ServerError> {
        if self.denies {
            return Err(refusal(self.limit.unwrap_or_default()));
        }
        self.take_at(tokens, Instant::now())?;
        self.taken += u64::from(tokens);
        Ok(())
    }

    fn take_at(&mut self, tokens: u32, now: Instant) -> Result<(), ServerError> {
        let Some(limit) = self.limit else { return Ok(()) };
        let full = u128::from(limit.limit);
        let (left, since) = self.bucket.unwrap_or((full, now));
        let window = limit.window.as_millis().max(1);
        let refill = now.saturating_duration_since(since).as_millis() * full / window;
        let available = full.min(left + refill);
        let Some(rest) = available.checked_sub(u128::from(tokens)) else {
            return Err(refusal(limit));
        };
        self.bucket = Some((rest, now));
        Ok(())
    }
}

pub(crate) fn refusal(limit: RateLimit) -> ServerError {
    let message =
        format!("Limit reached ({} tokens per {} ms)", limit.limit, limit.window.as_millis());
    ServerError::new(429, "HttpException", message, "BAD_USER_INPUT").with_sub_code("LIMIT_REACHED")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emptied() -> (Throttle, Instant) {
        let (mut throttle, start) = (Throttle::new(Some(RateLimit::default())), Instant::now());
        for _ in 0..100 {
            throttle.take_at(1, start).unwrap();
        }
        (throttle, start)
    }

    #[test]
    fn a_full_bucket_gives_its_limit_and_then_refuses() {
        let (mut throttle, start) = emptied();
        let refusal = throttle.take_at(1, start).unwrap_err();
        assert_eq!((refusal.status, refusal.sub_code), (429, Some("LIMIT_REACHED")));
        assert_eq!(refusal.message, "Limit reached (100 tokens per 60000 ms)");
    }

    #[test]
    fn fractions_of_a_token_are_lost_on_every_accepted_call() {
        let (mut throttle, start) = emptied();
        let second = Duration::from_millis(1100);
        assert!(throttle.take_at(1, start + second).is_ok());
        assert!(throttle.take_at(1, start + second + Duration::from_millis(599)).is_err());
    }

    #[test]
    fn a_rejected_call_does_not_set_the_clock() {
        let (mut throttle, start) = emptied();
        assert!(throttle.take_at(1, start + Duration::from_millis(599)).is_err());
        assert!(throttle.take_at(1, start + Duration::from_millis(600)).is_ok());
    }
}
