//! A model of the server: records, its rules for writes, its pages, and what leaves no trace.
//!
//! It exists because the promises are about a server that is surprising (docs/twenty.md): no versions, times that are
//! the start of a transaction, columns with microseconds that are shown as milliseconds, references emptied in silence.
//! Invariants: a write here is one statement; a batch of new records is all or none; every change has a number that
//! only the checks see.

mod filter;
mod read;
mod write;

use std::collections::BTreeMap;

use uuid::Uuid;

pub(crate) use self::{
    read::{Listing, Served},
    write::{Refusal, Request, Response, rewrite, write},
};
use crate::{
    clock,
    objects::{self, DELETED_AT, Key, Object, UPDATED_AT, is_live},
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

    /// Stores a change of a record. One that its time does not tell of is silent.
    fn put(&mut self, key: Key, image: Image, silent: bool) {
        self.revs += 1;
        let rev = self.revs;
        let honest = match (silent, self.get(key)) {
            (false, _) => rev,
            (true, before) => before.map_or(0, |before| before.honest),
        };
        self.records[key.0].insert(key.1, Record { image, rev, honest });
    }

    /// Carries out an act of somebody whose transaction began at `began`; what it changed.
    pub(crate) fn act(
        &mut self,
        objects: &[Object],
        key: Key,
        act: &Act,
        began: i64,
    ) -> Vec<Change> {
        let object = &objects[key.0];
        let before = self.get(key).map(|record| record.image.clone());
        let mut image = match (&before, act) {
            (None, Act::Create(image)) => image.clone(),
            (Some(_), Act::Create(_)) | (None, _) => return Vec::new(),
            (Some(_), Act::Destroy) => return self.destroy(objects, key),
            (Some(image), _) => image.clone(),
        };
        let moment =
            Value::Timestamp(clock::time(if object.micro { began } else { began / 1_000 * 1_000 }));
        let mut silent = false;
        match act {
            Act::Edit(values) => {
                for (column, value) in values {
                    image.set(*column, Some(kept(object, value)));
                }
            }
            Act::SoftDelete => image.set(DELETED_AT, Some(moment.clone())),
            Act::Restore => image.set(DELETED_AT, Some(Value::Null)),
            Act::Create(_) => {
                self.positions += 1;
                image.set(objects::CREATED_AT, Some(moment.clone()));
                image.set(objects::POSITION, Some(Value::Double(-f64::from(self.positions))));
            }
            Act::Date(_) => silent = true,
            Act::Destroy => {}
        }
        for relation in &object.relations {
            if let Some(Value::Uuid(id)) = image.get(relation.column)
                && !self.is_there((relation.target, *id))
                && *id != key.1
            {
                image.set(relation.column, Some(Value::Null));
            }
        }
        rewrite(object, &mut image);
        image.set(
            UPDATED_AT,
            Some(match act {
                Act::Date(micros) => Value::Timestamp(clock::time(*micros)),
                _ => moment,
            }),
        );
        self.put(key, image.clone(), silent);
        if silent && let Some(record) = self.records[key.0].get_mut(&key.1) {
            record.honest = 0;
        }
        vec![(key, before, Some(image))]
    }

    /// Destroys a record: what refers to it loses the reference without a trace, or goes with it.
    pub(crate) fn destroy(&mut self, objects: &[Object], key: Key) -> Vec<Change> {
        let Some(record) = self.records[key.0].remove(&key.1) else { return Vec::new() };
        let mut changes = vec![(key, Some(record.image), None)];
        for (place, object) in objects.iter().enumerate() {
            for relation in object.relations.iter().filter(|relation| relation.target == key.0) {
                let refers = |record: &Record| {
                    record.image.get(relation.column) == Some(&Value::Uuid(key.1))
                };
                let referring: Vec<Uuid> = self.records[place]
                    .iter()
                    .filter(|(_, record)| refers(record))
                    .map(|(id, _)| *id)
                    .collect();
                for id in referring {
                    changes.extend(match relation.on_destroy {
                        objects::OnDestroy::Cascade => self.destroy(objects, (place, id)),
                        objects::OnDestroy::SetNull => self.empty((place, id), relation.column),
                    });
                }
            }
        }
        changes
    }

    fn empty(&mut self, key: Key, column: usize) -> Vec<Change> {
        let Some(before) = self.get(key).map(|record| record.image.clone()) else {
            return Vec::new();
        };
        let mut image = before.clone();
        image.set(column, Some(Value::Null));
        self.put(key, image.clone(), true);
        vec![(key, Some(before), Some(image))]
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
