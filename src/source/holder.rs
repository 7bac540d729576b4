//! Who holds a value that must be unique?
//!
//! It exists because the server refuses a taken value without saying whose it is, and the holder may be in the
//! trash, where no list shows it (docs/twenty.md, "Unique values"). Invariant: the value travels as a variable.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{client::Client, error::SourceError, graphql::data, write::ObjectNames};

#[derive(Deserialize)]
struct Found {
    holders: Connection,
}

#[derive(Deserialize)]
struct Connection {
    edges: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    node: Node,
}

#[derive(Deserialize)]
struct Node {
    id: Uuid,
}

impl Client {
    /// A record of `object` other than `own` that fulfils `filter`, live or deleted.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn holder(
        &self,
        object: ObjectNames<'_>,
        filter: Value,
        own: Uuid,
    ) -> Result<Option<Uuid>, SourceError> {
        let query = format!(
            "query($filter: {}) {{ holders: {}(first: 1, filter: $filter) {{ edges {{ node {{ id }} }} }} }}",
            object.filter_type(),
            object.plural()
        );
        let both =
            json!({"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]});
        let variables = json!({"filter": {"and": [filter, {"id": {"neq": own}}, both]}});
        let request = self.graphql("graphql", &query, &variables);
        let operation =
            || format!("look for the holder of a unique value among {}", object.plural());
        let found: Found = self.read(operation, &request, 1, |answer| data(&answer)).await?;
        Ok(found.holders.edges.first().map(|edge| edge.node.id))
    }
}
