//! What the server does with the requests of clients.

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Change, Served, Twenty, body::Written, filter::passes_all, statement::Refusal};
use crate::{
    objects::{self, Object},
    plan::{
        batch::{GuardedUpdate, NewRecord, Work},
        guard,
    },
    record::{DeleteMode, Image},
};

/// A request of the program.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) object: usize,
    /// The name of the object, as whoever asks knows it.
    pub(crate) known: String,
    pub(crate) work: Work,
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    Created(Result<Vec<Served>, Refusal>),
    /// For each update the records that it hit.
    Updated(Vec<Result<Vec<Uuid>, Refusal>>),
    Deleted(Vec<Uuid>),
    /// It names what is not there.
    Outdated,
}

impl Twenty {
    /// Carries a request out; what changed.
    pub(crate) fn execute(
        &mut self,
        objects: &[Object],
        request: &Request,
        now: i64,
    ) -> (Response, Vec<Change>) {
        let place = request.object;
        let mut changes = Vec::new();
        let response = match &request.work {
            Work::Create(records) => {
                let bodies: Vec<Map<String, Json>> =
                    records.iter().map(|record| self.body(record)).collect();
                let made = self.create(objects, place, &bodies, now);
                Response::Created(made.map(|made| self.answer(made, &mut changes)))
            }
            Work::Update(updates) => {
                let one = |update| {
                    let hit = self.guarded(objects, place, update, now)?;
                    Ok(ids_of(hit, &mut changes))
                };
                Response::Updated(updates.iter().map(one).collect())
            }
            Work::Delete { ids, mode } => Response::Deleted(self.delete(
                objects,
                (place, ids.as_slice()),
                *mode,
                now,
                &mut changes,
            )),
        };
        (response, changes)
    }

    /// A body without an id gets one of the server's own.
    fn body(&self, record: &NewRecord) -> Map<String, Json> {
        let mut body = record.body.clone();
        let own = Uuid::from_u128(record.id.as_u128() ^ (u128::from(self.revs) + 1));
        body.entry("id").or_insert(json!(own));
        body
    }

    /// Creates records whose bodies have their ids.
    pub(crate) fn create(
        &mut self,
        objects: &[Object],
        place: usize,
        bodies: &[Map<String, Json>],
        now: i64,
    ) -> Result<Vec<Change>, Refusal> {
        let made = bodies.iter().map(|body| new(&objects[place], body));
        let made = made.collect::<Result<Vec<_>, Refusal>>()?;
        self.insert(objects, place, made, now)
    }

    fn answer(&self, made: Vec<Change>, changes: &mut Vec<Change>) -> Vec<Served> {
        let served = made.iter().filter_map(|(key, ..)| self.shown(*key)).collect();
        changes.extend(made);
        served
    }

    /// An update of the program: it leaves the trash alone, unless it is to restore.
    fn guarded(
        &mut self,
        objects: &[Object],
        place: usize,
        update: &GuardedUpdate,
        now: i64,
    ) -> Result<Vec<Change>, Refusal> {
        let mut filters = update.guard();
        let mut body = update.body().clone();
        if update.restores() {
            filters.push(guard::live_or_deleted());
            body.insert("deletedAt".to_owned(), Json::Null);
        } else {
            filters.push(guard::is_live());
        }
        let hit = self.hit(&objects[place], place, update.ids().as_slice(), &filters);
        self.update(objects, place, &hit, &body, now)
    }

    /// Those of the ids whose records pass the filters. In a write, the trash is hidden from none.
    pub(crate) fn hit(
        &self,
        object: &Object,
        place: usize,
        ids: &[Uuid],
        filters: &[Json],
    ) -> Vec<Uuid> {
        let passes = |id: &&Uuid| {
            self.get((place, **id)).is_some_and(|record| passes_all(object, &record.image, filters))
        };
        ids.iter().filter(passes).copied().collect()
    }

    /// Writes one body into records.
    pub(crate) fn update(
        &mut self,
        objects: &[Object],
        place: usize,
        ids: &[Uuid],
        body: &Map<String, Json>,
        now: i64,
    ) -> Result<Vec<Change>, Refusal> {
        let written = Written::read(&objects[place], body)?;
        self.change(objects, place, ids, now, &|image| written.put_into(image))
    }

    /// Removes records; those that it hit.
    pub(crate) fn delete(
        &mut self,
        objects: &[Object],
        (place, ids): (usize, &[Uuid]),
        mode: DeleteMode,
        now: i64,
        changes: &mut Vec<Change>,
    ) -> Vec<Uuid> {
        match mode {
            DeleteMode::Soft => {
                let gone = self.trash(objects, place, ids, now);
                ids_of(gone.unwrap_or_default(), changes)
            }
            DeleteMode::Destroy => {
                let is_hit = |id: &Uuid| {
                    let gone = self.destroy(objects, (place, *id));
                    let is_hit = !gone.is_empty();
                    changes.extend(gone);
                    is_hit
                };
                ids.iter().copied().filter(is_hit).collect()
            }
        }
    }
}

fn ids_of(made: Vec<Change>, changes: &mut Vec<Change>) -> Vec<Uuid> {
    let ids = made.iter().map(|((_, id), ..)| *id).collect();
    changes.extend(made);
    ids
}

fn new(object: &Object, body: &Map<String, Json>) -> Result<(Uuid, Image), Refusal> {
    let id = body.get("id").and_then(Json::as_str).map(Uuid::parse_str);
    let Some(Ok(id)) = id else { return Err(Refusal::Value) };
    let mut image = objects::fresh(object, id);
    Written::read(object, body)?.put_into(&mut image);
    Ok((id, image))
}
