//! Values by type: what comes back as it was sent, what is changed, what is refused.
//!
//! Each table is one record per line: a field, what was sent, and what a read by REST gives.

use serde_json::{Value, json};

use super::{
    answer::{sorted_ids, text},
    probe::{Probe, field_name},
    twenty::on_twenty,
};

/// Creates a record per line and requires that each reads as the line says.
pub(super) async fn assert_kept(probe: &Probe<'_>, table: Vec<(&str, Value, Value)>) {
    for (kind, sent, kept) in table {
        let field = field_name(kind);
        let made = probe.create(json!({ &field: sent })).await;
        assert_eq!(probe.read(&made["id"]).await[&field], kept, "{kind}: {sent}");
    }
}

/// Requires that each value is refused with this status and message.
pub(super) async fn assert_refused(probe: &Probe<'_>, table: Vec<(&str, Value, u16, &str)>) {
    for (kind, sent, status, message) in table {
        probe.post(&json!({ field_name(kind): sent })).await.refused(status, message);
    }
}

/// "Field types"
#[tokio::test]
async fn scalars_are_coerced_by_the_database() {
    on_twenty(async |twenty| {
        let kinds = ["TEXT", "NUMBER", "BOOLEAN", "SELECT", "RATING", "UUID", "RICH_TEXT"];
        let probe = Probe::make(twenty, &kinds).await;
        let table = vec![
            ("TEXT", json!("Zoë “q” \n\t 🦀"), json!("Zoë “q” \n\t 🦀")),
            ("TEXT", json!(""), json!("")),
            ("TEXT", json!(5), json!("5")),
            ("NUMBER", json!(1.5), json!(1.5)),
            ("NUMBER", json!("12"), json!(12)),
            ("NUMBER", json!("abc"), json!(null)),
            ("NUMBER", json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)),
            ("BOOLEAN", json!("true"), json!(true)),
            ("BOOLEAN", json!(null), json!(null)),
            ("SELECT", json!("OPT_A"), json!("OPT_A")),
            ("SELECT", json!(null), json!(null)),
            ("RATING", json!("RATING_3"), json!("RATING_3")),
            (
                "UUID",
                json!("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
                json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ),
        ];
        assert_kept(&probe, table).await;
        let option = "invalid input value for enum";
        let table = vec![
            ("TEXT", json!(null), 500, "violates not-null constraint"),
            ("TEXT", json!("a\0b"), 500, "invalid byte sequence"),
            ("SELECT", json!("OPT_Z"), 400, option),
            ("SELECT", json!(""), 400, option),
            ("RATING", json!(3), 400, option),
            ("RICH_TEXT", json!("plain"), 400, "Rich text is not supported"),
            ("UUID", json!("zzz"), 500, "invalid input syntax for type uuid"),
        ];
        assert_refused(&probe, table).await;
    })
    .await;
}

/// "Field types"
#[tokio::test]
async fn lists_and_json_keep_their_shape_and_json_loses_digits() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["MULTI_SELECT", "ARRAY", "RAW_JSON"]).await;
        let table = vec![
            ("MULTI_SELECT", json!(["OPT_B", "OPT_A"]), json!(["OPT_B", "OPT_A"])),
            ("MULTI_SELECT", json!(["OPT_A", "OPT_A"]), json!(["OPT_A", "OPT_A"])),
            ("MULTI_SELECT", json!([]), json!([])),
            ("ARRAY", json!(["x", "y"]), json!(["x", "y"])),
            ("ARRAY", json!([1, 2]), json!(["1", "2"])),
            ("ARRAY", json!([]), json!([])),
            ("RAW_JSON", json!({"a": [1, {"b": null}]}), json!({"a": [1, {"b": null}]})),
            ("RAW_JSON", json!("{\"a\":1}"), json!({"a": 1})),
            (
                "RAW_JSON",
                json!({"n": 12_345_678_901_234_567_890_u64}),
                json!({"n": 12_345_678_901_234_567_000_u64}),
            ),
            ("RAW_JSON", json!(null), json!(null)),
        ];
        assert_kept(&probe, table).await;
        let table = vec![
            ("MULTI_SELECT", json!(["OPT_Z"]), 400, "invalid input value for enum"),
            ("ARRAY", json!("x"), 500, "malformed array literal"),
            ("RAW_JSON", json!("abc"), 400, "is not valid JSON"),
        ];
        assert_refused(&probe, table).await;
    })
    .await;
}

/// "Dates"
#[tokio::test]
async fn times_become_utc_with_milliseconds_and_days_are_cut_at_the_t() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["DATE", "DATE_TIME"]).await;
        let table = vec![
            ("DATE", json!("2026-02-28"), json!("2026-02-28")),
            ("DATE", json!("2026-02-28T23:30:00+02:00"), json!("2026-02-28")),
            ("DATE_TIME", json!("2026-02-28T23:30:00.123456Z"), json!("2026-02-28T23:30:00.123Z")),
            ("DATE_TIME", json!("2026-02-28T23:30:00+05:30"), json!("2026-02-28T18:00:00.000Z")),
            ("DATE_TIME", json!("0001-01-01T00:00:00Z"), json!("0001-01-01T00:00:00.000Z")),
        ];
        assert_kept(&probe, table).await;
        let impossible = vec![("DATE", json!("2026-02-30"), 500, "out of range")];
        assert_refused(&probe, impossible).await;
        let tomorrow = probe.create(json!({"fDateTime": "tomorrow"})).await;
        assert!(text(&tomorrow["fDateTime"]).ends_with("T00:00:00.000Z"), "{tomorrow}");
    })
    .await;
}

/// "Exact decimals"
#[tokio::test]
async fn rest_gives_decimals_as_strings_with_every_digit() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMERIC", "CURRENCY", "ADDRESS"]).await;
        let long = json!("12345678901234567890.123456789");
        let euros = |amount: Value| json!({"amountMicros": amount, "currencyCode": "EUR"});
        let most = "9223372036854775807";
        let table = vec![
            ("NUMERIC", long.clone(), long),
            ("NUMERIC", json!(1.25), json!("1.25")),
            ("CURRENCY", euros(json!(1_990_000)), euros(json!("1990000"))),
            ("CURRENCY", euros(json!(most)), euros(json!(most))),
            ("CURRENCY", euros(json!(1.5)), euros(json!("1.5"))),
            (
                "CURRENCY",
                json!({"amountMicros": 5}),
                json!({"amountMicros": "5", "currencyCode": ""}),
            ),
        ];
        assert_kept(&probe, table).await;
        let place = probe.create(json!({"fAddress": {"addressLat": 48.85}})).await;
        assert_eq!(place["fAddress"]["addressLat"], "48.85");
    })
    .await;
}

/// "Exact decimals"
#[tokio::test]
async fn graphql_gives_decimals_as_numbers_and_rounds_them() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMERIC", "CURRENCY"]).await;
        let amount = json!({"amountMicros": "9223372036854775807", "currencyCode": "EUR"});
        let made = probe.create(json!({"fNumeric": "1.25", "fCurrency": amount})).await;
        let query = format!(
            "{{ {} {{ edges {{ node {{ fNumeric fCurrency {{ amountMicros }} }} }} }} }}",
            probe.plural
        );
        let list = twenty.graphql(&query, &json!({})).await.subject(200);
        let node = &list["edges"][0]["node"];
        assert_eq!(node["fNumeric"], json!(1.25));
        // The JSON says 9223372036854776000; both texts are the same double.
        assert_eq!(node["fCurrency"]["amountMicros"].as_f64(), Some(9_223_372_036_854_775_807.0));
        assert!(!node["fCurrency"]["amountMicros"].is_string());
        assert_eq!(probe.read(&made["id"]).await["fCurrency"], amount);
    })
    .await;
}

/// "Field types"
#[tokio::test]
async fn a_record_shows_every_system_field_and_the_key_of_each_relation() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create(json!({})).await;
        for key in ["id", "createdAt", "updatedAt", "deletedAt", "createdBy", "position", "name"] {
            assert!(made.get(key).is_some(), "no {key} in {made}");
        }
        assert_eq!(made["name"], "");
        let listed = probe.records("").await;
        assert_eq!(sorted_ids(&listed), [text(&made["id"])]);
        let name = json!({"firstName": "Contract", "lastName": "Test"});
        let person = twenty.create("people", json!({"name": name})).await;
        assert_eq!(person.get("companyId"), Some(&Value::Null));
        assert_eq!(person.get("company"), None);
    })
    .await;
}
