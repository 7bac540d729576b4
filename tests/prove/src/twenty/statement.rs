//! The statements of the database: whoever writes, and by whatever way, it ends here.
//!
//! It exists so that people and the program are under the same rules. Invariants: all of a statement's records or none;
//! what comes after a refusal is as it was before; a time of change is the start of the transaction, unless it was given.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Change, Record, Twenty, body::rewrite, moment, shapes};
use crate::{
    objects::{CREATED_AT, DELETED_AT, Key, Object, OnDestroy, POISON, POSITION, UPDATED_AT},
    record::{Column, FieldKind, Image, Value},
};

/// Why the server refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The id is there already, perhaps in the trash.
    DuplicateEntry,
    /// A reference to a record that is not there.
    MissingParent,
    /// A value that it does not take.
    Value,
    /// A field or an object that it does not have.
    UnknownField,
}

/// What the time of change says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trace {
    Told,
    /// Nothing: it stays as it was.
    Silent,
    /// Something made up by who wrote it.
    MadeUp,
}

impl Twenty {
    /// New records.
    pub(super) fn insert(
        &mut self,
        objects: &[Object],
        place: usize,
        mut records: Vec<(Uuid, Image)>,
        began: i64,
    ) -> Result<Vec<Change>, Refusal> {
        let object = &objects[place];
        for (_, image) in &mut records {
            rewrite(object, image);
            shapes::make_blocks(image, self.revs);
        }
        records.iter().try_for_each(|(_, image)| check_texts(image))?;
        let mut ids = BTreeSet::new();
        for (id, image) in &records {
            check_nulls(object, image)?;
            if !ids.insert(*id) || self.is_there((place, *id)) {
                return Err(Refusal::DuplicateEntry);
            }
        }
        let is_new = |target: usize, id: Uuid| target == place && ids.contains(&id);
        records.iter().try_for_each(|(_, image)| self.check_parents(object, image, &is_new))?;
        let now = moment(object, began);
        Ok(records.into_iter().map(|(id, image)| self.admit((place, id), image, &now)).collect())
    }

    /// A new record that passed: what nobody gave is filled in.
    fn admit(&mut self, key: Key, mut image: Image, now: &Value) -> Change {
        let is_given =
            |image: &Image, column: usize| !matches!(image.get(column), None | Some(Value::Null));
        let trace = if is_given(&image, UPDATED_AT) { Trace::MadeUp } else { Trace::Told };
        self.positions += 1;
        let position = Value::Double(-f64::from(self.positions));
        for (column, value) in [(CREATED_AT, now), (UPDATED_AT, now), (POSITION, &position)] {
            if !is_given(&image, column) {
                image.set(column, Some(value.clone()));
            }
        }
        self.put(key, image.clone(), trace);
        (key, None, Some(image))
    }

    /// Changes records, in the trash or not. Ids that are not there are passed over.
    pub(super) fn change(
        &mut self,
        objects: &[Object],
        place: usize,
        ids: &[Uuid],
        began: i64,
        edit: &dyn Fn(&mut Image),
    ) -> Result<Vec<Change>, Refusal> {
        let object = &objects[place];
        let now = moment(object, began);
        let mut changes = Vec::new();
        for &id in ids {
            let Some(before) = self.get((place, id)).map(|record| record.image.clone()) else {
                continue;
            };
            let mut after = before.clone();
            after.set(UPDATED_AT, Some(now.clone()));
            edit(&mut after);
            rewrite(object, &mut after);
            shapes::make_blocks(&mut after, self.revs);
            check_texts(&after)?;
            check_nulls(object, &after)?;
            self.check_parents(object, &after, &|_, _| false)?;
            changes.push(((place, id), Some(before), Some(after)));
        }
        for (key, _, after) in &changes {
            let Some(after) = after else { continue };
            let is_told = after.get(UPDATED_AT) == Some(&now);
            self.put(*key, after.clone(), if is_told { Trace::Told } else { Trace::MadeUp });
        }
        Ok(changes)
    }

    /// Puts records into the trash. Those that lie there get a new time of deletion.
    pub(super) fn trash(
        &mut self,
        objects: &[Object],
        place: usize,
        ids: &[Uuid],
        began: i64,
    ) -> Result<Vec<Change>, Refusal> {
        let now = moment(&objects[place], began);
        let edit = |image: &mut Image| image.set(DELETED_AT, Some(now.clone()));
        self.change(objects, place, ids, began, &edit)
    }

    /// Destroys a record: what refers to it loses the reference without a trace, or goes with it.
    pub(super) fn destroy(&mut self, objects: &[Object], key: Key) -> Vec<Change> {
        let Some(record) = self.records[key.0].remove(&key.1) else { return Vec::new() };
        let mut changes = vec![(key, Some(record.image), None)];
        for (place, object) in objects.iter().enumerate() {
            for relation in object.relations.iter().filter(|relation| relation.target == key.0) {
                for id in self.referring(place, relation.column, key.1) {
                    changes.extend(match relation.on_destroy {
                        OnDestroy::Cascade => self.destroy(objects, (place, id)),
                        OnDestroy::SetNull => self.empty((place, id), relation.column),
                    });
                }
            }
        }
        changes
    }

    fn referring(&self, place: usize, column: usize, parent: Uuid) -> Vec<Uuid> {
        let refers = |record: &Record| record.image.get(column) == Some(&Value::Uuid(parent));
        let records = self.records[place].iter();
        records.filter(|(_, record)| refers(record)).map(|(id, _)| *id).collect()
    }

    fn empty(&mut self, key: Key, column: usize) -> Vec<Change> {
        let Some(before) = self.get(key).map(|record| record.image.clone()) else {
            return Vec::new();
        };
        let mut image = before.clone();
        image.set(column, Some(Value::Null));
        self.put(key, image.clone(), Trace::Silent);
        vec![(key, Some(before), Some(image))]
    }

    fn put(&mut self, key: Key, image: Image, trace: Trace) {
        self.revs += 1;
        let rev = self.revs;
        let honest = match trace {
            Trace::Told => rev,
            Trace::Silent => self.get(key).map_or(0, |before| before.honest),
            Trace::MadeUp => 0,
        };
        self.records[key.0].insert(key.1, Record { image, rev, honest });
    }

    /// Whether what the record refers to is there, in the trash or not, or comes with the same statement.
    fn check_parents(
        &self,
        object: &Object,
        image: &Image,
        is_new: &dyn Fn(usize, Uuid) -> bool,
    ) -> Result<(), Refusal> {
        for relation in &object.relations {
            let Some(Value::Uuid(id)) = image.get(relation.column) else { continue };
            if !self.is_there((relation.target, *id)) && !is_new(relation.target, *id) {
                return Err(Refusal::MissingParent);
            }
        }
        Ok(())
    }
}

/// Whether the server takes these texts at all.
fn check_texts(image: &Image) -> Result<(), Refusal> {
    let is_bad = |value: &Option<Value>| matches!(value, Some(Value::Text(text)) if text.starts_with(POISON));
    if image.values().iter().any(is_bad) { Err(Refusal::Value) } else { Ok(()) }
}

/// Free text is never null.
fn check_nulls(object: &Object, image: &Image) -> Result<(), Refusal> {
    let columns = object.columns().iter().zip(image.values());
    let is_bad = |(column, value): (&Column, &Option<Value>)| {
        column.field_kind == FieldKind::Text && *value == Some(Value::Null)
    };
    if columns.into_iter().any(is_bad) { Err(Refusal::Value) } else { Ok(()) }
}
