//! Reads: what is asked, what is believed, and what is asked again.

use std::sync::Arc;

use serde_json::json;
use time::macros::datetime;
use twenty_sync::{
    record::{Column, ColumnType, Decoder, FieldKind, JsonPath},
    source::{PageRequest, Probe, SourceFault, Trash},
};
use uuid::{Uuid, uuid};

use super::stand_in::{Play, StandIn, chain, listing};

pub(super) const ADA: Uuid = uuid!("20202020-b000-4485-94de-70c2a98daef2");

pub(super) fn decoder() -> Decoder {
    let column = |name: &str, kind| Column {
        name: name.to_owned(),
        field_id: Uuid::nil(),
        field_kind: FieldKind::Text,
        path: JsonPath { key: name.to_owned(), part: None },
        kind,
        is_nullable: true,
    };
    Decoder::new(Arc::from([
        column("id", ColumnType::Uuid),
        column("updatedAt", ColumnType::Timestamp),
    ]))
}

pub(super) fn first_page() -> PageRequest<'static> {
    PageRequest { object: "people", since: None, cursor: None, limit: 200 }
}

fn ada() -> serde_json::Value {
    json!([{"id": ADA, "updatedAt": "2026-11-23T16:36:41.158Z", "deletedAt": null}])
}

#[tokio::test]
async fn a_page_is_asked_for_in_id_order_with_deleted_records() {
    let server = StandIn::playing(vec![Play::ok(&listing("people", &ada()))]).await;
    let client = server.client();
    let request = PageRequest {
        since: Some(datetime!(2026-11-25 07:00 UTC)),
        cursor: Some("ab+/="),
        ..first_page()
    };
    let page = client.page(&request, &decoder()).await.unwrap();
    assert_eq!(page.records[0].decoded.as_ref().unwrap().id, ADA);
    assert!(page.served_at <= datetime!(2026-11-25 07:08:33 UTC));
    let received = &server.received()[0];
    assert_eq!(
        received.line,
        "GET /rest/people?depth=0&limit=200&filter=and%28updatedAt%5Bgte%5D%3A%222026-11-25T07%3A00%3A00.000Z%22%2C\
         or%28deletedAt%5Bis%5D%3ANULL%2CdeletedAt%5Bis%5D%3ANOT_NULL%29%29&starting_after=ab%2B%2F%3D"
    );
    assert!(received.head.contains("\r\nauthorization: bearer e30."));
    assert!(received.head.contains(concat!(
        "\r\nuser-agent: twenty-sync/",
        env!("CARGO_PKG_VERSION"),
        "\r\n"
    )));
    assert_eq!(client.usage().total(), 1);
}

#[tokio::test]
async fn a_read_is_sent_again_until_the_fault_passes() {
    let good = listing("people", &ada());
    let script = vec![
        Play::Answer(502, "<html>Bad Gateway</html>".to_owned()),
        Play::HangUp,
        Play::Half(good.clone()),
        Play::ok(&good),
    ];
    let server = StandIn::playing(script).await;
    let client = server.client();
    client.page(&first_page(), &decoder()).await.unwrap();
    assert_eq!((server.lines().len(), client.usage().total()), (4, 4));
}

#[tokio::test]
async fn a_refused_key_stops_at_once() {
    let server = StandIn::playing(vec![Play::Answer(
        403,
        r#"{"statusCode":403,"messages":["This API Key is revoked"],"error":"FORBIDDEN_EXCEPTION"}"#.to_owned(),
    )])
    .await;
    let error = server.client().page(&first_page(), &decoder()).await.unwrap_err();
    assert_eq!(chain(&error), "could not read the first page of people: the API key was revoked");
    assert_eq!(error.fault(), SourceFault::Unauthorised);
    assert!(error.hint().is_some());
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn what_the_server_refuses_for_good_is_not_asked_again() {
    let server = StandIn::playing(vec![Play::rest_error(400, "Invalid cursor: zzz")]).await;
    let error = server.client().page(&first_page(), &decoder()).await.unwrap_err();
    assert!(error.is_cursor_refused(), "{error:?}");
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn the_limit_of_calls_pauses_and_the_call_goes_through() {
    let script = vec![
        Play::rest_error(429, "Limit reached (100 tokens per 100 ms)"),
        Play::ok(&listing("people", &ada())),
    ];
    let server = StandIn::playing(script).await;
    server.client().page(&first_page(), &decoder()).await.unwrap();
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn many_ids_are_asked_for_in_calls_that_fit_a_url() {
    let ids: Vec<Uuid> = (1..=450).map(Uuid::from_u128).collect();
    let server = StandIn::playing(vec![Play::ok(&listing("people", &json!([])))]).await;
    let found = server.client().by_ids("people", &ids, &decoder()).await.unwrap();
    assert!(found.is_empty());
    let lines = server.lines();
    assert_eq!(lines.len(), 3);
    assert!(
        lines
            .iter()
            .all(|line| line.len() < 12_000 && line.contains("deletedAt%5Bis%5D%3ANOT_NULL"))
    );
}

#[tokio::test]
async fn a_record_that_was_not_asked_for_is_a_fault() {
    let mut settings = StandIn::playing(vec![Play::ok(&listing("people", &ada()))]).await;
    let client = impatient(&mut settings);
    let error = client.by_ids("people", &[Uuid::from_u128(7)], &decoder()).await.unwrap_err();
    assert!(chain(&error).ends_with("it has records that were not asked for"), "{}", chain(&error));
}

fn impatient(server: &mut StandIn) -> twenty_sync::source::Client {
    let mut settings = super::stand_in::settings(server.url().clone());
    settings.retry_deadline = std::time::Duration::from_millis(50);
    twenty_sync::source::Client::new(&settings).unwrap()
}

#[tokio::test]
async fn a_count_is_the_servers_own_with_deleted_records() {
    let body = r#"{"data":{"people":[{}]},"pageInfo":{"hasNextPage":true,"endCursor":"x"},"totalCount":1202}"#;
    let server = StandIn::playing(vec![Play::ok(&body)]).await;
    assert_eq!(server.client().count("people").await.unwrap(), 1202);
    assert!(server.lines()[0].contains("NOT_NULL"));
}

#[tokio::test]
async fn a_count_of_a_range_of_ids_begins_with_its_first_and_ends_before_its_last() {
    let body = r#"{"data":{"people":[]},"pageInfo":{"hasNextPage":false,"endCursor":null},"totalCount":59}"#;
    let server = StandIn::playing(vec![Play::ok(&body)]).await;
    let client = server.client();
    assert_eq!(
        client.count_between("people", Uuid::nil(), Some(ADA), Trash::Counted).await.unwrap(),
        59
    );
    client.count_between("people", ADA, None, Trash::LeftOut).await.unwrap();
    let lines = server.lines();
    assert!(
        lines[0].contains("id%5Bgte%5D%3A00000000-") && lines[0].contains("id%5Blt%5D%3A20202020-"),
        "{lines:?}"
    );
    assert!(!lines[1].contains("lt%5D"), "{lines:?}");
    assert!(lines[0].contains("NOT_NULL") && !lines[1].contains("NOT_NULL"), "{lines:?}");
}

#[tokio::test]
async fn a_look_by_ids_says_how_many_the_server_counts() {
    let server = StandIn::playing(vec![Play::ok(&listing("people", &ada()))]).await;
    let found = server.client().look_up("people", &[ADA], &decoder()).await.unwrap();
    assert!(found.is_whole(), "{found:?}");
    let body = r#"{"data":{"people":[]},"pageInfo":{"hasNextPage":false,"endCursor":null},"totalCount":1}"#;
    let server = StandIn::playing(vec![Play::ok(&body)]).await;
    let found = server.client().look_up("people", &[ADA], &decoder()).await.unwrap();
    assert!(!found.is_whole(), "{found:?}");
}

#[tokio::test]
async fn live_records_of_many_objects_are_counted_in_one_request() {
    let answer = json!({"data": {"p0": {"totalCount": 7}, "p1": null}});
    let server = StandIn::playing(vec![Play::ok(&answer)]).await;
    let counts = server.client().counts(&["people", "notes"], Trash::LeftOut).await.unwrap();
    assert_eq!(counts, [Some(7), None]);
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert!(!received[0].body.contains("NOT_NULL") && !received[0].body.contains("maxUpdatedAt"));
}

#[tokio::test]
async fn a_probe_tells_of_each_object_or_of_none() {
    let answer = json!({
        "errors": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}],
        "data": {"p1": {"totalCount": 7, "maxUpdatedAt": "2026-11-23T16:50:25.150Z"}, "p0": null,
            "p2": {"totalCount": 0, "maxUpdatedAt": null}},
    });
    let server = StandIn::playing(vec![Play::ok(&answer)]).await;
    let client = server.client();
    let probes = client.probe(&["notes", "people", "pets"]).await.unwrap().shown;
    let people =
        Probe { total_count: 7, max_updated_at: Some(datetime!(2026-11-23 16:50:25.150 UTC)) };
    assert_eq!(probes, [None, Some(people), Some(Probe { total_count: 0, max_updated_at: None })]);
    assert_eq!(client.usage().total(), 1);
    assert_eq!(client.probe(&["notes"]).await.unwrap_err().fault(), SourceFault::Configuration);
}
