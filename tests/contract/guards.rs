//! Compare-and-set, type by type: an update-many whose filter says what the record must hold.

use serde_json::{Value, json};

use super::{
    answer::{ids, text},
    composite::{emails, links, money, phones},
    probe::Probe,
    twenty::{fresh_id, on_twenty},
};

/// The record, and for one field either of two conditions.
pub(super) fn guarded(id: &Value, old: &Value, new: &Value) -> Value {
    json!({"and": [{"id": {"eq": id}}, {"or": [old, new]}]})
}

/// The millisecond of a moment, each bound in an object of its own.
pub(super) fn millisecond(field: &str, from: &str, to: &str) -> Value {
    json!({"and": [{field: {"gte": from}}, {field: {"lt": to}}]})
}

/// Requires that `patch` passes the guard, passes it again, because a repeated write is harmless, and fails when
/// neither the old value nor the new one is there.
async fn assert_guards(probe: &Probe<'_>, id: &Value, old: &Value, new: &Value, patch: &Value) {
    for attempt in ["once", "again"] {
        let hits = probe.update_many(&guarded(id, old, new), patch).await.subject(200);
        assert_eq!(ids(&hits), [text(id)], "{attempt}: {old} or {new}");
    }
    let failed = probe.update_many(&guarded(id, old, old), patch).await.subject(200);
    assert_eq!(failed, json!([]), "{old} still matches");
}

/// "Guarded updates"
#[tokio::test]
async fn a_guard_of_old_or_new_works_for_texts_numbers_and_options() {
    on_twenty(async |twenty| {
        let kinds = ["TEXT", "NUMBER", "BOOLEAN", "SELECT", "RATING", "UUID", "NUMERIC"];
        let probe = Probe::make(twenty, &kinds).await;
        let (uuid, other) = (fresh_id(), fresh_id());
        let made = probe
            .create(json!({
                "fText": "old", "fNumber": 1.5, "fBoolean": false, "fSelect": "OPT_A",
                "fRating": "RATING_1", "fUuid": uuid, "fNumeric": "1.25",
            }))
            .await;
        let table = [
            ("fText", json!({"eq": "old"}), json!("new (\"q\", x)")),
            ("fText", json!({"eq": "new (\"q\", x)"}), json!("")),
            ("fText", json!({"eq": ""}), json!("back")),
            ("fNumber", json!({"eq": 1.5}), json!(2.25)),
            ("fBoolean", json!({"eq": false}), json!(true)),
            ("fSelect", json!({"eq": "OPT_A"}), json!("OPT_B")),
            ("fRating", json!({"eq": "RATING_1"}), json!("RATING_2")),
            ("fUuid", json!({"eq": uuid}), json!(other)),
            ("fNumeric", json!({"eq": "1.25"}), json!("2.50")),
            ("fNumeric", json!({"eq": 2.5}), json!(3.75)),
            ("position", json!({"eq": made["position"]}), json!(-7.5)),
        ];
        for (field, old, value) in table {
            let (old, new) = (json!({field: old}), json!({field: {"eq": value}}));
            assert_guards(&probe, &made["id"], &old, &new, &json!({field: value})).await;
        }
    })
    .await;
}

/// "Guarded updates", "Empty values"
#[tokio::test]
async fn null_is_guarded_by_is_and_an_empty_text_is_not_null() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["TEXT", "SELECT", "NUMBER", "CURRENCY"]).await;
        let made = probe.create(json!({"fSelect": "OPT_A"})).await;
        let null = |field: &str| json!({field: {"is": "NULL"}});
        let part = |condition: Value| json!({"fCurrency": {"amountMicros": condition}});
        let (no_amount, amount) = (part(json!({"is": "NULL"})), part(json!({"eq": 5_000_000})));
        let table = [
            ("fCurrency", no_amount.clone(), amount.clone(), money("5000000", "USD")),
            ("fCurrency", amount, no_amount, money(Value::Null, "")),
            ("fSelect", json!({"fSelect": {"eq": "OPT_A"}}), null("fSelect"), json!(null)),
            ("fNumber", null("fNumber"), json!({"fNumber": {"eq": 3}}), json!(3)),
        ];
        for (field, old, new, value) in table {
            assert_guards(&probe, &made["id"], &old, &new, &json!({field: value})).await;
        }
        let filter = guarded(&made["id"], &null("fText"), &null("fText"));
        let missed = probe.update_many(&filter, &json!({"fText": "x"})).await.subject(200);
        assert_eq!(missed, json!([]));
    })
    .await;
}

/// "Guarded updates", "Dates"
#[tokio::test]
async fn days_are_guarded_by_equality_and_times_by_their_millisecond() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["DATE", "DATE_TIME"]).await;
        let (old, new) = ("2026-01-02T03:04:05.678Z", "2027-01-02T03:04:05.678Z");
        let made = probe.create(json!({"fDate": "2026-01-02", "fDateTime": old})).await;
        let day = |day: &str| json!({"fDate": {"eq": day}});
        let patch = json!({"fDate": "2026-02-03"});
        assert_guards(&probe, &made["id"], &day("2026-01-02"), &day("2026-02-03"), &patch).await;
        let old = millisecond("fDateTime", old, "2026-01-02T03:04:05.679Z");
        let patch = json!({"fDateTime": new});
        let new = millisecond("fDateTime", new, "2027-01-02T03:04:05.679Z");
        assert_guards(&probe, &made["id"], &old, &new, &patch).await;
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn parts_of_composites_are_guarded_inside_their_field() {
    on_twenty(async |twenty| {
        let kinds = ["CURRENCY", "FULL_NAME", "EMAILS", "PHONES", "ADDRESS", "LINKS"];
        let probe = Probe::make(twenty, &kinds).await;
        let phone = |number: &str| phones(number, json!(null));
        let made = probe
            .create(json!({
                "fCurrency": money("1000000", "USD"),
                "fFullName": {"firstName": "A", "lastName": "B"},
                "fEmails": emails("a@b.io", json!(null)),
                "fPhones": phone("612345678"), "fAddress": {"addressCity": "Oslo", "addressLat": 1.5},
            }))
            .await;
        let table = [
            ("fCurrency", "amountMicros", json!("1000000"), json!("2000000"), money("2000000", "USD")),
            ("fCurrency", "amountMicros", json!(2_000_000), json!(3_000_000), money("3000000", "USD")),
            ("fFullName", "firstName", json!("A"), json!("Z"), json!({"firstName": "Z"})),
            ("fEmails", "primaryEmail", json!("a@b.io"), json!("z@b.io"), emails("z@b.io", json!(null))),
            ("fPhones", "primaryPhoneNumber", json!("612345678"), json!("612345679"), phone("612345679")),
            ("fAddress", "addressCity", json!("Oslo"), json!("Bergen"), json!({"addressCity": "Bergen"})),
            ("fAddress", "addressLat", json!(1.5), json!(2.5), json!({"addressLat": 2.5})),
            ("fLinks", "primaryLinkUrl", json!(""), json!("https://x.io"), links(Some(""), "https://x.io", json!(null))),
        ];
        for (field, part, old, new, value) in table {
            let condition = |value: Value| json!({field: {part: {"eq": value}}});
            let (old, new) = (condition(old), condition(new));
            assert_guards(&probe, &made["id"], &old, &new, &json!({field: value})).await;
        }
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn a_relation_is_guarded_by_its_key() {
    on_twenty(async |twenty| {
        let company = twenty.create("companies", json!({"name": "Contract test"})).await;
        let person = twenty.create("people", json!({"city": "Contract test"})).await;
        let query = "mutation($f: PersonFilterInput!, $d: PersonUpdateInput!) {
            updatePeople(filter: $f, data: $d) { id } }";
        let none = json!({"companyId": {"is": "NULL"}});
        let ours = json!({"companyId": {"eq": company["id"]}});
        let table = [
            (guarded(&person["id"], &none, &ours), json!([{"id": person["id"]}])),
            (guarded(&person["id"], &none, &none), json!([])),
        ];
        for (filter, wanted) in table {
            let variables = json!({"f": filter, "d": {"companyId": company["id"]}});
            assert_eq!(twenty.graphql(query, &variables).await.subject(200), wanted);
        }
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn lists_json_and_rich_text_can_only_be_searched_which_is_no_equality() {
    on_twenty(async |twenty| {
        const KINDS: [&str; 6] =
            ["MULTI_SELECT", "ARRAY", "RAW_JSON", "RICH_TEXT_V2", "EMAILS", "PHONES"];
        let probe = Probe::make(twenty, &KINDS).await;
        let made = probe
            .create(json!({
                "fMultiSelect": ["OPT_A", "OPT_B"], "fArray": ["x", "y"], "fRawJson": {"a": 1},
                "fRichTextV2": {"markdown": "MD"},
                "fEmails": emails("a@b.io", json!(["c@d.io"])),
            }))
            .await;
        let table = [
            json!({"fMultiSelect": {"containsAny": ["OPT_A"]}}),
            json!({"fArray": {"containsIlike": "x"}}),
            json!({"fRawJson": {"like": "%\"a\"%"}}),
            json!({"fRichTextV2": {"markdown": {"ilike": "md"}}}),
            json!({"fEmails": {"additionalEmails": {"like": "%c@d.io%"}}}),
            json!({"fPhones": {"additionalPhones": {"is": "NULL"}}}),
        ];
        for (at, condition) in table.into_iter().enumerate() {
            let filter = json!({"and": [{"id": {"eq": made["id"]}}, condition]});
            let hits = probe.update_many(&filter, &json!({"name": format!("n{at}")})).await;
            assert_eq!(ids(&hits.subject(200)), [text(&made["id"])], "{filter}");
        }
        // There is no equality for them at all.
        let equality = json!({"fMultiSelect": {"eq": ["OPT_A", "OPT_B"]}});
        probe
            .update_many(&equality, &json!({"name": "x"}))
            .await
            .refused(400, "is not defined by type");
    })
    .await;
}
