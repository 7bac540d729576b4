//! What a push remembers of its own rounds.
//!
//! It exists because a version that was just read may guard the next write, and because a record that others change
//! all the time must not keep the loop from ending. Invariant: a version is used for one write at most.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{plan::push::Basis, record::ObjectId};

/// How often one record is tried in one push; what is left goes with the next one.
const TRIES: u32 = 12;

/// After so many guards that did not hold, the version alone is the guard.
const GUARDS: u32 = 2;

type Key = (ObjectId, Uuid);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Memory {
    tries: HashMap<Key, u32>,
    failed_guards: HashMap<Key, u32>,
    versions: HashMap<Key, OffsetDateTime>,
    stopped: HashSet<ObjectId>,
    totals: HashMap<ObjectId, u64>,
}

impl Memory {
    /// Whether the record may be tried once more in this push.
    pub(super) fn may_try(&self, object: ObjectId, record: Uuid) -> bool {
        let tries = self.tries.get(&(object, record)).copied().unwrap_or_default();
        tries < TRIES && !self.stopped.contains(&object)
    }

    pub(super) fn tried(&mut self, object: ObjectId, record: Uuid) {
        *self.tries.entry((object, record)).or_default() += 1;
    }

    pub(super) fn guard_failed(&mut self, object: ObjectId, record: Uuid) {
        *self.failed_guards.entry((object, record)).or_default() += 1;
    }

    /// No guard on its fields can hold.
    pub(super) fn guard_useless(&mut self, object: ObjectId, record: Uuid) {
        self.failed_guards.insert((object, record), GUARDS);
    }

    pub(super) fn is_guard_useless(&self, object: ObjectId, record: Uuid) -> bool {
        self.failed_guards.get(&(object, record)).is_some_and(|failed| *failed >= GUARDS)
    }

    /// The record was read just now.
    pub(super) fn saw(&mut self, object: ObjectId, record: Uuid, version: OffsetDateTime) {
        self.versions.insert((object, record), version);
    }

    /// What the next write's guard can rest on.
    pub(super) fn basis(&mut self, object: ObjectId, record: Uuid) -> Basis {
        let key = (object, record);
        let failed = self.failed_guards.get(&key).copied().unwrap_or_default();
        match self.versions.remove(&key) {
            None => Basis::Stored,
            Some(version) if failed >= GUARDS => Basis::VersionOnly(version),
            Some(version) => Basis::JustRead(version),
        }
    }

    /// How many records the object has, if they were counted in this push.
    pub(super) fn total(&self, object: ObjectId) -> Option<u64> {
        self.totals.get(&object).copied()
    }

    pub(super) fn counted(&mut self, object: ObjectId, total: u64) {
        self.totals.insert(object, total);
    }

    /// Nothing more is written to this object in this push.
    pub(super) fn stop(&mut self, object: ObjectId) {
        self.stopped.insert(object);
    }

    pub(super) fn is_stopped(&self, object: ObjectId) -> bool {
        self.stopped.contains(&object)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::{Memory, TRIES};
    use crate::plan::push::Basis;

    const NIL: Uuid = Uuid::nil();
    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_version_guards_one_write_and_alone_after_guards_that_failed() {
        let mut memory = Memory::default();
        assert_eq!(memory.basis(NIL, NIL), Basis::Stored);
        memory.saw(NIL, NIL, NOW);
        assert_eq!(memory.basis(NIL, NIL), Basis::JustRead(NOW));
        assert_eq!(memory.basis(NIL, NIL), Basis::Stored);
        memory.guard_failed(NIL, NIL);
        memory.guard_failed(NIL, NIL);
        memory.saw(NIL, NIL, NOW);
        assert_eq!(memory.basis(NIL, NIL), Basis::VersionOnly(NOW));
    }

    #[test]
    fn a_record_is_tried_so_often_and_a_stopped_object_not_at_all() {
        let mut memory = Memory::default();
        for _ in 0..TRIES {
            assert!(memory.may_try(NIL, NIL));
            memory.tried(NIL, NIL);
        }
        assert!(!memory.may_try(NIL, NIL) && memory.may_try(NIL, Uuid::from_u128(1)));
        memory.stop(NIL);
        assert!(!memory.may_try(NIL, Uuid::from_u128(1)));
    }
}
