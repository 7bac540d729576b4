//! What is to be pushed: `src/mirror/claim.rs`.

use super::Mirror;
use crate::{objects::Key, plan::pending::Pending, record::Image};

/// A record with local changes that may be tried.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) key: Key,
    pub(crate) pending: Pending,
    pub(crate) sent_through: Option<i64>,
    pub(crate) attempts: u32,
    pub(crate) written: i64,
}

/// What is about to be sent of a record.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) key: Key,
    pub(crate) image: Image,
    pub(crate) through: i64,
    /// Which writing of `sync.base` it was planned from.
    pub(crate) written: i64,
}

impl Claimed {
    pub(crate) fn through(&self) -> Option<i64> {
        self.pending.operations.last().map(|operation| operation.id)
    }
}

impl Mirror {
    /// The records to push, those that wait longest first.
    pub(crate) fn claim(&self, now: i64) -> Vec<Claimed> {
        let mut due: Vec<(i64, Key)> = self
            .bases
            .iter()
            .filter(|(key, _)| !self.catalog.is_off(key.0) && self.is_due(**key, now))
            .map(|(key, base)| (base.since, *key))
            .collect();
        due.sort_by_key(|(since, key)| (*since, key.1));
        let claimed = due.into_iter().filter_map(|(_, key)| {
            let base = self.bases.get(&key)?;
            let attempts = self.refused.get(&key).map_or(0, |refused| refused.attempts);
            Some(Claimed {
                key,
                pending: self.pending(key)?,
                sent_through: base.sent_through,
                attempts,
                written: base.written,
            })
        });
        claimed.collect()
    }

    fn is_due(&self, key: Key, now: i64) -> bool {
        let Some(base) = self.bases.get(&key) else { return false };
        let last = self.outbox.get(&key).and_then(|entries| entries.last()).map(|entry| entry.id);
        let may_be_tried = self.refused.get(&key).is_none_or(|refused| {
            refused.retry_at.is_some_and(|at| at <= now)
                || last.is_some_and(|last| last > refused.through)
        });
        let is_new = last.is_some_and(|last| last > base.decided_through.unwrap_or(0));
        may_be_tried && (is_new || base.sent_through.is_some())
    }

    /// Writes down what is about to be sent: all of it, or nothing where one was decided anew since it was claimed. Says
    /// which writing of `sync.base` each is now.
    pub(crate) fn mark_sent(&mut self, sendings: &[Sending]) -> Option<i64> {
        let is_as_claimed = |sending: &Sending| {
            self.bases.get(&sending.key).is_some_and(|base| base.written == sending.written)
        };
        if !sendings.iter().all(is_as_claimed) {
            return None;
        }
        self.writings += 1;
        for sending in sendings {
            if let Some(base) = self.bases.get_mut(&sending.key) {
                base.sent = Some(sending.image.clone());
                base.sent_through = Some(sending.through);
                base.written = self.writings;
            }
        }
        Some(self.writings)
    }
}
