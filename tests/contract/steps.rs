//! What may be asked in a sequence: by chance, and a little of everything that the histories ask.
//!
//! Invariant: a step says nothing that only one server could understand; what depends on what was shown (versions,
//! moments) is named and not given.

use prove::Dice;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    composite::{emails, money, phones},
    server::{Removal, Table},
};

/// What the parents have, besides a name.
pub(super) const TYPES: [&str; 9] = [
    "TEXT",
    "NUMBER",
    "SELECT",
    "CURRENCY",
    "DATE_TIME",
    "EMAILS",
    "PHONES",
    "MULTI_SELECT",
    "ARRAY",
];

pub(super) const TABLES: [Table; 3] = [Table::Parent, Table::Child, Table::Link];

/// Steps of a sequence.
pub(super) const STEPS: usize = 24;

/// Of each table so many ids take part.
const RECORDS: usize = 4;

const LONG_AGO: &str = "2001-02-03T04:05:06.789Z";

/// Something to ask of a server.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Create(Table, Vec<Value>),
    Update(Table, Guard, Value),
    Delete(Table, Guard, Removal),
    /// A walk over everything, or over what changed since a version, in pages of so many.
    Walk(Table, Option<(Uuid, Age)>, usize),
    Count(Table, (Uuid, Option<Uuid>), bool),
}

/// Which version of a record is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    First,
    Last,
}

/// Which records a write is for.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) ids: Vec<Uuid>,
    pub(super) conditions: Vec<Value>,
    /// Only those that are as the first of them was.
    pub(super) version: Option<Age>,
}

impl Step {
    /// The tables that it may change.
    pub(super) fn touched(&self) -> &[Table] {
        match self {
            Step::Create(table, _) | Step::Update(table, ..) => std::slice::from_ref(table),
            Step::Delete(..) => &TABLES,
            Step::Walk(..) | Step::Count(..) => &[],
        }
    }
}

/// The ids that take part in a sequence, sorted.
pub(super) struct Ids([Vec<Uuid>; 3]);

impl Ids {
    pub(super) fn new(dice: &mut Dice) -> Ids {
        Ids(std::array::from_fn(|_| {
            let mut ids: Vec<Uuid> = (0..RECORDS).map(|_| dice.id()).collect();
            ids.sort();
            ids
        }))
    }

    pub(super) fn of(&self, table: Table) -> &[Uuid] {
        match table {
            Table::Parent => &self.0[0],
            Table::Child => &self.0[1],
            Table::Link => &self.0[2],
        }
    }
}

/// The next step.
pub(super) fn step(dice: &mut Dice, ids: &Ids) -> Step {
    let tables = [Table::Parent, Table::Parent, Table::Child, Table::Child, Table::Link];
    let table = dice.pick(&tables).unwrap();
    match dice.below(20) {
        0..=5 => Step::Create(table, bodies(dice, ids, table)),
        6..=12 => {
            let patch = body(dice, ids, table, 3);
            Step::Update(table, guard(dice, ids, table), patch)
        }
        13 | 14 => Step::Delete(table, guard(dice, ids, table), Removal::Soft),
        15 => Step::Delete(table, guard(dice, ids, table), Removal::ForEver),
        // Links lie in a table where others have some, too.
        16..=18 => {
            let table = dice.pick(&[Table::Parent, Table::Child]).unwrap();
            let since = dice.pick(ids.of(table)).filter(|_| dice.once_in(2));
            let age = dice.pick(&[Age::First, Age::Last]).unwrap();
            Step::Walk(table, since.map(|id| (id, age)), 1 + dice.below(3))
        }
        _ => {
            let table = dice.pick(&[Table::Parent, Table::Child]).unwrap();
            let [from, to] = [(); 2].map(|()| dice.pick(ids.of(table)).unwrap());
            let to = Some(to).filter(|_| dice.once_in(2));
            Step::Count(table, (from, to), dice.once_in(2))
        }
    }
}

/// New records, mostly with different ids, which may be there already.
fn bodies(dice: &mut Dice, ids: &Ids, table: Table) -> Vec<Value> {
    let mut left = ids.of(table).to_vec();
    let mut bodies = Vec::new();
    for _ in 0..=dice.below(3) {
        let at = dice.below(left.len());
        let id = if dice.once_in(8) { left[at] } else { left.remove(at) };
        let mut body = body(dice, ids, table, 6);
        body["id"] = json!(id);
        bodies.push(body);
    }
    bodies
}

/// Values of some fields, on average half as many as `most`.
fn body(dice: &mut Dice, ids: &Ids, table: Table, most: usize) -> Value {
    let mut body = json!({});
    for _ in 0..dice.below(most + 1) {
        let (key, value) = match (table, dice.below(12)) {
            (_, 0) => own(dice),
            (Table::Link, _) | (Table::Child, 1..=4) => {
                ("parentId", reference(dice, ids, Table::Parent))
            }
            (Table::Child, 5..=8) => ("bossId", reference(dice, ids, Table::Child)),
            (Table::Child, _) => ("name", json!(format!("n{}", dice.below(3)))),
            (Table::Parent, _) => field(dice),
        };
        body[key] = value;
    }
    body
}

/// What belongs to the server, and a client may write.
fn own(dice: &mut Dice) -> (&'static str, Value) {
    let table = [
        ("updatedAt", json!(LONG_AGO)),
        ("createdAt", json!(LONG_AGO)),
        ("deletedAt", json!(LONG_AGO)),
        ("deletedAt", json!(null)),
        ("deletedAt", json!(null)),
    ];
    dice.pick(&table).unwrap()
}

fn reference(dice: &mut Dice, ids: &Ids, target: Table) -> Value {
    if dice.once_in(4) { json!(null) } else { json!(dice.pick(ids.of(target))) }
}

/// A field of a parent, and something to write into it. Some fields refuse null, and all refuse a NUL.
fn field(dice: &mut Dice) -> (&'static str, Value) {
    let key = ["name", "fText", "fNumber", "fSelect", "fCurrency", "fDateTime"];
    let more = ["fEmails", "fPhones", "fMultiSelect", "fArray", "fText", "fNumber"];
    let key = dice.pick(&[key, more].concat()).unwrap();
    match dice.below(16) {
        0 if key == "name" => (key, json!("a\0b")),
        0 => (key, json!(null)),
        _ => (key, dice.pick(&values(key)).unwrap()),
    }
}

fn values(key: &str) -> Vec<Value> {
    match key {
        "name" | "fText" => vec![json!(""), json!("a"), json!("Zoë (\"q\", x)")],
        "fNumber" => vec![json!(null), json!(1), json!(2.5), json!(-7)],
        "fSelect" => vec![json!(null), json!("OPT_A"), json!("OPT_B")],
        "fCurrency" => vec![
            money(Value::Null, ""),
            money("1000000", "USD"),
            money(2_500_000, "EUR"),
            json!({"currencyCode": "EUR"}),
            json!({"amountMicros": null}),
        ],
        "fDateTime" => vec![json!(null), json!(LONG_AGO), json!("2026-02-28T23:30:00.123Z")],
        "fEmails" => vec![
            emails("", Value::Null),
            emails("Ada@Ex.COM", json!(["B@x.io"])),
            json!({"primaryEmail": "c@x.io"}),
            json!({"additionalEmails": ["D@x.io"]}),
        ],
        "fPhones" => vec![
            phones("612345678", Value::Null),
            json!({"primaryPhoneNumber": "+33612345679"}),
            json!({"primaryPhoneNumber": "+972 501234567", "additionalPhones": null}),
        ],
        "fMultiSelect" => vec![json!(null), json!(["OPT_A"]), json!(["OPT_B", "OPT_A"])],
        _ => vec![json!(null), json!([]), json!(["x", "y"])],
    }
}

fn guard(dice: &mut Dice, ids: &Ids, table: Table) -> Guard {
    let some = 1 + dice.below(3);
    let ids = (0..some).filter_map(|_| dice.pick(ids.of(table))).collect();
    let mut conditions = Vec::new();
    let is = |state: &str| json!({"deletedAt": {"is": state}});
    match dice.below(4) {
        0 => conditions.push(is("NULL")),
        1 => conditions.push(json!({"or": [is("NULL"), is("NOT_NULL")]})),
        _ => {}
    }
    if table == Table::Parent && dice.once_in(2) {
        let key = dice.pick(&["fText", "fNumber", "fSelect", "fCurrency", "fEmails"]).unwrap();
        let either = [(); 2].map(|()| condition(dice, key));
        conditions.push(json!({"or": either}));
    }
    let version = dice.pick(&[Age::First, Age::Last]).filter(|_| dice.once_in(4));
    Guard { ids, conditions, version }
}

/// That a field holds a value that somebody may have written.
fn condition(dice: &mut Dice, key: &str) -> Value {
    match key {
        "fCurrency" => {
            let amounts =
                [json!({"is": "NULL"}), json!({"eq": 1_000_000}), json!({"eq": "2500000"})];
            json!({key: {"amountMicros": dice.pick(&amounts)}})
        }
        "fEmails" => {
            let addresses =
                [json!({"eq": ""}), json!({"eq": "ada@ex.com"}), json!({"eq": "c@x.io"})];
            json!({key: {"primaryEmail": dice.pick(&addresses)}})
        }
        _ => match dice.pick(&values(key)).unwrap() {
            Value::Null => json!({key: {"is": "NULL"}}),
            value => json!({key: {"eq": value}}),
        },
    }
}
