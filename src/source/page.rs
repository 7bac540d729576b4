//! One page of an object's records, read by REST.
//!
//! It exists because a listing has one right form (docs/twenty.md, "Reading changes"): in id order, live and
//! deleted records together, and only `updatedAt` as a bound. Invariants: no `order_by` is ever sent; the page's
//! time is the server's; a record that cannot be decoded does not stop the page; the text of the page is kept once,
//! and a record's JSON is a part of it.

use std::{borrow::Cow, collections::HashMap, ops::Range, sync::Arc};

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use time::{OffsetDateTime, UtcOffset, macros::format_description};

use super::{
    client::Client,
    error::SourceError,
    problem::{Problem, Unreadable},
    transport::{Answer, Request},
};
use crate::record::{Decoded, Decoder, RecordText};

/// Without a mention of `deletedAt` the server hides deleted records; this mentions it and excludes nothing.
pub(super) const LIVE_AND_DELETED: &str = "or(deletedAt[is]:NULL,deletedAt[is]:NOT_NULL)";

/// Newer servers cut records with very many fields and say so here.
const CAPPED: &str = "x-twenty-fields-capped";

/// Which page to read.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// The object's plural name.
    pub object: &'a str,
    /// Only records changed at or after this time.
    pub since: Option<OffsetDateTime>,
    /// Where the page before ended.
    pub cursor: Option<&'a str>,
    /// How many records at most; the server gives no more than 200.
    pub limit: u16,
}

/// A page as the server gave it.
#[derive(Debug)]
pub struct Page {
    /// The records, in the server's order.
    pub records: Vec<PageRecord>,
    /// Where the next page would start.
    pub end_cursor: Option<String>,
    /// Whether the server says that more follows.
    pub has_next: bool,
    /// How many records the server counts for the listing.
    pub total: u64,
    /// Whether that count leaves out the pages before this one: older servers do so.
    pub counts_the_rest: bool,
    /// The server's time when it was asked, at the latest.
    pub served_at: OffsetDateTime,
    /// A time of the server that is not before it answered.
    pub answered_by: OffsetDateTime,
    /// Whether the server left fields out of the records.
    pub(super) is_cut: bool,
}

/// One record of a page.
#[derive(Debug)]
pub struct PageRecord {
    /// The record, or why it cannot be read.
    pub decoded: Decoded,
    /// Its JSON.
    pub json: RecordText,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    #[serde(borrow)]
    data: HashMap<Cow<'a, str>, Vec<&'a RawValue>>,
    page_info: PageInfo,
    total_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl Client {
    /// Reads one page.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn page(
        &self,
        page: &PageRequest<'_>,
        decoder: &Decoder,
    ) -> Result<Page, SourceError> {
        let filter = match page.since {
            Some(since) => {
                format!("and(updatedAt[gte]:\"{}\",{LIVE_AND_DELETED})", timestamp(since))
            }
            None => LIVE_AND_DELETED.to_owned(),
        };
        let request = self.listing(page.object, &filter, page.limit, page.cursor);
        let operation = || match page.cursor {
            Some(cursor) => format!("read the page of {} after {}", page.object, cursor),
            None => format!("read the first page of {}", page.object),
        };
        let read = |answer| read(answer, page.object, decoder);
        let first = self.read(operation, &request, 1, read).await?;
        let page = self.completed(first, &request, page.object, decoder).await?;
        Ok(Page { counts_the_rest: self.counts_the_rest(), ..page })
    }

    /// The request for a listing. `filter` must not hold anything that a user typed: it cannot be escaped.
    pub(super) fn listing(
        &self,
        object: &str,
        filter: &str,
        limit: u16,
        cursor: Option<&str>,
    ) -> Request {
        let mut url = self.transport().url(&["rest", object]);
        let mut query = url.query_pairs_mut();
        query
            .append_pair("depth", "0")
            .append_pair("limit", &limit.to_string())
            .append_pair("filter", filter);
        if let Some(cursor) = cursor {
            query.append_pair("starting_after", cursor);
        }
        drop(query);
        Request { method: Method::GET, url, json: None }
    }
}

/// A time as filters take it, cut to the millisecond that the server shows.
pub(super) fn timestamp(time: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time.to_offset(UtcOffset::UTC)
        .format(format)
        .unwrap_or_else(|_| "1970-01-01T00:00:00.000Z".to_owned())
}

/// Reads the answer to a listing of `object`.
pub(super) fn read(answer: Answer, object: &str, decoder: &Decoder) -> Result<Page, Problem> {
    let (served_at, answered_by) = (answer.served_at()?, answer.answered_by()?);
    let is_cut = answer.headers.contains_key(CAPPED);
    let listing: Listing = match serde_json::from_str(&answer.body) {
        Ok(listing) => listing,
        Err(error) => return Err(answer.unreadable(fault(&error))),
    };
    let Some(raw) = listing.data.get(object) else {
        return Err(answer.unreadable(Unreadable::Missing("list of the object's records")));
    };
    let read = decode(raw, &answer.body, decoder);
    let PageInfo { has_next_page: has_next, end_cursor } = listing.page_info;
    let total = listing.total_count;
    Ok(Page {
        records: records(read, answer.body),
        end_cursor,
        has_next,
        total,
        counts_the_rest: false,
        served_at,
        answered_by,
        is_cut,
    })
}

#[derive(Deserialize)]
struct Created<'a> {
    #[serde(borrow)]
    data: HashMap<Cow<'a, str>, Vec<&'a RawValue>>,
}

/// Reads the answer to a create, whose records stand under `key`.
pub(super) fn read_created(
    answer: Answer,
    key: &str,
    decoder: &Decoder,
) -> Result<Vec<PageRecord>, Problem> {
    let created: Created = match serde_json::from_str(&answer.body) {
        Ok(created) => created,
        Err(error) => return Err(answer.unreadable(fault(&error))),
    };
    let Some(raw) = created.data.get(key) else {
        return Err(answer.unreadable(Unreadable::Missing("list of the created records")));
    };
    let read = decode(raw, &answer.body, decoder);
    Ok(records(read, answer.body))
}

/// Decodes each record, and notes where it stands in `body`.
fn decode(raw: &[&RawValue], body: &str, decoder: &Decoder) -> Vec<(Decoded, Range<usize>)> {
    raw.iter().map(|raw| (decoder.decode(raw), span(body, raw.get()))).collect()
}

fn records(read: Vec<(Decoded, Range<usize>)>, body: String) -> Vec<PageRecord> {
    let page = Arc::new(body);
    let record = |(decoded, span)| PageRecord { decoded, json: RecordText::part(&page, span) };
    read.into_iter().map(record).collect()
}

fn fault(error: &serde_json::Error) -> Unreadable {
    if error.is_data() {
        Unreadable::Missing("data, pageInfo and totalCount of a listing")
    } else {
        Unreadable::Json
    }
}

/// Where `part` stands in `whole`, of which it is a slice.
fn span(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use reqwest::header::{HeaderMap, HeaderValue};
    use time::macros::datetime;

    use super::{Answer, Decoder, Problem, Unreadable, read, timestamp};
    use crate::record::{Column, ColumnType, FieldKind, JsonPath};

    fn answer(body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("date", HeaderValue::from_static("Wed, 25 Nov 2026 07:08:33 GMT"));
        Answer { status: 200, headers, body: body.to_owned(), took: Duration::from_millis(250) }
    }

    fn decoder() -> Decoder {
        let column = |name: &str, kind| Column {
            name: name.to_owned(),
            field_id: uuid::Uuid::nil(),
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

    #[test]
    fn a_page_keeps_the_json_of_every_record_as_it_came() {
        let good = r#"{ "id":"20202020-b000-4485-94de-70c2a98daef2","updatedAt":"2026-11-23T16:36:41.158Z","ö":1 }"#;
        let body = format!(
            r#"{{"data":{{"people":[{good}, [] ]}},"pageInfo":{{"hasNextPage":true,"endCursor":"abc"}},"totalCount":7}}"#
        );
        let page = read(answer(&body), "people", &decoder()).unwrap();
        assert_eq!((&*page.records[0].json, &*page.records[1].json), (good, "[]"));
        assert!(page.records[0].decoded.is_ok() && page.records[1].decoded.is_err());
        assert_eq!((page.end_cursor.as_deref(), page.has_next, page.total), (Some("abc"), true, 7));
        assert_eq!(page.served_at, datetime!(2026-11-25 07:08:32.750 UTC));
    }

    #[test]
    fn what_is_no_page_says_what_it_lacks() {
        let info = r#""pageInfo":{"hasNextPage":false},"totalCount":0"#;
        for (body, reason) in [
            ("<html>".to_owned(), Unreadable::Page),
            (r#"{"data":{"people":["#.to_owned(), Unreadable::Json),
            (
                format!(r#"{{"data":{{"pets":[]}},{info}}}"#),
                Unreadable::Missing("list of the object's records"),
            ),
            (
                r#"{"data":{"people":[]}}"#.to_owned(),
                Unreadable::Missing("data, pageInfo and totalCount of a listing"),
            ),
        ] {
            match read(answer(&body), "people", &decoder()) {
                Err(Problem::Unreadable { status: 200, reason: found }) => {
                    assert_eq!(found, reason);
                }
                other => panic!("{body}: {other:?}"),
            }
        }
        let mut undated = answer("{}");
        undated.headers.clear();
        assert!(read(undated, "people", &decoder()).is_err());
    }

    #[test]
    fn a_time_is_cut_to_its_millisecond_and_moved_to_utc() {
        assert_eq!(
            timestamp(datetime!(2026-02-28 23:30:00.1239 +05:30)),
            "2026-02-28T18:00:00.123Z"
        );
    }
}
