//! Errors as the two GraphQL APIs print them.
//!
//! Three kinds look different on the wire: a document that is wrong (place, no extensions), variables that are
//! wrong (HTTP 400, extensions with that status) and an operation that failed (extensions, no place and no path).

use serde_json::{Map, Value, json};

use super::ast::Place;
use crate::error::ServerError;

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) places: Vec<Place>,
}

/// The text for people where the server has nothing better to say.
const GENERIC: &str = "An error occurred.";

impl Fault {
    pub(super) fn new(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), places: vec![place] }
    }

    pub(super) fn syntax(message: impl Into<String>, place: Place) -> Self {
        Self::new(format!("Syntax Error: {}", message.into()), place)
    }

    pub(super) fn to_json(&self) -> Value {
        let place = |place: &Place| json!({"line": place.line, "column": place.column});
        let places: Vec<Value> = self.places.iter().map(place).collect();
        let mut printed = json!({"message": self.message});
        if !places.is_empty() {
            printed["locations"] = Value::Array(places);
        }
        printed
    }
}

/// The error of variables that do not fit their types.
pub(super) fn of_variables(message: &str) -> Value {
    let extensions = json!({
        "http": {"status": 400}, "code": "BAD_USER_INPUT", "userFriendlyMessage": GENERIC,
    });
    json!({"message": message, "extensions": extensions})
}

/// The error of an operation that failed.
pub(super) fn of_operation(error: &ServerError) -> Value {
    let mut extensions = Map::new();
    extensions.insert("code".to_owned(), json!(error.code));
    if let Some(sub_code) = error.sub_code {
        extensions.insert("subCode".to_owned(), json!(sub_code));
    }
    let (friendly, expected) = friendly(error);
    extensions.insert("userFriendlyMessage".to_owned(), Value::String(friendly));
    if expected {
        extensions.insert("isExpected".to_owned(), json!(true));
    }
    json!({"message": error.message, "extensions": extensions})
}

/// The text for people, and whether the server calls the error expected.
fn friendly(error: &ServerError) -> (String, bool) {
    if error.message == "A duplicate entry was detected" {
        let text = "This record already exists. Please check your data and try again.";
        return (text.to_owned(), false);
    }
    let taken = || {
        let rest = error.message.strip_prefix("Duplicate ")?;
        let (label, rest) = rest.split_once(" with value ")?;
        let value = rest.strip_suffix(". Please set a unique one.")?;
        Some(format!(
            "This {} with value {value} is already taken. Please choose a different value.",
            label.to_lowercase()
        ))
    };
    taken().map_or_else(|| (GENERIC.to_owned(), false), |text| (text, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_value_is_expected_and_named_for_people() {
        let error = ServerError::duplicate_value("Domain Name", "https://dup.example");
        let printed = of_operation(&error);
        assert_eq!(printed["extensions"]["isExpected"], true);
        assert_eq!(
            printed["extensions"]["userFriendlyMessage"],
            "This domain name with value https://dup.example is already taken. Please choose a different value."
        );
        assert!(printed.get("path").is_none());
    }

    #[test]
    fn a_missing_record_carries_code_and_sub_code() {
        let printed = of_operation(&ServerError::record_not_found());
        let wanted = json!({
            "code": "NOT_FOUND", "subCode": "RECORD_NOT_FOUND", "userFriendlyMessage": GENERIC,
        });
        assert_eq!(printed["extensions"], wanted);
    }
}
