//! Finds destroyed records by counting: where the source counts fewer ids than it should hold, it looks closer.
//!
//! It exists because a hard delete leaves no trace, and reading every id to find a few that are gone costs a page
//! for every 200 records. Halving costs k·log N counts for k destroyed records among N. Only the left half is
//! counted; what the right one lacks follows from the whole.
//!
//! Invariants: the answer is a suspicion, never a verdict: each id is still to be asked for; no more calls than
//! three times what reading everything costs; counts that cannot all be true end the search.

use std::{fmt, ops::Range};

use uuid::Uuid;

/// Ids that one call reads.
pub const IDS_PER_READ: usize = 200;

/// Counts that are asked for side by side.
const PER_ROUND: usize = 8;

/// Ids from one on, up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// The lowest id.
    pub from: Uuid,
    /// The lowest id beyond; `None` for no end.
    pub to: Option<Uuid>,
}

/// Every id there can be.
pub const ALL_IDS: IdRange = IdRange { from: Uuid::nil(), to: None };

/// Statements of the server that cannot all be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// A range has more records than a wider one.
    Count {
        /// What was counted in the range.
        counted: u64,
        /// What was counted in the wider one.
        within: u64,
    },
    /// An answer has not as many records as are counted for it.
    Answer {
        /// How many it has.
        given: u64,
        /// How many are counted.
        counted: u64,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contradiction::Count { counted, within } => {
                write!(formatter, "the server counts {counted} records among {within}")
            }
            Contradiction::Answer { given, counted } => {
                write!(formatter, "the server gives {given} records and counts {counted}")
            }
        }
    }
}

impl std::error::Error for Contradiction {}

/// A search under way.
#[derive(Debug)]
pub struct Sweep<'a> {
    /// The ids that the source should hold, ascending.
    ids: &'a [Uuid],
    open: Vec<Part>,
    suspects: Vec<Range<usize>>,
}

/// Ids among which some are missing.
#[derive(Debug, Clone)]
struct Part {
    places: Range<usize>,
    from: Uuid,
    counted: u64,
}

impl Part {
    fn len(&self) -> u64 {
        self.places.len() as u64
    }

    fn missing(&self) -> u64 {
        self.len().saturating_sub(self.counted)
    }

    fn middle(&self) -> usize {
        self.places.start + self.places.len() / 2
    }
}

impl<'a> Sweep<'a> {
    /// Begins to look for those of `ids`, which ascend, that the source has no more, given its count of all.
    pub fn begin(ids: &'a [Uuid], counted: u64) -> Sweep<'a> {
        let mut sweep = Sweep { ids, open: Vec::new(), suspects: Vec::new() };
        sweep.put(Part { places: 0..ids.len(), from: ALL_IDS.from, counted });
        sweep
    }

    /// The ranges to count next; none when the search is over.
    pub fn ask(&self) -> Vec<IdRange> {
        let left = |part: &Part| IdRange { from: part.from, to: Some(self.ids[part.middle()]) };
        self.open.iter().take(PER_ROUND).map(left).collect()
    }

    /// Takes the counts of the ranges that were asked for, in their order.
    ///
    /// # Errors
    /// They cannot all be true.
    pub fn answer(&mut self, counts: &[u64]) -> Result<(), Contradiction> {
        let answered = counts.len().min(self.open.len());
        let parts: Vec<Part> = self.open.drain(..answered).collect();
        for (part, &counted) in parts.into_iter().zip(counts) {
            self.split(&part, counted)?;
        }
        Ok(())
    }

    /// The ids to be asked for one by one.
    pub fn suspects(&self) -> impl Iterator<Item = &'a [Uuid]> {
        self.suspects.iter().map(|places| &self.ids[places.clone()])
    }

    fn split(&mut self, part: &Part, counted: u64) -> Result<(), Contradiction> {
        let within = part.counted;
        let rest = within.checked_sub(counted).ok_or(Contradiction::Count { counted, within })?;
        let (middle, boundary) = (part.middle(), self.ids[part.middle()]);
        self.put(Part { places: part.places.start..middle, from: part.from, counted });
        self.put(Part { places: middle..part.places.end, from: boundary, counted: rest });
        Ok(())
    }

    /// A part that costs no more to read than it lacks records is read; one that lacks none is let go.
    fn put(&mut self, part: Part) {
        if part.missing() == 0 {
            return;
        }
        let reads = part.places.len().div_ceil(IDS_PER_READ) as u64;
        if reads <= part.missing() { self.suspects.push(part.places) } else { self.open.push(part) }
    }
}

#[cfg(test)]
mod tests;
