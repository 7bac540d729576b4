//! People on both sides: what they may do, and how it is noted.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use fake_twenty::World;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::{
    book::Book,
    dice::Dice,
    ground::Setup,
    sides::{self, Field, Form, Held, Key, OBJECTS, Side},
};

/// More are not made: few records meet often.
const RECORDS: usize = 12;

/// Days that Twenty keeps its trash.
pub(crate) const RETENTION: u32 = 14;

/// Everybody, with one pair of dice.
pub(crate) struct Crowd {
    pub(crate) dice: Dice,
    pub(crate) book: Book,
    setup: Setup,
    number: u32,
}

/// The crowd, where hooks and tasks can reach it.
#[derive(Clone)]
pub(crate) struct People(Arc<Mutex<Crowd>>);

impl People {
    pub(crate) fn new(seed: u64, setup: Setup) -> People {
        let (dice, book) = (Dice::new(seed), Book::of(setup));
        People(Arc::new(Mutex::new(Crowd { dice, book, setup, number: 0 })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Crowd> {
        self.0.lock().unwrap()
    }

    /// Somebody does something in Twenty.
    pub(crate) fn act_in_twenty(&self, world: &mut World) {
        let mut crowd = self.lock();
        crowd.tick(world);
        let before = sides::source(world);
        let what = crowd.act(world, &before);
        let after = sides::source(world);
        crowd.book.note(Side::Source, &what, &before, &after);
    }

    /// Somebody does something by SQL.
    pub(crate) async fn act_in_mirror(&self, pool: &PgPool) {
        self.by_sql(pool, Crowd::statement).await;
    }

    /// Runs the statement that is chosen by what the mirror holds.
    pub(crate) async fn by_sql(
        &self,
        pool: &PgPool,
        choose: impl FnOnce(&mut Crowd, &Held) -> String,
    ) {
        let mut transaction = pool.begin().await.unwrap();
        let tables: Vec<String> =
            OBJECTS.iter().map(|object| format!("twenty.{}", object.table)).collect();
        let lock = format!("lock table {} in share row exclusive mode", tables.join(", "));
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *transaction).await.unwrap();
        let before = sides::mirror(&mut transaction).await;
        let statement = choose(&mut self.lock(), &before);
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
        let after = sides::mirror(&mut transaction).await;
        transaction.commit().await.unwrap();
        self.lock().book.note(Side::Mirror, &statement, &before, &after);
    }
}

impl Crowd {
    /// Time goes on: not at all, within a millisecond, or beyond what a walk reaches back.
    fn tick(&mut self, world: &mut World) {
        let tick = self.setup.tick;
        let by = self.dice.pick(&[0, 1, 1, 37, 999, 1_000_000 / tick, 61_000_000 / tick]).unwrap();
        Crowd::pass_time(world, Duration::from_micros(u64::try_from(by * tick).unwrap()));
    }

    fn pass_time(world: &mut World, by: Duration) {
        world.set_clock(world.clock().advanced(by));
    }

    fn act(&mut self, world: &mut World, held: &Held) -> String {
        let live: Vec<Key> = of(held, sides::Record::is_live);
        let dead: Vec<Key> = of(held, |record| !record.is_live());
        let all: Vec<Key> = of(held, |_| true);
        match self.dice.below(20) {
            0..=2 => self.create(world, held),
            3..=9 => self.edit(world, held, &live),
            10..=13 => self.on(world, "delete", &live, World::soft_delete),
            14..=16 => self.on(world, "restore", &dead, World::restore),
            17 | 18 => self.on(world, "destroy", &all, World::destroy),
            _ => {
                let days = u64::from(RETENTION) + 2;
                Crowd::pass_time(world, Duration::from_hours(24 * days));
                let gone = world.empty_trash(RETENTION);
                format!("{days} days pass, and the trash is emptied of {gone}")
            }
        }
    }

    fn on(
        &mut self,
        world: &mut World,
        verb: &str,
        keys: &[Key],
        act: fn(&mut World, &str, Uuid),
    ) -> String {
        let Some((place, id)) = self.dice.pick(keys) else { return format!("nothing to {verb}") };
        let plural = OBJECTS[place].plural;
        act(world, plural, id);
        format!("{verb} {plural} {id}")
    }

    fn create(&mut self, world: &mut World, held: &Held) -> String {
        let Some((place, id)) = self.fresh(held) else { return "enough records".to_owned() };
        let mut body = Map::from_iter([("id".to_owned(), json!(id))]);
        for field in OBJECTS[place].fields {
            let value = self.value(field);
            body.insert(field.key().to_owned(), field.body(&value));
        }
        for reference in OBJECTS[place].references {
            let parent = self.parent(held, reference.target, false);
            body.insert(reference.key.to_owned(), json!(parent));
        }
        let plural = OBJECTS[place].plural;
        world.create(plural, &Value::Object(body));
        format!("create {plural} {id}")
    }

    fn edit(&mut self, world: &mut World, held: &Held, live: &[Key]) -> String {
        let Some((place, id)) = self.dice.pick(live) else { return "nothing to edit".to_owned() };
        let object = &OBJECTS[place];
        let choice = self.dice.below(object.fields.len() + object.references.len());
        let body = if let Some(field) = object.fields.get(choice) {
            let value = self.value_or_nothing(field);
            json!({field.key(): field.body(&value)})
        } else {
            let reference = &object.references[choice - object.fields.len()];
            json!({reference.key: self.parent(held, reference.target, false)})
        };
        world.update(object.plural, id, &body);
        format!("update {} {id} {body}", object.plural)
    }

    fn statement(&mut self, held: &Held) -> String {
        let all: Vec<Key> = of(held, |_| true);
        let dead: Vec<Key> = of(held, |record| !record.is_live());
        match self.dice.below(16) {
            0..=4 => self.insert(held),
            5..=9 => self.update(held, &all),
            10..=13 => match self.dice.pick(&all) {
                Some((place, id)) => {
                    format!("delete from twenty.{} where id = '{id}'", OBJECTS[place].table)
                }
                None => "select 1".to_owned(),
            },
            _ => match self.dice.pick(&dead) {
                Some((place, id)) => self.revive(place, id),
                None => self.insert(held),
            },
        }
    }

    fn revive(&mut self, place: usize, id: Uuid) -> String {
        let object = &OBJECTS[place];
        let field =
            if self.dice.once_in(3) { self.dice.pick(&indexes(object.fields)) } else { None };
        let more = field.map(|index| {
            let field = &object.fields[index];
            let value = self.value(field);
            format!(", {} = {}", field.column, field.literal(&value))
        });
        format!(
            "update twenty.{} set deleted_at = null{} where id = '{id}'",
            object.table,
            more.unwrap_or_default()
        )
    }

    fn insert(&mut self, held: &Held) -> String {
        let Some((place, id)) = self.fresh(held) else { return "select 1".to_owned() };
        let object = &OBJECTS[place];
        let (mut columns, mut values) = (vec!["id"], vec![format!("'{id}'")]);
        for field in object.fields {
            if self.dice.once_in(3) {
                continue;
            }
            let value = self.value(field);
            columns.push(field.column);
            values.push(field.literal(&value));
        }
        for reference in object.references {
            columns.push(reference.column);
            values.push(quoted(self.parent(held, reference.target, true)));
        }
        let (columns, values) = (columns.join(", "), values.join(", "));
        format!("insert into twenty.{} ({columns}) values ({values})", object.table)
    }

    fn update(&mut self, held: &Held, all: &[Key]) -> String {
        let Some((place, id)) = self.dice.pick(all) else { return "select 1".to_owned() };
        let object = &OBJECTS[place];
        let choice = self.dice.below(object.fields.len() + object.references.len());
        let set = if let Some(field) = object.fields.get(choice) {
            let value = self.value_or_nothing(field);
            format!("{} = {}", field.column, field.literal(&value))
        } else {
            let reference = &object.references[choice - object.fields.len()];
            let parent = quoted(self.parent(held, reference.target, true));
            format!("{} = {parent}", reference.column)
        };
        format!("update twenty.{} set {set} where id = '{id}'", object.table)
    }

    /// The id of a record that this side does not hold: new, or one that was there before.
    fn fresh(&mut self, held: &Held) -> Option<Key> {
        let gone: Vec<Key> =
            self.book.known.iter().filter(|key| !held.contains_key(*key)).copied().collect();
        if self.book.known.len() >= RECORDS || self.dice.once_in(2) && !gone.is_empty() {
            return self.dice.pick(&gone);
        }
        let place = self.dice.pick(&[0, 0, 1, 1, 1, 2]).unwrap();
        Some((place, self.dice.id()))
    }

    /// Somebody's parent: mostly one that this side holds; by SQL, once in a while one that is gone.
    fn parent(&mut self, held: &Held, target: usize, may_be_gone: bool) -> Option<Uuid> {
        let here = |key: &&Key| key.0 == target;
        let parents: Vec<Key> = if may_be_gone && self.dice.once_in(8) {
            self.book.known.iter().filter(here).copied().collect()
        } else {
            held.keys().filter(here).copied().collect()
        };
        if self.dice.once_in(4) { None } else { self.dice.pick(&parents).map(|(_, id)| id) }
    }

    fn value(&mut self, field: &Field) -> Value {
        self.number += 1;
        field.value(self.number)
    }

    fn value_or_nothing(&mut self, field: &Field) -> Value {
        if field.form != Form::List && self.dice.once_in(6) { json!("") } else { self.value(field) }
    }
}

fn of(held: &Held, is_meant: impl Fn(&sides::Record) -> bool) -> Vec<Key> {
    held.iter().filter(|(_, record)| is_meant(record)).map(|(key, _)| *key).collect()
}

fn indexes<T>(of: &[T]) -> Vec<usize> {
    (0..of.len()).collect()
}

fn quoted(id: Option<Uuid>) -> String {
    id.map_or_else(|| "null".to_owned(), |id| format!("'{id}'"))
}
