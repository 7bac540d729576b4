//! How long looks between two ticks rest, so that they leave calls for everything else.
//!
//! It exists because each event is worth a look, events come as fast as people and their imports make them, and the
//! calls are few (docs/twenty.md, "Rate limits"). Invariant: over time, looks take no more than half of the calls;
//! the other half is for ticks and for local changes.

use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// How long to rest after a look that took `calls`, where `per_minute` are allowed; 0 sets no limit.
pub fn rest(calls: u64, per_minute: u32) -> Duration {
    if per_minute == 0 {
        return Duration::ZERO;
    }
    let calls = u32::try_from(calls).unwrap_or(u32::MAX);
    MINUTE.saturating_mul(calls).saturating_mul(2) / per_minute
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MINUTE, rest};

    #[test]
    fn a_look_pays_for_its_calls_with_rest() {
        for (calls, per_minute, expected) in [
            (0, 100, Duration::ZERO),
            (1, 100, Duration::from_millis(1_200)),
            (5, 100, Duration::from_secs(6)),
            (1, 1_000, Duration::from_millis(120)),
            (50, 0, Duration::ZERO),
        ] {
            assert_eq!(rest(calls, per_minute), expected, "{calls} of {per_minute}");
        }
    }

    #[test]
    fn looks_one_after_the_other_take_half_of_the_calls() {
        for calls in [1, 3, 40, 1_000] {
            let looks = MINUTE.as_secs_f64() / rest(calls, 100).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
            let used = looks * calls as f64;
            assert!((used - 50.0).abs() < 0.001, "{used} calls a minute");
        }
        assert!(rest(u64::MAX, 1) > MINUTE, "no overflow");
    }
}
