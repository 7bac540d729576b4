//! Cursors: base64 of the order keys and the id, unsigned, in milliseconds.

use std::cmp::Ordering;
use std::ops::Bound as Edge;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::World;
use super::cell::{Cell, Wire};
use super::query::{Direction, OrderBy, Query};
use super::range::IdRange;
use super::row::Row;
use super::schema::Object;
use crate::error::ServerError;
use crate::value::cast;

/// The condition that a cursor adds: each branch fixes the keys before its last one and moves past that one.
#[derive(Debug, Default)]
pub(super) struct Continuation {
    branches: Vec<Vec<Step>>,
    pub(super) mentions_deleted_at: bool,
}

#[derive(Debug, Clone)]
struct Step {
    column: usize,
    wanted: Ordering,
    value: Cell,
}

impl Continuation {
    pub(super) fn passes(&self, object: &Object, row: &Row) -> bool {
        let holds = |step: &Step| {
            let kind = object.columns[step.column].kind;
            row.cells[step.column].compare(&step.value, kind) == Some(step.wanted)
        };
        self.branches.is_empty() || self.branches.iter().any(|branch| branch.iter().all(holds))
    }

    /// The ids that can follow when the id is the only key: a range of the table instead of all of it.
    pub(super) fn id_range(&self) -> IdRange {
        let only = match self.branches.as_slice() {
            [branch] => branch.first(),
            _ => None,
        };
        match only.map(|step| (step.wanted, step.value.as_uuid())) {
            Some((Ordering::Greater, Some(id))) => {
                IdRange { low: Edge::Excluded(id), ..IdRange::ALL }
            }
            Some((Ordering::Less, Some(id))) => {
                IdRange { high: Edge::Excluded(id), ..IdRange::ALL }
            }
            _ => IdRange::ALL,
        }
    }
}

/// The cursor of a row under an order. A composite key carries the whole composite.
pub fn encode(object: &Object, row: &Row, order: &[OrderBy]) -> String {
    let key = |key: &OrderBy| {
        let name = key.path.split('.').next().unwrap_or_default();
        let value = object.value(row, name, Wire::Rest).unwrap_or(Value::Null);
        format!("{}:{value},", Value::from(name))
    };
    let keys: String = order.iter().filter(|key| key.path != "id").map(key).collect();
    STANDARD.encode(format!("{{{keys}\"id\":\"{}\"}}", object.id_of(row)))
}

fn decode(cursor: &str) -> Option<Map<String, Value>> {
    let padded = cursor.trim_end_matches('=');
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(padded).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// What a cursor means under the query's order. Keys that the cursor does not carry are left out, so a cursor
/// made under another order gives a wrong page instead of an error.
pub(super) fn continuation(
    world: &World,
    object: &Object,
    query: &Query,
    cursor: &str,
) -> Result<Continuation, ServerError> {
    let invalid = || {
        ServerError::bad_request(format!("Invalid cursor: {cursor}"))
            .with_sub_code("INVALID_CURSOR")
    };
    let keys = decode(cursor).ok_or_else(invalid)?;
    let mut done: Vec<Step> = Vec::new();
    let mut branches = Vec::new();
    let appended = OrderBy { path: "id".to_owned(), direction: Direction::AscNullsFirst };
    let has_id = query.order.iter().any(|key| key.path == "id");
    let order = query.order.iter().chain((!has_id).then_some(&appended));
    let mut mentions_deleted_at = false;
    for key in order {
        let Some(value) = value_at(&keys, &key.path) else { continue };
        mentions_deleted_at |= key.path == "deletedAt";
        if object.field(key.path.split('.').next().unwrap_or_default()).is_none() {
            return Err(ServerError::plain(format!(
                "Field metadata not found for key: {}",
                key.path
            )));
        }
        let Some(column) = object.column_index(&key.path) else { return Err(invalid()) };
        let value = cast::for_filter(world, object, &object.columns[column], value)?;
        let forward = key.direction.is_descending() == query.backward;
        let wanted = if forward { Ordering::Greater } else { Ordering::Less };
        let mut branch = done.clone();
        branch.push(Step { column, wanted, value: value.clone() });
        branches.push(branch);
        done.push(Step { column, wanted: Ordering::Equal, value });
    }
    Ok(Continuation { branches, mentions_deleted_at })
}

fn value_at<'a>(keys: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((key, sub)) => keys.get(key)?.get(sub),
        None => keys.get(path),
    }
}
