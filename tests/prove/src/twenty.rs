//! A model of the server: records, its rules for writes, its pages, and what leaves no trace.
//!
//! It exists because the promises are about a server that is surprising (docs/twenty.md): no versions, times that are
//! the start of a transaction, columns with microseconds that are shown as milliseconds, references emptied in silence.
//! It is held to the server by the contract suite, which asks the same of it as of the fake (tests/contract.rs).
//! Invariants: a write here is one statement, all or none; every change has a number that only the checks see.

mod body;
mod filter;
mod limit;
mod read;
mod shapes;
mod statement;
mod write;

use std::collections::BTreeMap;

use uuid::Uuid;

pub use self::statement::Refusal;
pub(crate) use self::{
    body::{held_of, rewrite},
    limit::Buckets,
    read::{Listing, Served},
    write::{Request, Response},
};
use crate::{
    clock,
    objects::{DELETED_AT, Key, Object, UPDATED_AT, is_live},
    record::{Image, Value},
};

/// A record.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// With times as exact as the column keeps them.
    pub(crate) image: Image,
    /// The number of its last change.
    pub(crate) rev: u64,
    /// The number of the last change that its time of change tells of; 0 where that time was made up.
    pub(crate) honest: u64,
}

/// A transaction of the server that has begun and is not committed.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) key: Key,
    pub(crate) began: i64,
    pub(crate) act: Act,
}

/// What somebody does to a record in the CRM.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Create(Image),
    Edit(Vec<(usize, Value)>),
    SoftDelete,
    Restore,
    Destroy,
    /// A client writes the time of change itself.
    Date(i64),
}

/// The server.
#[derive(Debug, Default)]
pub(crate) struct Twenty {
    pub(crate) records: Vec<BTreeMap<Uuid, Record>>,
    pub(crate) open: Vec<Open>,
    revs: u64,
    positions: u32,
}

/// A change of a record, before and after.
pub(crate) type Change = (Key, Option<Image>, Option<Image>);

impl Twenty {
    pub(crate) fn new(objects: usize) -> Twenty {
        Twenty { records: vec![BTreeMap::new(); objects], ..Twenty::default() }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Record> {
        self.records[key.0].get(&key.1)
    }

    pub(crate) fn is_there(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    /// Carries out an act of somebody whose transaction began at `began`; what it changed. What is refused changes
    /// nothing.
    pub(crate) fn act(
        &mut self,
        objects: &[Object],
        (place, id): Key,
        act: &Act,
        began: i64,
    ) -> Vec<Change> {
        let object = &objects[place];
        let edit = |image: &mut Image| match act {
            Act::Edit(values) => {
                for (column, value) in values {
                    image.set(*column, Some(kept(object, value)));
                }
            }
            Act::Restore => image.set(DELETED_AT, Some(Value::Null)),
            Act::Date(micros) => {
                image.set(UPDATED_AT, Some(Value::Timestamp(clock::time(*micros))));
            }
            Act::Create(_) | Act::SoftDelete | Act::Destroy => {}
        };
        let done = match act {
            Act::Create(image) => self.insert(objects, place, vec![(id, image.clone())], began),
            Act::Edit(_) | Act::Restore | Act::Date(_) => {
                self.change(objects, place, &[id], began, &edit)
            }
            Act::SoftDelete => self.trash(objects, place, &[id], began),
            Act::Destroy => Ok(self.destroy(objects, (place, id))),
        };
        done.unwrap_or_default()
    }

    /// Every record that fulfils a condition.
    pub(crate) fn keys(&self, is_meant: impl Fn(&Record) -> bool) -> Vec<Key> {
        let of = |(place, records): (usize, &BTreeMap<Uuid, Record>)| {
            records
                .iter()
                .filter(|(_, record)| is_meant(record))
                .map(|(id, _)| (place, *id))
                .collect::<Vec<Key>>()
        };
        self.records.iter().enumerate().flat_map(of).collect()
    }

    pub(crate) fn live(&self) -> Vec<Key> {
        self.keys(|record| is_live(&record.image))
    }

    pub(crate) fn trashed(&self) -> Vec<Key> {
        self.keys(|record| !is_live(&record.image))
    }
}

/// A value as the column keeps it.
fn kept(object: &Object, value: &Value) -> Value {
    match value {
        Value::Timestamp(time) if !object.micro => Value::Timestamp(clock::cut(*time)),
        other => other.clone(),
    }
}

/// The start of a transaction as the column keeps it.
fn moment(object: &Object, began: i64) -> Value {
    kept(object, &Value::Timestamp(clock::time(began)))
}
