//! Listings that lie: faults that change a page after it was made.
//!
//! The page is changed as JSON and put back as JSON, for REST and for every connection at the root of a GraphQL
//! answer, because a client can be misled by either.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Book, Effect};

/// How many rows of each listing a fault has let through.
#[derive(Debug, Default)]
pub(super) struct Progress(HashMap<String, usize>);

/// What the request asked for, as far as a lie depends on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// The cursor that was sent, if the page is not the first.
    pub(crate) cursor: Option<String>,
    /// What all pages of the listing have in common, so that walks side by side are told apart.
    pub(crate) scope: String,
}

/// One page inside an answer: its rows and what it says about itself.
struct Page<'a> {
    rows: &'a mut Vec<Value>,
    info: Option<&'a mut Value>,
    total: Option<&'a mut Value>,
}

impl Book {
    /// Applies the faults at these places of the book to a body. Bodies without a page stay as they are.
    pub(crate) fn distort(&mut self, places: &[usize], listing: &Listing, body: &mut Value) {
        for at in places {
            let (effect, progress) = self.page_fault(*at);
            for mut page in pages(body) {
                lie(effect, progress, listing, &mut page);
            }
        }
    }
}

fn pages(body: &mut Value) -> Vec<Page<'_>> {
    if body.get("pageInfo").is_some() {
        return rest_page(body).into_iter().collect();
    }
    let roots = body.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten();
    roots.filter_map(|(_, root)| graphql_page(root)).collect()
}

fn rest_page(body: &mut Value) -> Option<Page<'_>> {
    let (mut rows, mut info, mut total) = (None, None, None);
    for (key, value) in body.as_object_mut()? {
        match key.as_str() {
            "data" => rows = value.as_object_mut()?.values_mut().next()?.as_array_mut(),
            "pageInfo" => info = Some(value),
            "totalCount" => total = Some(value),
            _ => {}
        }
    }
    Some(Page { rows: rows?, info, total })
}

fn graphql_page(root: &mut Value) -> Option<Page<'_>> {
    let (mut rows, mut info, mut total) = (None, None, None);
    for (key, value) in root.as_object_mut()? {
        match key.as_str() {
            "edges" => rows = value.as_array_mut(),
            "pageInfo" => info = Some(value),
            "totalCount" => total = Some(value),
            _ => {}
        }
    }
    Some(Page { rows: rows?, info, total })
}

fn lie(effect: &Effect, progress: &mut Progress, listing: &Listing, page: &mut Page<'_>) {
    match effect {
        Effect::EndEarly(share) => end_early(*share, progress, listing, page),
        Effect::WrongTotal(by) => {
            if let Some(total) = &mut page.total {
                let told = total.as_i64().unwrap_or(0).saturating_add(*by).max(0);
                **total = json!(told);
            }
        }
        Effect::StuckCursor => {
            if let (Some(info), Some(cursor)) = (&mut page.info, &listing.cursor) {
                info["endCursor"] = json!(cursor);
                info["hasNextPage"] = json!(true);
            }
        }
        Effect::RepeatedId => {
            if let Some(first) = page.rows.first().cloned() {
                page.rows.push(first);
            }
        }
        Effect::Status { .. }
        | Effect::StatusAfter { .. }
        | Effect::RateLimited
        | Effect::Stall
        | Effect::StallAfterHead
        | Effect::Drip(_)
        | Effect::Raw { .. }
        | Effect::CutBefore
        | Effect::CutAfter
        | Effect::CutBody
        | Effect::BrokenJson
        | Effect::Html
        | Effect::IgnoredFilter
        | Effect::Slow(_) => {}
    }
}

/// Lets a share of the rows through and says that it was all. Without a total, the first page is all.
fn end_early(share: f64, progress: &mut Progress, listing: &Listing, page: &mut Page<'_>) {
    let passed = progress.0.entry(listing.scope.clone()).or_default();
    if listing.cursor.is_none() {
        *passed = 0;
    }
    let total = page.total.as_ref().and_then(|total| total.as_f64());
    #[expect(clippy::cast_precision_loss, reason = "a page has few rows")]
    let total = total.unwrap_or(page.rows.len() as f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a row count is a row count"
    )]
    let allowed = (total * share.clamp(0.0, 1.0)).ceil() as usize;
    let left = allowed.saturating_sub(*passed);
    if page.rows.len() >= left {
        page.rows.truncate(left);
        if let Some(info) = &mut page.info {
            info["hasNextPage"] = json!(false);
        }
    }
    *passed += page.rows.len();
}
