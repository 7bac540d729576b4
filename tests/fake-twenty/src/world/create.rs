//! Creating records: one INSERT for the whole batch, so one bad record keeps all of them out.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::cell::{Cell, Wire};
use super::column::Fill;
use super::event::Action;
use super::row::Row;
use super::schema::Object;
use super::{Actor, MAX_RECORDS, World};
use crate::error::ServerError;
use crate::value::input::{self, Cells};
use crate::value::vector;

/// Objects that only the server itself creates and destroys.
const SERVER_ONLY: [&str; 1] = ["workspaceMember"];

impl World {
    /// Creates (or with `upsert` creates and updates) records. The answer is in no order that a client may rely on.
    pub fn create_many(
        &mut self,
        object: &Object,
        bodies: Vec<Map<String, Value>>,
        upsert: bool,
        actor: &Actor,
    ) -> Result<Vec<Row>, ServerError> {
        if SERVER_ONLY.contains(&object.name_singular.as_str()) && !object.is_custom {
            return Err(ServerError::forbidden());
        }
        self.check_may_write(object)?;
        if bodies.len() > MAX_RECORDS {
            let message = format!("Maximum number of records to upsert is {MAX_RECORDS}.");
            return Err(
                ServerError::bad_request(message).with_sub_code("UPSERT_MAX_RECORDS_EXCEEDED")
            );
        }
        let prepared = self.prepare_all(object, bodies, actor)?;
        let mut ids = if upsert {
            self.upsert(object, prepared)?
        } else {
            self.insert_all(object, &prepared)?
        };
        ids.sort_by_key(|id| shuffled(*id));
        ids.dedup();
        let table = self.table(object);
        Ok(ids.iter().filter_map(|id| table.get(*id).cloned()).collect())
    }

    /// Rewrites the bodies and fills in position and creator, before anything is looked up.
    fn prepare_all(
        &self,
        object: &Object,
        bodies: Vec<Map<String, Value>>,
        actor: &Actor,
    ) -> Result<Vec<Cells>, ServerError> {
        let (lowest, highest) = self.table(object).position_range().unzip();
        let mut prepared = Vec::with_capacity(bodies.len());
        for (at, mut body) in bodies.into_iter().enumerate() {
            place(object, &mut body, at, lowest, highest);
            sign(object, &mut body, actor);
            prepared.push(input::cells(self, object, &body)?);
        }
        Ok(prepared)
    }

    /// Inserts all or none.
    pub(super) fn insert_all(
        &mut self,
        object: &Object,
        prepared: &[Cells],
    ) -> Result<Vec<Uuid>, ServerError> {
        let now = self.clock.now();
        let rows: Vec<(Uuid, Row)> =
            prepared.iter().map(|cells| new_row(object, cells, now)).collect();
        self.check_insert(object, &rows)?;
        let ids = rows.iter().map(|(id, _)| *id).collect();
        for (id, row) in rows {
            let after = object.record(&row, Wire::Rest);
            self.table_mut(object).put(id, row);
            self.announce(object, Action::Created, None, Some(after), None, now);
        }
        Ok(ids)
    }

    fn check_insert(&self, object: &Object, rows: &[(Uuid, Row)]) -> Result<(), ServerError> {
        let unique = object.unique_columns();
        let mut ids = HashSet::new();
        let mut values = HashSet::new();
        for (id, row) in rows {
            check_not_null(object, row)?;
            if self.table(object).get(*id).is_some() || !ids.insert(*id) {
                return Err(ServerError::duplicate_entry());
            }
            for (column, label) in &unique {
                let value = row.cells[*column].to_sql_text().unwrap_or_default();
                let held = self.table(object).holder(*column, &value).is_some();
                if !value.is_empty() && (held || !values.insert((*column, value.clone()))) {
                    return Err(ServerError::duplicate_value(label, &value));
                }
            }
        }
        rows.iter().try_for_each(|(id, row)| self.check_targets(object, row, Some((*id, &ids))))
    }

    /// Foreign keys must point to rows, soft-deleted ones included.
    pub(super) fn check_targets(
        &self,
        object: &Object,
        row: &Row,
        batch: Option<(Uuid, &HashSet<Uuid>)>,
    ) -> Result<(), ServerError> {
        for (column, cell) in object.columns.iter().zip(&row.cells) {
            let (Some((target, _)), Some(id)) = (column.target, cell.as_uuid()) else { continue };
            let in_batch = target == object.id && batch.is_some_and(|(_, ids)| ids.contains(&id));
            let exists = self.tables.get(&target).is_some_and(|table| table.get(id).is_some());
            if !exists && !in_batch {
                let table = object.table_name();
                let key = super::update::constraint_name(&table, &column.key);
                let message = format!(
                    "insert or update on table \"{table}\" violates foreign key constraint \"{key}\""
                );
                return Err(ServerError::database(message));
            }
        }
        Ok(())
    }

    /// The object of a test's call, which writes like a key named in `actor`.
    pub(super) fn create_one(
        &mut self,
        object: &Arc<Object>,
        body: Map<String, Value>,
    ) -> Result<Row, ServerError> {
        let mut rows = self.create_many(object, vec![body], false, &Actor::default())?;
        rows.pop().ok_or_else(ServerError::record_not_found)
    }
}

/// An order that has nothing to do with the input: the bytes of the id from behind.
fn shuffled(id: Uuid) -> [u8; 16] {
    let mut bytes = *id.as_bytes();
    bytes.reverse();
    bytes
}

/// `position`: given, `"first"`, `"last"` or missing, which is first.
fn place(
    object: &Object,
    body: &mut Map<String, Value>,
    at: usize,
    lowest: Option<f64>,
    highest: Option<f64>,
) {
    if !object.columns.iter().any(|column| column.is_position) {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "a batch has at most 200 records")]
    let at = at as f64;
    let position = match body.get("position") {
        Some(Value::Number(_)) => return,
        Some(Value::String(word)) if word == "last" => highest.unwrap_or(-1.0) + at + 1.0,
        _ => lowest.unwrap_or(1.0) - at - 1.0,
    };
    body.insert("position".to_owned(), json!(position));
}

/// `createdBy`: a given name keeps the client's whole object, a given source survives, the rest is the key's.
fn sign(object: &Object, body: &mut Map<String, Value>, actor: &Actor) {
    if object.field("createdBy").is_none_or(|field| field.kind != "ACTOR") {
        return;
    }
    let given = body.get("createdBy");
    let text = |key: &str| {
        given.and_then(|given| given.get(key)).and_then(Value::as_str).unwrap_or_default()
    };
    if !text("name").is_empty() {
        return;
    }
    let source = if text("source").is_empty() { "API" } else { text("source") };
    let signed =
        json!({"source": source, "workspaceMemberId": null, "name": actor.name, "context": {}});
    body.insert("createdBy".to_owned(), signed);
}

fn new_row(object: &Object, cells: &Cells, now: i64) -> (Uuid, Row) {
    let fill = |fill: &Fill| match fill {
        Fill::Value(cell) => cell.clone(),
        Fill::NewId => Cell::Uuid(Uuid::new_v4()),
        Fill::Now => Cell::Instant(now),
    };
    let mut row = Row { cells: object.columns.iter().map(|column| fill(&column.fill)).collect() };
    for (at, cell) in cells {
        row.cells[*at] = cell.clone();
    }
    let id_column = object.system_column("id");
    if row.cells[id_column].is_null() {
        row.cells[id_column] = Cell::Uuid(Uuid::new_v4());
    }
    vector::fill(object, &mut row);
    (object.id_of(&row), row)
}

pub(super) fn check_not_null(object: &Object, row: &Row) -> Result<(), ServerError> {
    let bad = object
        .columns
        .iter()
        .zip(&row.cells)
        .find(|(column, cell)| !column.nullable && cell.is_null());
    match bad {
        None => Ok(()),
        Some((column, _)) => {
            let (name, table) = (column.database_name(), object.table_name());
            let message = format!(
                "null value in column \"{name}\" of relation \"{table}\" violates not-null constraint"
            );
            Err(ServerError::database(message))
        }
    }
}
