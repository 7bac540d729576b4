//! The exact filters, type by type, in the shapes that were seen to work.

use serde_json::{Value as Json, json};
use time::macros::{date, datetime};
use uuid::Uuid;

use super::{alternatives, old_or_new, version_or_new};
use crate::{
    plan::fixture::{TABLE, at, text},
    record::{Column, Decimal, Value},
};

fn column(name: &str) -> &'static Column {
    &TABLE.columns[at(name)]
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).unwrap())
}

fn guard(name: &str, old: &Value, new: &Value) -> Option<Json> {
    old_or_new(column(name), old, new)
}

/// A guard: the filters of which one must match.
fn any_of(filters: &[&str]) -> Json {
    let filters: Vec<Json> =
        filters.iter().map(|filter| serde_json::from_str(filter).unwrap()).collect();
    match &filters[..] {
        [filter] => filter.clone(),
        filters => json!({"or": filters}),
    }
}

fn check(name: &str, old: &Value, new: &Value, filters: &[&str]) {
    assert_eq!(guard(name, old, new), Some(any_of(filters)), "{name}: {old:?} {new:?}");
}

#[test]
fn text_and_options_are_guarded_by_old_or_new() {
    let [is, eq] = [r#"{"text":{"is":"NULL"}}"#, r#"{"text":{"eq":""}}"#];
    let [old, new] = [r#"{"text":{"eq":"a \"q\", (p)"}}"#, r#"{"text":{"eq":"new"}}"#];
    check("text", &text("a \"q\", (p)"), &text("new"), &[old, new]);
    check("text", &text(""), &text("new"), &[eq, is, new]);
    check("text", &text("new"), &Value::Null, &[new, eq, is]);
    let [option, none] = [r#"{"select":{"eq":"OPT_B"}}"#, r#"{"select":{"is":"NULL"}}"#];
    check("select", &text("OPT_B"), &Value::Null, &[option, none]);
    let [one, two] = [r#"{"rating":{"eq":"RATING_1"}}"#, r#"{"rating":{"eq":"RATING_2"}}"#];
    check("rating", &text("RATING_1"), &text("RATING_2"), &[one, two]);
}

#[test]
fn numbers_and_flags_are_guarded_by_old_or_new() {
    let integer = Value::Integer;
    let [four, none] = [r#"{"count":{"eq":4}}"#, r#"{"count":{"is":"NULL"}}"#];
    check("count", &integer(4), &Value::Null, &[four, none]);
    let [half, two] = [r#"{"number":{"eq":1.5}}"#, r#"{"number":{"eq":2}}"#];
    check("number", &Value::Double(1.5), &Value::Double(2.0), &[half, two]);
    let [low, high] = [r#"{"position":{"eq":-7.5}}"#, r#"{"position":{"eq":1e300}}"#];
    check("position", &Value::Double(-7.5), &Value::Double(1e300), &[low, high]);
    // Whole, as far as doubles tell whole numbers apart.
    let [last, next] =
        [r#"{"number":{"eq":9007199254740991}}"#, r#"{"number":{"eq":9007199254740992.0}}"#];
    let (below, beyond) =
        (Value::Double(9_007_199_254_740_991.0), Value::Double(9_007_199_254_740_992.0));
    check("number", &below, &beyond, &[last, next]);
    let [quarter, tenth] = [r#"{"exact":{"eq":1.25}}"#, r#"{"exact":{"eq":0.1}}"#];
    check("exact", &decimal("1.250"), &decimal("0.1"), &[quarter, tenth]);
    let [off, on] = [r#"{"flag":{"eq":false}}"#, r#"{"flag":{"eq":true}}"#];
    check("flag", &Value::Boolean(false), &Value::Boolean(true), &[off, on]);
}

#[test]
fn times_and_ids_are_guarded_by_old_or_new() {
    let day = Value::Date;
    let days = [r#"{"day":{"eq":"2026-01-02"}}"#, r#"{"day":{"eq":"2026-02-03"}}"#];
    check("day", &day(date!(2026 - 01 - 02)), &day(date!(2026 - 02 - 03)), &days);
    let due = [datetime!(2026-01-02 3:04:05.678 UTC), datetime!(2027-01-02 3:04:05.999 UTC)];
    let within = [
        r#"{"and":[{"due":{"gte":"2026-01-02T03:04:05.678Z"}},{"due":{"lt":"2026-01-02T03:04:05.679Z"}}]}"#,
        r#"{"and":[{"due":{"gte":"2027-01-02T03:04:05.999Z"}},{"due":{"lt":"2027-01-02T03:04:06.000Z"}}]}"#,
    ];
    check("due", &Value::Timestamp(due[0]), &Value::Timestamp(due[1]), &within);
    let id = Value::Uuid(Uuid::from_u128(1));
    let to = r#"{"companyId":{"eq":"00000000-0000-0000-0000-000000000001"}}"#;
    check("company_id", &Value::Null, &id, &[r#"{"companyId":{"is":"NULL"}}"#, to]);
    let to = r#"{"uuid":{"eq":"00000000-0000-0000-0000-000000000001"}}"#;
    check("uuid", &id, &Value::Null, &[to, r#"{"uuid":{"is":"NULL"}}"#]);
}

#[test]
fn composites_are_guarded_part_by_part() {
    let parts = [r#"{"name":{"firstName":{"eq":"A"}}}"#, r#"{"name":{"firstName":{"eq":"Z"}}}"#];
    check("name_first_name", &text("A"), &text("Z"), &parts);
    let [a, z] = [
        r#"{"emails":{"primaryEmail":{"eq":"a@b.io"}}}"#,
        r#"{"emails":{"primaryEmail":{"eq":"z@b.io"}}}"#,
    ];
    check("emails_primary_email", &text("a@b.io"), &text("Z@b.io"), &[a, z]);
    let none = r#"{"emails":{"additionalEmails":{"is":"NULL"}}}"#;
    check("emails_additional_emails", &Value::Null, &Value::Null, &[none]);
    let [six, one] = [
        r#"{"phones":{"primaryPhoneNumber":{"eq":"61"}}}"#,
        r#"{"phones":{"primaryPhoneNumber":{"eq":"1"}}}"#,
    ];
    check("phones_primary_phone_number", &text("61"), &text("1"), &[six, one]);
    let [eq, is] = [
        r#"{"link":{"primaryLinkUrl":{"eq":""}}}"#,
        r#"{"link":{"primaryLinkUrl":{"is":"NULL"}}}"#,
    ];
    let url = r#"{"link":{"primaryLinkUrl":{"eq":"https://guard.example"}}}"#;
    check("link_primary_link_url", &text(""), &text("HTTPS://guard.Example/"), &[eq, is, url]);
    let [none, five] = [
        r#"{"revenue":{"amountMicros":{"is":"NULL"}}}"#,
        r#"{"revenue":{"amountMicros":{"eq":5000000}}}"#,
    ];
    check("revenue_amount_micros", &Value::Null, &decimal("5000000"), &[none, five]);
    let dollars = r#"{"revenue":{"currencyCode":{"eq":"USD"}}}"#;
    check("revenue_currency_code", &text("USD"), &text("USD"), &[dollars]);
    let cities = [
        r#"{"address":{"addressCity":{"eq":"Oslo"}}}"#,
        r#"{"address":{"addressCity":{"eq":"Rome"}}}"#,
    ];
    check("address_city", &text("Oslo"), &text("Rome"), &cities);
    let places =
        [r#"{"address":{"addressLat":{"eq":1.5}}}"#, r#"{"address":{"addressLat":{"is":"NULL"}}}"#];
    check("address_lat", &decimal("1.5"), &Value::Null, &places);
}

#[test]
fn what_no_filter_compares_exactly_has_no_guard() {
    let json = |text: &str| Value::Json(text.to_owned());
    let list = || Value::List(vec!["x".to_owned()]);
    for (name, old, new) in [
        ("json", json("{\"a\":1}"), json("1")),
        ("list", list(), Value::Null),
        ("tags", Value::Null, list()),
        ("body_markdown", text("old"), text("new")),
        ("emails_additional_emails", json("[]"), Value::Null),
        ("revenue_amount_micros", decimal("9223372036854775807"), decimal("1")),
        ("exact", decimal("1"), decimal("0.12345678901234567890")),
        ("count", Value::Integer(1), Value::Integer(3_000_000_000)),
    ] {
        assert_eq!(guard(name, &old, &new), None, "{name}");
    }
}

#[test]
fn a_version_stands_in_and_the_new_value_where_it_can_be_told() {
    let read_at = datetime!(2026-11-23 17:08:54.999 UTC);
    let version = json!({"and": [
        {"updatedAt": {"gte": "2026-11-23T17:08:54.999Z"}},
        {"updatedAt": {"lt": "2026-11-23T17:08:55.000Z"}}
    ]});
    let list = Value::List(vec!["x".to_owned()]);
    assert_eq!(version_or_new(read_at, [(column("tags"), &list)]), version);
    assert_eq!(
        version_or_new(read_at, [(column("json"), &Value::Null)]),
        json!({"or": [version, {"and": [{"json": {"is": "NULL"}}]}]})
    );
    assert_eq!(
        version_or_new(read_at, [(column("body_markdown"), &text("50%_\\"))]),
        json!({"or": [version, {"and": [{"body": {"markdown": {"like": "50\\%\\_\\\\"}}}]}]})
    );
    // What is cleared is null there, which no text is like.
    assert_eq!(version_or_new(read_at, [(column("body_markdown"), &text(""))]), version);
    let both = [(column("tags"), &list), (column("json"), &Value::Null)];
    assert_eq!(version_or_new(read_at, both), version);
    assert_eq!(version_or_new(read_at, []), version, "no filter at all would match every version");
}

#[test]
fn years_beyond_four_digits_are_written_as_iso_8601_does() {
    for (year, written) in [
        (0, "0000-05-01"),
        (9_999, "9999-05-01"),
        (10_000, "+010000-05-01"),
        (12_026, "+012026-05-01"),
        (-44, "-000044-05-01"),
    ] {
        let day = Value::Date(time::Date::from_calendar_date(year, time::Month::May, 1).unwrap());
        let filters = alternatives(column("day"), &day).unwrap();
        assert_eq!(filters, [json!({"day": {"eq": written}})]);
    }
}
