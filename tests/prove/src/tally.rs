//! What happened in histories, counted; and a digest of all that happened, in its order.

use std::collections::BTreeMap;

/// What may fail: each is counted under its word.
pub const FAULTS: [&str; 12] = [
    "request lost",
    "reply lost",
    "slow reply",
    "carried out late",
    "429",
    "truncated listing",
    "page repeated",
    "filter ignored",
    "cursor stands",
    "wrong count",
    "incomplete answer",
    "late commit",
];

/// What happens to a data model.
pub const SCHEMA_CHANGES: [&str; 9] = [
    "field added",
    "field renamed",
    "field deactivated",
    "field activated",
    "field deleted",
    "object renamed",
    "object switched off",
    "object switched on",
    "applied beside the program",
];

/// What only some histories have.
pub const KINDS: [&str; 3] =
    ["with a data model of their own", "under a limit of calls", "with a data model that changes"];

/// Where a process can be killed.
pub const STATES: [&str; 4] = ["at rest", "in doubt", "within a walk", "in doubt, within a walk"];

/// Counts by what happened, and where.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Tally {
    pub(crate) fn hit(&mut self, what: &'static str, place: &'static str) {
        *self.counts.entry((what, place)).or_default() += 1;
    }

    pub(crate) fn more(&mut self, what: &'static str, place: &'static str, by: u64) {
        *self.counts.entry((what, place)).or_default() += by;
    }

    /// Adds the counts of other histories.
    pub fn add(&mut self, other: &Tally) {
        for (place, count) in &other.counts {
            *self.counts.entry(*place).or_default() += count;
        }
    }

    /// How often something happened, anywhere.
    pub fn total(&self, what: &str) -> u64 {
        self.counts.iter().filter(|((of, _), _)| *of == what).map(|(_, count)| count).sum()
    }

    /// How often something happened in one place.
    pub fn at(&self, what: &str, place: &str) -> u64 {
        self.counts.iter().filter(|(key, _)| **key == (what, place)).map(|(_, count)| count).sum()
    }

    /// Everything that was counted.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.counts.iter().map(|((what, place), count)| (*what, *place, *count))
    }
}

/// A digest (FNV-1a) that depends on everything it was told, and on the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace(u64);

impl Trace {
    pub(crate) fn new() -> Trace {
        Trace(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn tell(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn digest(self) -> u64 {
        self.0
    }
}
