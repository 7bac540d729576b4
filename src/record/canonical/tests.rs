//! What means the same, type by type.

use proptest::prelude::*;
use uuid::Uuid;

use super::{equal, identical, is_empty, may_have_become, units_equal};
use crate::record::{
    Column, Decimal, Field, FieldKind, Image, Unit, Value, column::columns_of, unit::units,
};

fn columns(kind: FieldKind) -> Vec<Column> {
    columns_of(&Field {
        id: Uuid::nil(),
        name: "field".to_owned(),
        label: String::new(),
        description: None,
        kind,
        is_active: true,
        is_nullable: true,
        is_unique: false,
        options: Vec::new(),
    })
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn json(text: &str) -> Value {
    Value::Json(text.to_owned())
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).unwrap())
}

#[test]
fn values_that_mean_the_same_are_equal_and_others_are_not() {
    let cases = [
        (FieldKind::Text, 0, Value::Null, text(""), true),
        (FieldKind::Text, 0, text("Ada"), text("ada"), false),
        (FieldKind::Emails, 0, text("Ada@Ex.com"), text("ada@ex.com"), true),
        (FieldKind::Emails, 1, json(r#"["B@x.y"]"#), json(r#"[ "b@x.y" ]"#), true),
        (FieldKind::Emails, 1, json("[]"), Value::Null, true),
        (FieldKind::Links, 0, text(""), Value::Null, true),
        (FieldKind::Links, 1, text("HTTPS://Ex.com/Path/"), text("https://ex.com/Path"), true),
        (FieldKind::Links, 1, text("https://ex.com/Path"), text("https://ex.com/path"), false),
        (FieldKind::Links, 1, text("Example.com"), text("example.com"), false),
        (
            FieldKind::Links,
            2,
            json(r#"[{"url":"HTTP://A.io/","label":""}]"#),
            json(r#"[{"label":null,"url":"http://a.io"}]"#),
            true,
        ),
        (FieldKind::Phones, 0, text("050"), text("50"), false),
        (FieldKind::Currency, 0, decimal("1.50"), decimal("15e-1"), true),
        (FieldKind::Currency, 0, decimal("-0.0"), decimal("0"), true),
        (FieldKind::Currency, 0, decimal("100"), decimal("1E+2"), true),
        (FieldKind::Numeric, 0, decimal("9007199254740993"), decimal("9007199254740992"), false),
        (FieldKind::RawJson, 0, json(r#"{"a":1.0,"b":2}"#), json(r#"{ "b":2,"a":1 }"#), true),
        (FieldKind::RawJson, 0, json("9007199254740993"), json("9007199254740992"), false),
        (FieldKind::RawJson, 0, json("[]"), Value::Null, false),
        (FieldKind::RawJson, 0, json("[1,2]"), json("[2,1]"), false),
        (FieldKind::Array, 0, Value::List(vec![]), Value::Null, true),
        (
            FieldKind::MultiSelect,
            0,
            Value::List(vec!["A".into(), "B".into()]),
            Value::List(vec!["B".into(), "A".into()]),
            false,
        ),
    ];
    for (kind, index, a, b, same) in cases {
        let column = &columns(kind)[index];
        assert_eq!(equal(column, &a, &b), same, "{:?}: {a:?} {b:?}", column.field_kind);
        assert_eq!(equal(column, &b, &a), same);
    }
}

#[test]
fn only_numbers_and_json_may_be_spelt_otherwise_and_stay_identical() {
    assert!(identical(&decimal("1.50"), &decimal("1.5")));
    assert!(identical(&json("{\"a\": 1}"), &json("{\"a\":1}")));
    assert!(!identical(&Value::Null, &text("")));
}

type Compare = fn(&[Column], &Unit, &Image, &Image) -> Option<bool>;

fn pair(kind: FieldKind, a: [&str; 2], b: [&str; 2]) -> Option<bool> {
    compare(units_equal, kind, a, b)
}

fn compare(by: Compare, kind: FieldKind, a: [&str; 2], b: [&str; 2]) -> Option<bool> {
    let columns = columns(kind);
    let image = |values: [&str; 2]| Image::new(values.map(|value| Some(text(value))).to_vec());
    by(&columns, &units(&columns)[0], &image(a), &image(b))
}

#[test]
fn rich_text_is_its_markdown_as_long_as_there_is_any() {
    assert_eq!(pair(FieldKind::RichTextV2, ["[1]", "hi"], ["[2]", "hi"]), Some(true));
    assert_eq!(pair(FieldKind::RichTextV2, ["[1]", "hi"], ["[1]", ""]), Some(false));
    assert_eq!(pair(FieldKind::RichTextV2, ["[1]", ""], ["[2]", ""]), Some(false));
}

/// A text that was cleared here, blocks and all, was taken for a change in Twenty.
#[test]
fn a_cleared_rich_text_has_no_blocks() {
    let became = |sent, stored| compare(may_have_become, FieldKind::RichTextV2, sent, stored);
    assert_eq!(became(["[1]", ""], ["", ""]), Some(true));
    assert_eq!(became(["[1]", ""], ["[2]", ""]), Some(false));
    assert_eq!(became(["[1]", "hi"], ["", ""]), Some(false));
}

#[test]
fn an_unknown_value_is_neither_equal_nor_different() {
    let columns = columns(FieldKind::Text);
    let known = Image::new(vec![Some(text("a"))]);
    let unit = &units(&columns)[0];
    assert_eq!(units_equal(&columns, unit, &known, &Image::unknown(1)), None);
    assert_eq!(units_equal(&columns, unit, &Image::new(vec![]), &known), None);
}

#[test]
fn a_phone_number_may_have_become_its_parts() {
    let columns = columns(FieldKind::Phones);
    let unit = &units(&columns)[0];
    let image = |number: &str, country: &str, calling: &str| {
        let parts = [number, country, calling].map(|part| Some(text(part)));
        Image::new([parts.to_vec(), vec![Some(Value::Null)]].concat())
    };
    for (sent, stored, may) in [
        (image("+972501234567", "", ""), image("501234567", "IL", "+972"), true),
        (image("+972 50-123-4567", "", ""), image("501234567", "IL", "+972"), true),
        (image("0501234567", "IL", ""), image("501234567", "IL", "+972"), true),
        (image("501234567", "IL", "972"), image("501234567", "IL", "+972"), true),
        (image("+972501234567", "", ""), image("501234568", "IL", "+972"), false),
        (image("501234567", "IL", ""), image("501234567", "FR", "+33"), false),
        (image("501234567", "IL", ""), image("", "IL", "+972"), false),
    ] {
        assert_eq!(may_have_become(&columns, unit, &sent, &stored), Some(may), "{sent:?}");
    }
}

#[test]
fn deep_json_is_compared_without_exhausting_the_stack() {
    let deep = |core: &str| json(&format!("{}{core}{}", "[".repeat(50_000), "]".repeat(50_000)));
    let column = &columns(FieldKind::RawJson)[0];
    assert!(equal(column, &deep("1"), &deep("1")));
    assert!(!equal(column, &deep("1"), &deep("2")));
}

fn any_decimal() -> impl Strategy<Value = (i32, u32)> {
    (-9999..9999i32, 0..4u32)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn decimals_are_equal_exactly_if_their_values_are(a in any_decimal(), b in any_decimal()) {
        let column = &columns(FieldKind::Numeric)[0];
        let spelt = |(digits, zeros): (i32, u32)| decimal(&format!("{digits}e-{zeros}"));
        let value = |(digits, zeros): (i32, u32)| i64::from(digits) * 10_i64.pow(4 - zeros);
        prop_assert_eq!(equal(column, &spelt(a), &spelt(b)), value(a) == value(b));
    }

    #[test]
    fn what_is_equal_to_the_same_is_equal(texts in proptest::array::uniform3("[aA]{0,2}|https?://[aA]/?")) {
        for kind in [FieldKind::Text, FieldKind::Emails, FieldKind::Links] {
            for column in columns(kind).iter().filter(|column| column.kind == crate::record::ColumnType::Text) {
                let [a, b, c] = texts.each_ref().map(|value| text(value));
                prop_assert!(equal(column, &a, &a));
                prop_assert_eq!(equal(column, &a, &b), equal(column, &b, &a));
                prop_assert!(!(equal(column, &a, &b) && equal(column, &b, &c)) || equal(column, &a, &c));
                prop_assert!(!is_empty(column, &a) || equal(column, &a, &Value::Null));
            }
        }
    }
}
