//! Pages, look-ups by id and counts, as the server shows its records.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Record, Twenty};
use crate::{
    clock,
    objects::{DELETED_AT, Key, UPDATED_AT, cut, is_live},
    plan::sweep::IdRange,
    record::{Image, Row, Value},
};

/// A record as it was shown.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) row: Row,
    /// The number of the change that it shows. Only the checks may look.
    pub(crate) rev: u64,
}

/// A page.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) served_at: OffsetDateTime,
    pub(crate) records: Vec<Served>,
    pub(crate) cursor: Option<String>,
    pub(crate) has_next: bool,
    pub(crate) total: u64,
}

impl Twenty {
    /// A page in the order of ids, live and deleted records together.
    pub(crate) fn page(
        &self,
        object: usize,
        since: Option<OffsetDateTime>,
        after: Option<&str>,
        limit: usize,
        now: i64,
    ) -> Listing {
        let changed_at = |record: &Record| time_of(&record.image, UPDATED_AT);
        let passes = |record: &Record| match since {
            Some(since) => changed_at(record) >= Some(since),
            None => true,
        };
        let after = after.and_then(|cursor| cursor.parse::<Uuid>().ok());
        let all = self.records[object].iter().filter(|(_, record)| passes(record));
        let total = all.clone().count() as u64;
        let rest = all.filter(|(id, _)| after.is_none_or(|after| **id > after));
        let has_next = rest.clone().nth(limit).is_some();
        let records: Vec<Served> =
            rest.take(limit).map(|(id, record)| served(*id, record)).collect();
        let cursor = records.last().map(|last| last.row.id.to_string());
        // The Date of an answer has whole seconds.
        let served_at = clock::time(now.div_euclid(clock::SECOND) * clock::SECOND);
        Listing { served_at, records, cursor, has_next, total }
    }

    /// The records with these ids, live or deleted.
    pub(crate) fn by_ids(&self, object: usize, ids: &[Uuid]) -> Vec<Served> {
        let ids: BTreeSet<Uuid> = ids.iter().copied().collect();
        let found = ids.into_iter().filter_map(|id| Some(served(id, self.get((object, id))?)));
        found.collect()
    }

    /// How many records there are in a range of ids.
    pub(crate) fn count(&self, object: usize, range: IdRange, with_trash: bool) -> u64 {
        let within = |id: &Uuid| *id >= range.from && range.to.is_none_or(|to| *id < to);
        let counts =
            |(id, record): &(&Uuid, &Record)| within(id) && (with_trash || is_live(&record.image));
        self.records[object].iter().filter(counts).count() as u64
    }

    /// What a record would be shown as.
    pub(crate) fn shown(&self, key: Key) -> Option<Served> {
        Some(served(key.1, self.get(key)?))
    }
}

fn time_of(image: &Image, column: usize) -> Option<OffsetDateTime> {
    match image.get(column) {
        Some(Value::Timestamp(time)) => Some(*time),
        _ => None,
    }
}

/// JSON shows milliseconds.
fn served(id: Uuid, record: &Record) -> Served {
    let image = cut(&record.image);
    let row = Row {
        id,
        updated_at: time_of(&image, UPDATED_AT).unwrap_or(clock::time(0)),
        deleted_at: time_of(&image, DELETED_AT),
        values: image.into_values(),
    };
    Served { row, rev: record.rev }
}
