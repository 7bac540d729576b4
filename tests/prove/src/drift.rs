//! The data model of the source as it changes, and what each side sees of it.
//!
//! It exists because records are held here by one layout of columns that never changes, while names come and go. A
//! column of the layout is a field for ever; what a side calls it, or whether it knows it at all, is a view of that
//! side. Invariants: every view has the columns of the layout in its order; what a view does not know has a name that
//! nobody can say; a name is given once in a history, so that a field is never taken for another by its name alone.

use std::{collections::BTreeSet, rc::Rc};

use uuid::Uuid;

use crate::{
    dice::Dice,
    objects::{Object, POSITION},
    plan::schema::Table,
    record::{self, Column, ColumnType, DataModel, Direction, Field, FieldKind, JsonPath, units},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Drift {
    /// Every field that there ever is.
    model: DataModel,
    /// Fields that are not made yet.
    unmade: BTreeSet<Uuid>,
    /// Fields that were deleted.
    gone: BTreeSet<Uuid>,
    /// The objects as the source serves them now.
    pub(crate) source: Rc<Vec<Object>>,
    /// The objects as the mirror's tables are now.
    pub(crate) mirror: Rc<Vec<Object>>,
    pub(crate) dice: Dice,
    /// Of whoever has the tables follow the data model beside the program, where somebody does.
    pub(crate) beside: Option<Dice>,
    names: u32,
}

impl Drift {
    /// The model of these objects, some fields of which are still to come.
    pub(crate) fn new(layout: &[Object], mut dice: Dice, beside: Option<Dice>) -> Drift {
        let model = DataModel { objects: layout.iter().map(described).collect() };
        let own = |field: &&Field| !is_system(field);
        let fields = model.objects.iter().flat_map(|object| &object.fields).filter(own);
        let unmade = fields.filter(|_| dice.once_in(5)).map(|field| field.id).collect();
        let mut drift = Drift {
            model,
            unmade,
            gone: BTreeSet::new(),
            source: Rc::default(),
            mirror: Rc::new(shown(layout, &[])),
            dice,
            beside,
            names: 0,
        };
        drift.serve(layout);
        drift
    }

    /// The data model as the source tells it.
    pub(crate) fn told(&self) -> DataModel {
        let mut model = self.model.clone();
        for object in &mut model.objects {
            let is_there = |id: &Uuid| !self.unmade.contains(id) && !self.gone.contains(id);
            object.fields.retain(|field| is_there(&field.id));
        }
        model
    }

    /// Somebody changes the data model; what was done. No field of a `busy` object goes.
    pub(crate) fn change(&mut self, layout: &[Object], busy: &BTreeSet<usize>) -> &'static str {
        let place = self.dice.below(layout.len());
        self.names += 1;
        let name = format!("n{}", self.names);
        let what = match self.dice.below(19) {
            0 => self.switch(place),
            1 => {
                let object = &mut self.model.objects[place];
                (object.name_singular, object.name_plural) = (name.clone(), format!("{name}s"));
                "object renamed"
            }
            2..=4 => self.make(),
            5..=9 if busy.contains(&place) => "nothing",
            5..=8 => self.deactivate(place),
            9 => self.delete(place),
            10..=12 => self.activate(),
            13 | 14 => self.switch_on(),
            _ => self.rename(place, name),
        };
        self.serve(layout);
        what
    }

    fn switch(&mut self, place: usize) -> &'static str {
        let is_active = &mut self.model.objects[place].is_active;
        *is_active = !*is_active;
        if *is_active { "object switched on" } else { "object switched off" }
    }

    /// Whatever is off is on again.
    fn switch_on(&mut self) -> &'static str {
        let off = self.model.objects.iter().position(|object| !object.is_active);
        off.map_or("nothing", |place| self.switch(place))
    }

    fn activate(&mut self) -> &'static str {
        let (unmade, gone) = (&self.unmade, &self.gone);
        let is_off = |field: &&mut Field| {
            !field.is_active && !unmade.contains(&field.id) && !gone.contains(&field.id)
        };
        let mut fields = self.model.objects.iter_mut().flat_map(|object| &mut object.fields);
        let Some(field) = fields.find(is_off) else { return "nothing" };
        field.is_active = true;
        "field activated"
    }

    fn make(&mut self) -> &'static str {
        let unmade: Vec<Uuid> = self.unmade.iter().copied().collect();
        match self.dice.pick(&unmade) {
            Some(field) => {
                self.unmade.remove(&field);
                "field added"
            }
            None => "nothing",
        }
    }

    fn deactivate(&mut self, place: usize) -> &'static str {
        match self.some_field(place) {
            Some(field) => {
                field.is_active = !field.is_active;
                if field.is_active { "field activated" } else { "field deactivated" }
            }
            None => "nothing",
        }
    }

    fn delete(&mut self, place: usize) -> &'static str {
        let field = self.some_field(place).map(|field| field.id);
        self.gone.extend(field);
        if field.is_some() { "field deleted" } else { "nothing" }
    }

    fn rename(&mut self, place: usize, name: String) -> &'static str {
        let Some(field) = self.some_field(place) else { return "nothing" };
        if let FieldKind::ManyToOne { join_column } = &mut field.kind {
            *join_column = format!("{name}Id");
        }
        field.name = name;
        "field renamed"
    }

    fn some_field(&mut self, place: usize) -> Option<&mut Field> {
        let (unmade, gone, dice) = (&self.unmade, &self.gone, &mut self.dice);
        let is_there = |field: &Field| !unmade.contains(&field.id) && !gone.contains(&field.id);
        let fields = self.model.objects[place].fields.iter_mut();
        let mut own: Vec<&mut Field> =
            fields.filter(|field| !is_system(field) && is_there(field)).collect();
        if own.is_empty() { None } else { Some(own.swap_remove(dice.below(own.len()))) }
    }

    /// What the source serves is what its model says now.
    fn serve(&mut self, layout: &[Object]) {
        let told = self.told();
        let serve = |(object, model): (&Object, &record::Object)| served(object, model);
        self.source = Rc::new(layout.iter().zip(&told.objects).map(serve).collect());
    }
}

/// Fields that nobody changes.
fn is_system(field: &Field) -> bool {
    matches!(field.name.as_str(), "id" | "createdAt" | "updatedAt" | "deletedAt" | "position")
}

/// An object as the data model describes it.
fn described(object: &Object) -> record::Object {
    let table = &object.table;
    let mut fields: Vec<Field> = Vec::new();
    for column in &table.columns {
        if fields.last().is_none_or(|last| last.id != column.field_id) {
            fields.push(field(column));
        }
    }
    record::Object {
        id: table.object_id,
        name_singular: table.name_singular.clone(),
        name_plural: table.name_plural.clone(),
        label_singular: table.name_singular.clone(),
        label_plural: table.name_plural.clone(),
        description: None,
        is_custom: true,
        is_system: false,
        is_active: true,
        fields,
    }
}

fn field(column: &Column) -> Field {
    let key = &column.path.key;
    let name = match &column.field_kind {
        FieldKind::ManyToOne { .. } => key.trim_end_matches("Id").to_owned(),
        _ => key.clone(),
    };
    Field {
        id: column.field_id,
        label: name.clone(),
        name,
        description: None,
        kind: column.field_kind.clone(),
        is_active: true,
        is_nullable: column.is_nullable,
        is_unique: false,
        options: Vec::new(),
    }
}

/// An object as the source serves it: the types stay, for the database keeps what it does not show.
fn served(object: &Object, model: &record::Object) -> Object {
    let mut view = object.clone();
    view.is_mirrored = model.is_active;
    (view.table.name_singular, view.table.name_plural) =
        (model.name_singular.clone(), model.name_plural.clone());
    for (index, column) in view.table.columns.iter_mut().enumerate() {
        let field = model.fields.iter().find(|field| field.id == column.field_id);
        match field.filter(|field| field.is_active) {
            Some(Field { kind: FieldKind::ManyToOne { join_column }, .. }) => {
                column.path.key.clone_from(join_column);
            }
            Some(field) => column.path.key.clone_from(&field.name),
            None => {
                column.path.key = unspeakable(&column.field_id.to_string());
                view.hidden.push(index);
            }
        }
    }
    view.units = units(&view.table.columns);
    let hidden = &view.hidden;
    view.editable.retain(|unit| !hidden.contains(&view.units[*unit].columns[0]));
    view
}

/// The objects as somebody knows them who has read these tables: anything else is a column without meaning.
pub(crate) fn shown(layout: &[Object], tables: &[Table]) -> Vec<Object> {
    let show = |object: &Object| {
        let table = tables.iter().find(|table| table.object_id == object.table.object_id);
        let mut view = object.clone();
        view.is_mirrored = table.is_some();
        view.hidden = Vec::new();
        for index in 0..object.table.columns.len() {
            let known = table.and_then(|table| same(table, &object.table.columns[index]));
            if known.is_none() {
                view.hidden.push(index);
            }
            view.table.columns[index] = known.cloned().unwrap_or_else(|| meaningless(index));
        }
        if let Some(table) = table {
            view.table = Table { columns: view.table.columns, ..table.clone() };
        }
        view.units = units(&view.table.columns);
        let is_own = |unit: &usize| {
            let first = view.units[*unit].columns[0];
            first > POSITION && !view.hidden.contains(&first)
        };
        view.editable = (0..view.units.len()).filter(is_own).collect();
        let hidden = &view.hidden;
        view.relations.retain(|relation| !hidden.contains(&relation.column));
        view
    };
    layout.iter().map(show).collect()
}

fn same<'a>(table: &'a Table, column: &Column) -> Option<&'a Column> {
    let is_same =
        |known: &&Column| known.field_id == column.field_id && known.path.part == column.path.part;
    table.columns.iter().find(is_same)
}

/// A column that can be neither read nor written, and stands for one that is not known.
fn meaningless(index: usize) -> Column {
    let name = unspeakable(&index.to_string());
    Column {
        name: name.clone(),
        field_id: Uuid::from_u128(index as u128),
        field_kind: FieldKind::TsVector,
        path: JsonPath { key: name, part: None },
        kind: ColumnType::Text,
        is_nullable: true,
    }
}

fn unspeakable(name: &str) -> String {
    format!("\u{1}{name}")
}

/// Which way the records of an object travel, whatever it is called.
pub(crate) fn direction(layout: &[Object], object: &record::Object) -> Direction {
    let found = layout.iter().find(|one| one.table.object_id == object.id);
    found.map_or(Direction::Off, |one| one.table.direction)
}
