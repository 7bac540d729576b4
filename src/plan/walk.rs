//! Walks an object's records in id order, page by page, and distrusts every page.
//!
//! It exists because the obvious way, following `updatedAt`, sticks or skips on a real server
//! (docs/twenty.md, "Reading changes"). A first walk reads everything (backfill); later walks read what changed
//! since the previous walk began, less an overlap for transactions that committed late (delta).
//!
//! Invariants: the watermark is the server's time when the walk *began*, and moves only when the walk is
//! complete; ids ascend strictly, so no record comes twice and no cursor stands still unnoticed; a listing that
//! ends before the server's own count is never taken for complete.

use std::fmt;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How far an object has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Server time at which the last complete walk began; `None` until the first is complete.
    pub watermark: Option<OffsetDateTime>,
    /// The walk under way, if one is.
    pub walk: Option<Walk>,
}

/// A walk under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// Only records changed at or after this time; `None` reads all.
    pub since: Option<OffsetDateTime>,
    /// Server time of the first page; `None` before it.
    pub began_at: Option<OffsetDateTime>,
    /// Where the next page starts; `None` before the first page.
    pub cursor: Option<String>,
    /// The last id seen.
    pub last_id: Option<Uuid>,
    /// Records seen so far.
    pub seen: u64,
    /// The smallest count the server gave during this walk.
    pub fewest: Option<u64>,
    /// The largest one.
    pub most: Option<u64>,
    /// The last page was said to be the end, which the counts do not bear out. It is not stored: then it is asked again.
    pub ended: bool,
    /// Pages read so far.
    pub pages: u64,
}

/// What a page said, without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFacts {
    /// Server time of the answer.
    pub served_at: OffsetDateTime,
    /// Each record's id and time of change, in the order of the page; `None` where it could not be read.
    pub records: Vec<Option<(Uuid, Option<OffsetDateTime>)>>,
    /// Where the next page would start.
    pub end_cursor: Option<String>,
    /// Whether the server says that more follows.
    pub has_next: bool,
    /// How many records the server says the whole listing has.
    pub total: u64,
}

/// What comes after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Store this and read on from `walk.cursor`.
    More(Walk),
    /// The walk is complete: store the checkpoint.
    Done(Checkpoint),
}

/// Why a page is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkError {
    /// The server says that more follows, but gives the cursor just used, or none.
    CursorStands,
    /// An id is not above the one before it: a record came twice, or out of order.
    IdRepeats(Uuid),
    /// A record is older than the walk asked for: the filter was not applied.
    FilterIgnored(Uuid),
    /// The listing ended before the server's own count.
    EndedEarly {
        /// Records seen.
        seen: u64,
        /// The smallest count the server gave.
        counted: u64,
    },
    /// More pages than the count allows for.
    Endless {
        /// Pages read.
        pages: u64,
    },
}

impl fmt::Display for WalkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WalkError::CursorStands => formatter.write_str("the server's cursor does not move"),
            WalkError::IdRepeats(id) => write!(formatter, "record {id} came twice or out of order"),
            WalkError::FilterIgnored(id) => {
                write!(
                    formatter,
                    "record {id} is older than the time asked for: the server ignored the filter"
                )
            }
            WalkError::EndedEarly { seen, counted } => {
                write!(
                    formatter,
                    "the listing ended after {seen} records, but the server counts {counted}"
                )
            }
            WalkError::Endless { pages } => {
                write!(
                    formatter,
                    "the listing did not end after {pages} pages, more than its count allows for"
                )
            }
        }
    }
}

impl std::error::Error for WalkError {}

/// The walk to go on with, or the next one to begin.
pub fn begin(checkpoint: &Checkpoint, overlap: Duration) -> Walk {
    match &checkpoint.walk {
        Some(walk) => walk.clone(),
        None => Walk {
            since: checkpoint.watermark.map(|watermark| whole_millisecond(watermark - overlap)),
            ..Walk::default()
        },
    }
}

/// Times are asked for and shown by the millisecond: a record of that millisecond must not seem older than asked for.
fn whole_millisecond(time: OffsetDateTime) -> OffsetDateTime {
    time - Duration::nanoseconds(i64::from(time.nanosecond() % 1_000_000))
}

/// Whether the source's clock, by the first page of `walk`, is behind what the walk asks for. What changed meanwhile may
/// then have an older time, so the walk has to read everything.
pub fn is_behind(walk: &Walk, served_at: OffsetDateTime) -> bool {
    walk.pages == 0 && walk.since.is_some_and(|since| served_at < since)
}

/// Checks one page of `walk` and says what comes next. `limit` is the page size asked for.
///
/// # Errors
/// The page is not believed; nothing of it may be applied, except after [`WalkError::EndedEarly`], whose
/// records are as good as any: only the walk is not complete.
pub fn advance(walk: &Walk, facts: &PageFacts, limit: u64) -> Result<Step, WalkError> {
    let mut next = walk.clone();
    next.began_at.get_or_insert(facts.served_at);
    next.fewest = Some(walk.fewest.map_or(facts.total, |fewest| fewest.min(facts.total)));
    next.most = Some(walk.most.map_or(facts.total, |most| most.max(facts.total)));
    next.seen += facts.records.len() as u64;
    next.pages += 1;
    next.ended = !facts.has_next;
    next.last_id = check_records(walk, facts)?;
    if !facts.has_next {
        return finish(walk, &next, facts);
    }
    if facts.end_cursor.is_none() || facts.end_cursor == walk.cursor || facts.records.is_empty() {
        return Err(WalkError::CursorStands);
    }
    if next.pages > facts.total.div_ceil(limit.max(1)) * 2 + 10 {
        return Err(WalkError::Endless { pages: next.pages });
    }
    next.cursor.clone_from(&facts.end_cursor);
    Ok(Step::More(next))
}

fn check_records(walk: &Walk, facts: &PageFacts) -> Result<Option<Uuid>, WalkError> {
    let mut last_id = walk.last_id;
    for &(id, updated_at) in facts.records.iter().flatten() {
        if last_id.is_some_and(|last_id| id <= last_id) {
            return Err(WalkError::IdRepeats(id));
        }
        if walk.since.zip(updated_at).is_some_and(|(since, updated_at)| updated_at < since) {
            return Err(WalkError::FilterIgnored(id));
        }
        last_id = Some(id);
    }
    Ok(last_id)
}

/// A walk may see more records than were counted (some came meanwhile), never fewer than the smallest count. Where it saw
/// fewer than the largest, some came or went, and others may be missing in their place: then it has ended where the
/// server, asked for what comes after the end, has nothing.
fn finish(before: &Walk, walk: &Walk, last: &PageFacts) -> Result<Step, WalkError> {
    let (fewest, most) = counted(walk);
    let is_empty = last.records.is_empty();
    let ended_early = |counted| Err(WalkError::EndedEarly { seen: walk.seen, counted });
    if walk.seen < fewest {
        return ended_early(fewest);
    }
    if walk.seen >= most || before.ended && is_empty {
        return Ok(Step::Done(Checkpoint { watermark: walk.began_at, walk: None }));
    }
    let moved = || last.end_cursor.clone().filter(|cursor| Some(cursor) != before.cursor.as_ref());
    match if is_empty { before.cursor.clone() } else { moved() } {
        Some(cursor) => Ok(Step::More(Walk { cursor: Some(cursor), ..walk.clone() })),
        None => ended_early(most),
    }
}

/// The smallest and the largest count of a walk.
fn counted(walk: &Walk) -> (u64, u64) {
    let (fewest, most) = (walk.fewest.unwrap_or(0), walk.most.unwrap_or(0));
    #[cfg(feature = "planted")]
    match () {
        () if crate::mistakes::is(crate::mistakes::Bug::EarlyEndBelieved) => return (0, 0),
        () if crate::mistakes::is(crate::mistakes::Bug::EndNeverBelieved) => {
            return (fewest + 1, most);
        }
        () => {}
    }
    (fewest, most)
}

/// Whether columns that an earlier walk was not shown are shown now. Only a walk from the start fills them: the records
/// themselves did not change.
pub fn are_shown_again(withheld: &[String], now: &[String]) -> bool {
    withheld.iter().any(|column| !now.contains(column))
}

#[cfg(test)]
mod tests;
