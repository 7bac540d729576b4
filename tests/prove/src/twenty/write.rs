//! What the server does with the requests of clients.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{Change, Record, Served, Twenty, filter::passes_all, kept};
use crate::{
    clock,
    objects::{self, DELETED_AT, Object, POISON, UPDATED_AT, is_live},
    plan::batch::{GuardedUpdate, NewRecord, Work},
    record::{DeleteMode, FieldKind, Image, Value},
};

/// A request of the program.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) object: usize,
    pub(crate) work: Work,
}

/// Why the server refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The id is there already, perhaps in the trash.
    DuplicateEntry,
    /// A reference to a record that is not there.
    MissingParent,
    /// A value that it does not take.
    Value,
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    Created(Result<Vec<Served>, Refusal>),
    /// For each update the records that it hit.
    Updated(Vec<Result<Vec<Uuid>, Refusal>>),
    Deleted(Vec<Uuid>),
}

impl Twenty {
    /// Carries a request out; what changed.
    pub(crate) fn execute(
        &mut self,
        objects: &[Object],
        request: &Request,
        now: i64,
    ) -> (Response, Vec<Change>) {
        let mut changes = Vec::new();
        let response = match &request.work {
            Work::Create(records) => {
                Response::Created(self.create(objects, request.object, records, now, &mut changes))
            }
            Work::Update(updates) => {
                let one = |update| self.update(objects, request.object, update, now, &mut changes);
                Response::Updated(updates.iter().map(one).collect())
            }
            Work::Delete { ids, mode } => {
                let mut hit = Vec::new();
                for &id in ids.as_slice() {
                    let live = self.get((request.object, id)).map(|record| is_live(&record.image));
                    let gone = match (mode, live) {
                        (_, None) | (DeleteMode::Soft, Some(false)) => continue,
                        (DeleteMode::Soft, Some(true)) => {
                            self.bury(objects, (request.object, id), now)
                        }
                        (DeleteMode::Destroy, Some(_)) => {
                            self.destroy(objects, (request.object, id))
                        }
                    };
                    changes.extend(gone);
                    hit.push(id);
                }
                Response::Deleted(hit)
            }
        };
        (response, changes)
    }

    fn bury(&mut self, objects: &[Object], key: objects::Key, now: i64) -> Vec<Change> {
        self.act(objects, key, &super::Act::SoftDelete, now)
    }

    fn create(
        &mut self,
        objects: &[Object],
        place: usize,
        records: &[NewRecord],
        now: i64,
        changes: &mut Vec<Change>,
    ) -> Result<Vec<Served>, Refusal> {
        let object = &objects[place];
        let mut made = Vec::new();
        for record in records {
            // A body without an id gets one of the server's own.
            let id = match record.body.get("id").and_then(Json::as_str).map(Uuid::parse_str) {
                Some(Ok(id)) => id,
                _ => Uuid::from_u128(record.id.as_u128() ^ (u128::from(self.revs) + 1)),
            };
            if self.is_there((place, id)) {
                return Err(Refusal::DuplicateEntry);
            }
            let mut image = objects::fresh(object, id);
            write(object, &mut image, &record.body);
            made.push((id, image));
        }
        let is_made =
            |target: usize, id: Uuid| target == place && made.iter().any(|(made, _)| *made == id);
        for (_, image) in &made {
            self.check(object, image, &is_made)?;
        }
        for (id, image) in &made {
            changes.extend(self.act(
                objects,
                (place, *id),
                &super::Act::Create(image.clone()),
                now,
            ));
        }
        Ok(made.iter().filter_map(|(id, _)| self.shown((place, *id))).collect())
    }

    fn update(
        &mut self,
        objects: &[Object],
        place: usize,
        update: &GuardedUpdate,
        now: i64,
        changes: &mut Vec<Change>,
    ) -> Result<Vec<Uuid>, Refusal> {
        let object = &objects[place];
        let guards = update.guard();
        let is_hit = |record: &Record| {
            (update.restores() || is_live(&record.image))
                && passes_all(object, &record.image, &guards)
        };
        let ids = update.ids().as_slice().iter().copied();
        let hit: Vec<Uuid> = ids.filter(|id| self.get((place, *id)).is_some_and(is_hit)).collect();
        let mut written = Vec::new();
        for &id in &hit {
            let Some(record) = self.get((place, id)) else { continue };
            let before = record.image.clone();
            let mut image = before.clone();
            write(object, &mut image, update.body());
            let moment = if object.micro { now } else { now / 1_000 * 1_000 };
            image.set(UPDATED_AT, Some(Value::Timestamp(clock::time(moment))));
            if update.restores() {
                image.set(DELETED_AT, Some(Value::Null));
            }
            self.check(object, &image, &|_, _| false)?;
            written.push(((place, id), before, image));
        }
        for (key, before, image) in written {
            self.put(key, image.clone(), false);
            changes.push((key, Some(before), Some(image)));
        }
        Ok(hit)
    }

    /// Whether the server takes these values.
    fn check(
        &self,
        object: &Object,
        image: &Image,
        is_made: &dyn Fn(usize, Uuid) -> bool,
    ) -> Result<(), Refusal> {
        for relation in &object.relations {
            let Some(Value::Uuid(id)) = image.get(relation.column) else { continue };
            if !self.is_there((relation.target, *id)) && !is_made(relation.target, *id) {
                return Err(Refusal::MissingParent);
            }
        }
        let poisoned = image
            .values()
            .iter()
            .any(|value| matches!(value, Some(Value::Text(text)) if text.starts_with(POISON)));
        if poisoned { Err(Refusal::Value) } else { Ok(()) }
    }
}

/// Writes a body into a record.
pub(crate) fn write(object: &Object, image: &mut Image, body: &Map<String, Json>) {
    let mut json = Map::new();
    for column in object.columns() {
        let value = body.get(&column.path.key);
        let value = match column.path.part {
            Some(part) => value.and_then(|value| value.get(part)),
            None => value,
        };
        if let Some(value) = value {
            json.insert(column.name.clone(), value.clone());
        }
    }
    let written = Image::decode(object.columns(), &Json::from(json).to_string());
    let written = written.unwrap_or_else(|error| panic!("a body that cannot be read: {error}"));
    for (index, value) in written.into_values().into_iter().enumerate() {
        if let Some(value) = value {
            image.set(index, Some(kept(object, &value)));
        }
    }
    rewrite(object, image);
}

/// What the server makes of values: e-mails in lower case, phones split into number and codes.
pub(crate) fn rewrite(object: &Object, image: &mut Image) {
    for (index, column) in object.columns().iter().enumerate() {
        match (&column.field_kind, column.path.part, image.get(index)) {
            (FieldKind::Emails, _, Some(Value::Text(text))) => {
                let lower = Value::Text(text.to_lowercase());
                image.set(index, Some(lower));
            }
            (FieldKind::Emails, _, Some(Value::Json(text))) => {
                let lower = Value::Json(text.to_lowercase());
                image.set(index, Some(lower));
            }
            (FieldKind::Phones, Some("primaryPhoneNumber"), Some(Value::Text(text))) => {
                let Some(national) = text.strip_prefix("+972 ") else { continue };
                let national = Value::Text(national.to_owned());
                image.set(index, Some(national));
                image.set(index + 1, Some(Value::Text("IL".to_owned())));
                image.set(index + 2, Some(Value::Text("+972".to_owned())));
            }
            _ => {}
        }
    }
}
