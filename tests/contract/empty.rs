//! Kinds of nothing, and how a composite is cleared.

use serde_json::{Value, json};

use super::{
    composite::{emails, links, money, phones},
    probe::{Probe, field_name},
    server::{Refusal, Table, by_id, on_each_server},
    twenty::on_twenty,
};

const KINDS: [&str; 4] = ["FULL_NAME", "ADDRESS", "LINKS", "RICH_TEXT_V2"];

/// A value of each of these types.
fn filled(kinds: &[&str]) -> Value {
    let mut filled = all_filled();
    let keys: Vec<String> = kinds.iter().map(|kind| field_name(kind)).collect();
    filled.as_object_mut().unwrap().retain(|key, _| keys.contains(key));
    filled
}

fn all_filled() -> Value {
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

/// What the model knows, too.
const MODELLED: [&str; 3] = ["CURRENCY", "EMAILS", "PHONES"];

/// "Empty values"
#[tokio::test]
async fn null_clears_no_amount_address_or_phone() {
    on_each_server(&MODELLED, async |server| {
        let made = server.made(Table::Parent, filled(&MODELLED)).await;
        let id = vec![super::server::id_of(&made)];
        for (kind, answer) in
            [("CURRENCY", Ok(id)), ("EMAILS", Err(Refusal::Value)), ("PHONES", Err(Refusal::Value))]
        {
            let field = field_name(kind);
            let patch = json!({ &field: null });
            assert_eq!(server.update(Table::Parent, &by_id(&made["id"]), &patch).await, answer);
            assert_eq!(server.read(Table::Parent, &made["id"]).await[&field], made[&field]);
        }
    })
    .await;
}

/// "Empty values"
#[tokio::test]
async fn amounts_addresses_and_phones_are_cleared_part_by_part() {
    on_each_server(&MODELLED, async |server| {
        let made = server.made(Table::Parent, filled(&MODELLED)).await;
        let no_phone = json!({
            "primaryPhoneNumber": "", "primaryPhoneCountryCode": "",
            "primaryPhoneCallingCode": "", "additionalPhones": null,
        });
        let nothing = json!({
            "fCurrency": money(Value::Null, ""), "fEmails": emails("", json!(null)),
            "fPhones": no_phone,
        });
        let cleared = server.patch(Table::Parent, &made["id"], nothing.clone()).await;
        for kind in MODELLED.map(field_name) {
            assert_eq!(cleared[&kind], nothing[&kind], "{kind}");
        }
        let nulls = json!({"amountMicros": null, "currencyCode": null});
        let patch = json!({"fCurrency": nulls});
        assert_eq!(server.patch(Table::Parent, &made["id"], patch).await["fCurrency"], nulls);
        let fresh = server.made(Table::Parent, json!({})).await;
        assert_eq!(fresh["fCurrency"], money(Value::Null, ""));
    })
    .await;
}

/// "Field types", "Value rewriting"
#[tokio::test]
async fn a_part_alone_changes_or_erases_the_others_depending_on_the_type() {
    on_each_server(&MODELLED, async |server| {
        let table = [
            ("fCurrency", json!({"currencyCode": "EUR"}), money("1000000", "EUR")),
            ("fEmails", json!({"primaryEmail": "r@x.io"}), emails("r@x.io", json!(["q@x.io"]))),
            ("fEmails", json!({"additionalEmails": ["s@x.io"]}), emails("", json!(["s@x.io"]))),
            (
                "fPhones",
                json!({"primaryPhoneNumber": "+33612345679"}),
                phones("612345679", json!(null)),
            ),
        ];
        for (field, patch, kept) in table {
            let made = server.made(Table::Parent, filled(&MODELLED)).await;
            let patched = server.patch(Table::Parent, &made["id"], json!({ field: patch })).await;
            assert_eq!(patched[field], kept, "{field}: {patch}");
        }
    })
    .await;
}

/// "Empty values"
#[tokio::test]
async fn null_clears_no_composite() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &KINDS).await;
        let made = probe.create(filled(&KINDS)).await;
        for kind in KINDS {
            let field = field_name(kind);
            let answer = twenty.patch(&probe.one(&made["id"]), &json!({ &field: null })).await;
            match kind {
                "FULL_NAME" | "ADDRESS" => {
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
        let made = probe.create(filled(&KINDS)).await;
        let nothing = json!({
            "fFullName": {"firstName": "", "lastName": ""},
            "fAddress": {"addressCity": "", "addressCountry": ""},
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
async fn an_empty_composite_is_an_object() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &KINDS).await;
        let made = probe.create(json!({})).await;
        for kind in KINDS {
            assert!(made[field_name(kind)].is_object(), "{kind} in {made}");
        }
    })
    .await;
}

/// "Field types", "Value rewriting"
#[tokio::test]
async fn a_part_of_a_name_changes_no_other_and_a_part_of_a_link_erases_them() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &KINDS).await;
        let table = [
            (
                "fFullName",
                json!({"firstName": "Eda"}),
                json!({"firstName": "Eda", "lastName": "Lovelace"}),
            ),
            (
                "fLinks",
                json!({"primaryLinkUrl": "https://y.io"}),
                links(None, "https://y.io", json!(null)),
            ),
        ];
        for (field, patch, kept) in table {
            let made = probe.create(filled(&KINDS)).await;
            probe.patch(&made["id"], json!({ field: patch })).await;
            assert_eq!(probe.read(&made["id"]).await[field], kept, "{field}: {patch}");
        }
    })
    .await;
}
