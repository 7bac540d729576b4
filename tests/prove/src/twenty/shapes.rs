//! What the server makes of links, of rich text and of JSON.
//!
//! It exists beside the other rules for bodies because these look at a value as a whole. Invariant: as docs/twenty.md
//! tells it, with nothing smoothed over: a promoted link stands where nobody put it, and blocks differ each time.

use serde_json::{Value as Json, json};

use super::statement::Refusal;
use crate::record::{Column, FieldKind, Image, Value};

/// Stands for blocks that are still to be made from the markdown.
pub(super) const BLOCKS: &str = "\u{1}blocks";

/// A value that is no composite: text for JSON is parsed.
pub(super) fn scalar(column: &Column, value: &Json) -> Result<Json, Refusal> {
    match (&column.field_kind, value) {
        (FieldKind::RawJson, Json::String(text)) => {
            serde_json::from_str(text).map_err(|_| Refusal::Value)
        }
        _ => Ok(value.clone()),
    }
}

/// A part of a link: what is missing is null, and so is what is empty.
pub(super) fn link_part(given: Option<Json>) -> Json {
    given.filter(|part| *part != json!("") && *part != json!([])).unwrap_or(Json::Null)
}

/// The link at this place with the two columns after it: the first one that has an address stands first.
pub(super) fn links(image: &mut Image, label: usize) {
    let more = match image.get(label + 2) {
        Some(Value::Json(text)) => serde_json::from_str::<Vec<Json>>(text).unwrap_or_default(),
        _ => Vec::new(),
    };
    let first = match image.get(label + 1) {
        Some(Value::Text(url)) if !url.is_empty() => {
            Some(json!({"url": url, "label": label_of(image, label)}))
        }
        _ => None,
    };
    let is_empty = first.is_none() && more.is_empty();
    if is_empty && !matches!(image.get(label), Some(Value::Text(text)) if !text.is_empty()) {
        image.set(label + 2, Some(Value::Null));
        return;
    }
    let has_url = |link: &Json| link["url"].as_str().is_some_and(|url| !url.is_empty());
    let mut all = first.into_iter().chain(more).filter(has_url).map(|link| normal(&link));
    let text = |value: Option<&str>| Some(value.map_or(Value::Null, |it| Value::Text(it.into())));
    let first = all.next();
    image.set(label, text(first.as_ref().and_then(|link| link["label"].as_str())));
    image.set(label + 1, text(first.as_ref().and_then(|link| link["url"].as_str())));
    let rest: Vec<Json> = all.collect();
    let rest = (!rest.is_empty()).then(|| Value::Json(json!(rest).to_string()));
    image.set(label + 2, Some(rest.unwrap_or(Value::Null)));
}

fn label_of(image: &Image, label: usize) -> Option<&str> {
    match image.get(label) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The origin in lower case, without one slash at the end; a host without a scheme stays.
fn normal(link: &Json) -> Json {
    let url = link["url"].as_str().unwrap_or_default();
    let lowered = url.split_once("://").map_or_else(
        || url.to_owned(),
        |(scheme, rest)| {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (host, path) = rest.split_at(end);
            format!("{}://{}{path}", scheme.to_lowercase(), host.to_lowercase())
        },
    );
    let url = lowered.strip_suffix('/').unwrap_or(&lowered);
    json!({"label": link["label"], "url": url})
}

/// Blocks that are made from markdown have ids of their own each time.
pub(super) fn make_blocks(image: &mut Image, rev: u64) {
    let is_due = |value: &Option<Value>| matches!(value, Some(Value::Text(text)) if text == BLOCKS);
    let due = image.values().iter().position(is_due);
    if let Some(index) = due {
        let blocks = json!([{ "id": format!("s{rev}") }]);
        image.set(index, Some(Value::Text(blocks.to_string())));
        make_blocks(image, rev);
    }
}
