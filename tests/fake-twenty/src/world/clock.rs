//! The server's clock: real by default, frozen or shifted for a test.

use std::time::Duration;

use time::OffsetDateTime;

/// Where the server takes the time from, for rows, tokens and the `Date` header alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Real,
    /// The machine's clock, moved by some microseconds.
    Shifted(i64),
    /// Always this moment, in microseconds since 1970.
    Frozen(i64),
}

impl Clock {
    /// Microseconds since 1970.
    pub fn now(self) -> i64 {
        match self {
            Self::Real => real(),
            Self::Shifted(by) => real() + by,
            Self::Frozen(at) => at,
        }
    }

    /// The same clock, later.
    #[must_use]
    pub fn advanced(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        match self {
            Self::Real => Self::Shifted(by),
            Self::Shifted(shift) => Self::Shifted(shift + by),
            Self::Frozen(at) => Self::Frozen(at + by),
        }
    }
}

fn real() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}
