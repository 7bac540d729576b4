//! A record as one side holds it, or held it: the values of its columns, as far as they are known.
//!
//! It exists because the planner compares images: what both sides last agreed on, what was sent, what the mirror
//! holds. In the mirror they are kept as JSON keyed by column name, so that a column added meanwhile makes an image
//! incomplete, not wrong. Invariants: an absent key is `None`, which is not null; decimals keep every digit; times
//! are cut to milliseconds, the resolution of the source.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::value::RawValue;
use time::{Date, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    Column, ColumnType, Row, Undecodable, Value,
    decode::{Reason, read_value},
};

/// The values of a record, in the order of its object's columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    values: Vec<Option<Value>>,
}

impl Image {
    /// An image of these values, in the order of the columns; `None` is unknown.
    pub fn new(values: Vec<Option<Value>>) -> Image {
        Image { values }
    }

    /// An image of which nothing is known.
    pub fn unknown(columns: usize) -> Image {
        Image { values: vec![None; columns] }
    }

    /// An image whose every value is null.
    pub fn empty(columns: usize) -> Image {
        Image { values: vec![Some(Value::Null); columns] }
    }

    /// The values of a record read from the source.
    pub fn of(row: &Row) -> Image {
        Image { values: row.values.clone() }
    }

    /// The value of a column, if it is known.
    pub fn get(&self, column: usize) -> Option<&Value> {
        self.values.get(column).and_then(Option::as_ref)
    }

    /// Changes a value, or makes it unknown.
    pub fn set(&mut self, column: usize, value: Option<Value>) {
        if column >= self.values.len() {
            self.values.resize(column + 1, None);
        }
        self.values[column] = value;
    }

    /// All values.
    pub fn values(&self) -> &[Option<Value>] {
        &self.values
    }

    /// All values, as a [`Row`] has them.
    pub fn into_values(self) -> Vec<Option<Value>> {
        self.values
    }

    /// Reads what `to_jsonb` made of a row: keys are column names. The session's time zone must be UTC.
    ///
    /// # Errors
    /// The first value that cannot be held, such as an infinite time or a list with a null in it.
    pub fn decode(columns: &[Column], json: &str) -> Result<Image, Undecodable> {
        let keys: BTreeMap<String, &RawValue> = serde_json::from_str(json)
            .map_err(|_| Undecodable { id: None, field: None, reason: Reason::NotAnObject })?;
        let id = keys.get("id").and_then(|id| serde_json::from_str::<Uuid>(id.get()).ok());
        let value =
            |column: &Column| match keys.get(&column.name) {
                None => Ok(None),
                Some(json) => read(column.kind, json.get())
                    .map(Some)
                    .map_err(|reason| Undecodable { id, field: Some(column.name.clone()), reason }),
            };
        Ok(Image { values: columns.iter().map(value).collect::<Result<_, _>>()? })
    }

    /// The JSON that [`Image::decode`] reads; what is unknown is left out.
    pub fn to_json(&self, columns: &[Column]) -> String {
        let known = columns.iter().enumerate().map(|(index, column)| (column, self.get(index)));
        to_json(known)
    }
}

/// The known values as a JSON object keyed by column name.
pub fn to_json<'a>(values: impl IntoIterator<Item = (&'a Column, Option<&'a Value>)>) -> String {
    let mut json = String::from("{");
    for (column, value) in values {
        let Some(value) = value else { continue };
        if json.len() > 1 {
            json.push(',');
        }
        let _ = write!(json, "{}:{}", quoted(&column.name), literal(value));
    }
    json + "}"
}

/// PostgreSQL writes years above 9999 with five digits or more, and those before 1 with `BC`.
fn read(kind: ColumnType, json: &str) -> Result<Value, Reason> {
    let text = || serde_json::from_str::<String>(json).ok();
    match kind {
        ColumnType::Timestamp => match text().and_then(|text| instant(&text)) {
            Some(time) => Ok(Value::Timestamp(time)),
            None => read_value(kind, json),
        },
        ColumnType::Date => match text().and_then(|text| day(&text)) {
            Some(day) => Ok(Value::Date(day)),
            None => read_value(kind, json),
        },
        ColumnType::Uuid
        | ColumnType::Text
        | ColumnType::Integer
        | ColumnType::Double
        | ColumnType::Numeric
        | ColumnType::Boolean
        | ColumnType::TextArray
        | ColumnType::Json => read_value(kind, json),
    }
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    let (year, stand_in) = with_plain_year(text)?;
    let time = OffsetDateTime::parse(&stand_in, &Rfc3339).ok()?.replace_year(year).ok()?;
    let time = time.to_offset(UtcOffset::UTC);
    time.replace_millisecond(time.millisecond()).ok()
}

fn day(text: &str) -> Option<Date> {
    let (year, stand_in) = with_plain_year(text)?;
    let midnight = format!("{stand_in}T00:00:00Z");
    OffsetDateTime::parse(&midnight, &Rfc3339).ok()?.date().replace_year(year).ok()
}

/// The year, and the text with a year of four digits in its place that has the same calendar.
fn with_plain_year(text: &str) -> Option<(i32, String)> {
    let (text, before_christ) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (year, rest) = text.split_once('-')?;
    let year: i32 = year.parse().ok()?;
    let year = if before_christ { 1 - year } else { year };
    Some((year, format!("{}-{rest}", 2000 + year.rem_euclid(400))))
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Text(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Decimal(number) => bare(number.as_str()),
        Value::Boolean(flag) => flag.to_string(),
        Value::Uuid(id) => quoted(&id.to_string()),
        Value::Timestamp(time) => quoted(&written(time.date(), Some(*time))),
        Value::Date(day) => quoted(&written(*day, None)),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(","))
        }
        Value::Json(json) => json.clone(),
    }
}

/// JSON knows no plus sign before a number, and no leading zeros.
fn bare(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number.strip_prefix('+').unwrap_or(number)),
    };
    let digits = digits.trim_start_matches('0');
    let zero = if digits.starts_with(|first: char| first.is_ascii_digit()) { "" } else { "0" };
    format!("{sign}{zero}{digits}")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A day, and the time on it in UTC, as PostgreSQL writes them in JSON.
fn written(day: Date, time: Option<OffsetDateTime>) -> String {
    let (year, era) = if day.year() > 0 { (day.year(), "") } else { (1 - day.year(), " BC") };
    let mut text = format!("{year:04}-{:02}-{:02}", u8::from(day.month()), day.day());
    if let Some(time) = time {
        let (hour, minute, second) = time.to_hms();
        let milliseconds = time.millisecond();
        let _ = write!(text, "T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}+00:00");
    }
    text + era
}

#[cfg(test)]
mod tests;
