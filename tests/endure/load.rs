//! People at work on both sides while the program is under fault, and what they were told was done.
//!
//! Each side writes its own field of the same records, and no value twice. So there are no conflicts, every value has
//! one right end, and one that comes back is a mistake. Both sides create and delete, too; a delete wins.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use fake_twenty::FakeTwenty;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    dice::Dice,
    ground::{Ground, OBJECTS, Object},
};

/// The place of an object in [`OBJECTS`], and a record.
pub(crate) type Key = (usize, Uuid);

/// The pause between two acts of one side, in milliseconds.
const PACE: usize = 30;

/// What became of a record, as far as people were told.
#[derive(Debug, Default, Clone)]
pub(crate) struct Told {
    pub(crate) theirs: Option<u32>,
    pub(crate) ours: Option<u32>,
    pub(crate) is_deleted: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) records: BTreeMap<Key, Told>,
    keys: Vec<Key>,
    number: u32,
    /// Writes that were acknowledged.
    pub(crate) writes: usize,
}

impl Ledger {
    fn next(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    fn add(&mut self, key: Key) {
        self.keys.push(key);
        self.records.insert(key, Told::default());
    }

    fn note(&mut self, key: Key, note: impl FnOnce(&mut Told)) {
        if !self.records.contains_key(&key) {
            self.add(key);
        }
        note(self.records.get_mut(&key).unwrap());
        self.writes += 1;
    }

    fn pick(&self, dice: &mut Dice) -> Option<Key> {
        dice.pick(&self.keys).filter(|key| !self.records[key].is_deleted)
    }
}

/// Both sides at work.
pub(crate) struct Load {
    ledger: Arc<Mutex<Ledger>>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn begin(ground: &Arc<Ground>, seed: u64) -> Load {
        let mut ledger = Ledger::default();
        for (place, object) in OBJECTS.iter().enumerate() {
            for row in ground.stage.fake.world(|world| world.rows(object.plural)) {
                if row["deletedAt"].is_null() {
                    ledger.add((place, id_of(&row)));
                }
            }
        }
        let (ledger, stop) = (Arc::new(Mutex::new(ledger)), CancellationToken::new());
        let there = in_twenty(Arc::clone(ground), Arc::clone(&ledger), stop.clone(), seed);
        let here = in_mirror(Arc::clone(ground), Arc::clone(&ledger), stop.clone(), seed + 1);
        let tasks = vec![tokio::spawn(there), tokio::spawn(here)];
        Load { ledger, stop, tasks }
    }

    /// People go home; what they were told was done.
    pub(crate) async fn end(self) -> Ledger {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        Arc::try_unwrap(self.ledger).unwrap().into_inner().unwrap()
    }
}

fn locked(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap()
}

pub(crate) fn id_of(row: &Value) -> Uuid {
    row["id"].as_str().unwrap().parse().unwrap()
}

async fn pace(dice: &mut Dice) {
    sleep(Duration::from_millis(1 + dice.below(PACE) as u64)).await;
}

async fn in_twenty(
    ground: Arc<Ground>,
    ledger: Arc<Mutex<Ledger>>,
    stop: CancellationToken,
    seed: u64,
) {
    let mut dice = Dice::new(seed);
    while !stop.is_cancelled() {
        act_in_twenty(&ground.stage.fake, &mut locked(&ledger), &mut dice);
        pace(&mut dice).await;
    }
}

fn act_in_twenty(fake: &FakeTwenty, ledger: &mut Ledger, dice: &mut Dice) {
    let (what, number) = (dice.below(24), ledger.next());
    if what < 3 {
        let place = dice.below(OBJECTS.len());
        let body = json!({OBJECTS[place].theirs: theirs(number)});
        let id = fake.world(|world| world.create(OBJECTS[place].plural, &body));
        ledger.note((place, id), |told| told.theirs = Some(number));
        return;
    }
    let Some(key @ (place, id)) = ledger.pick(dice) else { return };
    let Object { plural, theirs: field, .. } = OBJECTS[place];
    let is_done = fake.world(|world| {
        let is_live = world.row(plural, id).is_some_and(|row| row["deletedAt"].is_null());
        if is_live && what == 3 {
            world.soft_delete(plural, id);
        } else if is_live {
            world.update(plural, id, &json!({field: theirs(number)}));
        }
        is_live
    });
    if is_done {
        ledger.note(key, |told| match what {
            3 => told.is_deleted = true,
            _ => told.theirs = Some(number),
        });
    }
}

/// One statement of people, and how to see afterwards whether it was done.
struct Statement {
    key: Key,
    text: String,
    proof: String,
    number: Option<u32>,
}

async fn in_mirror(
    ground: Arc<Ground>,
    ledger: Arc<Mutex<Ledger>>,
    stop: CancellationToken,
    seed: u64,
) {
    let mut dice = Dice::new(seed);
    let mut connection = connect(&ground).await;
    while !stop.is_cancelled() {
        let chosen = choose(&mut locked(&ledger), &mut dice);
        if let Some(statement) = chosen
            && run(&ground, &mut connection, &statement).await
        {
            let number = statement.number;
            locked(&ledger).note(statement.key, |told| match number {
                None => told.is_deleted = true,
                Some(_) => told.ours = number,
            });
        }
        pace(&mut dice).await;
    }
}

fn choose(ledger: &mut Ledger, dice: &mut Dice) -> Option<Statement> {
    let (what, number) = (dice.below(24), ledger.next());
    let place = dice.below(OBJECTS.len());
    let key @ (place, id) = if what < 3 { (place, dice.id()) } else { ledger.pick(dice)? };
    let Object { plural, ours: column, .. } = OBJECTS[place];
    let value = ours(&OBJECTS[place], number);
    let is_there = format!("select count(*) from twenty.{plural} where id = '{id}'");
    Some(match what {
        0..3 => Statement {
            key,
            text: format!("insert into twenty.{plural} (id, {column}) values ('{id}', {value})"),
            proof: is_there,
            number: Some(number),
        },
        3 => Statement {
            key,
            text: format!("delete from twenty.{plural} where id = '{id}'"),
            proof: format!("select 1 - ({is_there})"),
            number: None,
        },
        _ => Statement {
            key,
            text: format!("update twenty.{plural} set {column} = {value} where id = '{id}'"),
            proof: format!("{is_there} and {column} = {value}"),
            number: Some(number),
        },
    })
}

/// Runs a statement of people. Where its answer was lost, they look whether it was done.
async fn run(ground: &Ground, connection: &mut PgConnection, statement: &Statement) -> bool {
    let text = AssertSqlSafe(statement.text.clone());
    match sqlx::raw_sql(text).execute(&mut *connection).await {
        Ok(done) => return done.rows_affected() == 1,
        Err(error) => assert!(is_lost(&error), "{}: {error}", statement.text),
    }
    loop {
        *connection = connect(ground).await;
        let proof = AssertSqlSafe(statement.proof.clone());
        match sqlx::query_scalar::<_, i64>(proof).fetch_one(&mut *connection).await {
            Ok(count) => return count == 1,
            Err(error) => assert!(is_lost(&error), "{}: {error}", statement.proof),
        }
    }
}

/// Whether the connection broke or the server ends or starts, rather than that it refused.
fn is_lost(error: &sqlx::Error) -> bool {
    match error.as_database_error() {
        Some(error) => error.code().is_some_and(|code| code.starts_with("57P0")),
        None => true,
    }
}

async fn connect(ground: &Ground) -> PgConnection {
    loop {
        match PgConnection::connect(ground.stage.database.url()).await {
            Ok(connection) => return connection,
            Err(error) => assert!(is_lost(&error), "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn theirs(number: u32) -> String {
    format!("t{number}")
}

fn ours(object: &Object, number: u32) -> String {
    if object.is_number { number.to_string() } else { format!("'o{number}'") }
}
