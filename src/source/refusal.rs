//! Why the server will not do something, however often it is asked.
//!
//! It exists because Twenty says so with status 400, 404, 200 and, for most faults of the database, 500
//! (docs/twenty.md, "Errors"): only the text tells a value that can never be stored from a server in trouble.
//! Invariant: texts are compared whole or by their beginning where a value could stand in them.

use super::{complaint::Complaint, text::ServerText};

/// A request that the server refuses for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What is wrong, as far as it can be told.
    pub kind: RefusalKind,
    /// The HTTP status; `None` if it was never sent.
    pub status: Option<u16>,
    /// In the server's words.
    pub message: ServerText,
}

/// What is wrong with a refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalKind {
    /// Another record, possibly a deleted one, holds a value that must be unique.
    Unique {
        /// The label of the field, in the workspace's words.
        label: String,
    },
    /// The id exists already: perhaps an earlier attempt arrived.
    DuplicateEntry,
    /// The key's role may not do this.
    Permission,
    /// The source does not have this field or object any more, or not yet.
    UnknownField,
    /// The source does not have this option.
    UnknownOption,
    /// A value that cannot be stored.
    Value,
    /// A relation leads to a record that is not there.
    MissingParent,
    /// A field or object that clients may not write.
    ReadOnly,
    /// The record is not there, or deleted.
    NotFound,
    /// A cursor that this server does not know.
    Cursor,
    /// More in one request than the server takes, or the same root field twice.
    TooComplex,
    /// Anything else.
    Other,
}

/// Beginnings of texts, each with what it means. Values stand behind these words, never before.
const BEGINNINGS: &[(&str, RefusalKind)] = &[
    ("A duplicate entry was detected", RefusalKind::DuplicateEntry),
    ("duplicate key value violates unique constraint", RefusalKind::DuplicateEntry),
    ("Field metadata for field ", RefusalKind::UnknownField),
    ("Field metadata not found for ", RefusalKind::UnknownField),
    ("object '", RefusalKind::UnknownField),
    ("Cannot query field ", RefusalKind::UnknownField),
    ("Unknown type ", RefusalKind::UnknownField),
    ("invalid input value for enum ", RefusalKind::UnknownOption),
    ("insert or update on table ", RefusalKind::MissingParent),
    ("Expected 1 record to connect to ", RefusalKind::MissingParent),
    ("cannot insert a non-DEFAULT value", RefusalKind::ReadOnly),
    ("Method not allowed", RefusalKind::ReadOnly),
    ("Rich text is not supported", RefusalKind::ReadOnly),
    ("Record not found", RefusalKind::NotFound),
    ("Invalid cursor", RefusalKind::Cursor),
    ("Cursor is missing", RefusalKind::Cursor),
    ("update or delete on table ", RefusalKind::Value),
    ("null value in column ", RefusalKind::Value),
    ("new row for relation ", RefusalKind::Value),
    ("invalid input syntax ", RefusalKind::Value),
    ("invalid byte sequence ", RefusalKind::Value),
    ("malformed array literal", RefusalKind::Value),
    ("date/time field value out of range", RefusalKind::Value),
    ("unsupported Unicode escape", RefusalKind::Value),
    ("time zone ", RefusalKind::Value),
    ("value too long ", RefusalKind::Value),
    ("value \"", RefusalKind::Value),
    ("The URL of the link is not valid", RefusalKind::Value),
    ("Provided ", RefusalKind::Value),
    ("Unexpected token ", RefusalKind::Value),
    ("Unexpected end of JSON", RefusalKind::Value),
    ("Cannot convert undefined or null", RefusalKind::Value),
    ("Float cannot represent", RefusalKind::Value),
    ("Int cannot represent", RefusalKind::Value),
    ("String cannot represent", RefusalKind::Value),
    ("Boolean cannot represent", RefusalKind::Value),
    ("Invalid UUID", RefusalKind::Value),
];

/// Ends of texts, for those that begin with a value or a name.
const ENDS: &[(&str, RefusalKind)] = &[
    (" is not a valid UUID", RefusalKind::Value),
    (" out of range", RefusalKind::Value),
    ("\" enum.", RefusalKind::UnknownOption),
];

/// What the complaint means, if it is one that repeating cannot help.
pub(super) fn kind(complaint: &Complaint) -> Option<RefusalKind> {
    let text = complaint.text.raw();
    if let Some(label) = unique_label(text) {
        return Some(RefusalKind::Unique { label });
    }
    if is_too_complex(text) {
        return Some(RefusalKind::TooComplex);
    }
    if names_unknown_field(text) {
        return Some(RefusalKind::UnknownField);
    }
    let begins = BEGINNINGS.iter().find(|(beginning, _)| text.starts_with(beginning));
    let ends = || ENDS.iter().find(|(end, _)| text.ends_with(end));
    begins.or_else(ends).map(|(_, kind)| kind.clone()).or_else(|| by_name(complaint))
}

/// What must be unique: the label of a field, or the name of the database's index where only that is told.
fn unique_label(text: &str) -> Option<String> {
    if let Some((label, _)) =
        text.strip_prefix("Duplicate ").and_then(|rest| rest.split_once(" with value "))
    {
        return Some(label.to_owned());
    }
    let index = text
        .strip_prefix("A duplicate entry was detected: unique constraint ")
        .or_else(|| text.strip_prefix("duplicate key value violates unique constraint "))?;
    let index = index.split_whitespace().next()?.trim_matches('"');
    index.contains("IDX_UNIQUE").then(|| index.to_owned())
}

fn is_too_complex(text: &str) -> bool {
    let text = text.get(..80).unwrap_or(text).to_ascii_lowercase();
    text.contains("root resolver")
        || text.contains("too complex")
        || text.contains("query complexity")
}

/// `Field "x" is not defined by type …` and `Object x doesn't have any "y" field.`
fn names_unknown_field(text: &str) -> bool {
    let defined = text.starts_with("Field \"") && text.contains("\" is not defined by type ");
    defined || (text.starts_with("Object ") && text.contains(" doesn't have any \""))
}

fn by_name(complaint: &Complaint) -> Option<RefusalKind> {
    complaint.codes().find_map(|code| match code {
        "RECORD_NOT_FOUND" | "NOT_FOUND" => Some(RefusalKind::NotFound),
        "INVALID_CURSOR" => Some(RefusalKind::Cursor),
        "METHOD_NOT_ALLOWED" => Some(RefusalKind::ReadOnly),
        "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED" | "BAD_USER_INPUT" => {
            Some(RefusalKind::Other)
        }
        _ => None,
    })
}
