//! The model of the server as the contract suite asks it: by table, in the JSON of the wire.
//!
//! It exists so that the histories are worth as much as the model is true: what they ask of it (`twenty`) is what is
//! asked here, and the answers are compared with those of the fake and of a live server (tests/contract.rs).
//! Invariant: nothing is decided here; every question goes to a function that the histories use, too.

use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use uuid::Uuid;

pub use crate::twenty::Refusal;
use crate::{
    clock,
    objects::{Object, OnDestroy, Wanted, object},
    plan::{patch::json_of, pending::DeletedRecords, policy::Policies, sweep::IdRange},
    record::{DeleteMode, FieldKind, NumberKind, Row, Value},
    twenty::{Served, Twenty},
};

/// The tables that every server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// A field of each type that the histories use.
    Parent,
    /// Each may refer to a parent and to another child, and loses what it refers to.
    Child,
    /// Each may refer to a parent, and goes with it.
    Link,
}

/// A page of a listing.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its records.
    pub records: Vec<Json>,
    /// Where the next one begins.
    pub cursor: Option<String>,
    /// Whether there is a next one.
    pub has_next: bool,
    /// How many records all pages have.
    pub total: u64,
    /// When it was served, in whole seconds.
    pub served_at: OffsetDateTime,
}

/// See the module.
#[derive(Debug)]
pub struct Server {
    objects: Vec<Object>,
    twenty: Twenty,
    now: i64,
}

impl Server {
    /// An empty server, whose columns of times keep microseconds or do not.
    pub fn new(keeps_micros: bool) -> Server {
        let tables = [
            ("parent", "parents", parent()),
            ("child", "children", child()),
            ("link", "links", vec![reference("parent", Table::Parent, OnDestroy::Cascade)]),
        ];
        let travels = (DeletedRecords::default(), DeleteMode::Soft, keeps_micros);
        let make = |(place, (singular, plural, fields)): (usize, (&str, &str, Vec<Wanted>))| {
            object(place, (singular, plural), &fields, &Policies::default(), travels)
        };
        let objects: Vec<Object> = tables.into_iter().enumerate().map(make).collect();
        let twenty = Twenty::new(objects.len());
        Server { objects, twenty, now: 1_000 * clock::SECOND + 1 }
    }

    /// Lets time pass, so much that two moments differ on the wire.
    pub fn tick(&mut self) {
        self.now += 5_007;
    }

    /// Creates records, all or none.
    ///
    /// # Errors
    /// It refuses.
    pub fn create(&mut self, table: Table, bodies: &[Json]) -> Result<Vec<Json>, Refusal> {
        let bodies: Vec<Map<String, Json>> =
            bodies.iter().filter_map(Json::as_object).cloned().collect();
        let made = self.twenty.create(&self.objects, place(table), &bodies, self.now)?;
        let shown = made.iter().filter_map(|(key, ..)| self.twenty.shown(*key));
        Ok(shown.map(|served| self.json(table, served)).collect())
    }

    /// Writes one patch into every record that passes the filter, and names them.
    ///
    /// # Errors
    /// It refuses.
    pub fn update(
        &mut self,
        table: Table,
        filter: &Json,
        patch: &Json,
    ) -> Result<Vec<Uuid>, Refusal> {
        let hit = self.hit(table, filter);
        let body = patch.as_object().cloned().unwrap_or_default();
        self.twenty.update(&self.objects, place(table), &hit, &body, self.now)?;
        Ok(hit)
    }

    /// Puts every record that passes the filter into the trash, or destroys it; those that it hit.
    pub fn delete(&mut self, table: Table, filter: &Json, mode: Removal) -> Vec<Uuid> {
        let mode = match mode {
            Removal::Soft => DeleteMode::Soft,
            Removal::ForEver => DeleteMode::Destroy,
        };
        let hit = self.hit(table, filter);
        let (objects, twenty) = (&self.objects, &mut self.twenty);
        twenty.delete(objects, (place(table), &hit), mode, self.now, &mut Vec::new())
    }

    fn hit(&self, table: Table, filter: &Json) -> Vec<Uuid> {
        let place = place(table);
        let ids: Vec<Uuid> = self.twenty.records[place].keys().copied().collect();
        self.twenty.hit(&self.objects[place], place, &ids, std::slice::from_ref(filter))
    }

    /// A page of what changed since a moment, or of everything, the trash included.
    pub fn page(
        &self,
        table: Table,
        since: Option<OffsetDateTime>,
        after: Option<&str>,
        limit: usize,
    ) -> Page {
        let page = self.twenty.page(place(table), since, after, limit, self.now);
        let records = page.records.into_iter().map(|served| self.json(table, served)).collect();
        Page {
            records,
            cursor: page.cursor,
            has_next: page.has_next,
            total: page.total,
            served_at: page.served_at,
        }
    }

    /// The records with these ids, the trash included.
    pub fn look(&self, table: Table, ids: &[Uuid]) -> Vec<Json> {
        let found = self.twenty.by_ids(place(table), ids);
        found.into_iter().map(|served| self.json(table, served)).collect()
    }

    /// How many records have an id from one on and below another.
    pub fn count(&self, table: Table, from: Uuid, to: Option<Uuid>, with_trash: bool) -> u64 {
        self.twenty.count(place(table), IdRange { from, to }, with_trash)
    }

    fn json(&self, table: Table, served: Served) -> Json {
        let Row { values, .. } = served.row;
        let mut record = Map::new();
        for (column, value) in self.objects[place(table)].columns().iter().zip(values) {
            let value = match &value {
                None | Some(Value::Null) => Json::Null,
                Some(Value::Text(text)) => json!(text),
                Some(value) => json_of(column, value),
            };
            match column.path.part {
                Some(part) => record.entry(&column.path.key).or_insert(json!({}))[part] = value,
                None => drop(record.insert(column.path.key.clone(), value)),
            }
        }
        Json::Object(record)
    }
}

/// How far a removal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Into the trash.
    Soft,
    /// It cannot come back.
    ForEver,
}

fn place(table: Table) -> usize {
    match table {
        Table::Parent => 0,
        Table::Child => 1,
        Table::Link => 2,
    }
}

fn plain(name: &'static str, kind: FieldKind) -> Wanted {
    (name, kind, None)
}

fn reference(name: &'static str, target: Table, on_destroy: OnDestroy) -> Wanted {
    let join_column = format!("{name}Id");
    (name, FieldKind::ManyToOne { join_column }, Some((place(target), on_destroy)))
}

fn parent() -> Vec<Wanted> {
    vec![
        plain("name", FieldKind::Text),
        plain("fText", FieldKind::Text),
        plain("fNumber", FieldKind::Number(NumberKind::Double)),
        plain("fSelect", FieldKind::Select),
        plain("fCurrency", FieldKind::Currency),
        plain("fDateTime", FieldKind::DateTime),
        plain("fEmails", FieldKind::Emails),
        plain("fPhones", FieldKind::Phones),
        plain("fMultiSelect", FieldKind::MultiSelect),
        plain("fArray", FieldKind::Array),
    ]
}

fn child() -> Vec<Wanted> {
    vec![
        plain("name", FieldKind::Text),
        reference("parent", Table::Parent, OnDestroy::SetNull),
        reference("boss", Table::Child, OnDestroy::SetNull),
    ]
}
