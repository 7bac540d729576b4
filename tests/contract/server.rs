//! One server for a statement, whichever it is: the model of the histories, or one that is asked over HTTP.
//!
//! It exists so that what both know is stated once. The model (tests/prove) is what the promises are proven against,
//! so a statement about writes, the trash, pages and counts runs on it too, twice: with columns that keep microseconds
//! and with those that do not. Invariants: a statement cannot tell which server it is on; the model is asked by the
//! same functions that the histories call.

use std::sync::Mutex;

pub(super) use prove::server::{Page, Refusal, Removal, Table};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    twenty::{fresh_id, on_twenty},
    wire::Wire,
};

pub(super) enum Server<'t> {
    Model(Mutex<prove::server::Server>),
    Wire(Wire<'t>),
}

/// Runs a statement on the model, then on the fake or a live server. The parents there have fields of these types.
pub(super) async fn on_each_server(types: &[&str], test: impl AsyncFn(&Server<'_>)) {
    for keeps_micros in [false, true] {
        println!("on the model, whose times keep microseconds: {keeps_micros}");
        test(&Server::model(keeps_micros)).await;
    }
    println!("over HTTP");
    on_twenty(async |twenty| test(&Server::Wire(Wire::make(twenty, types).await)).await).await;
}

/// The filter of one record.
pub(super) fn by_id(id: &Value) -> Value {
    json!({"id": {"eq": id}})
}

/// The id of a record.
pub(super) fn id_of(record: &Value) -> Uuid {
    Uuid::parse_str(record["id"].as_str().unwrap()).unwrap()
}

impl<'t> Server<'t> {
    pub(super) fn model(keeps_micros: bool) -> Server<'t> {
        Server::Model(Mutex::new(prove::server::Server::new(keeps_micros)))
    }

    /// Lets so much time pass that two moments differ on the wire.
    pub(super) fn tick(&self) {
        match self {
            Server::Model(model) => model.lock().unwrap().tick(),
            Server::Wire(wire) => wire.tick(),
        }
    }

    /// Creates records, all or none. The answer is in any order.
    pub(super) async fn create(
        &self,
        table: Table,
        bodies: &[Value],
    ) -> Result<Vec<Value>, Refusal> {
        match self {
            Server::Model(model) => model.lock().unwrap().create(table, bodies),
            Server::Wire(wire) => wire.create(table, bodies).await,
        }
    }

    /// Writes one patch into every record that passes the filter, the trash included; their ids, sorted.
    pub(super) async fn update(
        &self,
        table: Table,
        filter: &Value,
        patch: &Value,
    ) -> Result<Vec<Uuid>, Refusal> {
        match self {
            Server::Model(model) => model.lock().unwrap().update(table, filter, patch),
            Server::Wire(wire) => wire.update(table, filter, patch).await,
        }
    }

    /// Removes every record that passes the filter, the trash included; their ids, sorted.
    pub(super) async fn delete(&self, table: Table, filter: &Value, how: Removal) -> Vec<Uuid> {
        match self {
            Server::Model(model) => model.lock().unwrap().delete(table, filter, how),
            Server::Wire(wire) => wire.delete(table, filter, how).await,
        }
    }

    /// A page of what changed since a moment, or of everything, the trash included.
    pub(super) async fn page(
        &self,
        table: Table,
        since: Option<OffsetDateTime>,
        after: Option<&str>,
        limit: usize,
    ) -> Page {
        match self {
            Server::Model(model) => model.lock().unwrap().page(table, since, after, limit),
            Server::Wire(wire) => wire.page(table, since, after, limit).await,
        }
    }

    /// The records with these ids, the trash included, in the order of ids.
    pub(super) async fn look(&self, table: Table, ids: &[Uuid]) -> Vec<Value> {
        match self {
            Server::Model(model) => model.lock().unwrap().look(table, ids),
            Server::Wire(wire) => wire.look(table, ids).await,
        }
    }

    /// How many records have an id from one on and below another.
    pub(super) async fn count(
        &self,
        table: Table,
        (from, to): (Uuid, Option<Uuid>),
        with_trash: bool,
    ) -> u64 {
        match self {
            Server::Model(model) => model.lock().unwrap().count(table, from, to, with_trash),
            Server::Wire(wire) => wire.count(table, (from, to), with_trash).await,
        }
    }

    /// How many records there are.
    pub(super) async fn total(&self, table: Table, with_trash: bool) -> u64 {
        self.count(table, (Uuid::nil(), None), with_trash).await
    }

    /// Creates a record that is not refused.
    pub(super) async fn made(&self, table: Table, mut body: Value) -> Value {
        if body["id"].is_null() {
            body["id"] = json!(fresh_id());
        }
        self.create(table, &[body]).await.unwrap().remove(0)
    }

    /// Creates this many records; their ids, sorted.
    pub(super) async fn made_many(&self, table: Table, count: usize) -> Vec<Uuid> {
        let bodies: Vec<Value> =
            (0..count).map(|at| json!({"id": fresh_id(), "name": format!("r{at}")})).collect();
        let made = self.create(table, &bodies).await.unwrap();
        let mut ids: Vec<Uuid> = made.iter().map(id_of).collect();
        ids.sort();
        ids
    }

    /// Changes a record that must be there; what it is then.
    pub(super) async fn patch(&self, table: Table, id: &Value, patch: Value) -> Value {
        let hit = self.update(table, &by_id(id), &patch).await;
        assert_eq!(hit.map(|hit| hit.len()), Ok(1), "{patch}");
        self.read(table, id).await
    }

    /// A record, live or deleted; null when there is none.
    pub(super) async fn read(&self, table: Table, id: &Value) -> Value {
        let found = self.look(table, &[id_of(&json!({"id": id}))]).await;
        found.into_iter().next().unwrap_or_default()
    }

    /// Puts a record into the trash.
    pub(super) async fn trash(&self, table: Table, id: &Value) {
        assert_eq!(self.delete(table, &by_id(id), Removal::Soft).await.len(), 1);
    }

    /// Destroys a record.
    pub(super) async fn destroy(&self, table: Table, id: &Value) {
        assert_eq!(self.delete(table, &by_id(id), Removal::ForEver).await.len(), 1);
    }

    /// The pages of a listing, by following cursors.
    pub(super) async fn walk(&self, table: Table, limit: usize) -> Vec<Vec<Uuid>> {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(table, None, after.as_deref(), limit).await;
            pages.push(page.records.iter().map(id_of).collect());
            if !page.has_next {
                return pages;
            }
            after = page.cursor;
        }
    }
}
