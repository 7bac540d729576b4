//! Virtual time: microseconds of the server's clock since everything began.

use time::{Duration, OffsetDateTime, macros::datetime};

/// When everything began.
const NOON: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

pub(crate) const SECOND: i64 = 1_000_000;

/// How far a walk reaches back.
pub(crate) const OVERLAP: Duration = Duration::seconds(60);

/// The moment as everybody writes it.
pub(crate) fn time(micros: i64) -> OffsetDateTime {
    NOON + Duration::microseconds(micros)
}

/// The microseconds of a moment.
pub(crate) fn micros(time: OffsetDateTime) -> i64 {
    i64::try_from((time - NOON).whole_microseconds()).unwrap_or(i64::MAX)
}

/// The milliseconds of a moment.
pub(crate) fn millis(time: OffsetDateTime) -> i64 {
    micros(time).div_euclid(1_000)
}

/// Without what is below the millisecond, as JSON shows a time.
pub(crate) fn cut(time: OffsetDateTime) -> OffsetDateTime {
    self::time(millis(time) * 1_000)
}
