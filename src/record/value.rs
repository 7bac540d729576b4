//! One value of a record, in a form that both sides can hold exactly.
//!
//! It exists so that comparing, merging and writing never depend on how JSON or SQL spelt a value.
//! Invariants: text holds no NUL character; a JSON value holds no NUL escape; a time has millisecond
//! resolution; exact decimals are never converted to a float.

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::Decimal;

/// One value of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Text, an option or a rating.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A finite double.
    Double(f64),
    /// An exact decimal.
    Decimal(Decimal),
    /// True or false.
    Boolean(bool),
    /// An id.
    Uuid(Uuid),
    /// A point in time.
    Timestamp(OffsetDateTime),
    /// A day.
    Date(Date),
    /// A list of texts or options.
    List(Vec<String>),
    /// Any JSON, as the text that carried it.
    Json(String),
}

/// One record, with one entry per column of its object.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The record's id on both sides.
    pub id: Uuid,
    /// When the source last changed it; clients may write it, and it can go backwards.
    pub updated_at: OffsetDateTime,
    /// When it was soft-deleted, if it was.
    pub deleted_at: Option<OffsetDateTime>,
    /// The values in the order of the object's columns. `None` means that the source did not send the
    /// key at all (a permission withdrawn, say), which is not the same as null.
    pub values: Vec<Option<Value>>,
}
