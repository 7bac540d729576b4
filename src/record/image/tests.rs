//! Images through the JSON that the mirror keeps them in.

use proptest::prelude::*;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::Image;
use crate::record::{
    Column, ColumnType, Decimal, Field, FieldKind, Value, canonical, column::columns_of,
    decode::Reason,
};

fn columns() -> Vec<Column> {
    let kinds = [
        ("id", FieldKind::Uuid),
        ("name", FieldKind::Text),
        ("exact", FieldKind::Numeric),
        ("dueAt", FieldKind::DateTime),
        ("day", FieldKind::Date),
        ("tags", FieldKind::Array),
        ("json", FieldKind::RawJson),
        ("flag", FieldKind::Boolean),
        ("position", FieldKind::Position),
    ];
    let field = |(name, kind): (&str, FieldKind)| Field {
        id: Uuid::nil(),
        name: name.to_owned(),
        label: String::new(),
        description: None,
        kind,
        is_active: true,
        is_nullable: true,
        is_unique: false,
        options: Vec::new(),
    };
    kinds.map(field).iter().flat_map(columns_of).collect()
}

#[test]
fn a_row_as_postgresql_prints_it_is_read_exactly() {
    let json = r#"{"id": "0b6e1c52-6a4d-4a0e-9d0f-5a8f2f1f5b11", "name": "x", "exact": 12345678901234567890.50,
        "due_at": "2026-11-25T12:00:00.123456+00:00", "tags": ["a"], "json": {"a": 1}, "gone": 1}"#;
    let image = Image::decode(&columns(), json).unwrap();
    assert_eq!(image.get(1), Some(&Value::Text("x".to_owned())));
    assert_eq!(
        image.get(2),
        Some(&Value::Decimal(Decimal::parse("12345678901234567890.50").unwrap()))
    );
    assert_eq!(image.get(3), Some(&Value::Timestamp(datetime!(2026-11-25 12:00:00.123 UTC))));
    assert_eq!(image.get(4), None, "an absent key is not null");
    assert_eq!(image.get(5), Some(&Value::List(vec!["a".to_owned()])));
}

#[test]
fn years_that_postgresql_prints_in_its_own_way_are_read() {
    for (json, year) in [
        (r#"{"due_at":"12026-02-28T00:00:00+00:00","day":"12026-02-28"}"#, 12_026),
        (r#"{"due_at":"0044-03-15T00:00:00+00:00 BC","day":"0044-03-15 BC"}"#, -43),
        (r#"{"due_at":"0001-02-29T00:00:00+00:00 BC","day":"0001-02-29 BC"}"#, 0),
    ] {
        let image = Image::decode(&columns(), json).unwrap();
        let (Some(Value::Timestamp(time)), Some(Value::Date(day))) = (image.get(3), image.get(4))
        else {
            panic!("{image:?}")
        };
        assert_eq!((time.year(), day.year()), (year, year));
        assert_eq!(Image::decode(&columns(), &image.to_json(&columns())), Ok(image));
    }
}

#[test]
fn what_cannot_be_held_names_its_column() {
    for (json, field, reason) in [
        (r#"{"due_at":"infinity"}"#, "due_at", Reason::WrongType(ColumnType::Timestamp)),
        (r#"{"tags":["a",null]}"#, "tags", Reason::WrongType(ColumnType::TextArray)),
        (r#"{"position":"NaN"}"#, "position", Reason::WrongType(ColumnType::Double)),
    ] {
        let error = Image::decode(&columns(), json).unwrap_err();
        assert_eq!((error.field.as_deref(), error.reason), (Some(field), reason));
    }
    assert_eq!(Image::decode(&columns(), "[]").unwrap_err().reason, Reason::NotAnObject);
}

fn value(kind: ColumnType) -> BoxedStrategy<Option<Value>> {
    let known = match kind {
        ColumnType::Uuid => any::<u128>().prop_map(|id| Value::Uuid(Uuid::from_u128(id))).boxed(),
        ColumnType::Text => "[^\0?]{0,8}".prop_map(Value::Text).boxed(),
        ColumnType::Numeric => "[-+]?[0-9]{1,25}(\\.[0-9]{1,9})?(e[+-]?[0-9]{1,2})?"
            .prop_map(|text| Value::Decimal(Decimal::parse(&text).unwrap()))
            .boxed(),
        ColumnType::Integer => any::<i64>().prop_map(Value::Integer).boxed(),
        ColumnType::Double => {
            any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::Double).boxed()
        }
        ColumnType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        ColumnType::Timestamp => (-90_000_000_000_000i64..200_000_000_000_000)
            .prop_map(|ms| {
                Value::Timestamp(datetime!(1970-01-01 0:00 UTC) + Duration::milliseconds(ms))
            })
            .boxed(),
        ColumnType::Date => (-900_000i64..3_000_000)
            .prop_map(|days| {
                Value::Date((datetime!(1970-01-01 0:00 UTC) + Duration::days(days)).date())
            })
            .boxed(),
        ColumnType::TextArray => {
            proptest::collection::vec("[^\0]{0,4}", 0..3).prop_map(Value::List).boxed()
        }
        ColumnType::Json => Just(Value::Json(r#"{"a":[1.50,"x",null]}"#.to_owned())).boxed(),
    };
    prop_oneof![6 => known.prop_map(Some), 1 => Just(Some(Value::Null)), 1 => Just(None)].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn an_image_comes_back_as_it_was(
        values in columns().iter().map(|column| value(column.kind)).collect::<Vec<_>>()
    ) {
        let image = Image::new(values);
        let back = Image::decode(&columns(), &image.to_json(&columns())).unwrap();
        for (index, column) in columns().iter().enumerate() {
            let same = match (image.get(index), back.get(index)) {
                (Some(a), Some(b)) => canonical::identical(a, b),
                (None, None) => true,
                _ => false,
            };
            prop_assert!(same, "{}: {:?} {:?}", column.name, image.get(index), back.get(index));
        }
    }
}
