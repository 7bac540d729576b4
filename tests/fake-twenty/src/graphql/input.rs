//! Values that come in: variables and literals against their types.
//!
//! A literal is checked before anything runs and its fault has a place; a variable is checked when the operation
//! starts and its fault has none. The texts are the same.

use serde_json::{Map, Number, Value};

use super::ast::{Argument, Content, Literal, TypeRef};
use super::error::Fault;
use super::suggest::did_you_mean;
use super::types::{Shape, Type, Types};

/// Converts a variable's value, or collects what is wrong with it.
pub(super) fn coerce(
    types: &Types<'_>,
    of: &TypeRef,
    value: &Value,
    faults: &mut Vec<String>,
) -> Value {
    match (of, value) {
        (TypeRef::NonNull(_), Value::Null) => {
            faults.push(format!("Expected non-nullable type \"{of}\" not to be null."));
            Value::Null
        }
        (TypeRef::NonNull(inner), _) => coerce(types, inner, value, faults),
        (_, Value::Null) => Value::Null,
        (TypeRef::List(inner), Value::Array(items)) => {
            items.iter().map(|item| coerce(types, inner, item, faults)).collect()
        }
        (TypeRef::List(inner), _) => Value::Array(vec![coerce(types, inner, value, faults)]),
        (TypeRef::Named(name), _) => {
            let found = types.named(name).expect("a validated variable has a type");
            coerce_named(types, &found, value, faults)
        }
    }
}

fn coerce_named(types: &Types<'_>, of: &Type, value: &Value, faults: &mut Vec<String>) -> Value {
    let name = &of.name;
    match &of.shape {
        Shape::Scalar => match scalar(name, value, &inspect(value)) {
            Ok(()) => return value.clone(),
            Err(message) => faults.push(message),
        },
        Shape::Enum(values) => match value.as_str() {
            Some(text) if values.iter().any(|one| one == text) => return value.clone(),
            Some(text) => faults.push(unknown_enum_value(text, name, values)),
            None => faults.push(format!(
                "Enum \"{name}\" cannot represent non-string value: {}.",
                inspect(value)
            )),
        },
        Shape::Input(_) => match value.as_object() {
            Some(entries) => return coerce_entries(types, of, entries, faults),
            None => faults.push(format!("Expected type \"{name}\" to be an object.")),
        },
        Shape::Object(_) => {}
    }
    Value::Null
}

fn coerce_entries(
    types: &Types<'_>,
    of: &Type,
    entries: &Map<String, Value>,
    faults: &mut Vec<String>,
) -> Value {
    let mut coerced = Map::new();
    for field in of.inputs() {
        match entries.get(&field.name) {
            Some(value) => {
                coerced.insert(field.name.clone(), coerce(types, &field.of, value, faults));
            }
            None if field.of.is_required() => faults.push(missing(&field.name, &field.of)),
            None => {}
        }
    }
    for key in entries.keys().filter(|key| !of.inputs().iter().any(|one| one.name == **key)) {
        faults.push(unknown_key(key, of));
    }
    Value::Object(coerced)
}

fn missing(name: &str, of: &TypeRef) -> String {
    format!("Field \"{name}\" of required type \"{of}\" was not provided.")
}

fn unknown_key(key: &str, of: &Type) -> String {
    let known = of.inputs().iter().map(|one| one.name.as_str());
    let tail = did_you_mean(key, known, "");
    format!("Field \"{key}\" is not defined by type \"{}\".{tail}", of.name)
}

fn unknown_enum_value(text: &str, name: &str, values: &[String]) -> String {
    let tail = did_you_mean(text, values.iter().map(String::as_str), "the enum value ");
    format!("Value \"{text}\" does not exist in \"{name}\" enum.{tail}")
}

/// Whether a scalar takes a value. `spelled` is how the message quotes it.
fn scalar(name: &str, value: &Value, spelled: &str) -> Result<(), String> {
    let fits = match name {
        "Int" => {
            let whole = value.as_f64().is_some_and(|float| float.fract() == 0.0);
            if whole && value.as_f64().is_some_and(|float| float.abs() >= 2_147_483_648.0) {
                return Err(format!(
                    "Int cannot represent non 32-bit signed integer value: {spelled}"
                ));
            }
            whole
        }
        "Float" => value.is_number(),
        "String" | "UUID" | "DateTime" | "Date" | "Time" | "ConnectionCursor" | "TSVector" => {
            value.is_string()
        }
        "Boolean" => value.is_boolean(),
        "ID" => value.is_string() || value.is_i64(),
        "BigFloat" | "Position" => value.is_string() || value.is_number(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(misfit(name, spelled)) }
}

fn misfit(name: &str, spelled: &str) -> String {
    let what = match name {
        "Int" => "non-integer",
        "Float" => "non numeric",
        "String" => "a non string",
        "Boolean" => "a non boolean",
        "UUID" => return "UUID must be a string".to_owned(),
        _ => return format!("Expected value of type \"{name}\", found {spelled}."),
    };
    format!("{name} cannot represent {what} value: {spelled}")
}

/// A value as messages show it.
fn inspect(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inspect).collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| format!("{key}: {}", inspect(value));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Checks a literal. Variables inside are somebody else's concern.
pub(super) fn check(types: &Types<'_>, of: &TypeRef, literal: &Literal, faults: &mut Vec<Fault>) {
    match (of, &literal.content) {
        (_, Content::Variable(_)) => {}
        (TypeRef::NonNull(_), Content::Null) => faults.push(Fault::new(
            format!("Expected value of type \"{of}\", found null."),
            literal.place,
        )),
        (TypeRef::NonNull(inner), _) => check(types, inner, literal, faults),
        (_, Content::Null) => {}
        (TypeRef::List(inner), Content::List(items)) => {
            for item in items {
                check(types, inner, item, faults);
            }
        }
        (TypeRef::List(inner), _) => check(types, inner, literal, faults),
        (TypeRef::Named(name), _) => {
            if let Some(found) = types.named(name) {
                check_named(types, &found, literal, faults);
            }
        }
    }
}

fn check_named(types: &Types<'_>, of: &Type, literal: &Literal, faults: &mut Vec<Fault>) {
    let (name, spelled) = (&of.name, literal.spelled());
    let wrong = |message: String| Fault::new(message, literal.place);
    match (&of.shape, &literal.content) {
        (Shape::Input(_), Content::Object(entries)) => {
            check_entries(types, of, literal, entries, faults);
        }
        (Shape::Input(_), _) => {
            faults.push(wrong(format!("Expected value of type \"{name}\", found {spelled}.")));
        }
        (Shape::Enum(values), Content::Enum(text)) => {
            if !values.contains(text) {
                faults.push(wrong(unknown_enum_value(text, name, values)));
            }
        }
        (Shape::Enum(values), _) => {
            let bare = spelled.trim_matches('"');
            let tail = did_you_mean(bare, values.iter().map(String::as_str), "the enum value ");
            faults.push(wrong(format!(
                "Enum \"{name}\" cannot represent non-enum value: {spelled}.{tail}"
            )));
        }
        (Shape::Scalar, Content::Enum(_)) if name != "RawJSONScalar" => {
            faults.push(wrong(misfit(name, &spelled)));
        }
        (Shape::Scalar, _) => {
            if let Err(message) = scalar(name, &plain(literal, &Map::new()), &spelled) {
                faults.push(wrong(message));
            }
        }
        (Shape::Object(_), _) => {}
    }
}

fn check_entries(
    types: &Types<'_>,
    of: &Type,
    literal: &Literal,
    entries: &[Argument],
    faults: &mut Vec<Fault>,
) {
    for entry in entries {
        match of.inputs().iter().find(|field| field.name == entry.name) {
            Some(field) => check(types, &field.of, &entry.value, faults),
            None => faults.push(Fault::new(unknown_key(&entry.name, of), entry.place)),
        }
    }
    let given = |name: &str| entries.iter().any(|entry| entry.name == name);
    for field in of.inputs().iter().filter(|one| one.of.is_required() && !given(&one.name)) {
        let name = format!("{}.{}", of.name, field.name);
        let message =
            format!("Field \"{name}\" of required type \"{}\" was not provided.", field.of);
        faults.push(Fault::new(message, literal.place));
    }
}

/// A checked literal as a value, or nothing when it is a variable that was not given.
pub(super) fn value(
    types: &Types<'_>,
    of: &TypeRef,
    literal: &Literal,
    variables: &Map<String, Value>,
) -> Option<Value> {
    if let Content::Variable(name) = &literal.content {
        return variables.get(name).cloned();
    }
    Some(match (of, &literal.content) {
        (TypeRef::NonNull(inner), _) => return value(types, inner, literal, variables),
        (_, Content::Null) => Value::Null,
        (TypeRef::List(inner), Content::List(items)) => {
            let item = |one: &Literal| value(types, inner, one, variables).unwrap_or(Value::Null);
            items.iter().map(item).collect()
        }
        (TypeRef::List(inner), _) => Value::Array(vec![value(types, inner, literal, variables)?]),
        (TypeRef::Named(name), Content::Object(entries)) => {
            let found = types.named(name)?;
            let entry = |one: &Argument| {
                let field = found.inputs().iter().find(|field| field.name == one.name);
                let value = match field {
                    Some(field) => value(types, &field.of, &one.value, variables)?,
                    None => plain(&one.value, variables),
                };
                Some((one.name.clone(), value))
            };
            Value::Object(entries.iter().filter_map(entry).collect())
        }
        (TypeRef::Named(_), _) => plain(literal, variables),
    })
}

/// A literal as a value, whatever its type.
pub(super) fn plain(literal: &Literal, variables: &Map<String, Value>) -> Value {
    match &literal.content {
        Content::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
        Content::Int(text) | Content::Float(text) => {
            text.parse::<Number>().map_or_else(|_| Value::from(text.as_str()), Value::Number)
        }
        Content::Text(text) | Content::Enum(text) => Value::from(text.as_str()),
        Content::Boolean(flag) => Value::Bool(*flag),
        Content::Null => Value::Null,
        Content::List(items) => items.iter().map(|item| plain(item, variables)).collect(),
        Content::Object(entries) => {
            let entry = |one: &Argument| (one.name.clone(), plain(&one.value, variables));
            Value::Object(entries.iter().map(entry).collect())
        }
    }
}
