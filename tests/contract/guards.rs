//! Compare-and-set: an update-many whose filter says what the record must hold.

use serde_json::{Value, json};

use super::{
    answer::{ids, text},
    probe::Probe,
    twenty::{fresh_id, on_twenty},
};

/// The record, and for one field either of two conditions.
fn guarded(id: &Value, old: &Value, new: &Value) -> Value {
    json!({"and": [{"id": {"eq": id}}, {"or": [old, new]}]})
}

/// The millisecond of a moment, each bound in an object of its own.
fn millisecond(field: &str, from: &str, to: &str) -> Value {
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
        let probe = Probe::make(twenty, &["TEXT", "SELECT", "NUMBER"]).await;
        let made = probe.create(json!({"fSelect": "OPT_A"})).await;
        let null = |field: &str| json!({field: {"is": "NULL"}});
        let table = [
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
        let phone = |number: &str| json!({"primaryPhoneNumber": number, "primaryPhoneCountryCode": "FR", "primaryPhoneCallingCode": "+33"});
        let made = probe
            .create(json!({
                "fCurrency": {"amountMicros": "1000000", "currencyCode": "USD"},
                "fFullName": {"firstName": "A", "lastName": "B"},
                "fEmails": {"primaryEmail": "a@b.io", "additionalEmails": null},
                "fPhones": phone("612345678"), "fAddress": {"addressCity": "Oslo", "addressLat": 1.5},
            }))
            .await;
        let money = |amount: &str| json!({"amountMicros": amount, "currencyCode": "USD"});
        let email = json!({"primaryEmail": "z@b.io", "additionalEmails": null});
        let link = json!({"primaryLinkLabel": "", "primaryLinkUrl": "https://x.io", "secondaryLinks": null});
        let table = [
            ("fCurrency", "amountMicros", json!("1000000"), json!("2000000"), money("2000000")),
            ("fCurrency", "amountMicros", json!(2_000_000), json!(3_000_000), money("3000000")),
            ("fFullName", "firstName", json!("A"), json!("Z"), json!({"firstName": "Z"})),
            ("fEmails", "primaryEmail", json!("a@b.io"), json!("z@b.io"), email),
            ("fPhones", "primaryPhoneNumber", json!("612345678"), json!("612345679"), phone("612345679")),
            ("fAddress", "addressCity", json!("Oslo"), json!("Bergen"), json!({"addressCity": "Bergen"})),
            ("fAddress", "addressLat", json!(1.5), json!(2.5), json!({"addressLat": 2.5})),
            ("fLinks", "primaryLinkUrl", json!(""), json!("https://x.io"), link),
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
        let query = "mutation($f: PersonFilterInput!, $d: PersonUpdateInput!) { updatePeople(filter: $f, data: $d) { id } }";
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
        let probe =
            Probe::make(twenty, &["MULTI_SELECT", "ARRAY", "RAW_JSON", "RICH_TEXT_V2"]).await;
        let made = probe
            .create(json!({
                "fMultiSelect": ["OPT_A", "OPT_B"], "fArray": ["x", "y"], "fRawJson": {"a": 1},
                "fRichTextV2": {"markdown": "MD"},
            }))
            .await;
        let table = [
            json!({"fMultiSelect": {"containsAny": ["OPT_A"]}}),
            json!({"fArray": {"containsIlike": "x"}}),
            json!({"fRawJson": {"like": "%\"a\"%"}}),
            json!({"fRichTextV2": {"markdown": {"ilike": "md"}}}),
        ];
        for (at, condition) in table.into_iter().enumerate() {
            let filter = json!({"and": [{"id": {"eq": made["id"]}}, condition]});
            let hits = probe.update_many(&filter, &json!({"name": format!("n{at}")})).await;
            assert_eq!(ids(&hits.subject(200)), [text(&made["id"])], "{filter}");
        }
        let equality = json!({"fMultiSelect": {"eq": ["OPT_A", "OPT_B"]}});
        probe
            .update_many(&equality, &json!({"name": "x"}))
            .await
            .refused(400, "is not defined by type");
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn of_concurrent_writers_with_one_guard_exactly_one_gets_the_record() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER"]).await;
        let id = probe.create(json!({"fNumber": 0})).await["id"].clone();
        let old = json!({"fNumber": {"eq": 0}});
        let filters: Vec<(Value, Value)> = (1..=8)
            .map(|at| (guarded(&id, &old, &json!({"fNumber": {"eq": at}})), json!({"fNumber": at})))
            .collect();
        let writers = filters.iter().map(|(filter, patch)| probe.update_many(filter, patch));
        let answers = futures_util::future::join_all(writers).await;
        let hits: Vec<Value> = answers.into_iter().map(|answer| answer.subject(200)).collect();
        let winners: Vec<usize> = (1..=8).filter(|at| hits[at - 1] != json!([])).collect();
        assert_eq!(winners.len(), 1, "{hits:?}");
        assert_eq!(probe.read(&id).await["fNumber"], json!(winners[0]));
    })
    .await;
}

/// "Guarded updates", "Batches"
#[tokio::test]
async fn one_patch_for_many_records_changes_those_that_pass_and_names_them() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["TEXT"]).await;
        let bodies: Vec<Value> = (0..200)
            .map(|at| json!({"id": fresh_id(), "fText": if at % 2 == 0 { "old" } else { "else" }}))
            .collect();
        probe.post_many(&bodies).await.subject(201);
        let all: Vec<&Value> = bodies.iter().map(|body| &body["id"]).collect();
        let mut wanted: Vec<String> = all.iter().step_by(2).map(|id| text(id)).collect();
        wanted.sort();
        let guard = json!({"or": [{"fText": {"eq": "old"}}, {"fText": {"eq": "new"}}]});
        let filter = json!({"and": [{"id": {"in": all}}, guard]});
        let hits = probe.update_many(&filter, &json!({"fText": "new"})).await.subject(200);
        assert_eq!(super::answer::sorted_ids(&hits), wanted);
        assert_eq!(probe.listed("limit=1&filter=fText[eq]:new").await["totalCount"], 100);
    })
    .await;
}
