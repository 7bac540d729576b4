//! Tells a source that was restored from a backup from one in which people work.
//!
//! It exists because a restored source looks like a workspace in which somebody destroyed the newest records and
//! undid the newest changes: followed without a question, it would take both out of the mirror as well. The newest
//! records of all objects are remembered as sentinels with their time of change, and looked at again.
//!
//! Invariants: a restore takes back everything after one moment and nothing before it, so no sentinel that is not
//! newer than an unchanged one speaks for it; one record alone never does; destroyed records alone only in numbers; a
//! source whose clock is behind its own stamps tells nothing.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::record::ObjectId;

/// So many are remembered of each object.
pub const KEPT: usize = 10;

/// So many are looked at, whatever objects they are of: a source is restored as a whole.
const LOOKED_AT: usize = 20;

/// Of so many objects at most, because each costs a call.
const OBJECTS: usize = 5;

/// So many records that are gone are more than somebody's tidying up, if nothing at the source is newer.
const GONE: usize = 10;

/// A record as the source once showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentinel {
    /// Its object.
    pub object_id: ObjectId,
    /// The record.
    pub id: Uuid,
    /// Its time of change.
    pub updated_at: OffsetDateTime,
}

/// A sentinel, and the time of change that the source shows now; `None` if it is not there.
pub type Seen = (Sentinel, Option<OffsetDateTime>);

/// What a look at the sentinels says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The source went on from where it was.
    Usual,
    /// Its clock is behind what it stamped itself, or there is nothing to look at: nothing is told.
    Unclear,
    /// It went back, if it has nothing that was changed at this time or later.
    BackUnlessNewer(OffsetDateTime),
    /// It went back to before this time.
    Back(OffsetDateTime),
}

/// The newest sentinels, in few objects.
pub fn choose(mut sentinels: Vec<Sentinel>) -> Vec<Sentinel> {
    sentinels.sort_by_key(|sentinel| (std::cmp::Reverse(sentinel.updated_at), sentinel.id));
    let mut objects: Vec<ObjectId> = Vec::new();
    sentinels.retain(|sentinel| {
        if !objects.contains(&sentinel.object_id) && objects.len() < OBJECTS {
            objects.push(sentinel.object_id);
        }
        objects.contains(&sentinel.object_id)
    });
    sentinels.truncate(LOOKED_AT);
    sentinels
}

/// Adds a record to the newest ones of its object, given the source's time: a time of change beyond that was made up.
pub fn note(
    newest: &mut Vec<(Uuid, OffsetDateTime)>,
    id: Uuid,
    at: OffsetDateTime,
    now: OffsetDateTime,
) {
    if at > now + Duration::SECOND {
        return;
    }
    let place = newest.partition_point(|(_, known)| *known >= at);
    newest.insert(place, (id, at));
    newest.truncate(KEPT);
}

/// Judges what the source shows of the sentinels at `now`, by its own clock.
pub fn judge(seen: &[Seen], now: OffsetDateTime) -> Verdict {
    let newest = seen.iter().map(|(sentinel, _)| sentinel.updated_at).max();
    // Its Date has whole seconds.
    if newest.is_none_or(|newest| now + Duration::SECOND < newest) {
        return Verdict::Unclear;
    }
    let unchanged = |(sentinel, shown): &&Seen| *shown == Some(sentinel.updated_at);
    let kept = seen.iter().filter(unchanged).map(|(sentinel, _)| sentinel.updated_at).max();
    let is_newer = |sentinel: &Sentinel| kept.is_none_or(|kept| sentinel.updated_at > kept);
    let is_older = |(sentinel, shown): &&Seen| shown.is_some_and(|at| at < sentinel.updated_at);
    let is_gone = |(sentinel, shown): &&Seen| shown.is_none() && is_newer(sentinel);
    let older: Vec<&Seen> = seen.iter().filter(is_older).collect();
    let gone: Vec<&Seen> = seen.iter().filter(is_gone).collect();
    let since = older.iter().chain(&gone).map(|(sentinel, _)| sentinel.updated_at).min();
    match since {
        Some(since) if older.is_empty() && gone.len() >= GONE => Verdict::BackUnlessNewer(since),
        Some(since)
            if !older.is_empty()
                && older.len() + gone.len() >= 2
                && older.iter().all(|(sentinel, _)| is_newer(sentinel)) =>
        {
            Verdict::Back(since)
        }
        _ => Verdict::Usual,
    }
}

#[cfg(test)]
mod tests;
