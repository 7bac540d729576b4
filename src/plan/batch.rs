//! Groups the writes of many records into few requests.
//!
//! It exists because the source counts requests, not records. Records that get the same values share one update;
//! other updates share a request as aliases; creates and deletes go in bulk. Invariants: each record is in exactly
//! one batch; a batch never mixes objects or kinds of write and never exceeds its limit; there is no bulk write
//! without ids, and no delete that does not say how far it goes.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use uuid::Uuid;

#[cfg(test)]
use super::guard;
use super::{patch::Body, push::Verb};
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
    /// Guards of one update: records that get the same values may have had different ones.
    pub clauses: usize,
    /// Updates in one request; 1 where the source takes no aliases.
    pub updates: usize,
    /// Ids of one delete.
    pub delete_ids: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { creates: 60, update_ids: 200, clauses: 60, updates: 20, delete_ids: 200 }
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

/// One update of one or many records that get the same values.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardedUpdate {
    ids: Ids,
    body: Body,
    /// Records with the same guard are together.
    clauses: Vec<Clause>,
    restores: bool,
}

/// Records and the conditions that they must fulfil, each of them.
#[derive(Debug, Clone, PartialEq)]
struct Clause {
    ids: Ids,
    guard: Vec<Json>,
}

impl Clause {
    fn filter(&self) -> Json {
        let conditions: Vec<Json> =
            std::iter::once(by_id(&self.ids)).chain(self.guard.iter().cloned()).collect();
        json!({"and": conditions})
    }
}

impl GuardedUpdate {
    /// `None` without clauses.
    fn new(body: Body, clauses: Vec<Clause>, restores: bool) -> Option<GuardedUpdate> {
        let ids = Ids::new(clauses.iter().flat_map(|clause| clause.ids.as_slice()).copied())?;
        Some(GuardedUpdate { ids, body, clauses, restores })
    }

    /// The records. The answer names those that passed their guard.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The values.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Conditions that must all hold, besides the ids. Where the records have guards of their own, that is one
    /// condition: each record's guard with its id.
    pub fn guard(&self) -> Vec<Json> {
        match self.clauses.as_slice() {
            [clause] => clause.guard.clone(),
            clauses => {
                let filters: Vec<Json> = clauses.iter().map(Clause::filter).collect();
                vec![json!({"or": filters})]
            }
        }
    }

    /// Whether it brings records back from the trash.
    pub fn restores(&self) -> bool {
        self.restores
    }

    /// The whole filter: these ids, and the guard.
    #[cfg(test)]
    pub(super) fn filter(&self) -> Json {
        let alive = if self.restores { guard::live_or_deleted() } else { guard::is_live() };
        let mut clauses = vec![by_id(&self.ids), alive];
        clauses.extend(self.guard());
        json!({"and": clauses})
    }

    fn halves(&self) -> Option<(GuardedUpdate, GuardedUpdate)> {
        let (left, right) = split(&self.clauses).or_else(|| {
            let clause = self.clauses.first()?;
            let (left, right) = clause.ids.halves()?;
            let of = |ids| vec![Clause { ids, guard: clause.guard.clone() }];
            Some((of(left), of(right)))
        })?;
        let of = |clauses| GuardedUpdate::new(self.body.clone(), clauses, self.restores);
        Some((of(left)?, of(right)?))
    }
}

#[cfg(test)]
/// The filter of a delete: a record that is in the trash already is left alone by a soft one.
pub(super) fn delete_filter(ids: &Ids, mode: DeleteMode) -> Json {
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
                let (left, right) = split(updates).or_else(|| {
                    let (left, right) = updates.first()?.halves()?;
                    Some((vec![left], vec![right]))
                })?;
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

/// Records that get the same values.
struct Same {
    body: Body,
    restores: bool,
    /// By what the guard says.
    guards: BTreeMap<String, (Vec<Json>, Vec<Uuid>)>,
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
        let says = json!([body, restores]).to_string();
        let same = Same { body, restores, guards: BTreeMap::new() };
        let same = self.updates.entry(says).or_insert(same);
        let says = json!(guard).to_string();
        same.guards.entry(says).or_insert((guard, Vec::new())).1.push(id);
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
        let Same { body, restores, guards } = self;
        let parts = guards.into_values().flat_map(|(guard, ids)| {
            let ids = chunks(&ids, limits.update_ids).into_iter();
            ids.map(move |ids| Clause { ids, guard: guard.clone() })
        });
        let mut updates: Vec<Vec<Clause>> = Vec::new();
        let mut count = 0;
        for clause in parts {
            count += clause.ids.len();
            match updates.last_mut() {
                Some(last) if count <= limits.update_ids && last.len() < limits.clauses => {
                    last.push(clause);
                }
                _ => {
                    count = clause.ids.len();
                    updates.push(vec![clause]);
                }
            }
        }
        let update = |clauses| GuardedUpdate::new(body.clone(), clauses, restores);
        updates.into_iter().filter_map(update).collect()
    }
}

fn chunks(ids: &[Uuid], limit: usize) -> Vec<Ids> {
    ids.chunks(limit.max(1)).filter_map(|ids| Ids::new(ids.iter().copied())).collect()
}

#[cfg(test)]
mod tests;
