//! The objects of a history: what fields they have, which refer to which, and by what rules they travel.
//!
//! It exists so that every history has another data model. Invariant: an object's columns begin with those of the
//! server; what people edit comes after them.

mod values;
pub(crate) mod varied;

use uuid::Uuid;

pub(crate) use self::values::is_common;
use crate::{
    dice::Dice,
    plan::{
        pending::{DeletedRecords, Rules},
        policy::{DeletePolicy, Policies, Policy},
        schema::Table,
    },
    record::{
        Column, ColumnType, Decimal, DeleteMode, Direction, Field, FieldKind, Image, NumberKind,
        Unit, Value, column::columns_of, units,
    },
};

/// A record: the place of its object, and its id.
pub(crate) type Key = (usize, Uuid);

/// What a reference becomes when the record that it names is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDestroy {
    SetNull,
    Cascade,
}

/// A column that refers to records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relation {
    pub(crate) column: usize,
    pub(crate) target: usize,
    pub(crate) on_destroy: OnDestroy,
}

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) table: Table,
    pub(crate) units: Vec<Unit>,
    /// Places of the units that people edit.
    pub(crate) editable: Vec<usize>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) policies: Policies,
    pub(crate) deleted: DeletedRecords,
    pub(crate) delete_mode: DeleteMode,
    /// Whether its columns of times keep microseconds.
    pub(crate) micro: bool,
    /// Whether whoever looks at it knows it at all.
    pub(crate) is_mirrored: bool,
    /// The columns that whoever looks at it does not know.
    pub(crate) hidden: Vec<usize>,
}

pub(crate) const ID: usize = 0;
pub(crate) const CREATED_AT: usize = 1;
pub(crate) const UPDATED_AT: usize = 2;
pub(crate) const DELETED_AT: usize = 3;
pub(crate) const POSITION: usize = 4;

const COMPANY: usize = 0;
const PERSON: usize = 1;

impl Object {
    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            table: &self.table,
            policies: &self.policies,
            deleted: self.deleted,
            delete_mode: self.delete_mode,
        }
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.table.columns
    }

    pub(crate) fn keeps_deleted(&self) -> bool {
        self.deleted == DeletedRecords::Keep
    }

    /// The relation that a unit is, if it is one.
    pub(crate) fn relation(&self, unit: usize) -> Option<Relation> {
        let column = self.units[unit].columns[0];
        self.relations.iter().copied().find(|relation| relation.column == column)
    }
}

/// A field to be made: its name, its kind, and what it refers to.
pub(crate) type Wanted = (&'static str, FieldKind, Option<(usize, OnDestroy)>);

fn wanted(object: usize) -> Vec<Wanted> {
    let plain = |name, kind| (name, kind, None);
    let reference = |name: &'static str, target, on_destroy| {
        let join_column = format!("{name}Id");
        (name, FieldKind::ManyToOne { join_column }, Some((target, on_destroy)))
    };
    match object {
        COMPANY => vec![
            plain("name", FieldKind::Text),
            plain("employees", FieldKind::Number(NumberKind::Integer)),
            plain("tier", FieldKind::Select),
            plain("revenue", FieldKind::Currency),
            plain("since", FieldKind::DateTime),
        ],
        PERSON => vec![
            plain("jobTitle", FieldKind::Text),
            plain("emails", FieldKind::Emails),
            plain("phones", FieldKind::Phones),
            plain("score", FieldKind::Number(NumberKind::Double)),
            plain("tags", FieldKind::MultiSelect),
            plain("seen", FieldKind::DateTime),
            reference("company", COMPANY, OnDestroy::SetNull),
            reference("manager", PERSON, OnDestroy::SetNull),
        ],
        _ => vec![
            plain("title", FieldKind::Text),
            plain("labels", FieldKind::Array),
            reference("person", PERSON, OnDestroy::Cascade),
            reference("company", COMPANY, OnDestroy::SetNull),
        ],
    }
}

/// The objects of a history.
pub(crate) fn objects(dice: &mut Dice) -> Vec<Object> {
    let deleted = dice.pick(&[DeletedRecords::Remove, DeletedRecords::Keep]).unwrap_or_default();
    let soft = !dice.once_in(4);
    let delete_mode = if soft { DeleteMode::Soft } else { DeleteMode::Destroy };
    let names = [("company", "companies"), ("person", "people"), ("note", "notes")];
    let policies = Policies {
        object: dice
            .pick(&[Policy::Source, Policy::Mirror, Policy::Newest, Policy::Hold])
            .unwrap_or_default(),
        deletes: dice
            .pick(&[DeletePolicy::DeleteWins, DeletePolicy::EditRestores])
            .unwrap_or_default(),
        ..Policies::default()
    };
    let made = names.iter().enumerate().map(|(place, name)| {
        let micro = dice.once_in(2);
        // The first field and the references are always there, the others mostly.
        let mut first = true;
        let fields = wanted(place).into_iter().filter(|(_, _, reference)| {
            std::mem::take(&mut first) || reference.is_some() || !dice.once_in(3)
        });
        let fields: Vec<Wanted> = fields.collect();
        object(place, *name, &fields, &policies, (deleted, delete_mode, micro))
    });
    made.collect()
}

/// An object with these fields besides those that every object has.
pub(crate) fn object(
    place: usize,
    (singular, plural): (&str, &str),
    fields: &[Wanted],
    policies: &Policies,
    (deleted, delete_mode, micro): (DeletedRecords, DeleteMode, bool),
) -> Object {
    let own: [Wanted; 5] = [
        ("id", FieldKind::Uuid, None),
        ("createdAt", FieldKind::DateTime, None),
        ("updatedAt", FieldKind::DateTime, None),
        ("deletedAt", FieldKind::DateTime, None),
        ("position", FieldKind::Position, None),
    ];
    let all: Vec<&Wanted> = own.iter().chain(fields).collect();
    let mut columns = Vec::new();
    let mut relations = Vec::new();
    for (number, (name, kind, reference)) in all.into_iter().enumerate() {
        if let Some((target, on_destroy)) = *reference {
            relations.push(Relation { column: columns.len(), target, on_destroy });
        }
        columns.extend(columns_of(&field(place, number, name, kind)));
    }
    let units = units(&columns);
    let editable = (0..units.len()).filter(|&unit| units[unit].columns[0] > POSITION).collect();
    let table = Table {
        object_id: Uuid::from_u128(1 + place as u128),
        name_singular: singular.to_owned(),
        name_plural: plural.to_owned(),
        name: plural.to_owned(),
        direction: Direction::Both,
        columns,
        lost: Vec::new(),
        generation: 0,
    };
    let policies = policies.clone();
    let (is_mirrored, hidden) = (true, Vec::new());
    Object {
        table,
        units,
        editable,
        relations,
        policies,
        deleted,
        delete_mode,
        micro,
        is_mirrored,
        hidden,
    }
}

fn field(place: usize, number: usize, name: &str, kind: &FieldKind) -> Field {
    Field {
        id: Uuid::from_u128(1000 * (1 + place as u128) + number as u128),
        name: name.to_owned(),
        label: name.to_owned(),
        description: None,
        kind: kind.clone(),
        is_active: true,
        is_nullable: true,
        is_unique: false,
        options: Vec::new(),
    }
}

/// What the server refuses to store in a text.
pub(crate) const POISON: &str = "poison";

/// What somebody writes into a unit: nothing, what others write as well, or what nobody else does.
pub(crate) fn values(object: &Object, unit: usize, choice: usize, number: u32) -> Vec<Value> {
    if let Some(values) = values::values(object, unit, choice, number) {
        return values;
    }
    let text = |text: String| Value::Text(text);
    let own = choice > 1;
    let word = || if own { format!("v{number}") } else { "same".to_owned() };
    let column = &object.columns()[object.units[unit].columns[0]];
    let blank = || text(String::new());
    match (&column.field_kind, choice) {
        (FieldKind::Text, 0) => vec![blank()],
        (FieldKind::Text, _) => vec![text(word())],
        (FieldKind::Select, 0) => vec![Value::Null],
        (FieldKind::Select, _) => vec![text(if own { "GOLD" } else { "IRON" }.to_owned())],
        (FieldKind::Emails, 0) => vec![blank(), Value::Null],
        (FieldKind::Emails, 1) => vec![text("Same@x.io".to_owned()), Value::Null],
        (FieldKind::Emails, _) => {
            vec![text(format!("V{number}@x.io")), Value::Json(format!("[\"W{number}@x.io\"]"))]
        }
        (FieldKind::Currency, 0) => vec![Value::Null, blank()],
        (FieldKind::Currency, _) => {
            let amount = if own { number } else { 1_000_000 };
            let code = if number.is_multiple_of(2) || !own { "USD" } else { "EUR" };
            let amount = Decimal::parse(&amount.to_string()).map_or(Value::Null, Value::Decimal);
            vec![amount, text(code.to_owned())]
        }
        (FieldKind::Phones, 0) => vec![blank(), blank(), blank(), Value::Null],
        (FieldKind::Phones, _) => {
            let digits = if own { 100_000 + number } else { 501_234 };
            vec![text(format!("+972 5{digits}")), blank(), blank(), Value::Null]
        }
        (FieldKind::MultiSelect | FieldKind::Array, 1..) => vec![Value::List(vec![word()])],
        (FieldKind::Number(NumberKind::Integer), 1..) => {
            vec![Value::Integer(if own { i64::from(number) } else { 7 })]
        }
        (FieldKind::Number(NumberKind::Double), 1..) => {
            vec![Value::Double(if own { f64::from(number) + 0.5 } else { 7.5 })]
        }
        (FieldKind::DateTime, 1..) => {
            let micros = if own { i64::from(number) * 1_000_123 } else { 5_000_000 };
            vec![Value::Timestamp(crate::clock::time(micros))]
        }
        _ => vec![Value::Null],
    }
}

/// An image that knows nothing but these values.
pub(crate) fn partial<'a>(
    object: &Object,
    columns: &[usize],
    values: impl IntoIterator<Item = &'a Option<Value>>,
) -> Image {
    let mut image = Image::unknown(object.columns().len());
    for (column, value) in columns.iter().zip(values) {
        image.set(*column, value.clone());
    }
    image
}

/// What a unit holds, as a text that is equal where the meaning is. Nothing for nothing.
pub(crate) fn meaning(object: &Object, unit: usize, image: &Image) -> String {
    let mut said = Vec::new();
    let mut image = std::borrow::Cow::Borrowed(image);
    let first = object.units[unit].columns[0];
    if matches!(object.columns()[first].field_kind, FieldKind::Phones | FieldKind::Links) {
        crate::twenty::rewrite(object, image.to_mut());
    }
    for &index in &object.units[unit].columns {
        if object.columns()[index].path.part == Some("blocknote") {
            continue;
        }
        said.push(match image.get(index) {
            None | Some(Value::Null) => String::new(),
            Some(Value::Text(text) | Value::Json(text)) => text.to_lowercase().replace(' ', ""),
            Some(Value::List(items)) => items.join(","),
            Some(Value::Timestamp(time)) => crate::clock::millis(*time).to_string(),
            Some(Value::Decimal(number)) => number.to_string(),
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::Double(number)) => number.to_string(),
            Some(Value::Uuid(id)) => id.to_string(),
            Some(other) => format!("{other:?}"),
        });
    }
    if said.iter().all(String::is_empty) { String::new() } else { said.join("|") }
}

/// Whether a record is out of the trash.
pub(crate) fn is_live(image: &Image) -> bool {
    !matches!(image.get(DELETED_AT), Some(Value::Timestamp(_)))
}

/// A row as an insert by SQL leaves it: what is not given is null.
pub(crate) fn blank(object: &Object, id: Uuid) -> Image {
    let mut image = Image::empty(object.columns().len());
    image.set(ID, Some(Value::Uuid(id)));
    image
}

/// A row as the server makes it: free text is never null there.
pub(crate) fn fresh(object: &Object, id: Uuid) -> Image {
    let mut image = blank(object, id);
    for (index, column) in object.columns().iter().enumerate() {
        let may_be_null = matches!(
            column.field_kind,
            FieldKind::Select | FieldKind::Rating | FieldKind::RichTextV2
        );
        let is_text = column.kind == ColumnType::Text && !may_be_null;
        if is_text {
            image.set(index, Some(Value::Text(String::new())));
        }
    }
    image
}

/// An image as everybody reads it: with milliseconds.
pub(crate) fn cut(image: &Image) -> Image {
    let cut = |value: &Option<Value>| match value {
        Some(Value::Timestamp(time)) => Some(Value::Timestamp(crate::clock::cut(*time))),
        other => other.clone(),
    };
    Image::new(image.values().iter().map(cut).collect())
}
