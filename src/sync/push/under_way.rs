//! Records whose write is under way, from before it is sent until what became of it is stored.
//!
//! It exists because a page that is read meanwhile knows less of such a record than the answer to its write. Invariant:
//! whatever ends, and however, a record is under way no longer than somebody looks what became of it.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Writes;
use crate::record::ObjectId;

/// Writes that the source has acknowledged, of which the mirror does not have the values yet. They are read back
/// together, because the source counts requests.
#[derive(Default)]
pub(super) struct Unread<'a>(BTreeMap<ObjectId, Vec<UnderWay<'a>>>);

/// Records under way, until what became of them is stored.
pub(super) struct UnderWay<'a> {
    writes: &'a Writes,
    object: ObjectId,
    ids: Vec<Uuid>,
}

impl<'a> UnderWay<'a> {
    pub(super) fn begin(writes: &'a Writes, object: ObjectId, ids: &[Uuid]) -> UnderWay<'a> {
        writes.begin(object, ids);
        UnderWay { writes, object, ids: ids.to_vec() }
    }

    /// Only these are still under way. What a page shows of the others from now on is no older than their answer.
    pub(super) fn keep(&mut self, ids: &[Uuid]) {
        let all = std::mem::replace(&mut self.ids, ids.to_vec());
        let ended: Vec<Uuid> = all.into_iter().filter(|id| !ids.contains(id)).collect();
        self.writes.end(self.object, &ended);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.writes.end(self.object, &self.ids);
    }
}

impl<'a> Unread<'a> {
    pub(super) fn put(&mut self, under_way: UnderWay<'a>) {
        self.0.entry(under_way.object).or_default().push(under_way);
    }

    /// Whether there are so many of one object.
    pub(super) fn has(&self, at_least: usize) -> bool {
        self.0.values().any(|under_way| ids_of(under_way).len() >= at_least)
    }

    /// All of them, by object; none is left.
    pub(super) fn take(&mut self) -> BTreeMap<ObjectId, Vec<UnderWay<'a>>> {
        std::mem::take(&mut self.0)
    }
}

pub(super) fn ids_of(under_way: &[UnderWay<'_>]) -> Vec<Uuid> {
    under_way.iter().flat_map(|writes| writes.ids.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{UnderWay, Writes};

    const OBJECT: Uuid = Uuid::from_u128(1);
    const REFUSED: Uuid = Uuid::from_u128(2);
    const HIT: Uuid = Uuid::from_u128(3);

    #[test]
    fn a_refused_write_is_under_way_no_longer_than_its_answer_takes() {
        let writes = Writes::default();
        let mut under_way = UnderWay::begin(&writes, OBJECT, &[REFUSED, HIT]);
        under_way.keep(&[HIT]);
        let page = writes.page();
        assert!(!page.is_older(OBJECT, REFUSED) && page.is_older(OBJECT, HIT));
        drop(under_way);
        assert!(page.is_overtaken(OBJECT, [HIT].into_iter()));
        assert!(!page.is_overtaken(OBJECT, [REFUSED].into_iter()));
    }
}
