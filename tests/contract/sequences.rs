//! Long conversations that nobody wrote: the model and the wire are asked the same, and must answer the same.
//!
//! It exists because a statement is about one thing at a time, and histories are about what comes of many. Each seed is
//! one sequence of writes and questions over a few records. Times of the servers are compared by the step in which they
//! came to be. `CONTRACT_SEED=17 cargo nextest run --test contract sequences` plays one again and tells it.

use std::collections::{BTreeMap, BTreeSet};

use prove::Dice;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::{
    changes::{moment, stamp},
    guards::millisecond,
    server::{Refusal, Removal, Server, Table, id_of},
    steps::{Age, Guard, Ids, STEPS, Step, TABLES, TYPES, step},
    twenty::{Twenty, on_twenty},
    wire::Wire,
};

/// So many are played against the fake, and so many at a time.
const SEQUENCES: u64 = 240;
const LANES: u64 = 6;

/// What some of them come to. A suite that only ever reads empty pages would agree with anything.
const REACHED: [&str; 17] = [
    "Parent: created",
    "Parent: DuplicateEntry",
    "Parent: Value",
    "Parent: update hit 2",
    "Parent: update hit 0",
    "Parent: trashed 2",
    "Parent: destroyed 1",
    "Parent: walk of 3",
    "Child: created",
    "Child: MissingParent",
    "Child: update hit 2",
    "Child: update refused, MissingParent",
    "Child: trashed 1",
    "Child: destroyed 1",
    "Child: walk of 3",
    "Link: created",
    "Link: trashed 1",
];

/// What came of a step, with nothing in it that differs from server to server.
#[derive(Debug, PartialEq)]
enum Outcome {
    Created(Result<Vec<Value>, Refusal>),
    Hit(Result<Vec<Uuid>, Refusal>),
    /// Each page with the count of all.
    Walked(Vec<(Vec<Value>, u64)>),
    Counted(u64),
}

impl Outcome {
    /// What a step came to, in a few words.
    fn kind(&self, step: &Step) -> String {
        let (Step::Create(table, _)
        | Step::Update(table, ..)
        | Step::Delete(table, ..)
        | Step::Walk(table, ..)
        | Step::Count(table, ..)) = step;
        let came = match (step, self) {
            (Step::Delete(_, _, Removal::Soft), Outcome::Hit(Ok(hit))) => {
                format!("trashed {}", hit.len())
            }
            (Step::Delete(..), Outcome::Hit(Ok(hit))) => format!("destroyed {}", hit.len()),
            (_, Outcome::Hit(Ok(hit))) => format!("update hit {}", hit.len()),
            (_, Outcome::Hit(Err(refusal))) => format!("update refused, {refusal:?}"),
            (_, Outcome::Created(Ok(_))) => "created".to_owned(),
            (_, Outcome::Created(Err(refusal))) => format!("{refusal:?}"),
            (_, Outcome::Walked(pages)) => format!("walk of {}", pages.len()),
            (_, Outcome::Counted(count)) => format!("counted {count}"),
        };
        format!("{table:?}: {came}")
    }
}

/// A server in a sequence, and what it has shown so far.
struct Party<'s, 't> {
    name: &'static str,
    server: &'s Server<'t>,
    /// Its moments, by the step in which they were first seen.
    moments: BTreeMap<String, String>,
    /// The first and the last time of change of each record.
    versions: BTreeMap<Uuid, (String, String)>,
}

impl<'s, 't> Party<'s, 't> {
    fn new(name: &'static str, server: &'s Server<'t>) -> Party<'s, 't> {
        Party { name, server, moments: BTreeMap::new(), versions: BTreeMap::new() }
    }

    /// Takes a step, and looks at every record afterwards.
    async fn take(&mut self, number: usize, step: &Step, ids: &Ids) -> (Outcome, Vec<Value>) {
        self.server.tick();
        let outcome = self.outcome(number, step).await;
        let mut shown = Vec::new();
        for table in step.touched() {
            shown.extend(self.server.look(*table, ids.of(*table)).await);
        }
        let shown = shown.into_iter().map(|record| self.seen(&record, number)).collect();
        (outcome, shown)
    }

    async fn outcome(&mut self, number: usize, step: &Step) -> Outcome {
        match step {
            Step::Create(table, bodies) => {
                let made = self.server.create(*table, bodies).await;
                Outcome::Created(made.map(|mut made| {
                    made.sort_by_key(id_of);
                    made.iter().map(|record| self.seen(record, number)).collect()
                }))
            }
            Step::Update(table, guard, patch) => {
                let filter = self.filter(guard);
                Outcome::Hit(self.server.update(*table, &filter, patch).await)
            }
            Step::Delete(table, guard, removal) => {
                let filter = self.filter(guard);
                Outcome::Hit(Ok(self.server.delete(*table, &filter, *removal).await))
            }
            Step::Walk(table, since, limit) => self.walk(number, *table, *since, *limit).await,
            Step::Count(table, range, with_trash) => {
                Outcome::Counted(self.server.count(*table, *range, *with_trash).await)
            }
        }
    }

    async fn walk(
        &mut self,
        number: usize,
        table: Table,
        since: Option<(Uuid, Age)>,
        limit: usize,
    ) -> Outcome {
        let since = since.and_then(|(id, age)| self.version(id, age));
        let since = since.map(|time| moment(&json!(time)));
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = self.server.page(table, since, after.as_deref(), limit).await;
            let records = page.records.iter().map(|record| self.seen(record, number)).collect();
            pages.push((records, page.total));
            if !page.has_next || pages.len() > 9 {
                return Outcome::Walked(pages);
            }
            after = page.cursor;
        }
    }

    fn version(&self, id: Uuid, age: Age) -> Option<&str> {
        let (first, last) = self.versions.get(&id)?;
        Some(if age == Age::First { first } else { last })
    }

    fn filter(&self, guard: &Guard) -> Value {
        let mut all = vec![json!({"id": {"in": guard.ids}})];
        all.extend(guard.conditions.iter().cloned());
        if let Some(age) = guard.version
            && let Some(from) = self.version(guard.ids[0], age)
        {
            let to = stamp(moment(&json!(from)) + Duration::milliseconds(1));
            all.push(millisecond("updatedAt", from, &to));
        }
        json!({"and": all})
    }

    /// A record with steps for times, and only with what every server shows.
    fn seen(&mut self, record: &Value, number: usize) -> Value {
        let mut neutral = record.as_object().unwrap().clone();
        neutral.retain(|key, _| is_shared(key));
        let updated = record["updatedAt"].as_str().unwrap().to_owned();
        let version = self.versions.entry(id_of(record));
        version.or_insert_with(|| (updated.clone(), updated.clone())).1.clone_from(&updated);
        for key in ["createdAt", "updatedAt", "deletedAt"] {
            let Some(time) = record[key].as_str() else { continue };
            let count = self.moments.len();
            let name = format!("moment {count}, of step {number}");
            let name = self.moments.entry(time.to_owned()).or_insert(name);
            neutral.insert(key.to_owned(), json!(name));
        }
        Value::Object(neutral)
    }
}

/// The model has no positions and creators to compare, and the tables of a server have fields of their own.
fn is_shared(key: &str) -> bool {
    const KEYS: [&str; 7] =
        ["id", "createdAt", "updatedAt", "deletedAt", "name", "parentId", "bossId"];
    let is_probes = key.strip_prefix('f').is_some_and(|rest| rest.starts_with(char::is_uppercase));
    KEYS.contains(&key) || is_probes
}

/// Plays a sequence on every server, and requires the same of all. What it reached is the answer.
async fn play(seed: u64, wire: &Server<'_>, is_told: bool) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut dice = Dice::new(seed);
    let ids = Ids::new(&mut dice);
    let models = [Server::model(false), Server::model(true)];
    let mut parties = [
        Party::new("over HTTP", wire),
        Party::new("model with milliseconds", &models[0]),
        Party::new("model with microseconds", &models[1]),
    ];
    for number in 0..STEPS {
        let step = step(&mut dice, &ids);
        let [wire, models @ ..] = &mut parties;
        let wanted = wire.take(number, &step, &ids).await;
        if is_told {
            println!("{number}: {step:?}\n   {wanted:?}");
        }
        for model in models {
            let taken = model.take(number, &step, &ids).await;
            let story = format!("sequence {seed}, step {number}, {}: {step:?}", model.name);
            assert_eq!(taken, wanted, "{story}");
        }
        reached.insert(wanted.0.kind(&step));
    }
    for table in TABLES {
        let filter = json!({"id": {"in": ids.of(table)}});
        wire.delete(table, &filter, Removal::ForEver).await;
    }
    reached
}

/// Plays sequences one after another, on tables of their own.
async fn play_all(
    twenty: &Twenty,
    seeds: impl Iterator<Item = u64>,
    is_told: bool,
) -> BTreeSet<String> {
    let wire = Server::Wire(Wire::make(twenty, &TYPES).await);
    let mut reached = BTreeSet::new();
    for seed in seeds {
        reached.extend(play(seed, &wire, is_told).await);
    }
    reached
}

/// Plays many of them, some side by side: most of the time is waiting for answers.
async fn play_many(twenty: &Twenty) {
    let lanes = (0..LANES).map(|lane| {
        let seeds = (0..SEQUENCES).filter(move |seed| seed % LANES == lane);
        play_all(twenty, seeds, false)
    });
    let reached = futures_util::future::join_all(lanes).await;
    let reached: BTreeSet<String> = reached.into_iter().flatten().collect();
    let wanted = REACHED.map(str::to_owned);
    assert!(wanted.iter().all(|kind| reached.contains(kind)), "no more than {reached:?}");
}

/// "Batches", "Guarded updates", "Soft delete, restore, destroy", "Trash and cascades", "Value rewriting"
#[tokio::test]
async fn the_model_answers_as_the_server_does_whatever_it_is_asked() {
    on_twenty(async |twenty| {
        let chosen = std::env::var("CONTRACT_SEED").ok().and_then(|seed| seed.parse().ok());
        match chosen {
            Some(seed) => drop(play_all(twenty, std::iter::once(seed), true).await),
            // A live server allows some hundred calls in a minute.
            None if twenty.is_live() => drop(play_all(twenty, 0..2, false).await),
            None => play_many(twenty).await,
        }
    })
    .await;
}
