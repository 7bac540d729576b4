//! A record, and how it prints.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::cell::{Cell, Wire};
use super::schema::Object;
use crate::value::{number, stamp};

/// One record: a cell for each column of its object.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The values, in the order of `Object::columns`.
    pub cells: Vec<Cell>,
}

impl Object {
    /// The record's id.
    pub fn id_of(&self, row: &Row) -> Uuid {
        row.cells[self.system_column("id")].as_uuid().expect("an id is never NULL")
    }

    /// Whether the record is soft-deleted.
    pub fn is_deleted(&self, row: &Row) -> bool {
        !row.cells[self.system_column("deletedAt")].is_null()
    }

    /// The value under one key of the record: a scalar, a composite as an object, or a join column.
    /// None when the object has no such key or it is not visible.
    pub fn value(&self, row: &Row, key: &str, wire: Wire) -> Option<Value> {
        let mut columns = self.columns_of(key).filter(|(_, column)| column.visible).peekable();
        let (first, column) = *columns.peek()?;
        if column.sub.is_none() {
            return Some(row.cells[first].to_json(column.kind, wire));
        }
        let part = |(at, column): (usize, &super::Column)| {
            let sub = column.sub.unwrap_or_default().to_owned();
            (sub, row.cells[at].to_json(column.kind, wire))
        };
        Some(Value::Object(columns.map(part).collect()))
    }

    /// The keys that a record shows at depth 0, in order.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for column in self.columns.iter().filter(|column| column.visible) {
            if keys.last() != Some(&column.key.as_str()) {
                keys.push(&column.key);
            }
        }
        keys
    }

    /// The record as REST shows it at depth 0.
    pub fn record(&self, row: &Row, wire: Wire) -> Map<String, Value> {
        let pair = |key: &str| Some((key.to_owned(), self.value(row, key, wire)?));
        self.keys().into_iter().filter_map(pair).collect()
    }

    /// Prints the record without building a tree: lists are what the server does most.
    /// Leaves out the closing brace, so that relations can follow.
    pub(crate) fn print_open(&self, row: &Row, out: &mut String) {
        out.push('{');
        let mut first = true;
        let mut inside: Option<&str> = None;
        for (column, cell) in
            self.columns.iter().zip(&row.cells).filter(|(column, _)| column.visible)
        {
            if inside.is_some_and(|key| key != column.key || column.sub.is_none()) {
                out.push('}');
                inside = None;
            }
            if !std::mem::take(&mut first) && !out.ends_with('{') {
                out.push(',');
            }
            if let Some(sub) = column.sub {
                if inside.is_none() {
                    print_key(&column.key, out);
                    out.push('{');
                    inside = Some(&column.key);
                }
                print_key(sub, out);
            } else {
                print_key(&column.key, out);
            }
            print_cell(cell, out);
        }
        if inside.is_some() {
            out.push('}');
        }
    }

    /// Prints the record as REST shows it at depth 0.
    pub(crate) fn print(&self, row: &Row, out: &mut String) {
        self.print_open(row, out);
        out.push('}');
    }
}

fn print_key(key: &str, out: &mut String) {
    out.push('"');
    out.push_str(key);
    out.push_str("\":");
}

fn print_cell(cell: &Cell, out: &mut String) {
    match cell {
        Cell::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Cell::Number(float) if float.is_finite() => out.push_str(&number::to_text(*float)),
        Cell::Null | Cell::Number(_) => out.push_str("null"),
        Cell::Text(text) => print_text(text, out),
        Cell::Uuid(id) => {
            out.push('"');
            out.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            out.push('"');
        }
        Cell::Instant(micros) => {
            out.push('"');
            out.push_str(&stamp::to_wire(*micros));
            out.push('"');
        }
        Cell::Json(value) => out.push_str(&value.to_string()),
    }
}

fn print_text(text: &str, out: &mut String) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}
