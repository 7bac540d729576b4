//! How fields become columns.
//!
//! A composite field is several columns, exactly as in the real server's tables; a relation is the column of its
//! key on the owning side and nothing on the other.

use serde_json::Value;
use uuid::Uuid;

use super::cell::{Cell, Kind};
use super::schema::{Field, OnDelete};

/// One column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// The field it belongs to.
    pub field: Uuid,
    /// Key in a record.
    pub key: String,
    /// Key inside the composite, if the field is one.
    pub sub: Option<&'static str>,
    /// What it holds.
    pub kind: Kind,
    /// Whether NULL is accepted.
    pub nullable: bool,
    /// What a new row gets.
    pub fill: Fill,
    /// The table that it points to.
    pub target: Option<(Uuid, OnDelete)>,
    /// Whether records show it.
    pub visible: bool,
    /// Whether the field's type is a position.
    pub is_position: bool,
}

/// What a column of a new row gets when the body does not name it.
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// A constant.
    Value(Cell),
    /// A random key.
    NewId,
    /// The start of the transaction.
    Now,
}

impl Column {
    /// Whether `path` names this column: `key`, or `key.sub`.
    pub fn is_at(&self, path: &str) -> bool {
        match self.sub {
            None => self.key == path,
            Some(sub) => {
                path.strip_prefix(self.key.as_str()).and_then(|rest| rest.strip_prefix('.'))
                    == Some(sub)
            }
        }
    }

    /// The name in the database: the key followed by the capitalised sub-field.
    pub fn database_name(&self) -> String {
        match self.sub {
            None => self.key.clone(),
            Some(sub) => format!("{}{}{}", self.key, sub[..1].to_uppercase(), &sub[1..]),
        }
    }
}

/// The parts of a composite type, in the order in which the wire shows them.
pub fn parts(kind: &str) -> &'static [(&'static str, Kind)] {
    match kind {
        "FULL_NAME" => &[("firstName", Kind::Text), ("lastName", Kind::Text)],
        "EMAILS" => &[("primaryEmail", Kind::Text), ("additionalEmails", Kind::Json)],
        "LINKS" => &[
            ("primaryLinkLabel", Kind::Text),
            ("primaryLinkUrl", Kind::Text),
            ("secondaryLinks", Kind::Json),
        ],
        "PHONES" => &[
            ("primaryPhoneNumber", Kind::Text),
            ("primaryPhoneCountryCode", Kind::Text),
            ("primaryPhoneCallingCode", Kind::Text),
            ("additionalPhones", Kind::Json),
        ],
        "CURRENCY" => &[("amountMicros", Kind::Numeric), ("currencyCode", Kind::Text)],
        "ADDRESS" => &[
            ("addressStreet1", Kind::Text),
            ("addressStreet2", Kind::Text),
            ("addressCity", Kind::Text),
            ("addressPostcode", Kind::Text),
            ("addressState", Kind::Text),
            ("addressCountry", Kind::Text),
            ("addressLat", Kind::Numeric),
            ("addressLng", Kind::Numeric),
        ],
        "ACTOR" => &[
            ("source", Kind::Enum),
            ("workspaceMemberId", Kind::Uuid),
            ("name", Kind::Text),
            ("context", Kind::Json),
        ],
        "RICH_TEXT_V2" => &[("blocknote", Kind::Text), ("markdown", Kind::Text)],
        _ => &[],
    }
}

fn scalar(kind: &str) -> Kind {
    match kind {
        "UUID" => Kind::Uuid,
        "NUMBER" | "POSITION" => Kind::Number,
        "NUMERIC" => Kind::Numeric,
        "BOOLEAN" => Kind::Boolean,
        "DATE_TIME" => Kind::Instant,
        "DATE" => Kind::Date,
        "SELECT" | "RATING" => Kind::Enum,
        "MULTI_SELECT" => Kind::EnumList,
        "ARRAY" => Kind::TextList,
        "RAW_JSON" => Kind::Json,
        "TS_VECTOR" => Kind::Vector,
        _ => Kind::Text,
    }
}

/// The columns of a field: none for the far side of a relation.
pub(super) fn of_field(field: &Field) -> Vec<Column> {
    if field.is_relation() {
        return if field.is_many_to_one() { vec![join_column(field)] } else { Vec::new() };
    }
    let parts = parts(&field.kind);
    if parts.is_empty() {
        return vec![plain(field, None, scalar(&field.kind), &field.default_value)];
    }
    let part = |(sub, kind): &(&'static str, Kind)| {
        let default = &field.default_value[*sub];
        if *sub == "primaryPhoneCallingCode" {
            return plain(field, Some(sub), *kind, &without_plus(default));
        }
        plain(field, Some(sub), *kind, default)
    };
    parts.iter().map(part).collect()
}

/// The metadata says `'+33'` and new rows get `33`: the real database reads the default as a number.
fn without_plus(default: &Value) -> Value {
    default.as_str().map_or(Value::Null, |text| Value::from(text.replace('+', "")))
}

fn plain(field: &Field, sub: Option<&'static str>, kind: Kind, default: &Value) -> Column {
    Column {
        field: field.id,
        key: field.name.clone(),
        sub,
        kind,
        nullable: sub.is_some() || field.is_nullable != Some(false),
        fill: fill(default, kind),
        target: None,
        visible: field.is_visible(),
        is_position: field.kind == "POSITION" && field.name == "position",
    }
}

fn join_column(field: &Field) -> Column {
    Column {
        key: field.key().to_owned(),
        kind: Kind::Uuid,
        nullable: true,
        fill: Fill::Value(Cell::Null),
        target: field.link().map(|link| (link.target_object, field.on_delete())),
        ..plain(field, None, Kind::Uuid, &Value::Null)
    }
}

/// A default in the metadata's spelling as a cell.
fn fill(default: &Value, kind: Kind) -> Fill {
    let cell = match default {
        Value::String(text) if text == "uuid" => return Fill::NewId,
        Value::String(text) if text == "now" => return Fill::Now,
        Value::String(text) => Cell::text(text.trim_matches('\'')),
        Value::Bool(flag) => Cell::Bool(*flag),
        Value::Number(number) if kind == Kind::Numeric => Cell::text(number.to_string()),
        Value::Number(number) => Cell::Number(number.as_f64().unwrap_or(0.0)),
        Value::Array(items) => Cell::json(Value::Array(items.iter().map(unquoted).collect())),
        Value::Object(_) | Value::Null => Cell::Null,
    };
    Fill::Value(cell)
}

fn unquoted(item: &Value) -> Value {
    item.as_str()
        .map_or_else(|| item.clone(), |text| Value::String(text.trim_matches('\'').to_owned()))
}
