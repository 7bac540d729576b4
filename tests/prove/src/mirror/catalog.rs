//! The tables as they are, and how they follow the data model: `src/mirror/ddl.rs` and `follow.rs`.
//!
//! It exists because names of columns change while rows, bases and the log stay. Rows and bases are held by the columns
//! of the layout, so only what is held by name has to follow. Invariants: nothing is dropped; a column that is new is
//! null in every row; what a plan says is done as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::{Mirror, Stored};
use crate::{
    mistakes::{self, Bug},
    objects::{Key, Object},
    plan::{
        pending::Pending,
        schema::{CatalogColumn, Existing, ExistingColumn, ExistingTable, SchemaPlan, Step, Table},
        walk::Checkpoint,
    },
    record::{Column, Image, Value},
};

/// What PostgreSQL's catalog and the program's own tables say.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) existing: Existing,
    /// By object, the names of the columns that its table has, and their places in the layout.
    places: Vec<BTreeMap<String, usize>>,
    /// By object, the columns that the last complete walk was not shown.
    pub(crate) withheld: Vec<Vec<String>>,
    /// By object, how often its columns have changed.
    generations: Vec<i64>,
    /// The objects that are not mirrored any more.
    off: BTreeSet<usize>,
}

impl Catalog {
    pub(crate) fn new(objects: usize) -> Catalog {
        let (existing, places) = (Existing::default(), vec![BTreeMap::new(); objects]);
        let (withheld, generations) = (vec![Vec::new(); objects], vec![0; objects]);
        Catalog { existing, places, withheld, generations, off: BTreeSet::new() }
    }

    /// The places in the layout of columns with these names.
    pub(super) fn columns(&self, place: usize, names: &[String]) -> Vec<usize> {
        let place = self.places.get(place);
        names.iter().filter_map(|name| place?.get(name)).copied().collect()
    }

    /// The generation of a table; where tables never change, that of all of them.
    pub(crate) fn generation(&self, place: usize) -> i64 {
        self.generations.get(place).copied().unwrap_or_default()
    }

    /// Whether local changes of an object wait until it is mirrored again.
    pub(super) fn is_off(&self, place: usize) -> bool {
        self.off.contains(&place)
    }

    fn has(&self, place: usize, column: usize) -> bool {
        self.places[place].values().any(|held| *held == column)
    }
}

impl Mirror {
    /// Makes the tables what a plan says.
    pub(crate) fn change_tables(&mut self, layout: &[Object], plan: &SchemaPlan, now: i64) {
        let mut anew = BTreeSet::new();
        for step in &plan.steps {
            anew.extend(self.follow(layout, plan, step));
        }
        self.catalog.off = (0..layout.len()).collect();
        for table in &plan.tables {
            self.record(table);
            let place = layout.iter().position(|object| object.table.object_id == table.object_id);
            if let Some(place) = place {
                self.catalog.generations[place] = table.generation;
                self.catalog.off.remove(&place);
            }
        }
        for place in anew {
            self.read_anew(place);
        }
        if !plan.steps.is_empty() {
            // What the old tables made impossible may be possible now.
            self.refused.values_mut().for_each(|refused| refused.retry_at = Some(now));
        }
    }

    /// Does one step; the object that has to be read from the start after it.
    fn follow(&mut self, layout: &[Object], plan: &SchemaPlan, step: &Step) -> Option<usize> {
        let place = |name: &str| place_of(layout, plan, name);
        match step {
            Step::CreateTable { table, columns } => {
                let place = place(table)?;
                self.create(layout, place, table, columns);
                Some(place)
            }
            Step::AddColumn { table, column } => {
                let place = place(table)?;
                self.add(layout, place, column);
                Some(place)
            }
            Step::ReadAnew { table } => place(table),
            Step::RenameTable { from, to } => {
                let mut tables = self.catalog.existing.tables.iter_mut();
                if let Some(table) = tables.find(|table| table.name == *from) {
                    table.name.clone_from(to);
                }
                None
            }
            Step::RenameColumn { table, from, to } => {
                self.rename(layout, place(table)?, (from, to));
                None
            }
            Step::Comment { table, column, text } => {
                self.comment(table, column.as_deref(), text);
                None
            }
            Step::Capture { table, triggers } => {
                let mut tables = self.catalog.existing.tables.iter_mut();
                if let Some(held) = tables.find(|held| held.name == *table) {
                    held.triggers.clone_from(triggers);
                }
                None
            }
            Step::CreateSchema => {
                self.catalog.existing.schema_exists = true;
                None
            }
            Step::CreateIndex { .. } | Step::AddKey { .. } | Step::GenerateIds { .. } => None,
        }
    }

    fn create(&mut self, layout: &[Object], place: usize, name: &str, columns: &[Column]) {
        self.catalog.existing.tables.push(ExistingTable {
            object_id: layout[place].table.object_id,
            name_plural: String::new(),
            name: name.to_owned(),
            comment: None,
            columns: Vec::new(),
            catalog: BTreeMap::new(),
            lost: Vec::new(),
            generation: 0,
            triggers: Vec::new(),
        });
        for column in columns {
            self.add(layout, place, column);
        }
    }

    fn add(&mut self, layout: &[Object], place: usize, column: &Column) {
        let object = &layout[place];
        let is_it =
            |held: &Column| held.field_id == column.field_id && held.path.part == column.path.part;
        let Some(index) = object.columns().iter().position(is_it) else { return };
        self.catalog.places[place].insert(column.name.clone(), index);
        if let Some(table) = self.table(object) {
            let kind = column.kind.sql().to_owned();
            table.catalog.insert(column.name.clone(), CatalogColumn { kind, comment: None });
        }
        self.rows[place].values_mut().for_each(|row| row.set(index, Some(Value::Null)));
    }

    fn table(&mut self, object: &Object) -> Option<&mut ExistingTable> {
        let id = object.table.object_id;
        self.catalog.existing.tables.iter_mut().find(|table| table.object_id == id)
    }

    fn rename(&mut self, layout: &[Object], place: usize, (from, to): (&str, &str)) {
        if let Some(index) = self.catalog.places[place].remove(from) {
            self.catalog.places[place].insert(to.to_owned(), index);
        }
        if let Some(table) = self.table(&layout[place]) {
            if let Some(column) = table.catalog.remove(from) {
                table.catalog.insert(to.to_owned(), column);
            }
            let known = table.columns.iter_mut().filter(|known| known.name == from);
            known.for_each(|known| to.clone_into(&mut known.name));
        }
        let entries = self.outbox.iter_mut().filter(|(key, _)| key.0 == place);
        let changed = entries.flat_map(|(_, entries)| entries).flat_map(|it| &mut it.changed);
        changed.filter(|name| *name == from).for_each(|name| to.clone_into(name));
    }

    fn comment(&mut self, table: &str, column: Option<&str>, text: &str) {
        let mut tables = self.catalog.existing.tables.iter_mut();
        let Some(table) = tables.find(|held| held.name == table) else { return };
        let comment = match column {
            None => &mut table.comment,
            Some(column) => match table.catalog.get_mut(column) {
                Some(column) => &mut column.comment,
                None => return,
            },
        };
        *comment = Some(text.to_owned());
    }

    /// Writes down what a table stands for. A field that is gone is remembered.
    fn record(&mut self, table: &Table) {
        let mut tables = self.catalog.existing.tables.iter_mut();
        let Some(held) = tables.find(|held| held.object_id == table.object_id) else { return };
        held.name_plural.clone_from(&table.name_plural);
        held.lost.clone_from(&table.lost);
        held.generation = table.generation;
        for column in &table.columns {
            let part = column.path.part.unwrap_or_default().to_owned();
            held.columns.retain(|it| it.field_id != column.field_id || it.part != part);
            let (field_id, key) = (column.field_id, column.path.key.clone());
            held.columns.push(ExistingColumn { field_id, part, key, name: column.name.clone() });
        }
    }

    fn read_anew(&mut self, place: usize) {
        let version = self.checkpoints[place].version + 1;
        self.checkpoints[place] = Stored { checkpoint: Checkpoint::default(), version };
        let bases = self.bases.iter_mut().filter(|(key, _)| key.0 == place);
        bases.for_each(|(_, base)| base.decided_through = None);
    }

    /// A record with local changes, as far as whoever looks at it knows its columns.
    pub(super) fn pending_of(&self, object: &Object, key: Key) -> Option<Pending> {
        self.pending(key).map(|pending| hide(object, pending))
    }

    /// A row as the table holds it: what is not given stays, and what the table does not have is nothing.
    pub(super) fn whole(&self, key: Key, mut image: Image) -> Image {
        if self.catalog.places.is_empty() {
            return image;
        }
        let before = self.row(key);
        for index in 0..image.values().len() {
            let has = self.catalog.has(key.0, index);
            let value = match (has, image.get(index)) {
                (false, _) => None,
                (true, Some(value)) => Some(value.clone()),
                (true, None) if mistakes::is(Bug::LostColumnEmptied) => Some(Value::Null),
                (true, None) => {
                    before.and_then(|row| row.get(index)).cloned().or(Some(Value::Null))
                }
            };
            image.set(index, value);
        }
        image
    }
}

/// What is not known of a record with local changes is in none of its images.
pub(crate) fn hide(object: &Object, mut pending: Pending) -> Pending {
    let Pending { base, sent, mirror, .. } = &mut pending;
    for image in [base, sent, mirror].into_iter().flatten() {
        object.hidden.iter().for_each(|index| image.set(*index, None));
    }
    pending
}

fn place_of(layout: &[Object], plan: &SchemaPlan, name: &str) -> Option<usize> {
    let table = plan.tables.iter().find(|table| table.name == name)?;
    layout.iter().position(|object| object.table.object_id == table.object_id)
}
