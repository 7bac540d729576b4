//! The workspace: schema, rows, clock, and the operations that REST, GraphQL and tests share.
//!
//! Everything the server knows is here and nothing of HTTP is. One operation is one transaction: it takes the time
//! once, checks everything, and only then changes rows (upsert is the exception, as on the real server).

mod aggregate;
mod alter;
mod cell;
mod clock;
mod column;
mod create;
mod cursor;
mod edit;
mod event;
mod grow;
mod hooks;
mod load;
mod model;
mod play;
mod positions;
mod query;
mod range;
mod relation;
mod remove;
mod row;
mod sample;
mod schema;
mod standard;
mod table;
mod update;
mod upsert;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

pub use aggregate::{Aggregate, Dimension, Granularity, Group};
pub use cell::{Cell, Kind, Wire};
pub use clock::Clock;
pub use column::{Column, Fill, parts};
pub use cursor::encode as encode_cursor;
pub use edit::NewField;
pub use event::{Action, Event};
pub use load::LoadError;
pub use query::{Direction, OrderBy, Page, Query};
pub(crate) use range::IdRange;
pub use row::Row;
pub use schema::{Field, Link, Object, OnDelete};
pub use table::Table;

use crate::error::ServerError;

/// Records per batch and per page.
pub const MAX_RECORDS: usize = 200;

/// A whole workspace.
#[derive(Debug, Clone)]
pub struct World {
    /// The workspace's id, which tokens name.
    pub workspace_id: Uuid,
    /// Registered webhooks.
    pub webhooks: Vec<Webhook>,
    /// What the operations announced and nobody delivered yet.
    pub events: Vec<Event>,
    /// The value that a read-only role may not touch: objects whose writes are refused.
    pub read_only: Vec<Uuid>,
    /// Features that the imitated version lacks.
    pub switches: Switches,
    pub(crate) ignores_filters: bool,
    /// Whether somebody besides webhooks wants to know what happens.
    pub(crate) is_watched: bool,
    objects: Vec<Arc<Object>>,
    tables: HashMap<Uuid, Table>,
    clock: Clock,
}

/// Features of other versions of the server, earlier or later, all off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Switches {
    /// GraphQL refuses to answer one root field twice under two names, and more than twenty root fields.
    pub refuses_repeated_roots: bool,
    /// `/client-config` tells this version.
    pub app_version: Option<String>,
    /// REST is that of October 2025: no trash, no restore, no bulk update, no limit of calls; a record that is not
    /// there is status 400; a count leaves out what came before the cursor.
    pub legacy_rest: bool,
    /// Records show so many fields by REST unless `fields` names others, as newer servers do with 200.
    pub field_cap: Option<usize>,
}

/// A registered webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Where deliveries go.
    pub target_url: String,
    /// Patterns such as `company.*`.
    pub operations: Vec<String>,
    /// Free text.
    pub description: Option<String>,
    /// Key of the signature.
    pub secret: String,
    /// When it was registered, in microseconds since 1970.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// Who writes.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Goes into `createdBy.name`.
    pub name: String,
}

impl Default for Actor {
    fn default() -> Self {
        Self { name: "My api key".to_owned() }
    }
}

impl World {
    /// An empty workspace.
    pub fn empty() -> Self {
        Self {
            workspace_id: Uuid::from_u128(0x2020_2020_1c25_4d02_bf25_6aec_cf7e_a419),
            webhooks: Vec::new(),
            events: Vec::new(),
            read_only: Vec::new(),
            switches: Switches::default(),
            ignores_filters: false,
            is_watched: false,
            objects: Vec::new(),
            tables: HashMap::new(),
            clock: Clock::Real,
        }
    }

    /// The server's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Freezes, shifts or frees the clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// All objects, inactive ones included, in the order in which metadata lists them.
    pub fn objects(&self) -> &[Arc<Object>] {
        &self.objects
    }

    /// An active object by plural name.
    pub fn object(&self, plural: &str) -> Option<Arc<Object>> {
        self.objects.iter().find(|object| object.is_active && object.name_plural == plural).cloned()
    }

    /// An active object by singular name.
    pub fn object_by_singular(&self, singular: &str) -> Option<Arc<Object>> {
        self.objects
            .iter()
            .find(|object| object.is_active && object.name_singular == singular)
            .cloned()
    }

    /// An object by id, active or not.
    pub fn object_by_id(&self, id: Uuid) -> Option<Arc<Object>> {
        self.objects.iter().find(|object| object.id == id).cloned()
    }

    /// The rows of an object.
    pub fn table(&self, object: &Object) -> &Table {
        self.tables.get(&object.id).expect("every object has a table")
    }

    fn table_mut(&mut self, object: &Object) -> &mut Table {
        self.tables.get_mut(&object.id).expect("every object has a table")
    }

    /// Empties every table.
    fn clear_records(&mut self) {
        for object in self.objects.clone() {
            self.tables.insert(object.id, Table::of(&object));
        }
    }

    /// All rows of an object, deleted ones included, as REST shows them at depth 0, in id order.
    pub fn rows(&self, plural: &str) -> Vec<Value> {
        let object = self.expect_object(plural);
        let print = |row: &Row| Value::Object(object.record(row, Wire::Rest));
        self.table(&object).rows().values().map(print).collect()
    }

    /// The object, where the caller (a test) is sure that it exists.
    fn expect_object(&self, plural: &str) -> Arc<Object> {
        self.object(plural).unwrap_or_else(|| panic!("the workspace has no object named {plural}"))
    }

    /// The name of the workspace's database schema, which enum errors quote.
    pub fn schema_name(&self) -> String {
        let mut rest = self.workspace_id.as_u128();
        let mut digits = Vec::new();
        while rest > 0 {
            let digit = u8::try_from(rest % 36).expect("a remainder of 36 fits");
            digits.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
            rest /= 36;
        }
        let text: String = digits.iter().rev().map(|byte| char::from(*byte)).collect();
        format!("workspace_{text}")
    }

    /// Refuses writes to an object that the key's role may only read.
    fn check_may_write(&self, object: &Object) -> Result<(), ServerError> {
        if self.read_only.contains(&object.id) { Err(ServerError::forbidden()) } else { Ok(()) }
    }

    /// Adds an object with an empty table.
    fn insert_object(&mut self, mut object: Object) -> Arc<Object> {
        object.rebuild_columns();
        self.tables.insert(object.id, Table::of(&object));
        let object = Arc::new(object);
        self.objects.push(Arc::clone(&object));
        object
    }
}
