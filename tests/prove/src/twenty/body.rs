//! What the server makes of a body: values that it rewrites, parts that it erases, nulls that it refuses or ignores.

use serde_json::{Map, Value as Json};

use super::{
    kept,
    shapes::{self, BLOCKS},
    statement::Refusal,
};
use crate::{
    objects::Object,
    record::{Column, FieldKind, Image, Value},
};

/// Countries whose numbers it can split.
const CALLING_CODES: [(&str, &str); 2] = [("+33", "FR"), ("+972", "IL")];

/// The values of a body, to be written into a record.
#[derive(Debug)]
pub(super) struct Written(Vec<(usize, Value)>);

impl Written {
    /// Reads a body.
    pub(super) fn read(object: &Object, body: &Map<String, Json>) -> Result<Written, Refusal> {
        let mut json = Map::new();
        for column in object.columns() {
            if let Some(value) = body.get(&column.path.key)
                && let Some(value) = part(column, value)?
            {
                if has_nul(&value) {
                    return Err(Refusal::Value);
                }
                json.insert(column.name.clone(), value);
            }
        }
        let image = Image::decode(object.columns(), &Json::from(json).to_string());
        let image = image.unwrap_or_else(|error| panic!("a body that cannot be read: {error}"));
        let values = image.into_values().into_iter().enumerate();
        let value = |(index, value): (usize, Option<Value>)| Some((index, kept(object, &value?)));
        Ok(Written(values.filter_map(value).collect()))
    }

    pub(super) fn put_into(&self, image: &mut Image) {
        for (index, value) in &self.0 {
            image.set(*index, Some(value.clone()));
        }
    }
}

/// What a record would hold of a body; nothing of what the body does not name, or of a body that is refused.
pub(crate) fn held_of(object: &Object, body: &Map<String, Json>) -> Image {
    let mut image = Image::unknown(object.columns().len());
    if let Ok(written) = Written::read(object, body) {
        written.put_into(&mut image);
    }
    rewrite(object, &mut image);
    image
}

/// What a value says of a column; nothing for a part that stays as it is.
fn part(column: &Column, value: &Json) -> Result<Option<Json>, Refusal> {
    let Some(part) = column.path.part else { return shapes::scalar(column, value).map(Some) };
    let is_whole = matches!(
        column.field_kind,
        FieldKind::Emails | FieldKind::Phones | FieldKind::Links | FieldKind::RichTextV2
    );
    if value.is_null() {
        return if is_whole { Err(Refusal::Value) } else { Ok(None) };
    }
    let given = value.get(part).cloned();
    Ok(match (part, given) {
        ("primaryEmail", None | Some(Json::Null)) => Some(Json::from("")),
        ("additionalPhones", None) => Some(Json::Null),
        ("blocknote", None) if value.get("markdown").is_some_and(Json::is_string) => {
            Some(Json::from(BLOCKS))
        }
        (_, given) if column.field_kind == FieldKind::Links => Some(shapes::link_part(given)),
        (_, given) => given,
    })
}

/// A NUL fits into no text of the database.
fn has_nul(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(members) => members.values().any(has_nul),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// What the server makes of values: e-mails in lower case, phones split into number and codes.
pub(crate) fn rewrite(object: &Object, image: &mut Image) {
    for (index, column) in object.columns().iter().enumerate() {
        match (&column.field_kind, column.path.part, image.get(index)) {
            (FieldKind::Emails, _, Some(Value::Text(text))) => {
                let lower = Value::Text(text.to_lowercase());
                image.set(index, Some(lower));
            }
            (FieldKind::Emails, _, Some(Value::Json(text))) => {
                let lower = Value::Json(text.to_lowercase());
                image.set(index, Some(lower));
            }
            (FieldKind::Phones, Some("primaryPhoneNumber"), Some(Value::Text(text))) => {
                let Some((number, country, code)) = split(text) else { continue };
                image.set(index, Some(Value::Text(number)));
                image.set(index + 1, Some(Value::Text(country.to_owned())));
                image.set(index + 2, Some(Value::Text(code.to_owned())));
            }
            (FieldKind::Links, Some("primaryLinkLabel"), Some(_)) => shapes::links(image, index),
            _ => {}
        }
    }
}

fn split(text: &str) -> Option<(String, &'static str, &'static str)> {
    let of = |(code, country)| Some((text.strip_prefix(code)?.replace(' ', ""), country, code));
    CALLING_CODES.into_iter().find_map(of)
}
