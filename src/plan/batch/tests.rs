//! Batches of few and of many records.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Batch, GuardedUpdate, Limits, Planned, Work, batch, delete_filter};
use crate::{
    plan::push::{Create, Delete, ReadReason, Verb, Write},
    record::{DeleteMode, Ids, Image},
};

const OBJECT: Uuid = Uuid::from_u128(1);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn write(value: u8) -> Write {
    let body = Map::from_iter([("text".to_owned(), json!(value))]);
    Write { body, sent: Image::unknown(0), guard: vec![json!({"text": {"eq": "old"}})] }
}

fn verb(kind: u8, value: u8) -> Verb {
    let sent = Image::unknown(0);
    match kind {
        0 => Verb::Create(Create { body: Map::new(), sent }),
        1 => Verb::Update(write(value)),
        2 => Verb::Restore(write(value)),
        3 => Verb::Delete(Delete { mode: DeleteMode::Soft, sent }),
        4 => Verb::Delete(Delete { mode: DeleteMode::Destroy, sent }),
        5 => Verb::Nothing,
        _ => Verb::Read(ReadReason::InDoubt),
    }
}

fn planned(record: u128, verb: Verb) -> Planned {
    Planned { object: OBJECT, record: id(record), verb }
}

#[test]
fn records_that_change_alike_share_one_update() {
    let writes = [1, 1, 2].iter().zip(10..).map(|(&value, id)| planned(id, verb(1, value)));
    let batches = batch(writes.collect(), Limits::default());
    let [Batch { work: Work::Update(updates), .. }] = &batches[..] else { panic!("{batches:?}") };
    assert_eq!(updates.iter().map(|update| update.ids().len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(
        (json!(updates[0].body()), json!(updates[1].body())),
        (json!({"text": 1}), json!({"text": 2}))
    );
    assert!(!updates[0].restores());
    assert_eq!(
        updates[0].filter(),
        json!({"and": [
            {"id": {"in": [id(10), id(11)]}}, {"deletedAt": {"is": "NULL"}}, {"text": {"eq": "old"}}
        ]})
    );
}

#[test]
fn records_that_get_the_same_value_share_one_update_although_each_had_another() {
    let was =
        |old: &str| Verb::Update(Write { guard: vec![json!({"text": {"eq": old}})], ..write(1) });
    let planned = vec![planned(10, was("a")), planned(11, was("b")), planned(12, was("a"))];
    let batches = batch(planned, Limits::default());
    let [Batch { work: Work::Update(updates), .. }] = &batches[..] else { panic!("{batches:?}") };
    assert_eq!(updates.len(), 1);
    assert_eq!(
        updates[0].guard(),
        [json!({"or": [
            {"and": [{"id": {"in": [id(10), id(12)]}}, {"text": {"eq": "a"}}]},
            {"and": [{"id": {"eq": id(11)}}, {"text": {"eq": "b"}}]}
        ]})]
    );
}

#[test]
fn a_restore_looks_into_the_trash_and_finds_the_record_afterwards() {
    let batches = batch(vec![planned(10, verb(2, 1))], Limits::default());
    let [Batch { work: Work::Update(updates), .. }] = &batches[..] else { panic!("{batches:?}") };
    assert!(updates[0].restores());
    assert_eq!(
        updates[0].filter(),
        json!({"and": [
            {"id": {"eq": id(10)}},
            {"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]},
            {"text": {"eq": "old"}}
        ]})
    );
}

#[test]
fn a_soft_delete_leaves_trash_alone() {
    let filter = delete_filter(&Ids::one(id(1)), DeleteMode::Soft);
    assert_eq!(filter, json!({"and": [{"id": {"eq": id(1)}}, {"deletedAt": {"is": "NULL"}}]}));
}

/// The same, guarded by the value that it had.
fn guarded(verb: Verb, old: u8) -> Verb {
    let guard = vec![json!({"text": {"eq": old}})];
    match verb {
        Verb::Update(write) => Verb::Update(Write { guard, ..write }),
        Verb::Restore(write) => Verb::Restore(Write { guard, ..write }),
        other => other,
    }
}

/// What an update says of one of its records: the values, the conditions, whether it restores.
type Said = (Json, Vec<Json>, bool);

fn said(update: &GuardedUpdate, id: Uuid) -> Said {
    let is_of = |clause: &&Json| {
        let ids = &clause["and"][0]["id"];
        ids["eq"] == json!(id) || ids["in"].as_array().is_some_and(|ids| ids.contains(&json!(id)))
    };
    let guard = update.guard();
    let guard = match guard[0]["or"].as_array() {
        Some(clauses) => clauses.iter().filter(is_of).map(|one| one["and"][1].clone()).collect(),
        None => guard,
    };
    (json!(update.body()), guard, update.restores())
}

/// The updates in these batches, record by record.
fn each_update(batches: &[Batch]) -> Vec<(Uuid, Said)> {
    let of = |batch: &Batch| match &batch.work {
        Work::Update(updates) => updates.clone(),
        Work::Create(_) | Work::Delete { .. } => Vec::new(),
    };
    let each = |update: GuardedUpdate| -> Vec<_> {
        update.ids().as_slice().iter().map(|id| (*id, said(&update, *id))).collect()
    };
    let mut all: Vec<_> = batches.iter().flat_map(of).flat_map(each).collect();
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

/// What was planned for each record that is updated or restored.
fn wanted(planned: &[Planned]) -> Vec<(Uuid, Said)> {
    let of = |one: &Planned| match &one.verb {
        Verb::Update(write) => Some((one.record, (json!(write.body), write.guard.clone(), false))),
        Verb::Restore(write) => Some((one.record, (json!(write.body), write.guard.clone(), true))),
        Verb::Nothing | Verb::Read(_) | Verb::Create(_) | Verb::Delete(_) => None,
    };
    planned.iter().filter_map(of).collect()
}

fn clauses(update: &GuardedUpdate) -> usize {
    update.guard()[0]["or"].as_array().map_or(1, Vec::len)
}

fn size(work: &Work, limits: Limits) -> bool {
    match work {
        Work::Create(records) => (1..=limits.creates).contains(&records.len()),
        Work::Update(updates) => {
            let fits = |ids: usize| (1..=limits.update_ids).contains(&ids);
            (1..=limits.updates).contains(&updates.len())
                && updates.iter().all(|update| fits(update.ids().len()))
                && updates.iter().all(|update| clauses(update) <= limits.clauses)
        }
        Work::Delete { ids, .. } => (1..=limits.delete_ids).contains(&ids.len()),
    }
}

fn sorted(batches: &[Batch]) -> Vec<(Uuid, Uuid)> {
    let records = |batch: &Batch| {
        let object = batch.object;
        batch.records().into_iter().map(move |id| (object, id))
    };
    let mut all: Vec<_> = batches.iter().flat_map(records).collect();
    all.sort_unstable();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_in_one_batch_of_its_object_that_keeps_its_limits(
        records in proptest::collection::vec((0..3u128, 0..7u8, 0..3u8, 0..4u8), 0..60),
        (creates, update_ids, clauses, updates, delete_ids) in (1..9usize, 1..9usize, 1..4usize, 1..5usize, 1..9usize),
    ) {
        let limits = Limits { creates, update_ids, clauses, updates, delete_ids };
        let all: Vec<Planned> = records.iter().zip(100..).map(|(&(object, kind, value, old), record)| {
            let verb = guarded(verb(kind, value), old);
            Planned { object: id(object), record: id(record), verb }
        }).collect();
        let mut sent: Vec<_> = all.iter()
            .filter(|one| !matches!(one.verb, Verb::Nothing | Verb::Read(_)))
            .map(|one| (one.object, one.record)).collect();
        sent.sort_unstable();
        let batches = batch(all.clone(), limits);
        prop_assert_eq!(sorted(&batches), sent);
        prop_assert!(batches.iter().all(|batch| size(&batch.work, limits)));
        prop_assert_eq!(each_update(&batches), wanted(&all), "each with its own values and guard");
        let mut backwards = all;
        backwards.reverse();
        let filters = |batches: &[Batch]| -> BTreeSet<String> {
            batches.iter().filter_map(|batch| match &batch.work {
                Work::Update(updates) => Some(updates.iter().map(|update| update.body().clone())),
                Work::Create(_) | Work::Delete { .. } => None,
            }).flatten().map(|body| json!(body).to_string()).collect()
        };
        let again = batch(backwards, limits);
        prop_assert_eq!(filters(&again), filters(&batches));
        prop_assert_eq!(again.len(), batches.len(), "the order of records does not matter");
    }

    #[test]
    fn halving_ends_with_every_record_alone(records in proptest::collection::vec((0..5u8, 0..3u8, 0..3u8), 1..30)) {
        let one = |(&(kind, value, old), record)| planned(record, guarded(verb(kind, value), old));
        let all: Vec<Planned> = records.iter().zip(100..).map(one).collect();
        let mut left = batch(all.clone(), Limits::default());
        let before = sorted(&left);
        let mut alone = Vec::new();
        while let Some(batch) = left.pop() {
            match batch.halves() {
                Some((one, other)) => left.extend([one, other]),
                None => alone.push(batch),
            }
        }
        prop_assert!(alone.iter().all(|batch| batch.records().len() == 1));
        prop_assert_eq!(sorted(&alone), before);
        prop_assert_eq!(each_update(&alone), wanted(&all), "each with its own values and guard");
    }
}
