//! Plans the mirrored tables from the data model: what to create, add, rename and comment.
//!
//! It exists because tables follow from metadata, never from a list in code, and because an operator wants to
//! see the DDL before it runs (`twenty-sync schema plan`). The steps are the whole decision; rendering and
//! running them makes no choice.
//!
//! Invariants: nothing is ever dropped; a table or column is recognised by its metadata id, so a rename in the
//! source is a rename here; a changed type leaves the old column beside the new one; an unchanged model gives
//! no steps.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::naming;
use crate::record::{
    Column, ColumnType, Direction, Field, Object, ObjectId,
    column::{columns_of, snake_case},
};

mod capture;
mod comment;
mod display;
mod existing;
mod lost;
mod mend;
mod mode;
mod step;

pub use capture::{CaptureTrigger, TriggerRole};
pub use existing::{CatalogColumn, Existing, ExistingColumn, ExistingTable};
pub use lost::{LostCause, LostColumn};
pub use mend::{Structure, mend};
pub use mode::{Mode, plan};
pub use step::Step;

/// An object to mirror, and which way.
#[derive(Debug, Clone, Copy)]
pub struct Scoped<'a> {
    /// The object.
    pub object: &'a Object,
    /// Both or pull; objects that are off are not planned.
    pub direction: Direction,
}

/// One mirrored table as it will be.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The metadata id of the object.
    pub object_id: ObjectId,
    /// The name in the API, singular.
    pub name_singular: String,
    /// The name in the API, plural.
    pub name_plural: String,
    /// The name in the mirror.
    pub name: String,
    /// Which way its records travel.
    pub direction: Direction,
    /// The columns, in a stable order, `id` first.
    pub columns: Vec<Column>,
    /// Columns that stay although their field is gone.
    pub lost: Vec<LostColumn>,
    /// How often its columns have changed. Who knows it by another generation decides nothing on its records.
    pub generation: i64,
}

/// What to do, and what will be there afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaPlan {
    /// The schema of the mirrored tables.
    pub schema: String,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// What the data model asks for, too, and is not done by itself.
    pub held: Vec<Step>,
    /// The tables after the steps.
    pub tables: Vec<Table>,
}

impl SchemaPlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// The plan as far as it has grown.
struct Planner<'a> {
    existing: &'a Existing,
    steps: Vec<Step>,
    tables: Vec<Table>,
    taken: HashSet<String>,
    /// Columns of the object under way that are set aside.
    retyped: Vec<String>,
    /// Whether tables stay as they are.
    fixed: bool,
}

impl<'a> Planner<'a> {
    fn over(existing: &'a Existing, fixed: bool) -> Planner<'a> {
        let (steps, tables, retyped) = Default::default();
        Planner { existing, steps, tables, taken: existing.table_names(), retyped, fixed }
    }

    fn run(mut self, schema: &str, objects: &[Scoped<'_>]) -> SchemaPlan {
        if !self.existing.schema_exists && !self.fixed {
            self.steps.push(Step::CreateSchema);
        }
        for scoped in objects {
            self.plan_object(*scoped);
        }
        self.close_the_rest();
        let schema = schema.to_owned();
        SchemaPlan { schema, steps: self.steps, held: Vec::new(), tables: self.tables }
    }

    fn plan_object(&mut self, scoped: Scoped<'_>) {
        let first = self.steps.len();
        let before = self.existing.table(scoped.object.id);
        let (name, columns) = match before {
            None if self.fixed => return,
            Some(before) if self.fixed => (before.name.clone(), known(before, scoped.object)),
            Some(before) => {
                let name = self.table_name(scoped.object, Some(before));
                let columns = self.alter(&name, before, scoped.object);
                (name, columns)
            }
            None => {
                let name = self.table_name(scoped.object, None);
                let columns = self.create(&name, scoped.object);
                (name, columns)
            }
        };
        let retyped = std::mem::take(&mut self.retyped);
        let lost = before.map(|before| lost::lost(before, &columns, retyped)).unwrap_or_default();
        self.comment(&name, before, scoped, &columns);
        let mut table = Table {
            object_id: scoped.object.id,
            name_singular: scoped.object.name_singular.clone(),
            name_plural: scoped.object.name_plural.clone(),
            name,
            direction: scoped.direction,
            columns,
            lost,
            generation: before.map_or(0, |before| before.generation),
        };
        self.follow_lost(&table, before);
        table.generation += i64::from(self.steps[first..].iter().any(Step::outdates));
        self.capture(&table, before);
        self.tables.push(table);
    }

    /// The table's name: kept as long as the object's is, so that nothing moves without a reason.
    fn table_name(&mut self, object: &Object, before: Option<&ExistingTable>) -> String {
        let wanted = snake_case(&object.name_plural);
        let Some(before) = before else {
            return naming::claim(&wanted, &object.id.to_string(), &mut self.taken);
        };
        if before.name_plural == object.name_plural {
            return before.name.clone();
        }
        self.taken.remove(&before.name);
        let name = naming::claim(&wanted, &object.id.to_string(), &mut self.taken);
        if name != before.name {
            self.steps.push(Step::RenameTable { from: before.name.clone(), to: name.clone() });
        }
        name
    }

    fn create(&mut self, table: &str, object: &Object) -> Vec<Column> {
        let mut taken = HashSet::new();
        let mut columns = Vec::new();
        for field in mirrored_fields(object) {
            for mut column in columns_of(field) {
                column.name = naming::claim(&column.name, &identity(&column), &mut taken);
                columns.push(column);
            }
        }
        self.steps.push(Step::CreateTable { table: table.to_owned(), columns: columns.clone() });
        for column in columns.iter().filter(|column| is_reference(object, column)) {
            self.index(table, column);
        }
        columns
    }

    fn alter(&mut self, table: &str, before: &ExistingTable, object: &Object) -> Vec<Column> {
        let mut taken: HashSet<String> = before.catalog.keys().cloned().collect();
        let mut columns = Vec::new();
        for field in mirrored_fields(object) {
            for wanted in columns_of(field) {
                columns.push(self.alter_column(table, before, object, wanted, &mut taken));
            }
        }
        columns
    }

    fn alter_column(
        &mut self,
        table: &str,
        before: &ExistingTable,
        object: &Object,
        mut column: Column,
        taken: &mut HashSet<String>,
    ) -> Column {
        let known = before.column(&column).filter(|known| before.catalog.contains_key(&known.name));
        match known {
            Some(known) if before.catalog[&known.name].kind == column.kind.sql() => {
                self.keep_or_rename(table, known, &mut column, taken);
            }
            Some(known) => {
                self.set_aside(table, before, known, taken);
                self.add(table, object, &mut column, taken);
            }
            None => self.add(table, object, &mut column, taken),
        }
        column
    }

    fn keep_or_rename(
        &mut self,
        table: &str,
        known: &ExistingColumn,
        column: &mut Column,
        taken: &mut HashSet<String>,
    ) {
        if known.key == column.path.key {
            column.name.clone_from(&known.name);
            return;
        }
        taken.remove(&known.name);
        column.name = naming::claim(&column.name, &identity(column), taken);
        if column.name != known.name {
            let (from, to) = (known.name.clone(), column.name.clone());
            self.steps.push(Step::RenameColumn { table: table.to_owned(), from, to });
        }
    }

    /// Keeps the old column under a name that says what it was.
    fn set_aside(
        &mut self,
        table: &str,
        before: &ExistingTable,
        known: &ExistingColumn,
        taken: &mut HashSet<String>,
    ) {
        let kind = before.catalog[&known.name]
            .kind
            .replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        let to = naming::claim(&format!("{}_was_{kind}", known.name), &known.name, taken);
        taken.remove(&known.name);
        self.retyped.push(to.clone());
        let (table, from) = (table.to_owned(), known.name.clone());
        self.steps.push(Step::RenameColumn { table, from, to });
    }

    fn add(
        &mut self,
        table: &str,
        object: &Object,
        column: &mut Column,
        taken: &mut HashSet<String>,
    ) {
        column.name = naming::claim(&column.name, &identity(column), taken);
        self.steps.push(Step::AddColumn { table: table.to_owned(), column: column.clone() });
        if is_reference(object, column) {
            self.index(table, column);
        }
    }

    fn index(&mut self, table: &str, column: &Column) {
        self.steps.push(Step::CreateIndex { table: table.to_owned(), column: column.name.clone() });
    }

    fn comment(
        &mut self,
        table: &str,
        before: Option<&ExistingTable>,
        scoped: Scoped<'_>,
        columns: &[Column],
    ) {
        let so_far = before.map(|before| &before.comment);
        let text = comment::of_table(scoped);
        if so_far != Some(&Some(text.clone())) {
            self.steps.push(Step::Comment { table: table.to_owned(), column: None, text });
        }
        let fields: BTreeMap<Uuid, &Field> =
            scoped.object.fields.iter().map(|field| (field.id, field)).collect();
        for column in columns {
            let text = comment::of_column(fields[&column.field_id], column);
            if before.and_then(|before| before.comment_of(column)) != Some(&text) {
                let column = Some(column.name.clone());
                self.steps.push(Step::Comment { table: table.to_owned(), column, text });
            }
        }
    }
}

/// The columns of an object that its table has already, under the names that they have.
fn known(before: &ExistingTable, object: &Object) -> Vec<Column> {
    let wanted = mirrored_fields(object).into_iter().flat_map(columns_of);
    let known = wanted.filter_map(|mut column| {
        let known = before.column(&column)?;
        let catalog = before.catalog.get(&known.name)?;
        column.name.clone_from(&known.name);
        (catalog.kind == column.kind.sql()).then_some(column)
    });
    known.collect()
}

/// The fields that become columns: `id` first, then the active ones by name, times and system fields last.
fn mirrored_fields(object: &Object) -> Vec<&Field> {
    const LAST: &[&str] = &["position", "createdBy", "createdAt", "updatedAt", "deletedAt"];
    let mut fields: Vec<&Field> = object.fields.iter().filter(|field| field.is_active).collect();
    fields.sort_by_key(|field| {
        let place = match field.name.as_str() {
            "id" => 0,
            name => LAST.iter().position(|last| *last == name).map_or(1, |place| place + 2),
        };
        (place, field.name.clone(), field.id)
    });
    fields
}

fn is_reference(object: &Object, column: &Column) -> bool {
    use crate::record::FieldKind::ManyToOne;
    let field = object.fields.iter().find(|field| field.id == column.field_id);
    column.kind == ColumnType::Uuid
        && field.is_some_and(|field| matches!(field.kind, ManyToOne { .. }))
}

fn identity(column: &Column) -> String {
    format!("{}/{}", column.field_id, column.path.part.unwrap_or_default())
}

#[cfg(test)]
mod tests;
