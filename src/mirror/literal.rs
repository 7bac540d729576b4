//! Values as the text that PostgreSQL reads.
//!
//! It exists because a page travels as one `text[]` per column and is cast there: one shape for every type, no
//! JSON to build and parse, and decimals keep every digit. Invariant: what is written reads back as the same
//! value; years before 1 are written as BC.

use std::borrow::Cow;

use time::{Date, OffsetDateTime};

use crate::record::Value;

/// `value` as text, or `None` for null.
pub(super) fn sql_text(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) | Value::Json(text) => Cow::Borrowed(text),
        Value::Decimal(number) => Cow::Borrowed(number.as_str()),
        Value::Integer(number) => number.to_string().into(),
        Value::Double(number) => number.to_string().into(),
        Value::Boolean(flag) => flag.to_string().into(),
        Value::Uuid(id) => id.to_string().into(),
        Value::Timestamp(time) => timestamp(*time).into(),
        Value::Date(day) => date(*day).into(),
        Value::List(items) => list(items).into(),
    })
}

fn date(day: Date) -> String {
    let (year, era) = era(day.year());
    format!("{year:04}-{:02}-{:02}{era}", u8::from(day.month()), day.day())
}

fn timestamp(time: OffsetDateTime) -> String {
    let (year, era) = era(time.year());
    let (month, day) = (u8::from(time.month()), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}+00{era}",
        time.millisecond()
    )
}

/// The source counts a year 0 and below; PostgreSQL writes them as BC.
fn era(year: i32) -> (i32, &'static str) {
    if year > 0 { (year, "") } else { (1 - year, " BC") }
}

fn list(items: &[String]) -> String {
    let quoted =
        items.iter().map(|item| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::sql_text;
    use crate::record::Value;

    #[test]
    fn text_is_what_postgresql_reads() {
        for (value, text) in [
            (
                Value::Timestamp(datetime!(2026-11-23 16:36:41.158 UTC)),
                "2026-11-23 16:36:41.158+00",
            ),
            (Value::Timestamp(datetime!(0000-01-01 0:00 UTC)), "0001-01-01 00:00:00.000+00 BC"),
            (Value::Date(date!(+20225-01-01)), "20225-01-01"),
            (Value::Double(1e300), &format!("{}", 1e300)),
            (
                Value::List(vec![String::new(), "a\"b\\c,{NULL}".to_owned()]),
                r#"{"","a\"b\\c,{NULL}"}"#,
            ),
        ] {
            assert_eq!(sql_text(&value).as_deref(), Some(text));
        }
        assert_eq!(sql_text(&Value::Null), None);
    }
}
