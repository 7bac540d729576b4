//! Values that the server rewrites: comparing with what was sent would never rest.

use serde_json::{Value, json};

use super::{
    composite::{emails, links, phones},
    probe::Probe,
    server::{Server, Table, on_each_server},
    twenty::on_twenty,
    values::{assert_kept, assert_refused},
};

/// Requires that each value, created or patched, reads as its line says.
async fn assert_stored(server: &Server<'_>, table: Vec<(&str, Value, Value)>) {
    for (field, sent, kept) in table {
        let made = server.made(Table::Parent, json!({field: sent})).await;
        assert_eq!(made[field], kept, "{field}: {sent}");
        let empty = server.made(Table::Parent, json!({})).await;
        let patched = server.patch(Table::Parent, &empty["id"], json!({field: sent})).await;
        assert_eq!(patched[field], kept, "patched: {field}: {sent}");
    }
}

/// "Value rewriting"
#[tokio::test]
async fn email_addresses_are_lowered_and_never_checked() {
    on_each_server(&["EMAILS"], async |server| {
        let table = vec![
            (
                "fEmails",
                emails("Ada@Ex.COM", json!(["B@x.io"])),
                emails("ada@ex.com", json!(["b@x.io"])),
            ),
            ("fEmails", json!({"primaryEmail": "nope"}), emails("nope", json!(null))),
            ("fEmails", emails("e@x.io", json!([])), emails("e@x.io", json!([]))),
            ("fEmails", json!({"primaryEmail": null}), emails("", json!(null))),
        ];
        assert_stored(server, table).await;
    })
    .await;
}

/// "Value rewriting"
#[tokio::test]
async fn links_lose_case_and_one_slash_and_the_first_one_is_promoted() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["LINKS"]).await;
        let more = json!([{"url": "a.io", "label": "x"}]);
        let table = vec![
            (
                "LINKS",
                links(Some("L"), "HTTPS://Ex.com/Path/", more.clone()),
                links(Some("L"), "https://ex.com/Path", more),
            ),
            (
                "LINKS",
                json!({"primaryLinkUrl": "example.com"}),
                links(None, "example.com", json!(null)),
            ),
            (
                "LINKS",
                links(Some("L"), "https://x.io", json!([])),
                links(Some("L"), "https://x.io", json!(null)),
            ),
            (
                "LINKS",
                json!({"secondaryLinks": [{"url": "https://b.io", "label": "B"}]}),
                links(Some("B"), "https://b.io", json!(null)),
            ),
        ];
        assert_kept(&probe, table).await;
        let refusal = "The URL of the link is not valid";
        let table = vec![("LINKS", json!({"primaryLinkUrl": "not a url"}), 400, refusal)];
        assert_refused(&probe, table).await;
    })
    .await;
}

/// "Value rewriting"
#[tokio::test]
async fn a_phone_number_is_split_into_number_country_and_calling_code() {
    on_each_server(&["PHONES"], async |server| {
        let kept = phones("612345678", json!(null));
        let israel = json!({
            "primaryPhoneNumber": "501234567", "primaryPhoneCountryCode": "IL",
            "primaryPhoneCallingCode": "+972", "additionalPhones": null,
        });
        let table = vec![
            ("fPhones", json!({"primaryPhoneNumber": "+33612345678"}), kept.clone()),
            ("fPhones", kept.clone(), kept),
            ("fPhones", json!({"primaryPhoneNumber": "+972 501234567"}), israel),
        ];
        assert_stored(server, table).await;
    })
    .await;
}

/// "Value rewriting"
#[tokio::test]
async fn a_phone_number_that_cannot_be_is_refused() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["PHONES"]).await;
        let elsewhere =
            json!({"primaryPhoneNumber": "+33612345678", "primaryPhoneCountryCode": "US"});
        let table = vec![
            ("PHONES", elsewhere, 400, "conflicting"),
            ("PHONES", json!({"primaryPhoneNumber": "abc"}), 400, "is invalid"),
        ];
        assert_refused(&probe, table).await;
    })
    .await;
}

/// "Value rewriting"
#[tokio::test]
async fn rich_text_makes_the_missing_half_anew_and_believes_both() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["RICH_TEXT_V2"]).await;
        let written = async |body: Value| {
            let made = probe.create(json!({"fRichTextV2": body})).await;
            probe.read(&made["id"]).await["fRichTextV2"].clone()
        };
        let markdown = json!({"markdown": "# Hi\n\n- **b**"});
        let (first, second) = (written(markdown.clone()).await, written(markdown.clone()).await);
        assert_eq!(first["markdown"], markdown["markdown"]);
        assert!(first["blocknote"].is_string() && first["blocknote"] != second["blocknote"]);
        let blocks =
            r#"[{"type":"paragraph","content":[{"type":"text","text":"BN","styles":{}}]}]"#;
        let derived = written(json!({"blocknote": blocks})).await;
        assert_eq!(derived["blocknote"], blocks);
        assert_eq!(derived["markdown"].as_str().map(str::trim), Some("BN"));
        let both = json!({"blocknote": blocks, "markdown": "MD"});
        assert_eq!(written(both.clone()).await, both);
    })
    .await;
}
