//! Reads one record's JSON into a [`Row`], or says why it cannot.
//!
//! It exists so that one odd record never stops a page: what does not decode is set aside with its JSON, and
//! the page goes on. Invariants: a value is taken exactly or not at all; an absent key is not null; text that
//! PostgreSQL cannot hold (a NUL, a year out of range) is refused here.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use time::{
    Date, OffsetDateTime, UtcOffset,
    format_description::well_known::{Iso8601, Rfc3339},
    macros::format_description,
};
use uuid::Uuid;

use super::{Column, ColumnType, Decimal, Row, Value, signed_url::without_tokens};

/// The years that PostgreSQL's `timestamptz` and `date` both hold with room to spare.
const YEARS: std::ops::RangeInclusive<i32> = -4712..=294_275;

/// Why a record was not read: the field at fault, if one is, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// The record's id, where at least that could be read.
    pub id: Option<Uuid>,
    /// The JSON key at fault, such as `emails.primaryEmail`.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What can be wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The record is no JSON object.
    NotAnObject,
    /// `id` or `updatedAt` is absent or null.
    Missing,
    /// Text with a NUL character, which PostgreSQL cannot hold.
    NulCharacter,
    /// Not the JSON type that the field's type calls for.
    WrongType(ColumnType),
    /// A number or date beyond what the column holds.
    OutOfRange(ColumnType),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotAnObject => formatter.write_str("is not a JSON object"),
            Reason::Missing => formatter.write_str("is missing"),
            Reason::NulCharacter => {
                formatter.write_str("contains a NUL character, which PostgreSQL cannot hold")
            }
            Reason::WrongType(kind) => write!(formatter, "cannot be read as {}", kind.sql()),
            Reason::OutOfRange(kind) => write!(formatter, "is out of range for {}", kind.sql()),
        }
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.field.as_deref().unwrap_or("the record"), self.reason)
    }
}

/// A record as read, or why it was not.
pub type Decoded = Result<Row, Undecodable>;

/// Reads the records of one object.
#[derive(Debug, Clone)]
pub struct Decoder {
    columns: Arc<[Column]>,
    by_key: HashMap<String, Vec<usize>>,
}

impl Decoder {
    /// A decoder for records with these columns.
    pub fn new(columns: Arc<[Column]>) -> Decoder {
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, column) in columns.iter().enumerate() {
            by_key.entry(column.path.key.clone()).or_default().push(index);
        }
        Decoder { columns, by_key }
    }

    /// The keys of a record that are read, with the places of their columns.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.by_key.iter().map(|(key, indices)| (key.as_str(), indices.as_slice()))
    }

    /// Reads one record.
    ///
    /// # Errors
    /// The first value that cannot be held exactly.
    pub fn decode(&self, record: &RawValue) -> Decoded {
        let mut reading =
            Reading { decoder: self, values: vec![None; self.columns.len()], fault: None };
        let mut json = serde_json::Deserializer::from_str(record.get());
        if json.deserialize_map(&mut reading).is_err() {
            return Err(Undecodable { id: None, field: None, reason: Reason::NotAnObject });
        }
        reading.finish()
    }

    fn value(&self, values: &[Option<Value>], key: &str) -> Option<Value> {
        self.by_key.get(key).and_then(|indices| values[indices[0]].clone())
    }
}

/// A record half read: the values so far, and the first fault.
struct Reading<'a> {
    decoder: &'a Decoder,
    values: Vec<Option<Value>>,
    fault: Option<(String, Reason)>,
}

impl Reading<'_> {
    fn take(&mut self, key: &str, json: &RawValue) {
        let Some(indices) = self.decoder.by_key.get(key) else { return };
        let parts = match self.decoder.columns[indices[0]].path.part {
            None => return self.set(indices[0], json.get()),
            Some(_) => serde_json::from_str::<Option<HashMap<String, &RawValue>>>(json.get()),
        };
        match parts {
            Ok(Some(parts)) => self.take_parts(indices, &parts),
            Ok(None) => indices.iter().for_each(|&index| self.values[index] = Some(Value::Null)),
            Err(_) => self.fail(key.to_owned(), Reason::WrongType(ColumnType::Json)),
        }
    }

    fn take_parts(&mut self, indices: &[usize], parts: &HashMap<String, &RawValue>) {
        for &index in indices {
            let part = self.decoder.columns[index].path.part.and_then(|part| parts.get(part));
            if let Some(json) = part {
                self.set(index, json.get());
            }
        }
    }

    fn set(&mut self, index: usize, json: &str) {
        let column = &self.decoder.columns[index];
        match read_value(column.kind, json) {
            Ok(value) => self.values[index] = Some(value),
            Err(reason) => {
                let part = column.path.part.map(|part| format!(".{part}")).unwrap_or_default();
                self.fail(format!("{}{part}", column.path.key), reason);
            }
        }
    }

    fn fail(&mut self, field: String, reason: Reason) {
        self.fault.get_or_insert((field, reason));
    }

    fn finish(self) -> Decoded {
        let id = match self.decoder.value(&self.values, "id") {
            Some(Value::Uuid(id)) => Some(id),
            _ => None,
        };
        if let Some((field, reason)) = self.fault {
            return Err(Undecodable { id, field: Some(field), reason });
        }
        let missing =
            |key: &str| Undecodable { id, field: Some(key.to_owned()), reason: Reason::Missing };
        let time_of = |key: &str| match self.decoder.value(&self.values, key) {
            Some(Value::Timestamp(time)) => Some(time),
            _ => None,
        };
        let updated_at = time_of("updatedAt").ok_or_else(|| missing("updatedAt"))?;
        let deleted_at = time_of("deletedAt");
        Ok(Row {
            id: id.ok_or_else(|| missing("id"))?,
            updated_at,
            deleted_at,
            values: self.values,
        })
    }
}

impl<'de> Visitor<'de> for &mut Reading<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, json)) = map.next_entry::<String, &RawValue>()? {
            self.take(&key, json);
        }
        Ok(())
    }
}

/// Reads `json` as a value for a column of type `kind`.
pub(super) fn read_value(kind: ColumnType, json: &str) -> Result<Value, Reason> {
    if json == "null" {
        return Ok(Value::Null);
    }
    let wrong = Reason::WrongType(kind);
    match kind {
        ColumnType::Text => {
            Ok(Value::Text(without_nul(without_tokens(&text(json).ok_or(wrong)?).into_owned())?))
        }
        ColumnType::Uuid => {
            Ok(Value::Uuid(text(json).and_then(|text| Uuid::parse_str(&text).ok()).ok_or(wrong)?))
        }
        ColumnType::Integer => read_integer(json),
        ColumnType::Double => read_double(json),
        ColumnType::Numeric => Ok(Value::Decimal(Decimal::parse(&number_text(json)).ok_or(wrong)?)),
        ColumnType::Boolean => serde_json::from_str(json).map(Value::Boolean).map_err(|_| wrong),
        ColumnType::Timestamp => read_timestamp(&text(json).ok_or(wrong)?),
        ColumnType::Date => read_date(&text(json).ok_or(wrong)?),
        ColumnType::TextArray => {
            let items: Vec<String> = serde_json::from_str(json).map_err(|_| wrong)?;
            items.into_iter().map(without_nul).collect::<Result<_, _>>().map(Value::List)
        }
        ColumnType::Json if has_nul_escape(json) => Err(Reason::NulCharacter),
        ColumnType::Json => Ok(Value::Json(json.to_owned())),
    }
}

fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// A number may come bare or as a string (docs/twenty.md, "Exact decimals").
fn number_text(json: &str) -> String {
    text(json).unwrap_or_else(|| json.to_owned())
}

fn without_nul(text: String) -> Result<String, Reason> {
    if text.contains('\0') { Err(Reason::NulCharacter) } else { Ok(text) }
}

fn read_integer(json: &str) -> Result<Value, Reason> {
    let text = number_text(json);
    if let Ok(whole) = text.parse() {
        return Ok(Value::Integer(whole));
    }
    // `1e3` and `5.0` are whole numbers too, as far as a double tells them apart.
    match text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "the value is whole and below 2^53")]
        Ok(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            Ok(Value::Integer(number as i64))
        }
        Ok(number) if number.fract() == 0.0 => Err(Reason::OutOfRange(ColumnType::Integer)),
        _ => Err(Reason::WrongType(ColumnType::Integer)),
    }
}

fn read_double(json: &str) -> Result<Value, Reason> {
    let text = number_text(json);
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::Double(number)),
        Ok(_) if Decimal::parse(&text).is_some() => Err(Reason::OutOfRange(ColumnType::Double)),
        _ => Err(Reason::WrongType(ColumnType::Double)),
    }
}

fn read_timestamp(text: &str) -> Result<Value, Reason> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT));
    let time =
        parsed.map_err(|_| Reason::WrongType(ColumnType::Timestamp))?.to_offset(UtcOffset::UTC);
    if !YEARS.contains(&time.year()) {
        return Err(Reason::OutOfRange(ColumnType::Timestamp));
    }
    let milliseconds = time.replace_millisecond(time.millisecond());
    Ok(Value::Timestamp(milliseconds.map_err(|_| Reason::OutOfRange(ColumnType::Timestamp))?))
}

/// A day, which some answers write as midnight of that day (docs/twenty.md, "Dates").
fn read_date(text: &str) -> Result<Value, Reason> {
    let day = text.strip_suffix("T00:00:00.000Z").unwrap_or(text);
    let parsed = Date::parse(day, format_description!("[year]-[month]-[day]"))
        .or_else(|_| Date::parse(day, &Iso8601::DATE))
        .map_err(|_| Reason::WrongType(ColumnType::Date))?;
    if YEARS.contains(&parsed.year()) {
        Ok(Value::Date(parsed))
    } else {
        Err(Reason::OutOfRange(ColumnType::Date))
    }
}

/// Whether JSON text holds the escape of a NUL. A backslash that is itself escaped does not start one.
fn has_nul_escape(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let backslashes = json[..at].bytes().rev().take_while(|&byte| byte == b'\\').count();
        backslashes % 2 == 0
    })
}

#[cfg(test)]
mod tests;
