//! New records, with ids of our own.
//!
//! It exists because a create with our id can be settled after any accident: either the record is there, or it is
//! not. It goes by REST, where decimals travel as exact text and the answer is the record as a listing would show
//! it. Invariants: every record has an id; nothing is upserted; one refused record keeps out the whole batch, and
//! the caller halves it.

use std::collections::HashSet;

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{LARGEST_BODY, ObjectNames, Sent};
use crate::{
    record::Decoder,
    source::{
        client::{Again, Client},
        error::SourceError,
        page::{PageRecord, read_created},
        transport::Request,
    },
};

/// Records in one create: what the server documents; it takes more.
pub const CREATES_PER_CALL: usize = 60;

/// Keys that belong to the server.
const FORBIDDEN: &[&str] = &["id", "updatedAt", "deletedAt", "searchVector"];

/// A record to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Its id: a UUID of version 1 to 5, other versions are refused.
    pub id: Uuid,
    /// Its fields, as REST takes them; exact decimals as text.
    pub fields: Map<String, Value>,
}

/// One batch of records to create: at least one, no id twice.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecords(Vec<NewRecord>);

impl NewRecords {
    /// A batch of `records`; `None` if it is empty, larger than [`CREATES_PER_CALL`], has an id twice, or sets what
    /// belongs to the server.
    pub fn new(records: Vec<NewRecord>) -> Option<NewRecords> {
        let ids: HashSet<Uuid> = records.iter().map(|record| record.id).collect();
        let fits =
            !records.is_empty() && records.len() <= CREATES_PER_CALL && ids.len() == records.len();
        let clean =
            |record: &NewRecord| FORBIDDEN.iter().all(|key| !record.fields.contains_key(*key));
        (fits && records.iter().all(clean)).then_some(NewRecords(records))
    }

    /// The records.
    pub fn as_slice(&self) -> &[NewRecord] {
        &self.0
    }
}

impl Client {
    /// Creates records in one statement: all or none. The answer holds them as the server keeps them, in any order.
    ///
    /// # Errors
    /// Nothing was sent, or the key is refused.
    pub async fn create(
        &self,
        object: ObjectNames<'_>,
        records: &NewRecords,
        decoder: &Decoder,
    ) -> Result<Sent<Vec<PageRecord>>, SourceError> {
        let body = Bytes::from(body(records));
        if body.len() > LARGEST_BODY {
            return Ok(Sent::too_large());
        }
        let url = self.transport().url(&["rest", "batch", object.plural]);
        let request = Request { method: Method::POST, url, json: Some(body) };
        let key = object.root("create");
        let read = |answer| read_created(answer, &key, decoder);
        match self.send(&request, 1, Again::WhileUntouched, read).await {
            Ok(created) => Ok(Sent::Done(created)),
            Err(problem) => Sent::of(problem).map_err(|problem| SourceError::Call {
                operation: format!("create {} {}", records.0.len(), object.plural),
                problem,
            }),
        }
    }
}

fn body(records: &NewRecords) -> String {
    let one = |record: &NewRecord| {
        let mut fields = record.fields.clone();
        fields.insert("id".to_owned(), Value::String(record.id.to_string()));
        Value::Object(fields)
    };
    Value::Array(records.0.iter().map(one).collect()).to_string()
}
