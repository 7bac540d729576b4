//! One value of one column, in the form the database holds.
//!
//! Composite fields are spread over several columns, as in the real server's tables, so that partial writes,
//! filters on sub-fields and unique values need no special case. Time keeps its microseconds here; only the
//! wire cuts them off, and most of the paging traps follow from that difference.

use std::cmp::Ordering;

use serde_json::Value;
use uuid::Uuid;

use crate::value::{number, stamp};

/// What a column holds; decides parsing, comparison and printing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `uuid`
    Uuid,
    /// `text`
    Text,
    /// `float8`
    Number,
    /// `numeric`: any precision, printed as a string in REST and as a number in GraphQL
    Numeric,
    /// `boolean`
    Boolean,
    /// `timestamptz` with microseconds
    Instant,
    /// `date`
    Date,
    /// An enum of the workspace
    Enum,
    /// An array of an enum of the workspace
    EnumList,
    /// `text[]`
    TextList,
    /// `jsonb`
    Json,
    /// A generated `tsvector`
    Vector,
}

/// One stored value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// A float.
    Number(f64),
    /// Text, date, decimal or enum value, in its canonical spelling.
    Text(Box<str>),
    /// A key.
    Uuid(Uuid),
    /// Microseconds since 1970.
    Instant(i64),
    /// A JSON document or an array.
    Json(Box<Value>),
}

/// Which of the two APIs a value is printed for: decimals are strings in REST and numbers in GraphQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// REST and webhooks.
    Rest,
    /// GraphQL.
    Graphql,
}

impl Cell {
    /// Text as a cell.
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    /// JSON as a cell.
    pub fn json(value: Value) -> Self {
        Self::Json(Box::new(value))
    }

    /// Whether it is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text inside, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The key inside, if it is one.
    pub fn as_uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(id) => Some(*id),
            _ => None,
        }
    }

    /// As the API prints it.
    pub fn to_json(&self, kind: Kind, wire: Wire) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(float) => number::to_json(*float),
            Self::Text(text) if kind == Kind::Numeric && wire == Wire::Graphql => {
                text.parse().map_or(Value::Null, number::to_json)
            }
            Self::Text(text) => Value::String(text.to_string()),
            Self::Uuid(id) => Value::String(id.to_string()),
            Self::Instant(micros) => Value::String(stamp::to_wire(*micros)),
            Self::Json(value) => (**value).clone(),
        }
    }

    /// As PostgreSQL would cast it to text, which is what text operators on other types see.
    pub fn to_sql_text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(flag) => Some(flag.to_string()),
            Self::Number(float) => Some(number::to_text(*float)),
            Self::Text(text) => Some(text.to_string()),
            Self::Uuid(id) => Some(id.to_string()),
            Self::Instant(micros) => Some(stamp::to_wire(*micros)),
            Self::Json(value) => Some(value.to_string()),
        }
    }

    /// Order of two values of one column; `None` when either is NULL.
    pub fn compare(&self, other: &Self, kind: Kind) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => None,
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => Some(a.total_cmp(b)),
            (Self::Text(a), Self::Text(b)) if kind == Kind::Numeric => {
                Some(number::compare_decimals(a, b))
            }
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            (Self::Instant(a), Self::Instant(b)) => Some(a.cmp(b)),
            (a, b) => Some(a.to_sql_text().cmp(&b.to_sql_text())),
        }
    }
}
