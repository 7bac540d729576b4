//! Ids, at least one.
//!
//! It exists because a bulk write without ids changes a whole table on a real server. Invariant: never empty, never
//! more than one call takes, no id twice.

use std::collections::HashSet;

use uuid::Uuid;

use crate::source::lookup::IDS_PER_CALL;

/// The ids that a bulk write may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmptyIds(Vec<Uuid>);

/// Why ids cannot be the ids of a bulk write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdsFault {
    /// None at all.
    #[error("a bulk write needs at least one id")]
    Empty,
    /// More than one call takes.
    #[error("a bulk write takes at most {most} records, not {0}", most = IDS_PER_CALL)]
    TooMany(usize),
}

impl NonEmptyIds {
    /// These ids, each once.
    ///
    /// # Errors
    /// None, or more than [`IDS_PER_CALL`].
    pub fn new(ids: impl IntoIterator<Item = Uuid>) -> Result<NonEmptyIds, IdsFault> {
        let mut seen = HashSet::new();
        let ids: Vec<Uuid> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
        match ids.len() {
            0 => Err(IdsFault::Empty),
            count if count > IDS_PER_CALL => Err(IdsFault::TooMany(count)),
            _ => Ok(NonEmptyIds(ids)),
        }
    }

    /// The ids.
    pub fn as_slice(&self) -> &[Uuid] {
        &self.0
    }
}

impl From<Uuid> for NonEmptyIds {
    fn from(id: Uuid) -> NonEmptyIds {
        NonEmptyIds(vec![id])
    }
}
