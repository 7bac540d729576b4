//! Has anything changed? Asked of many objects at once, without reading a record.
//!
//! It exists because most walks of a quiet workspace find nothing, and a count with the newest time of change tells
//! that for many objects in one round trip, which takes one call of the limit (docs/twenty.md, "Rate limits").
//! Invariants: deleted records count; an object that the server gives no answer for has none here, which means "walk
//! it", never "unchanged"; a server that finds a request too complex is asked in smaller ones from then on.

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

/// Objects in one request, where the server takes as many.
const OBJECTS_PER_CALL: usize = 50;

/// Newer servers take no more root fields than this.
const ROOTS_OF_NEWER_SERVERS: usize = 20;

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

/// What a look at many objects brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The server's time of the first answer; `None` where nothing was asked for.
    pub served_at: Option<OffsetDateTime>,
    /// For each object that was asked for, what it looks like; `None` where the server did not answer for it.
    pub shown: Vec<Option<Probe>>,
}

impl Client {
    /// Looks at each of `objects`, by plural name.
    ///
    /// # Errors
    /// The server refuses all, or could not be asked within the deadline.
    pub async fn probe(&self, objects: &[&str]) -> Result<Probed, SourceError> {
        let asked = self.ask_each(objects, Trash::Counted, "totalCount maxUpdatedAt").await;
        asked.map(|(served_at, shown)| Probed { served_at, shown })
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
        let (_, counts): (_, Vec<Option<Count>>) =
            self.ask_each(objects, trash, "totalCount").await?;
        Ok(counts.into_iter().map(|count| count.map(|count| count.total_count)).collect())
    }

    /// The server's time, and the answer for each object in the same order.
    async fn ask_each<T: DeserializeOwned>(
        &self,
        objects: &[&str],
        trash: Trash,
        wanted: &str,
    ) -> Result<(Option<OffsetDateTime>, Vec<Option<T>>), SourceError> {
        let (mut served_at, mut answers) = (None, Vec::with_capacity(objects.len()));
        let mut rest = objects;
        while !rest.is_empty() {
            let most =
                if self.wants_few_roots() { ROOTS_OF_NEWER_SERVERS } else { OBJECTS_PER_CALL };
            let (asked, later) = rest.split_at(rest.len().min(most));
            match self.ask_some(asked, trash, wanted).await {
                Err(error) if error.is_too_complex() && asked.len() > ROOTS_OF_NEWER_SERVERS => {
                    self.remember_few_roots();
                }
                answer => {
                    let (at, mut shown) = answer?;
                    served_at.get_or_insert(at);
                    answers.append(&mut shown);
                    rest = later;
                }
            }
        }
        Ok((served_at, answers))
    }

    async fn ask_some<T: DeserializeOwned>(
        &self,
        objects: &[&str],
        trash: Trash,
        wanted: &str,
    ) -> Result<(OffsetDateTime, Vec<Option<T>>), SourceError> {
        let request = self.graphql("graphql", &query(objects, trash, wanted)?, &json!({}));
        let operation = || format!("look for changes of {} objects", objects.len());
        let read = |answer: Answer| Ok((answer.served_at()?, read(&answer, objects.len())?));
        self.read(operation, &request, 1, read).await
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
