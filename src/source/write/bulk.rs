//! Bulk writes by ids: one GraphQL root field each.
//!
//! It exists because one update-many is one SQL statement: its filter is a compare-and-set, and its answer names the
//! records that were hit (docs/twenty.md, "Guarded writes"). Invariants: every filter begins with the ids; every
//! condition stands in an object of its own under `and`, because the server drops all but one of several; an
//! update never touches a deleted record.

use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{NonEmptyIds, ObjectNames, Patch, Sent, mutation::Mutation};
use crate::source::{client::Client, error::SourceError};

/// One change for all of `ids` that still fulfil the guards.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardedUpdate {
    /// The records.
    pub ids: NonEmptyIds,
    /// Filter fragments, all of which a record must fulfil. They should still hold once the patch is applied, or
    /// the server sends no event.
    pub guards: Vec<Value>,
    /// What is set.
    pub patch: Patch,
}

/// A removal of records by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// The records.
    pub ids: NonEmptyIds,
    /// Filter fragments, all of which a record must fulfil.
    pub guards: Vec<Value>,
    /// Whether they can be restored.
    pub mode: DeleteMode,
}

/// How records are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteMode {
    /// Into the trash. A record that is there already gets a new time of deletion: leave such ids out.
    Soft,
    /// For ever, and without a trace.
    Hard,
}

/// The way back from the trash.
#[derive(Debug, Clone, PartialEq)]
pub struct Restore {
    /// The records.
    pub ids: NonEmptyIds,
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
            DeleteMode::Hard => ("destroy", "id"),
        };
        let filter = filter(&delete.ids, delete.guards.clone());
        self.mutate(object, &Mutation { root: object.root(verb), filter, data: None, fields }).await
    }

    /// Restores records. It is an update and not the server's restore, whose event says "deleted".
    ///
    /// # Errors
    /// Nothing was sent, or the key is refused.
    pub async fn restore(
        &self,
        object: ObjectNames<'_>,
        restore: &Restore,
    ) -> Result<Sent<Vec<Hit>>, SourceError> {
        // Both states, or the server would not find the record again to send its event.
        let both =
            json!({"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]});
        let filter = filter(&restore.ids, vec![both]);
        let data = Some(json!({"deletedAt": null}));
        self.mutate(
            object,
            &Mutation { root: object.root("update"), filter, data, fields: "id updatedAt" },
        )
        .await
    }
}

impl GuardedUpdate {
    pub(super) fn mutation(&self, object: ObjectNames<'_>) -> Mutation {
        let mut guards = self.guards.clone();
        guards.push(json!({"deletedAt": {"is": "NULL"}}));
        Mutation {
            root: object.root("update"),
            filter: filter(&self.ids, guards),
            data: Some(Value::Object(self.patch.fields().clone())),
            fields: "id updatedAt",
        }
    }
}

fn filter(ids: &NonEmptyIds, guards: Vec<Value>) -> Value {
    let mut conditions = vec![json!({"id": {"in": ids.as_slice()}})];
    conditions.extend(guards);
    json!({"and": conditions})
}
