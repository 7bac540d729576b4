//! Which records are being written to the source, and which were since a page was asked for.
//!
//! It exists because pull and push work side by side: a page that was asked for before a write was acknowledged
//! shows the record as it was. Invariants: such a page is ignored for that record, and only for it, and is read anew
//! where nobody looks at the record any more; what is remembered is forgotten when the last page that could be older is
//! done.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::record::ObjectId;

/// A record, wherever it is.
type Key = (ObjectId, Uuid);

/// Moments of this process, counted: no clock is asked.
type Moment = u64;

/// The writes of one engine.
#[derive(Debug, Default)]
pub(super) struct Writes(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    now: Moment,
    under_way: HashSet<Key>,
    ended: HashMap<Key, Moment>,
    /// How many pages were asked for at each moment and are not done.
    pages: BTreeMap<Moment, usize>,
}

/// A page that was asked for at some moment, until it is dropped.
#[derive(Debug)]
pub(super) struct PageMoment<'a> {
    writes: &'a Writes,
    moment: Moment,
}

impl Writes {
    /// These records are about to be written.
    pub(super) fn begin(&self, object: ObjectId, records: &[Uuid]) {
        self.book().under_way.extend(records.iter().map(|record| (object, *record)));
    }

    /// What became of the writes is known, or known to be unknown, and stored.
    pub(super) fn end(&self, object: ObjectId, records: &[Uuid]) {
        let mut book = self.book();
        book.now += 1;
        let now = book.now;
        for record in records {
            book.under_way.remove(&(object, *record));
            book.ended.insert((object, *record), now);
        }
        book.forget();
    }

    /// A page is about to be asked for.
    pub(super) fn page(&self) -> PageMoment<'_> {
        let mut book = self.book();
        let moment = book.now;
        *book.pages.entry(moment).or_default() += 1;
        PageMoment { writes: self, moment }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn forget(&mut self) {
        match self.pages.keys().next() {
            None => self.ended.clear(),
            Some(&oldest) => self.ended.retain(|_, ended| *ended > oldest),
        }
    }
}

impl PageMoment<'_> {
    /// Whether the page knows nothing of the last write to this record.
    pub(super) fn is_older(&self, object: ObjectId, record: Uuid) -> bool {
        let book = self.writes.book();
        let key = (object, record);
        book.under_way.contains(&key)
            || book.ended.get(&key).is_some_and(|ended| *ended > self.moment)
    }

    /// Whether a write to one of these records ended since. A page that waited long for its turn may then show more of
    /// the record than the answer to the write did, and cannot be told from one that shows less.
    pub(super) fn is_overtaken(
        &self,
        object: ObjectId,
        mut records: impl Iterator<Item = Uuid>,
    ) -> bool {
        let book = self.writes.book();
        let ended = |record| book.ended.get(&(object, record));
        records.any(|record| ended(record).is_some_and(|ended| *ended > self.moment))
    }
}

impl Drop for PageMoment<'_> {
    fn drop(&mut self) {
        let mut book = self.writes.book();
        if let Some(count) = book.pages.get_mut(&self.moment) {
            *count -= 1;
            if *count == 0 {
                book.pages.remove(&self.moment);
            }
        }
        book.forget();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Writes;

    const OBJECT: Uuid = Uuid::from_u128(1);
    const ADA: Uuid = Uuid::from_u128(2);
    const BOB: Uuid = Uuid::from_u128(3);

    #[test]
    fn a_page_is_older_than_writes_that_began_or_ended_after_it_was_asked_for() {
        let writes = Writes::default();
        let before = writes.page();
        writes.begin(OBJECT, &[ADA]);
        let during = writes.page();
        assert!(
            before.is_older(OBJECT, ADA)
                && during.is_older(OBJECT, ADA)
                && !during.is_older(OBJECT, BOB)
        );
        writes.end(OBJECT, &[ADA]);
        let after = writes.page();
        assert!(
            before.is_older(OBJECT, ADA)
                && during.is_older(OBJECT, ADA)
                && !after.is_older(OBJECT, ADA)
        );
    }

    #[test]
    fn nothing_is_remembered_when_no_page_is_open() {
        let writes = Writes::default();
        let page = writes.page();
        writes.begin(OBJECT, &[ADA]);
        writes.end(OBJECT, &[ADA]);
        assert_eq!(writes.book().ended.len(), 1);
        drop(page);
        assert!(writes.book().ended.is_empty() && writes.book().under_way.is_empty());
    }

    #[test]
    fn a_page_is_overtaken_by_a_write_that_ended_and_not_by_one_under_way() {
        let writes = Writes::default();
        let page = writes.page();
        writes.begin(OBJECT, &[ADA, BOB]);
        writes.end(OBJECT, &[ADA]);
        assert!(page.is_overtaken(OBJECT, [BOB, ADA].into_iter()));
        assert!(!page.is_overtaken(OBJECT, [BOB].into_iter()));
        assert!(!writes.page().is_overtaken(OBJECT, [ADA].into_iter()));
    }
}
