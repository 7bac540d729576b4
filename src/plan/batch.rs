//! Groups the writes of many records into few requests.
//!
//! It exists because the source counts requests, not records. Records that change in the same way share one update;
//! other updates share a request as aliases; creates and deletes go in bulk. Invariants: each record is in exactly
//! one batch; a batch never mixes objects or kinds of write and never exceeds its limit; there is no bulk write
//! without ids, and no delete that does not say how far it goes.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{guard, patch::Body, push::Verb};
use crate::record::{DeleteMode, Ids, ObjectId};

/// One record and what is sent for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its object.
    pub object: ObjectId,
    /// Its id.
    pub record: Uuid,
    /// What is sent.
    pub verb: Verb,
}

/// How much one request may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// New records.
    pub creates: usize,
    /// Ids of one update.
    pub update_ids: usize,
    /// Updates in one request; 1 where the source takes no aliases.
    pub updates: usize,
    /// Ids of one delete.
    pub delete_ids: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { creates: 60, update_ids: 200, updates: 20, delete_ids: 200 }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The object of all its records.
    pub object: ObjectId,
    /// What it does.
    pub work: Work,
}

/// What a request does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// New records, all or none.
    Create(Vec<NewRecord>),
    /// Updates, each by itself.
    Update(Vec<GuardedUpdate>),
    /// A delete.
    Delete {
        /// Of these.
        ids: Ids,
        /// How far.
        mode: DeleteMode,
    },
}

/// A record to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Its id, which is also in the body.
    pub id: Uuid,
    /// Its values.
    pub body: Body,
}

/// One update of one or many records.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardedUpdate {
    ids: Ids,
    body: Body,
    guard: Vec<Json>,
    restores: bool,
}

impl GuardedUpdate {
    /// The records. The answer names those that passed the guard.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The values.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Conditions that must all hold, besides the ids.
    pub fn guard(&self) -> &[Json] {
        &self.guard
    }

    /// Whether it brings records back from the trash.
    pub fn restores(&self) -> bool {
        self.restores
    }

    /// The filter: these ids, and the guard.
    pub fn filter(&self) -> Json {
        let alive = if self.restores { guard::live_or_deleted() } else { guard::is_live() };
        let mut clauses = vec![by_id(&self.ids), alive];
        clauses.extend(self.guard.iter().cloned());
        json!({"and": clauses})
    }
}

/// The filter of a delete: a record that is in the trash already is left alone by a soft one.
pub fn delete_filter(ids: &Ids, mode: DeleteMode) -> Json {
    let reach = match mode {
        DeleteMode::Soft => guard::is_live(),
        DeleteMode::Destroy => guard::live_or_deleted(),
    };
    json!({"and": [by_id(ids), reach]})
}

fn by_id(ids: &Ids) -> Json {
    match ids.as_slice() {
        [id] => json!({"id": {"eq": id}}),
        ids => json!({"id": {"in": ids}}),
    }
}

impl Batch {
    /// Its records.
    pub fn records(&self) -> Vec<Uuid> {
        match &self.work {
            Work::Create(records) => records.iter().map(|record| record.id).collect(),
            Work::Update(updates) => {
                updates.iter().flat_map(|update| update.ids.as_slice()).copied().collect()
            }
            Work::Delete { ids, .. } => ids.as_slice().to_vec(),
        }
    }

    /// Two halves of it, to find the record for which the source refused the whole; `None` for a single record.
    pub fn halves(&self) -> Option<(Batch, Batch)> {
        let (left, right) = match &self.work {
            Work::Create(records) => {
                let (left, right) = split(records)?;
                (Work::Create(left), Work::Create(right))
            }
            Work::Update(updates) => {
                let (left, right) = split(updates).or_else(|| halves_of_one(updates))?;
                (Work::Update(left), Work::Update(right))
            }
            Work::Delete { ids, mode } => {
                let (left, right) = ids.halves()?;
                (Work::Delete { ids: left, mode: *mode }, Work::Delete { ids: right, mode: *mode })
            }
        };
        Some((
            Batch { object: self.object, work: left },
            Batch { object: self.object, work: right },
        ))
    }
}

fn split<T: Clone>(items: &[T]) -> Option<(Vec<T>, Vec<T>)> {
    let (left, right) = items.split_at(items.len() / 2);
    (!left.is_empty()).then(|| (left.to_vec(), right.to_vec()))
}

fn halves_of_one(updates: &[GuardedUpdate]) -> Option<(Vec<GuardedUpdate>, Vec<GuardedUpdate>)> {
    let update = updates.first()?;
    let (left, right) = update.ids.halves()?;
    let of = |ids| vec![GuardedUpdate { ids, ..update.clone() }];
    Some((of(left), of(right)))
}

/// Groups `planned`, whose records are all different and may all be sent at once. What is not sent (nothing, or a
/// read first) is in no batch.
pub fn batch(planned: Vec<Planned>, limits: Limits) -> Vec<Batch> {
    let mut groups: BTreeMap<ObjectId, Group> = BTreeMap::new();
    for Planned { object, record, verb } in planned {
        groups.entry(object).or_default().take(record, verb);
    }
    groups
        .into_iter()
        .flat_map(|(object, group)| {
            group.into_work(limits).into_iter().map(move |work| Batch { object, work })
        })
        .collect()
}

/// The writes of one object.
#[derive(Default)]
struct Group {
    creates: Vec<NewRecord>,
    /// By what they say, so that records that say the same come together.
    updates: BTreeMap<String, Same>,
    deletes: BTreeMap<DeleteMode, Vec<Uuid>>,
}

/// Records that change in the same way.
struct Same {
    ids: Vec<Uuid>,
    body: Body,
    guard: Vec<Json>,
    restores: bool,
}

impl Group {
    fn take(&mut self, id: Uuid, verb: Verb) {
        match verb {
            Verb::Nothing | Verb::Read(_) => {}
            Verb::Create(create) => self.creates.push(NewRecord { id, body: create.body }),
            Verb::Update(write) => self.update(id, write.body, write.guard, false),
            Verb::Restore(write) => self.update(id, write.body, write.guard, true),
            Verb::Delete(delete) => self.deletes.entry(delete.mode).or_default().push(id),
        }
    }

    fn update(&mut self, id: Uuid, body: Body, guard: Vec<Json>, restores: bool) {
        let says = json!([body, guard, restores]).to_string();
        let same = Same { ids: Vec::new(), body, guard, restores };
        self.updates.entry(says).or_insert(same).ids.push(id);
    }

    fn into_work(self, limits: Limits) -> Vec<Work> {
        let creates =
            self.creates.chunks(limits.creates.max(1)).map(<[_]>::to_vec).map(Work::Create);
        let updates: Vec<GuardedUpdate> =
            self.updates.into_values().flat_map(|same| same.into_updates(limits)).collect();
        let updates = updates.chunks(limits.updates.max(1)).map(<[_]>::to_vec).map(Work::Update);
        let deletes = self.deletes.into_iter().flat_map(|(mode, ids)| {
            let ids: Vec<Ids> = chunks(&ids, limits.delete_ids);
            ids.into_iter().map(move |ids| Work::Delete { ids, mode })
        });
        creates.chain(updates).chain(deletes).collect()
    }
}

impl Same {
    fn into_updates(self, limits: Limits) -> Vec<GuardedUpdate> {
        let Same { ids, body, guard, restores } = self;
        let update =
            |ids| GuardedUpdate { ids, body: body.clone(), guard: guard.clone(), restores };
        chunks(&ids, limits.update_ids).into_iter().map(update).collect()
    }
}

fn chunks(ids: &[Uuid], limit: usize) -> Vec<Ids> {
    ids.chunks(limit.max(1)).filter_map(|ids| Ids::new(ids.iter().copied())).collect()
}

#[cfg(test)]
mod tests;
