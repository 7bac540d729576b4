//! Data models that no two histories share: how many objects, which fields, who refers to whom, who wins.
//!
//! It exists because a fixed model hides what depends on a type of field, on a circle of references or on a policy of
//! one object. Invariants: what the program lets nobody choose for one object is the same for all (what becomes of
//! deleted records, how far a delete goes, and delete against edit); every object has a field that people edit.

use super::{Object, OnDestroy, Wanted, object};
use crate::{
    dice::Dice,
    plan::{
        pending::DeletedRecords,
        policy::{DeletePolicy, Policies, Policy},
    },
    record::{DeleteMode, Direction, FieldKind, NumberKind},
};

/// What the objects can be called.
const OBJECTS: [(&str, &str); 5] = [
    ("company", "companies"),
    ("person", "people"),
    ("note", "notes"),
    ("deal", "deals"),
    ("visit", "visits"),
];

/// What fields can be called.
const FIELDS: [&str; 12] = [
    "amber", "birch", "cedar", "dahlia", "elm", "fern", "ginger", "hazel", "iris", "jasmine",
    "kale", "lily",
];

/// What references can be called.
const REFERENCES: [&str; 4] = ["owner", "parent", "source", "twin"];

const POLICIES: [Policy; 4] = [Policy::Source, Policy::Mirror, Policy::Newest, Policy::Hold];

/// Every type of field that people edit.
const KINDS: [FieldKind; 19] = [
    FieldKind::Text,
    FieldKind::Number(NumberKind::Integer),
    FieldKind::Number(NumberKind::Double),
    FieldKind::Numeric,
    FieldKind::Boolean,
    FieldKind::DateTime,
    FieldKind::Date,
    FieldKind::Select,
    FieldKind::MultiSelect,
    FieldKind::Rating,
    FieldKind::Array,
    FieldKind::RawJson,
    FieldKind::RichTextV2,
    FieldKind::FullName,
    FieldKind::Emails,
    FieldKind::Phones,
    FieldKind::Links,
    FieldKind::Currency,
    FieldKind::Address,
];

/// The objects of a varied history.
pub(crate) fn objects(dice: &mut Dice) -> Vec<Object> {
    let count = 1 + dice.below(OBJECTS.len());
    let deleted = dice.pick(&[DeletedRecords::Remove, DeletedRecords::Keep]).unwrap_or_default();
    let delete_mode = if dice.once_in(4) { DeleteMode::Destroy } else { DeleteMode::Soft };
    let edits_or_deletes =
        dice.pick(&[DeletePolicy::DeleteWins, DeletePolicy::EditRestores]).unwrap_or_default();
    let made = OBJECTS.iter().take(count).enumerate().map(|(place, name)| {
        let fields = fields(dice, count);
        let policies = policies(dice, edits_or_deletes, &fields);
        let travels = (deleted, delete_mode, dice.once_in(2));
        let mut made = object(place, *name, &fields, &policies, travels);
        if dice.once_in(6) {
            made.table.direction = Direction::Pull;
        }
        made
    });
    made.collect()
}

fn fields(dice: &mut Dice, objects: usize) -> Vec<Wanted> {
    let mut fields = Vec::new();
    let first = dice.below(FIELDS.len());
    for more in 0..=dice.below(6) {
        let name = FIELDS[(first + more) % FIELDS.len()];
        fields.extend(dice.pick(&KINDS).map(|kind| (name, kind, None)));
    }
    let references = [0, 1, 1, 2, 3];
    for name in REFERENCES.iter().take(dice.pick(&references).unwrap_or(0)) {
        let target = dice.below(objects);
        let on_destroy = if dice.once_in(3) { OnDestroy::Cascade } else { OnDestroy::SetNull };
        let join_column = format!("{name}Id");
        fields.push((*name, FieldKind::ManyToOne { join_column }, Some((target, on_destroy))));
    }
    fields
}

/// An object has a policy of its own, and now and then a field has.
fn policies(dice: &mut Dice, deletes: DeletePolicy, fields: &[Wanted]) -> Policies {
    let object = dice.pick(&POLICIES).unwrap_or_default();
    let mut own = std::collections::BTreeMap::new();
    for (name, kind, _) in fields {
        if dice.once_in(5) {
            let key = match kind {
                FieldKind::ManyToOne { join_column } => join_column.clone(),
                _ => (*name).to_owned(),
            };
            own.extend(dice.pick(&POLICIES).map(|policy| (key, policy)));
        }
    }
    Policies { object, fields: own, deletes }
}
