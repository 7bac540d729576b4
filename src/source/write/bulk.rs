//! Bulk writes by ids: one GraphQL root field each.
//!
//! It exists because one update-many is one SQL statement: its filter is a compare-and-set, and its answer names the
//! records that were hit (docs/twenty.md, "Guarded writes"). Invariants: every filter begins with the ids; every
//! condition stands in an object of its own under `and`, because the server drops all but one of several; an
//! update touches a deleted record only to restore it.

use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ObjectNames, Patch, Sent, mutation::Mutation};
use crate::{
    record::{DeleteMode, Ids},
    source::{client::Client, error::SourceError},
};

/// One change for all of `ids` that still fulfil the guards.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardedUpdate {
    /// The records.
    pub ids: Ids,
    /// Filter fragments, all of which a record must fulfil. They should still hold once the change is made, or the
    /// server sends no event.
    pub guards: Vec<Value>,
    /// What is changed.
    pub change: Change,
}

/// What an update changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Fields of live records.
    Set(Patch),
    /// Records come back from the trash, perhaps with other values. It is an update and not the server's restore,
    /// whose event says "deleted".
    Restore(Option<Patch>),
}

/// A removal of records by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// The records. A soft delete gives a record that is in the trash already a new time of deletion: leave it out.
    pub ids: Ids,
    /// Whether they can be restored.
    pub mode: DeleteMode,
}

/// A record that a bulk write touched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// The record.
    pub id: Uuid,
    /// Its new time of change; none for a record that is gone.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub updated_at: Option<OffsetDateTime>,
}

impl Client {
    /// Sends one guarded update. The answer names the records that were hit: those absent from it are gone, deleted
    /// or failed a guard.
    ///
    /// # Errors
    /// Nothing was sent, or the key is refused.
    pub async fn update(
        &self,
        object: ObjectNames<'_>,
        update: &GuardedUpdate,
    ) -> Result<Sent<Vec<Hit>>, SourceError> {
        self.mutate(object, &update.mutation(object)).await
    }

    /// Removes records. The answer names those that were hit.
    ///
    /// # Errors
    /// Nothing was sent, or the key is refused.
    pub async fn delete(
        &self,
        object: ObjectNames<'_>,
        delete: &Delete,
    ) -> Result<Sent<Vec<Hit>>, SourceError> {
        let (verb, fields) = match delete.mode {
            DeleteMode::Soft => ("delete", "id updatedAt"),
            DeleteMode::Destroy => ("destroy", "id"),
        };
        let filter = filter(&delete.ids, Vec::new());
        self.mutate(object, &Mutation { root: object.root(verb), filter, data: None, fields }).await
    }
}

impl GuardedUpdate {
    pub(super) fn mutation(&self, object: ObjectNames<'_>) -> Mutation {
        let (life, data) = match &self.change {
            Change::Set(patch) => (json!({"deletedAt": {"is": "NULL"}}), patch.fields().clone()),
            Change::Restore(patch) => {
                let mut data = patch.as_ref().map(Patch::fields).cloned().unwrap_or_default();
                data.insert("deletedAt".to_owned(), Value::Null);
                (live_or_deleted(), data)
            }
        };
        let mut guards = self.guards.clone();
        guards.push(life);
        Mutation {
            root: object.root("update"),
            filter: filter(&self.ids, guards),
            data: Some(Value::Object(data)),
            fields: "id updatedAt",
        }
    }
}

/// Both states, or the server would not find a restored record again to send its event.
fn live_or_deleted() -> Value {
    json!({"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]})
}

fn filter(ids: &Ids, guards: Vec<Value>) -> Value {
    let mut conditions = vec![json!({"id": {"in": ids.as_slice()}})];
    conditions.extend(guards);
    json!({"and": conditions})
}
