//! Has anything changed? Asked of many objects at once, without reading a record.
//!
//! It exists because most walks of a quiet workspace find nothing, and a count with the newest time of change tells
//! that for many objects in one round trip (docs/twenty.md, "Aggregates"). Invariants: deleted records count; an
//! object that the server gives no answer for has none here, which means "walk it", never "unchanged".

use std::collections::HashMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use time::OffsetDateTime;

use super::{
    client::Client,
    error::SourceError,
    graphql::{checked_name, reply},
    lookup::Trash,
    problem::{Problem, Unreadable, of_complaint},
    transport::Answer,
};

/// Objects in one request: newer servers take no more root fields.
const OBJECTS_PER_CALL: usize = 20;

/// What an object looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// How many records it has, live and deleted.
    pub total_count: u64,
    /// The newest `updatedAt` among them.
    #[serde(with = "time::serde::rfc3339::option")]
    pub max_updated_at: Option<OffsetDateTime>,
}

impl Client {
    /// Looks at each of `objects`, by plural name. The answers are in the same order; none for an object that the
    /// server did not answer for. Each object counts as a call.
    ///
    /// # Errors
    /// The server refuses all, or could not be asked within the deadline.
    pub async fn probe(&self, objects: &[&str]) -> Result<Vec<Option<Probe>>, SourceError> {
        self.ask_each(objects, Trash::Counted, "totalCount maxUpdatedAt").await
    }

    /// How many records each of `objects` has, by the same means.
    ///
    /// # Errors
    /// The server refuses all, or could not be asked within the deadline.
    pub async fn counts(
        &self,
        objects: &[&str],
        trash: Trash,
    ) -> Result<Vec<Option<u64>>, SourceError> {
        let counts: Vec<Option<Count>> = self.ask_each(objects, trash, "totalCount").await?;
        Ok(counts.into_iter().map(|count| count.map(|count| count.total_count)).collect())
    }

    async fn ask_each<T: DeserializeOwned>(
        &self,
        objects: &[&str],
        trash: Trash,
        wanted: &str,
    ) -> Result<Vec<Option<T>>, SourceError> {
        let mut answers = Vec::with_capacity(objects.len());
        for objects in objects.chunks(OBJECTS_PER_CALL) {
            let request = self.graphql("graphql", &query(objects, trash, wanted)?, &json!({}));
            let cost = u32::try_from(objects.len()).unwrap_or(u32::MAX);
            let operation = || format!("look for changes of {} objects", objects.len());
            let read = |answer| read(&answer, objects.len());
            answers.append(&mut self.read(operation, &request, cost, read).await?);
        }
        Ok(answers)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    total_count: u64,
}

fn query(objects: &[&str], trash: Trash, wanted: &str) -> Result<String, SourceError> {
    let filter = match trash {
        Trash::Counted => "{or: [{deletedAt: {is: NULL}}, {deletedAt: {is: NOT_NULL}}]}",
        Trash::LeftOut => "{deletedAt: {is: NULL}}",
    };
    let field = |(index, object): (usize, &&str)| {
        let object = checked_name(object)?;
        Ok(format!("p{index}: {object}(first: 1, filter: {filter}) {{ {wanted} }}"))
    };
    let fields: Vec<String> =
        objects.iter().enumerate().map(field).collect::<Result<_, SourceError>>()?;
    Ok(format!("{{ {} }}", fields.join(" ")))
}

/// The answer for each object. Nothing at all is the first problem; some are an answer.
fn read<T: DeserializeOwned>(answer: &Answer, count: usize) -> Result<Vec<Option<T>>, Problem> {
    let reply = reply(answer)?;
    let wrong = |_| answer.unreadable(Unreadable::Missing("count and time of change"));
    let mut found: HashMap<String, Option<T>> = match reply.data {
        Some(data) => serde_json::from_str(data.get()).map_err(wrong)?,
        None => HashMap::new(),
    };
    let probes: Vec<Option<T>> =
        (0..count).map(|index| found.remove(&format!("p{index}")).flatten()).collect();
    match reply.errors.first() {
        Some(error) if probes.iter().all(Option::is_none) => {
            Err(of_complaint(error.complaint(answer.status), None))
        }
        _ => Ok(probes),
    }
}
