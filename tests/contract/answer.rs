//! An answer that was read to its end, and the few shapes that answers have.
//!
//! The shapes are themselves facts: docs/twenty.md, "REST routes" and "Errors".

use reqwest::header::HeaderMap;
use serde_json::Value;

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The JSON, or the text that is none.
    pub(super) body: Value,
}

impl Answer {
    pub(super) async fn read(response: reqwest::Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    /// The body of an answer that has this status.
    #[track_caller]
    pub(super) fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// What a successful REST call or a GraphQL request with one root field is about.
    #[track_caller]
    pub(super) fn subject(self, status: u16) -> Value {
        let body = self.with(status);
        assert!(body["errors"].is_null(), "{body}");
        let data = body["data"].as_object().unwrap_or_else(|| panic!("no data in {body}"));
        assert_eq!(data.len(), 1, "{body}");
        data.values().next().unwrap().clone()
    }

    /// The first message, wherever the kind of answer keeps it.
    pub(super) fn message(&self) -> &str {
        let body = &self.body;
        let places = [&body["messages"][0], &body["message"], &body["errors"][0]["message"]];
        places.into_iter().find_map(Value::as_str).unwrap_or_default()
    }

    /// Requires a refusal with this status, whose message contains `part`.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(self.message().contains(part), "{} does not say {part:?}", self.body);
    }

    /// The code of the first error of a GraphQL answer.
    pub(super) fn code(&self) -> &Value {
        &self.body["errors"][0]["extensions"]["code"]
    }

    /// Whether the call was refused for its number, or for a cache that is being rebuilt, and so did nothing.
    pub(super) fn did_nothing(&self) -> bool {
        let limited = &self.body["errors"][0]["extensions"]["subCode"] == "LIMIT_REACHED";
        let mut values = self.body["data"].as_object().into_iter().flat_map(|data| data.values());
        let rebuilding = self.message().contains("Metadata cache version not found");
        self.status == 429 || rebuilding || limited && values.all(Value::is_null)
    }
}

/// The ids of a list of records, in its order.
pub(super) fn ids(records: &Value) -> Vec<String> {
    let records = records.as_array().unwrap_or_else(|| panic!("no list: {records}"));
    records.iter().map(|record| text(&record["id"])).collect()
}

/// The ids of a list of records, sorted.
pub(super) fn sorted_ids(records: &Value) -> Vec<String> {
    let mut ids = ids(records);
    ids.sort();
    ids
}

/// A value that must be a text.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
