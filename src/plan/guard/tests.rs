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

#[test]
fn each_type_is_guarded_by_old_or_new() {
    let id = Uuid::from_u128(0xa0ee);
    let due =
        |year| Value::Timestamp(datetime!(2026-01-02 3:04:05.678 UTC).replace_year(year).unwrap());
    let cases = [
        (
            "text",
            text("old \"q\", (p)"),
            text("new"),
            json!({"or": [{"text": {"eq": "old \"q\", (p)"}}, {"text": {"eq": "new"}}]}),
        ),
        (
            "text",
            text(""),
            text("back"),
            json!({"or": [{"text": {"eq": ""}}, {"text": {"is": "NULL"}}, {"text": {"eq": "back"}}]}),
        ),
        (
            "text",
            text("new"),
            Value::Null,
            json!({"or": [{"text": {"eq": "new"}}, {"text": {"eq": ""}}, {"text": {"is": "NULL"}}]}),
        ),
        (
            "count",
            Value::Integer(4),
            Value::Integer(5),
            json!({"or": [{"count": {"eq": 4}}, {"count": {"eq": 5}}]}),
        ),
        (
            "count",
            Value::Null,
            Value::Integer(9),
            json!({"or": [{"count": {"is": "NULL"}}, {"count": {"eq": 9}}]}),
        ),
        (
            "number",
            Value::Double(1.5),
            Value::Double(2.0),
            json!({"or": [{"number": {"eq": 1.5}}, {"number": {"eq": 2}}]}),
        ),
        (
            "position",
            Value::Double(-7.5),
            Value::Double(1e300),
            json!({"or": [{"position": {"eq": -7.5}}, {"position": {"eq": 1e300}}]}),
        ),
        (
            "exact",
            decimal("1.25"),
            decimal("2.50"),
            json!({"or": [{"exact": {"eq": 1.25}}, {"exact": {"eq": 2.5}}]}),
        ),
        (
            "flag",
            Value::Boolean(false),
            Value::Boolean(true),
            json!({"or": [{"flag": {"eq": false}}, {"flag": {"eq": true}}]}),
        ),
        (
            "day",
            Value::Date(date!(2026 - 01 - 02)),
            Value::Date(date!(2026 - 02 - 03)),
            json!({"or": [{"day": {"eq": "2026-01-02"}}, {"day": {"eq": "2026-02-03"}}]}),
        ),
        (
            "due",
            due(2026),
            due(2027),
            json!({"or": [
                {"and": [{"due": {"gte": "2026-01-02T03:04:05.678Z"}}, {"due": {"lt": "2026-01-02T03:04:05.679Z"}}]},
                {"and": [{"due": {"gte": "2027-01-02T03:04:05.678Z"}}, {"due": {"lt": "2027-01-02T03:04:05.679Z"}}]}
            ]}),
        ),
        (
            "select",
            text("OPT_B"),
            Value::Null,
            json!({"or": [{"select": {"eq": "OPT_B"}}, {"select": {"is": "NULL"}}]}),
        ),
        (
            "rating",
            text("RATING_1"),
            text("RATING_2"),
            json!({"or": [{"rating": {"eq": "RATING_1"}}, {"rating": {"eq": "RATING_2"}}]}),
        ),
        (
            "uuid",
            Value::Null,
            Value::Uuid(id),
            json!({"or": [{"uuid": {"is": "NULL"}}, {"uuid": {"eq": id}}]}),
        ),
        (
            "company_id",
            Value::Null,
            Value::Uuid(id),
            json!({"or": [{"companyId": {"is": "NULL"}}, {"companyId": {"eq": id}}]}),
        ),
        (
            "name_first_name",
            text("A"),
            text("Z"),
            json!({"or": [{"name": {"firstName": {"eq": "A"}}}, {"name": {"firstName": {"eq": "Z"}}}]}),
        ),
        (
            "emails_primary_email",
            text("a@b.io"),
            text("Z@b.io"),
            json!({"or": [{"emails": {"primaryEmail": {"eq": "a@b.io"}}}, {"emails": {"primaryEmail": {"eq": "z@b.io"}}}]}),
        ),
        (
            "emails_additional_emails",
            Value::Null,
            Value::Null,
            json!({"emails": {"additionalEmails": {"is": "NULL"}}}),
        ),
        (
            "phones_primary_phone_number",
            text("612345678"),
            text("1"),
            json!({"or": [{"phones": {"primaryPhoneNumber": {"eq": "612345678"}}}, {"phones": {"primaryPhoneNumber": {"eq": "1"}}}]}),
        ),
        (
            "link_primary_link_url",
            text(""),
            text("HTTPS://guard.Example/"),
            json!({"or": [{"link": {"primaryLinkUrl": {"eq": ""}}}, {"link": {"primaryLinkUrl": {"is": "NULL"}}}, {"link": {"primaryLinkUrl": {"eq": "https://guard.example"}}}]}),
        ),
        (
            "revenue_amount_micros",
            Value::Null,
            decimal("5000000"),
            json!({"or": [{"revenue": {"amountMicros": {"is": "NULL"}}}, {"revenue": {"amountMicros": {"eq": 5_000_000}}}]}),
        ),
        (
            "revenue_currency_code",
            text("USD"),
            text("USD"),
            json!({"revenue": {"currencyCode": {"eq": "USD"}}}),
        ),
        (
            "address_city",
            text("Oslo"),
            text("Rome"),
            json!({"or": [{"address": {"addressCity": {"eq": "Oslo"}}}, {"address": {"addressCity": {"eq": "Rome"}}}]}),
        ),
        (
            "address_lat",
            decimal("1.5"),
            decimal("0.1"),
            json!({"or": [{"address": {"addressLat": {"eq": 1.5}}}, {"address": {"addressLat": {"eq": 0.1}}}]}),
        ),
    ];
    for (name, old, new, expected) in cases {
        assert_eq!(guard(name, &old, &new), Some(expected), "{name}");
    }
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
    let both = [(column("tags"), &list), (column("json"), &Value::Null)];
    assert_eq!(version_or_new(read_at, both), version);
}

#[test]
fn years_beyond_four_digits_are_written_as_iso_8601_does() {
    let day = Value::Date(time::Date::from_calendar_date(12_026, time::Month::May, 1).unwrap());
    let filters = alternatives(column("day"), &day).unwrap();
    assert_eq!(filters, [json!({"day": {"eq": "+012026-05-01"}})]);
}
