//! `metadata objects`, `metadata object NAME` and `metadata picklists`.
//!
//! It exists because the public documentation promises the last two as endpoints, and no server has them
//! (docs/twenty.md, "Picklists"). Invariant: read-only, and no database is needed.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    exit::{self, Failure},
    output::{Output, table},
};
use crate::{
    config::Source,
    plan::scope::default_direction,
    record::{DataModel, Field, FieldKind, Object},
    source::Client,
    sync::nearest,
};

pub(super) async fn objects(source: &Source, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = Client::new(source)?.data_model().await?;
    let rows: Vec<Value> = model.objects.iter().map(object_json).collect();
    output.show(&rows, |rows| {
        let cells = |row: &Value| {
            ["plural", "singular", "label", "custom", "active", "fields", "direction"]
                .iter()
                .map(|key| cell(&row[*key]))
                .collect()
        };
        table(
            &["plural", "singular", "label", "custom", "active", "fields", "default direction"],
            rows.iter().map(cells),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn object(
    source: &Source,
    name: &str,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let model = Client::new(source)?.data_model().await?;
    let Some(object) = model.object(name) else { return Err(unknown(&model, name)) };
    let mut found = object_json(object);
    found["fields"] = object.fields.iter().map(field_json).collect();
    found["id"] = json!(object.id);
    found["description"] = json!(object.description);
    output.show(&found, |found| {
        let head =
            format!("{} ({}), {}\n", object.name_plural, object.name_singular, object.label_plural);
        let cells = |row: &Value| {
            ["name", "type", "label", "active", "nullable", "unique", "options"]
                .iter()
                .map(|key| cell(&row[*key]))
                .collect()
        };
        let rows = found["fields"].as_array().into_iter().flatten().map(cells);
        head + &table(&["field", "type", "label", "active", "nullable", "unique", "options"], rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn picklists(source: &Source, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = Client::new(source)?.data_model().await?;
    let mut rows = Vec::new();
    for object in &model.objects {
        for field in &object.fields {
            for option in &field.options {
                rows.push(json!({
                    "object": object.name_plural, "field": field.name, "value": option.value,
                    "label": option.label, "color": option.color, "position": option.position,
                }));
            }
        }
    }
    output.show(&rows, |rows| {
        let keys = ["object", "field", "value", "label", "color", "position"];
        table(&keys, rows.iter().map(|row| keys.iter().map(|key| cell(&row[*key])).collect()))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn unknown(model: &DataModel, name: &str) -> Failure {
    let hint = match nearest(model.names(), name).as_slice() {
        [] => "`twenty-sync metadata objects` lists the names".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    Failure {
        code: exit::FAILED,
        message: format!("the workspace has no object {name:?}"),
        hint: Some(hint),
    }
}

fn object_json(object: &Object) -> Value {
    json!({
        "plural": object.name_plural,
        "singular": object.name_singular,
        "label": object.label_plural,
        "custom": object.is_custom,
        "active": object.is_active,
        "fields": object.fields.len(),
        "direction": default_direction(object).as_str(),
    })
}

fn field_json(field: &Field) -> Value {
    let options: Vec<&str> = field.options.iter().map(|option| option.value.as_str()).collect();
    json!({
        "id": field.id,
        "name": field.name,
        "type": type_name(&field.kind),
        "label": field.label,
        "description": field.description,
        "active": field.is_active,
        "nullable": field.is_nullable,
        "unique": field.is_unique,
        "options": options,
    })
}

/// Twenty's own name of a type.
fn type_name(kind: &FieldKind) -> &str {
    match kind {
        FieldKind::Uuid => "UUID",
        FieldKind::Text => "TEXT",
        FieldKind::Number(_) => "NUMBER",
        FieldKind::Numeric => "NUMERIC",
        FieldKind::Boolean => "BOOLEAN",
        FieldKind::DateTime => "DATE_TIME",
        FieldKind::Date => "DATE",
        FieldKind::Select => "SELECT",
        FieldKind::MultiSelect => "MULTI_SELECT",
        FieldKind::Rating => "RATING",
        FieldKind::Array => "ARRAY",
        FieldKind::RawJson => "RAW_JSON",
        FieldKind::Position => "POSITION",
        FieldKind::TsVector => "TS_VECTOR",
        FieldKind::RichText => "RICH_TEXT",
        FieldKind::RichTextV2 => "RICH_TEXT_V2",
        FieldKind::FullName => "FULL_NAME",
        FieldKind::Emails => "EMAILS",
        FieldKind::Phones => "PHONES",
        FieldKind::Links => "LINKS",
        FieldKind::Currency => "CURRENCY",
        FieldKind::Address => "ADDRESS",
        FieldKind::Actor => "ACTOR",
        FieldKind::ManyToOne { .. } => "RELATION (to one)",
        FieldKind::OneToMany => "RELATION (to many)",
        FieldKind::Unknown(name) => name,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
