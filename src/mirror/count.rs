//! Counts as PostgreSQL stores them.
//!
//! It exists because `bigint` has a sign and a count has none. Invariant: no count that a mirror can reach is changed.

/// A count as it is stored.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A stored count.
pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
