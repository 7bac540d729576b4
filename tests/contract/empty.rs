//! Kinds of nothing, and how a composite is cleared.

use serde_json::{Value, json};

use super::{
    composite::{emails, links, money, phones},
    probe::{Probe, field_name},
    twenty::on_twenty,
};

const KINDS: [&str; 7] =
    ["CURRENCY", "FULL_NAME", "ADDRESS", "EMAILS", "PHONES", "LINKS", "RICH_TEXT_V2"];

fn filled() -> Value {
    let phone = json!([{"number": "5551234", "countryCode": "US", "callingCode": "+1"}]);
    json!({
        "fCurrency": money("1000000", "USD"),
        "fFullName": {"firstName": "Ada", "lastName": "Lovelace"},
        "fAddress": {"addressCity": "Oslo", "addressCountry": "NO"},
        "fEmails": emails("p@x.io", json!(["q@x.io"])),
        "fPhones": phones("612345678", phone),
        "fLinks": links(Some("L"), "https://x.io", json!([{"url": "a.io", "label": "x"}])),
        "fRichTextV2": {"markdown": "MD"},
    })
}

/// "Empty values"
#[tokio::test]
async fn null_clears_no_composite() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &KINDS).await;
        let made = probe.create(filled()).await;
        for kind in KINDS {
            let field = field_name(kind);
            let answer = twenty.patch(&probe.one(&made["id"]), &json!({ &field: null })).await;
            match kind {
                "CURRENCY" | "FULL_NAME" | "ADDRESS" => {
                    answer.with(200);
                }
                _ => answer.refused(400, "Cannot convert undefined or null to object"),
            }
            assert_eq!(probe.read(&made["id"]).await[&field], made[&field], "{kind}");
        }
    })
    .await;
}

/// "Empty values"
#[tokio::test]
async fn a_composite_is_cleared_part_by_part() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &KINDS).await;
        let made = probe.create(filled()).await;
        let no_phone = json!({
            "primaryPhoneNumber": "", "primaryPhoneCountryCode": "",
            "primaryPhoneCallingCode": "", "additionalPhones": null,
        });
        let nothing = json!({
            "fCurrency": money(Value::Null, ""),
            "fFullName": {"firstName": "", "lastName": ""},
            "fAddress": {"addressCity": "", "addressCountry": ""},
            "fEmails": emails("", json!(null)),
            "fPhones": no_phone,
            "fLinks": links(Some(""), "", json!(null)),
            "fRichTextV2": {"blocknote": null, "markdown": null},
        });
        probe.patch(&made["id"], nothing).await;
        let cleared = probe.read(&made["id"]).await;
        for kind in KINDS {
            let parts = cleared[field_name(kind)].as_object().unwrap();
            let filled: Vec<_> = parts.iter().filter(|(_, part)| !is_empty(part)).collect();
            assert!(filled.is_empty(), "{kind} still holds {filled:?}");
        }
    })
    .await;
}

/// Null, an empty text or an empty list.
fn is_empty(part: &Value) -> bool {
    part.is_null() || part == "" || part == &json!([])
}

/// "Empty values"
#[tokio::test]
async fn an_empty_composite_is_an_object_and_the_kind_of_empty_varies() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &KINDS).await;
        let made = probe.create(json!({})).await;
        for kind in KINDS {
            assert!(made[field_name(kind)].is_object(), "{kind} in {made}");
        }
        assert_eq!(made["fCurrency"], money(Value::Null, ""));
        let nulls = json!({"amountMicros": null, "currencyCode": null});
        probe.patch(&made["id"], json!({"fCurrency": nulls})).await;
        assert_eq!(probe.read(&made["id"]).await["fCurrency"], nulls);
    })
    .await;
}

/// "Field types", "Value rewriting"
#[tokio::test]
async fn a_part_alone_changes_or_erases_the_others_depending_on_the_type() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &KINDS).await;
        let table = [
            ("fCurrency", json!({"currencyCode": "EUR"}), money("1000000", "EUR")),
            (
                "fFullName",
                json!({"firstName": "Eda"}),
                json!({"firstName": "Eda", "lastName": "Lovelace"}),
            ),
            ("fEmails", json!({"primaryEmail": "r@x.io"}), emails("r@x.io", json!(["q@x.io"]))),
            ("fEmails", json!({"additionalEmails": ["s@x.io"]}), emails("", json!(["s@x.io"]))),
            (
                "fLinks",
                json!({"primaryLinkUrl": "https://y.io"}),
                links(None, "https://y.io", json!(null)),
            ),
            (
                "fPhones",
                json!({"primaryPhoneNumber": "+33612345679"}),
                phones("612345679", json!(null)),
            ),
        ];
        for (field, patch, kept) in table {
            let made = probe.create(filled()).await;
            probe.patch(&made["id"], json!({ field: patch })).await;
            assert_eq!(probe.read(&made["id"]).await[field], kept, "{field}: {patch}");
        }
    })
    .await;
}
