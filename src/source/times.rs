//! The times of change of single records, of several objects at once.
//!
//! It exists so that a look whether a source was restored costs one round trip and reads no value. Invariants: deleted
//! records are found, too; an object whose answer has another number of records than it counts has none here.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    client::Client,
    error::SourceError,
    graphql::{checked_name, reply},
    problem::{Problem, Unreadable, of_complaint},
    transport::Answer,
};

/// What a look at the times of change brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// The server's time.
    pub served_at: OffsetDateTime,
    /// For each object that was asked for: the records that are there; `None` where the answer is not believed.
    pub shown: Vec<Option<HashMap<Uuid, OffsetDateTime>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    total_count: usize,
    edges: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    node: Node,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

impl Client {
    /// When these records were changed, by the plural names of their objects. Each object counts as a call; no more
    /// than twenty are taken, with sixty records each.
    ///
    /// # Errors
    /// The server refuses all, or could not be asked within the deadline.
    pub async fn times(&self, records: &[(&str, Vec<Uuid>)]) -> Result<Times, SourceError> {
        let (query, variables) = question(records)?;
        let request = self.graphql("graphql", &query, &Value::Object(variables));
        let cost = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let operation = || format!("look at records of {} objects", records.len());
        self.read(operation, &request, cost, |answer| read(&answer, records.len())).await
    }
}

fn question(records: &[(&str, Vec<Uuid>)]) -> Result<(String, Map<String, Value>), SourceError> {
    let (mut names, mut roots, mut variables) = (Vec::new(), Vec::new(), Map::new());
    for (index, (object, ids)) in records.iter().enumerate() {
        let object = checked_name(object)?;
        names.push(format!("$i{index}: [UUID!]!"));
        roots.push(format!(
            "p{index}: {object}(first: 60, filter: {{and: [{{id: {{in: $i{index}}}}}, \
             {{or: [{{deletedAt: {{is: NULL}}}}, {{deletedAt: {{is: NOT_NULL}}}}]}}]}}) \
             {{ totalCount edges {{ node {{ id updatedAt }} }} }}"
        ));
        variables.insert(format!("i{index}"), json!(ids));
    }
    let query = format!("query Times({}) {{ {} }}", names.join(", "), roots.join(" "));
    Ok((query, variables))
}

fn read(answer: &Answer, count: usize) -> Result<Times, Problem> {
    let reply = reply(answer)?;
    let wrong = |_| answer.unreadable(Unreadable::Missing("times of change"));
    let mut found: HashMap<String, Option<Connection>> = match reply.data {
        Some(data) => serde_json::from_str(data.get()).map_err(wrong)?,
        None => HashMap::new(),
    };
    let take = |index| believed(found.remove(&format!("p{index}")).flatten()?);
    let shown: Vec<_> = (0..count).map(take).collect();
    match reply.errors.first() {
        Some(error) if shown.iter().all(Option::is_none) => {
            Err(of_complaint(error.complaint(answer.status), None))
        }
        _ => Ok(Times { served_at: answer.served_at()?, shown }),
    }
}

fn believed(connection: Connection) -> Option<HashMap<Uuid, OffsetDateTime>> {
    let Connection { total_count, edges } = connection;
    let times: HashMap<Uuid, OffsetDateTime> =
        edges.into_iter().map(|Edge { node }| (node.id, node.updated_at)).collect();
    (times.len() == total_count).then_some(times)
}
