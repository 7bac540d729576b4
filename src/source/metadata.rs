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
        Ok(field::model(objects))
    }

    async fn objects_by_graphql(&self) -> Result<Vec<WireObject>, SourceError> {
        let introspection =
            self.graphql("metadata", query::INTROSPECTION, &serde_json::Value::Null);
        let known: query::Known = self.ask(&introspection, |answer| data(&answer)).await?;
        let text = query::objects(&known);
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
        Err(endless())
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
        Err(endless())
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

fn endless() -> SourceError {
    let problem = Problem::Unreadable { status: 200, reason: Unreadable::Missing("last page") };
    SourceError::Call { operation: OPERATION.to_owned(), problem }
}

#[cfg(test)]
mod tests;
