//! From what travelled to the vocabulary of [`crate::record`].
//!
//! It exists as the one place that knows Twenty's names of field types and settings (docs/twenty.md, "Field
//! types"). Invariants: a type that is not known becomes [`FieldKind::Unknown`], never an error and never a guess; a
//! relation to one record has a join column for each of its targets.

use std::collections::HashSet;

use uuid::Uuid;

use super::wire::{WireField, WireMorph, WireObject, WireOption};
use crate::record::{DataModel, Field, FieldKind, NumberKind, Object, PicklistOption};

/// The model of these objects; none if one of them came without some of its fields.
pub(super) fn model(objects: Vec<WireObject>) -> Option<DataModel> {
    let mut objects: Vec<Object> = objects.into_iter().map(object).collect::<Option<_>>()?;
    objects.sort_by(|left, right| left.name_plural.cmp(&right.name_plural));
    let has_v2 = objects
        .iter()
        .flat_map(|object| &object.fields)
        .any(|field| field.kind == FieldKind::RichTextV2);
    if !has_v2 {
        rename_rich_text(&mut objects);
    }
    Some(DataModel { objects })
}

/// A newer server has only one rich text, in the shape of the second, under the name of the first. Notes and tasks
/// have one on every server, so a workspace without a `RICH_TEXT_V2` is on a newer server.
fn rename_rich_text(objects: &mut [Object]) {
    for field in objects.iter_mut().flat_map(|object| &mut object.fields) {
        if field.kind == FieldKind::RichText {
            field.kind = FieldKind::RichTextV2;
        }
    }
}

fn object(wire: WireObject) -> Option<Object> {
    let (listed, next) = wire.fields.into_parts();
    if next.is_some() {
        return None;
    }
    let mut seen: HashSet<Uuid> = listed.iter().map(|field| field.id).collect();
    let targets: Vec<Field> =
        listed.iter().flat_map(unlisted_targets).filter(|field| seen.insert(field.id)).collect();
    let mut fields: Vec<Field> = listed.into_iter().map(field).chain(targets).collect();
    fields.sort_by(|left, right| left.name.cmp(&right.name));
    Some(Object {
        id: wire.id,
        label_singular: wire.label_singular.unwrap_or_else(|| wire.name_singular.clone()),
        label_plural: wire.label_plural.unwrap_or_else(|| wire.name_plural.clone()),
        name_singular: wire.name_singular,
        name_plural: wire.name_plural,
        description: wire.description.filter(|text| !text.is_empty()),
        is_custom: wire.is_custom.unwrap_or(false),
        is_system: wire.is_system.unwrap_or(false),
        is_active: wire.is_active.unwrap_or(true),
        fields,
    })
}

fn field(wire: WireField) -> Field {
    Field {
        kind: kind(&wire),
        id: wire.id,
        label: wire.label.unwrap_or_else(|| wire.name.clone()),
        name: wire.name,
        description: wire.description.filter(|text| !text.is_empty()),
        is_active: wire.is_active.unwrap_or(true),
        is_nullable: wire.is_nullable.unwrap_or(true),
        is_unique: wire.is_unique.unwrap_or(false),
        options: options(wire.options.unwrap_or_default()),
    }
}

fn options(wire: Vec<WireOption>) -> Vec<PicklistOption> {
    let mut options: Vec<PicklistOption> = wire
        .into_iter()
        .map(|option| PicklistOption {
            label: option.label.unwrap_or_else(|| option.value.clone()),
            value: option.value,
            color: option.color,
            position: option.position.unwrap_or(0),
        })
        .collect();
    options.sort_by_key(|option| option.position);
    options
}

fn kind(wire: &WireField) -> FieldKind {
    match wire.kind.as_str() {
        "UUID" => FieldKind::Uuid,
        "TEXT" => FieldKind::Text,
        "NUMBER" => FieldKind::Number(match wire.setting("dataType") {
            // "bigint" promises nothing: the server keeps a double (docs/twenty.md, "Field types").
            Some("int") => NumberKind::Integer,
            _ => NumberKind::Double,
        }),
        "NUMERIC" => FieldKind::Numeric,
        "BOOLEAN" => FieldKind::Boolean,
        "DATE_TIME" => FieldKind::DateTime,
        "DATE" => FieldKind::Date,
        "SELECT" => FieldKind::Select,
        "MULTI_SELECT" => FieldKind::MultiSelect,
        "RATING" => FieldKind::Rating,
        "ARRAY" => FieldKind::Array,
        "RAW_JSON" => FieldKind::RawJson,
        "POSITION" => FieldKind::Position,
        "TS_VECTOR" => FieldKind::TsVector,
        "RICH_TEXT" => FieldKind::RichText,
        "RICH_TEXT_V2" => FieldKind::RichTextV2,
        "FULL_NAME" => FieldKind::FullName,
        "EMAILS" => FieldKind::Emails,
        "PHONES" => FieldKind::Phones,
        "LINKS" => FieldKind::Links,
        "CURRENCY" => FieldKind::Currency,
        "ADDRESS" => FieldKind::Address,
        "ACTOR" => FieldKind::Actor,
        "RELATION" | "MORPH_RELATION" => relation(wire),
        other => FieldKind::Unknown(other.to_owned()),
    }
}

/// The settings say which end it is and what its column is called; where they are not told, the relation says the
/// former, and the latter follows from the name.
fn relation(wire: &WireField) -> FieldKind {
    let told = || wire.relation.as_ref()?.kind.as_deref();
    match wire.setting("relationType").or_else(told) {
        Some("MANY_TO_ONE") => {
            let join_column = wire
                .setting("joinColumnName")
                .map_or_else(|| format!("{}Id", wire.name), str::to_owned);
            FieldKind::ManyToOne { join_column }
        }
        Some("ONE_TO_MANY") => FieldKind::OneToMany,
        _ => FieldKind::Unknown(wire.kind.clone()),
    }
}

/// Servers list one field for each target of a morph relation. Should one list a single field for all, the others
/// are told by its targets.
fn unlisted_targets(wire: &WireField) -> Vec<Field> {
    let morphs = match relation(wire) {
        FieldKind::ManyToOne { .. } if wire.kind == "MORPH_RELATION" => {
            wire.morph_relations.as_deref()
        }
        _ => None,
    };
    morphs.unwrap_or_default().iter().filter_map(|morph| target(wire, morph)).collect()
}

fn target(wire: &WireField, morph: &WireMorph) -> Option<Field> {
    let source = morph.source_field_metadata.as_ref()?;
    let name = format!(
        "{}{}",
        source.name,
        capitalised(&morph.target_object_metadata.as_ref()?.name_singular)
    );
    Some(Field {
        id: source.id,
        label: wire.label.clone().unwrap_or_else(|| name.clone()),
        description: wire.description.clone(),
        kind: FieldKind::ManyToOne { join_column: format!("{name}Id") },
        name,
        is_active: wire.is_active.unwrap_or(true),
        is_nullable: true,
        is_unique: false,
        options: Vec::new(),
    })
}

/// `name` with its first letter in upper case, as type and resolver names have it.
pub(in crate::source) fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
