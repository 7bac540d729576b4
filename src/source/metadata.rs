//! The data model of the workspace, by whichever way this server tells it.
//!
//! It exists because only GraphQL tells the settings of a field (join columns, number types), and which keys it
//! knows differs between versions: they are asked for by introspection first. REST is the fallback for servers
//! that refuse GraphQL for good. Invariants: a passing fault never leads to the fallback, because the two tell
//! different types; a model that cannot be read whole is an error, never a smaller model.

use serde::Deserialize;

use super::{
    client::Client,
    error::SourceError,
    graphql::data,
    problem::{Problem, Unreadable},
    refusal::RefusalKind,
    transport::{Answer, Request},
};
use crate::record::DataModel;

mod field;
mod query;
mod wire;

pub(super) use field::capitalised;
use wire::{Listed, WireObject};

/// More pages of objects than any workspace has.
const MOST_PAGES: usize = 100;

/// What the data model is asked for costs nothing.
const FREE: u32 = 0;

impl Client {
    /// Reads the data model: every object and field, active or not.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn data_model(&self) -> Result<DataModel, SourceError> {
        let objects = match self.objects_by_graphql().await {
            Err(SourceError::Call { problem: Problem::Refused(refusal), .. })
                if !matches!(refusal.kind, RefusalKind::TooComplex) =>
            {
                tracing::debug!(error = %refusal, "no data model by GraphQL, asking by REST");
                self.objects_by_rest().await?
            }
            other => other?,
        };
        field::model(objects)
            .ok_or_else(|| unreadable(Unreadable::Missing("all fields of every object")))
    }

    async fn objects_by_graphql(&self) -> Result<Vec<WireObject>, SourceError> {
        let text =
            query::objects(&self.known_keys("Object").await?, &self.known_keys("Field").await?);
        let mut objects = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let request = self.graphql("metadata", &text, &serde_json::json!({"after": after}));
            let page: ObjectsReply = self.ask(&request, |answer| data(&answer)).await?;
            let (mut listed, next) = page.objects.into_parts();
            objects.append(&mut listed);
            match next {
                None => return Ok(objects),
                Some(cursor) => after = Some(cursor),
            }
        }
        Err(unreadable(Unreadable::Missing("last page")))
    }

    /// The keys of a type; one request each, because newer servers refuse a root field that comes twice. A server
    /// that does not tell is asked for everything.
    async fn known_keys(&self, name: &str) -> Result<query::Known, SourceError> {
        let request =
            self.graphql("metadata", query::INTROSPECTION, &serde_json::json!({"name": name}));
        match self.ask(&request, |answer| data(&answer)).await {
            Err(SourceError::Call { problem: Problem::Refused(_), .. }) => {
                Ok(query::Known::default())
            }
            other => other,
        }
    }

    async fn objects_by_rest(&self) -> Result<Vec<WireObject>, SourceError> {
        let mut objects = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut url = self.transport().url(&["rest", "metadata", "objects"]);
            // An older server takes no query string at all, and has no second page.
            if let Some(cursor) = &after {
                url.query_pairs_mut().append_pair("starting_after", cursor);
            }
            let request = Request { method: reqwest::Method::GET, url, json: None };
            let (mut listed, next) = self.ask(&request, |answer| wire::rest_page(&answer)).await?;
            objects.append(&mut listed);
            match next {
                None => return Ok(objects),
                Some(cursor) => after = Some(cursor),
            }
        }
        Err(unreadable(Unreadable::Missing("last page")))
    }

    async fn ask<T>(
        &self,
        request: &Request,
        read: impl Fn(Answer) -> Result<T, Problem>,
    ) -> Result<T, SourceError> {
        self.read(|| OPERATION.to_owned(), request, FREE, read).await
    }
}

const OPERATION: &str = "read the data model";

#[derive(Deserialize)]
struct ObjectsReply {
    objects: Listed<WireObject>,
}

fn unreadable(reason: Unreadable) -> SourceError {
    let problem = Problem::Unreadable { status: 200, reason };
    SourceError::Call { operation: OPERATION.to_owned(), problem }
}

#[cfg(test)]
pub(super) mod fuzz;
#[cfg(test)]
mod tests;
