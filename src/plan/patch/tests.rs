//! Bodies, type by type.

use serde_json::json;
use time::macros::{date, datetime};
use uuid::Uuid;

use super::body;
use crate::{
    plan::fixture::{TABLE, at, image, text},
    record::{Decimal, Unit, Value, units},
};

fn unit(name: &str) -> Unit {
    units(&TABLE.columns).into_iter().find(|unit| unit.columns.contains(&at(name))).unwrap()
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).unwrap())
}

#[test]
fn each_type_has_its_form() {
    let due = datetime!(2026-11-25 12:00:00.5 UTC);
    let json = |text: &str| Value::Json(text.to_owned());
    for (name, value, expected) in [
        ("text", text("x"), json!({"text": "x"})),
        ("text", Value::Null, json!({"text": ""})),
        ("count", Value::Integer(3), json!({"count": 3})),
        ("count", Value::Null, json!({"count": null})),
        ("number", Value::Double(2.5), json!({"number": 2.5})),
        ("exact", decimal("12345678901234567890.50"), json!({"exact": "12345678901234567890.50"})),
        ("flag", Value::Boolean(true), json!({"flag": true})),
        ("due", Value::Timestamp(due), json!({"due": "2026-11-25T12:00:00.500Z"})),
        ("day", Value::Date(date!(2026 - 11 - 25)), json!({"day": "2026-11-25"})),
        ("select", text(""), json!({"select": null})),
        ("tags", Value::List(vec!["A".into()]), json!({"tags": ["A"]})),
        ("json", json("{\"a\": 1}"), json!({"json": {"a": 1}})),
        ("json", json("\"abc\""), json!({"json": "\"abc\""})),
        ("json", Value::Null, json!({"json": null})),
        ("company_id", Value::Uuid(Uuid::nil()), json!({"companyId": Uuid::nil()})),
        ("name_first_name", text("Ada"), json!({"name": {"firstName": "Ada"}})),
        ("address_city", Value::Null, json!({"address": {"addressCity": ""}})),
        ("address_lat", decimal("1.5"), json!({"address": {"addressLat": "1.5"}})),
        ("body_markdown", text("# hi"), json!({"body": {"markdown": "# hi"}})),
        ("body_markdown", Value::Null, json!({"body": {"blocknote": null, "markdown": null}})),
        ("body_markdown", text(""), json!({"body": {"blocknote": null, "markdown": null}})),
    ] {
        let body = body(&TABLE.columns, &[unit(name)], &image(&[(name, value)]));
        assert_eq!(serde_json::Value::from(body), expected, "{name}");
    }
}

#[test]
fn composites_that_the_source_blanks_are_sent_whole_and_cleared_part_by_part() {
    let image = image(&[
        ("emails_primary_email", text("a@x.io")),
        ("link_primary_link_url", text("https://x.io")),
        ("revenue_amount_micros", decimal("9223372036854775807")),
    ]);
    let units = [
        "emails_primary_email",
        "link_primary_link_url",
        "phones_primary_phone_number",
        "revenue_currency_code",
    ];
    let body = body(&TABLE.columns, &units.map(unit), &image);
    assert_eq!(
        serde_json::Value::from(body),
        json!({
            "emails": {"primaryEmail": "a@x.io", "additionalEmails": null},
            "link": {"primaryLinkLabel": "", "primaryLinkUrl": "https://x.io", "secondaryLinks": null},
            "phones": {
                "primaryPhoneNumber": "", "primaryPhoneCountryCode": "", "primaryPhoneCallingCode": "",
                "additionalPhones": null
            },
            "revenue": {"amountMicros": "9223372036854775807", "currencyCode": ""}
        })
    );
}

#[test]
fn parts_of_one_name_come_together() {
    let image = image(&[("name_first_name", text("Ada")), ("name_last_name", text("L"))]);
    let body = body(&TABLE.columns, &[unit("name_first_name"), unit("name_last_name")], &image);
    assert_eq!(
        serde_json::Value::from(body),
        json!({"name": {"firstName": "Ada", "lastName": "L"}})
    );
}
