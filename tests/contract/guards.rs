//! Compare-and-set, type by type: an update-many whose filter says what the record must hold.

use serde_json::{Value, json};

use super::{
    answer::{ids, text},
    composite::{emails, links, money, phones},
    probe::Probe,
    server::{Server, Table, id_of, on_each_server},
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
async fn a_guard_of_old_or_new_works_for_decimals_ratings_and_ids() {
    on_twenty(async |twenty| {
        let kinds = ["BOOLEAN", "RATING", "UUID", "NUMERIC"];
        let probe = Probe::make(twenty, &kinds).await;
        let (uuid, other) = (fresh_id(), fresh_id());
        let made = probe
            .create(json!({
                "fBoolean": false, "fRating": "RATING_1", "fUuid": uuid, "fNumeric": "1.25",
            }))
            .await;
        let table = [
            ("fBoolean", json!({"eq": false}), json!(true)),
            ("fRating", json!({"eq": "RATING_1"}), json!("RATING_2")),
            ("fUuid", json!({"eq": uuid}), json!(other)),
            ("fNumeric", json!({"eq": "1.25"}), json!("2.50")),
            ("fNumeric", json!({"eq": 2.5}), json!(3.75)),
        ];
        for (field, old, value) in table {
            let (old, new) = (json!({field: old}), json!({field: {"eq": value}}));
            assert_guards(&probe, &made["id"], &old, &new, &json!({field: value})).await;
        }
    })
    .await;
}

/// "Guarded updates", "Dates"
#[tokio::test]
async fn days_are_guarded_by_equality() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["DATE"]).await;
        let made = probe.create(json!({"fDate": "2026-01-02"})).await;
        let day = |day: &str| json!({"fDate": {"eq": day}});
        let patch = json!({"fDate": "2026-02-03"});
        assert_guards(&probe, &made["id"], &day("2026-01-02"), &day("2026-02-03"), &patch).await;
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn parts_of_composites_are_guarded_inside_their_field() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["FULL_NAME", "ADDRESS", "LINKS"]).await;
        let made = probe
            .create(json!({
                "fFullName": {"firstName": "A", "lastName": "B"},
                "fAddress": {"addressCity": "Oslo", "addressLat": 1.5},
            }))
            .await;
        let table = [
            ("fFullName", "firstName", json!("A"), json!("Z"), json!({"firstName": "Z"})),
            (
                "fAddress",
                "addressCity",
                json!("Oslo"),
                json!("Bergen"),
                json!({"addressCity": "Bergen"}),
            ),
            ("fAddress", "addressLat", json!(1.5), json!(2.5), json!({"addressLat": 2.5})),
            (
                "fLinks",
                "primaryLinkUrl",
                json!(""),
                json!("https://x.io"),
                links(Some(""), "https://x.io", json!(null)),
            ),
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

/// The same on any server.
async fn assert_guards_on(
    server: &Server<'_>,
    made: &Value,
    old: &Value,
    new: &Value,
    patch: &Value,
) {
    let id = &made["id"];
    for attempt in ["once", "again"] {
        let hits = server.update(Table::Parent, &guarded(id, old, new), patch).await;
        assert_eq!(hits, Ok(vec![id_of(made)]), "{attempt}: {old} or {new}");
    }
    let failed = server.update(Table::Parent, &guarded(id, old, old), patch).await;
    assert_eq!(failed, Ok(Vec::new()), "{old} still matches");
}

/// "Guarded updates"
#[tokio::test]
async fn a_guard_of_old_or_new_works_for_texts_numbers_options_and_times() {
    on_each_server(&["TEXT", "NUMBER", "SELECT", "DATE_TIME"], async |server| {
        let before = "2026-01-02T03:04:05.678Z";
        let body = json!({
            "fText": "old", "fNumber": 1.5, "fSelect": "OPT_A", "fDateTime": before, "position": 3.5,
        });
        let made = server.made(Table::Parent, body).await;
        let table = [
            ("fText", json!({"eq": "old"}), json!("new (\"q\", x)")),
            ("fText", json!({"eq": "new (\"q\", x)"}), json!("")),
            ("fText", json!({"eq": ""}), json!("back")),
            ("fNumber", json!({"eq": 1.5}), json!(2.25)),
            ("fSelect", json!({"eq": "OPT_A"}), json!("OPT_B")),
            ("position", json!({"eq": 3.5}), json!(-7.5)),
        ];
        for (field, old, value) in table {
            let (old, new) = (json!({field: old}), json!({field: {"eq": value}}));
            assert_guards_on(server, &made, &old, &new, &json!({field: value})).await;
        }
        let after = "2027-01-02T03:04:05.678Z";
        let old = millisecond("fDateTime", before, "2026-01-02T03:04:05.679Z");
        let new = millisecond("fDateTime", after, "2027-01-02T03:04:05.679Z");
        assert_guards_on(server, &made, &old, &new, &json!({"fDateTime": after})).await;
    })
    .await;
}

/// "Guarded updates", "Empty values"
#[tokio::test]
async fn null_is_guarded_by_is_and_an_empty_text_is_not_null() {
    on_each_server(&["TEXT", "SELECT", "NUMBER", "CURRENCY"], async |server| {
        let made = server.made(Table::Parent, json!({"fSelect": "OPT_A"})).await;
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
            assert_guards_on(server, &made, &old, &new, &json!({field: value})).await;
        }
        let filter = guarded(&made["id"], &null("fText"), &null("fText"));
        let missed = server.update(Table::Parent, &filter, &json!({"fText": "x"})).await;
        assert_eq!(missed, Ok(Vec::new()));
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn parts_of_amounts_addresses_and_phones_are_guarded_inside_their_field() {
    on_each_server(&["CURRENCY", "EMAILS", "PHONES"], async |server| {
        let phone = |number: &str| phones(number, json!(null));
        let body = json!({
            "fCurrency": money("1000000", "USD"), "fEmails": emails("a@b.io", json!(null)),
            "fPhones": phone("612345678"),
        });
        let made = server.made(Table::Parent, body).await;
        let (a, z) = ("a@b.io", emails("z@b.io", json!(null)));
        let table = [
            (
                "fCurrency",
                "amountMicros",
                json!("1000000"),
                json!("2000000"),
                money("2000000", "USD"),
            ),
            (
                "fCurrency",
                "amountMicros",
                json!(2_000_000),
                json!(3_000_000),
                money("3000000", "USD"),
            ),
            ("fEmails", "primaryEmail", json!(a), json!("z@b.io"), z),
            (
                "fPhones",
                "primaryPhoneNumber",
                json!("612345678"),
                json!("612345679"),
                phone("612345679"),
            ),
        ];
        for (field, part, old, new, value) in table {
            let condition = |value: Value| json!({field: {part: {"eq": value}}});
            let (old, new) = (condition(old), condition(new));
            assert_guards_on(server, &made, &old, &new, &json!({field: value})).await;
        }
    })
    .await;
}
