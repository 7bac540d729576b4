//! Decoding, as tables: what each column type takes, and what it refuses.

use std::sync::Arc;

use serde_json::value::RawValue;
use time::macros::{date, datetime};
use uuid::uuid;

use super::{Decoder, Reason, read_value};
use crate::record::{Column, ColumnType, Decimal, FieldKind, JsonPath, Value};

fn column(key: &str, part: Option<&'static str>, kind: ColumnType) -> Column {
    let path = JsonPath { key: key.to_owned(), part };
    let field_kind = FieldKind::Text;
    Column {
        name: key.to_owned(),
        field_id: uuid::Uuid::nil(),
        field_kind,
        path,
        kind,
        is_nullable: true,
    }
}

fn decoder() -> Decoder {
    Decoder::new(Arc::from([
        column("id", None, ColumnType::Uuid),
        column("updatedAt", None, ColumnType::Timestamp),
        column("deletedAt", None, ColumnType::Timestamp),
        column("amount", Some("amountMicros"), ColumnType::Numeric),
        column("amount", Some("currencyCode"), ColumnType::Text),
        column("city", None, ColumnType::Text),
    ]))
}

fn decode(json: &str) -> super::Decoded {
    decoder().decode(&RawValue::from_string(json.to_owned()).unwrap())
}

const HEAD: &str =
    r#""id":"20202020-b000-4485-94de-70c2a98daef2","updatedAt":"2026-11-23T16:36:41.158Z""#;

#[test]
fn a_record_is_flattened_and_an_absent_key_is_not_null() {
    let row = decode(&format!(
        r#"{{{HEAD},"deletedAt":null,"amount":{{"amountMicros":"9223372036854775807"}}}}"#
    ));
    let row = row.unwrap();
    assert_eq!(row.id, uuid!("20202020-b000-4485-94de-70c2a98daef2"));
    assert_eq!(row.updated_at, datetime!(2026-11-23 16:36:41.158 UTC));
    assert_eq!(row.values[2], Some(Value::Null));
    assert_eq!(row.values[3], Some(Value::Decimal(Decimal::parse("9223372036854775807").unwrap())));
    assert_eq!(row.values[4], None);
    assert_eq!(row.values[5], None);
}

#[test]
fn a_composite_that_is_null_has_null_parts() {
    let row = decode(&format!(r#"{{{HEAD},"amount":null}}"#)).unwrap();
    assert_eq!((&row.values[3], &row.values[4]), (&Some(Value::Null), &Some(Value::Null)));
}

#[test]
fn the_fault_names_the_record_and_the_field() {
    let fault = decode(&format!(r#"{{{HEAD},"amount":{{"amountMicros":"much"}}}}"#)).unwrap_err();
    assert_eq!(fault.id, Some(uuid!("20202020-b000-4485-94de-70c2a98daef2")));
    assert_eq!(fault.to_string(), "amount.amountMicros cannot be read as numeric");
}

#[test]
fn a_record_without_id_or_time_is_refused() {
    assert_eq!(decode("[]").unwrap_err().reason, Reason::NotAnObject);
    assert_eq!(
        decode(r#"{"updatedAt":"2026-11-23T16:36:41.158Z"}"#).unwrap_err().field.unwrap(),
        "id"
    );
    assert_eq!(
        decode(r#"{"id":"20202020-b000-4485-94de-70c2a98daef2"}"#).unwrap_err().to_string(),
        "updatedAt is missing"
    );
}

#[test]
fn values_are_taken_exactly() {
    let cases = [
        (ColumnType::Text, r#""Zoë \u2014 \"q\"""#, Value::Text("Zoë — \"q\"".to_owned())),
        (ColumnType::Integer, "7", Value::Integer(7)),
        (ColumnType::Integer, "5.0", Value::Integer(5)),
        (ColumnType::Integer, r#""12""#, Value::Integer(12)),
        (ColumnType::Double, "-62.25", Value::Double(-62.25)),
        (ColumnType::Numeric, "1e3", Value::Decimal(Decimal::parse("1e3").unwrap())),
        (ColumnType::Boolean, "true", Value::Boolean(true)),
        (
            ColumnType::Timestamp,
            r#""2026-02-28T23:30:00.123456+05:30""#,
            Value::Timestamp(datetime!(2026-02-28 18:00:00.123 UTC)),
        ),
        (
            ColumnType::Timestamp,
            r#""+020225-01-01T00:00:00.000Z""#,
            Value::Timestamp(datetime!(+20225-01-01 00:00 UTC)),
        ),
        (
            ColumnType::Timestamp,
            r#""0001-01-01T00:00:00.000Z""#,
            Value::Timestamp(datetime!(0001-01-01 00:00 UTC)),
        ),
        (ColumnType::Date, r#""2026-02-28""#, Value::Date(date!(2026 - 02 - 28))),
        (ColumnType::Date, r#""2026-02-28T00:00:00.000Z""#, Value::Date(date!(2026 - 02 - 28))),
        (ColumnType::TextArray, r#"["A","A"]"#, Value::List(vec!["A".to_owned(), "A".to_owned()])),
        (
            ColumnType::Json,
            r#"{"a":[1,"\\u0000"]}"#,
            Value::Json(r#"{"a":[1,"\\u0000"]}"#.to_owned()),
        ),
        (ColumnType::Json, "null", Value::Null),
    ];
    for (kind, json, value) in cases {
        assert_eq!(read_value(kind, json), Ok(value), "{json} as {kind:?}");
    }
}

#[test]
fn what_cannot_be_held_is_refused_with_its_reason() {
    let cases = [
        (ColumnType::Text, r#""a\u0000b""#, Reason::NulCharacter),
        (ColumnType::Text, "5", Reason::WrongType(ColumnType::Text)),
        (ColumnType::Text, r#""\ud800""#, Reason::WrongType(ColumnType::Text)),
        (ColumnType::TextArray, r#"["\u0000"]"#, Reason::NulCharacter),
        (ColumnType::TextArray, r#""A""#, Reason::WrongType(ColumnType::TextArray)),
        (ColumnType::Json, r#"{"a":"\\\u0000"}"#, Reason::NulCharacter),
        (ColumnType::Integer, "1.5", Reason::WrongType(ColumnType::Integer)),
        (ColumnType::Integer, "1e300", Reason::OutOfRange(ColumnType::Integer)),
        (ColumnType::Double, "1e999", Reason::OutOfRange(ColumnType::Double)),
        (ColumnType::Double, r#""abc""#, Reason::WrongType(ColumnType::Double)),
        (ColumnType::Numeric, "true", Reason::WrongType(ColumnType::Numeric)),
        (
            ColumnType::Timestamp,
            r#""+294277-01-01T00:00:00.000Z""#,
            Reason::OutOfRange(ColumnType::Timestamp),
        ),
        (ColumnType::Timestamp, r#""tomorrow""#, Reason::WrongType(ColumnType::Timestamp)),
        (ColumnType::Date, r#""2026-02-30""#, Reason::WrongType(ColumnType::Date)),
        (ColumnType::Uuid, r#""zzz""#, Reason::WrongType(ColumnType::Uuid)),
    ];
    for (kind, json, reason) in cases {
        assert_eq!(read_value(kind, json), Err(reason), "{json} as {kind:?}");
    }
}
