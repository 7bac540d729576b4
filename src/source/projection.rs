//! Reads the fields that a server leaves out of records with very many.
//!
//! It exists because newer servers show 200 fields of a record and say so in a header only (docs/twenty.md, "Very many
//! fields"): what is missing would look like a field that the key may not read. Invariants: the first answer decides
//! which records there are; what is asked for by name and still not shown is not shown.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    client::Client,
    error::SourceError,
    page::{self, Page, PageRecord},
    transport::Request,
};
use crate::record::{Decoder, Row};

/// Fields asked for in one request: with those that are always asked for, fewer than are left out.
const FIELDS: usize = 150;

/// What every part of a record must show to be read.
const ALWAYS: &str = "id,updatedAt,deletedAt";

impl Client {
    /// Completes a page whose records were cut. `request` is the one that brought it.
    pub(super) async fn completed(
        &self,
        page: Page,
        request: &Request,
        object: &str,
        decoder: &Decoder,
    ) -> Result<Page, SourceError> {
        if !page.is_cut || page.records.is_empty() {
            return Ok(page);
        }
        let mut page = page;
        let missing = missing(&page.records, decoder);
        for keys in missing.chunks(FIELDS) {
            let mut part = request.clone();
            let fields = format!("{ALWAYS},{}", keys.join(","));
            part.url.query_pairs_mut().append_pair("fields", &fields);
            let operation = || format!("read {} more fields of {object}", keys.len());
            let read = |answer| page::read(answer, object, decoder);
            let part = self.read(operation, &part, 1, read).await?;
            merge(&mut page.records, part.records);
        }
        Ok(page)
    }
}

/// The keys that no record shows.
fn missing<'a>(records: &[PageRecord], decoder: &'a Decoder) -> Vec<&'a str> {
    let rows: Vec<&Row> =
        records.iter().filter_map(|record| record.decoded.as_ref().ok()).collect();
    let is_missing = |indices: &[usize]| {
        rows.iter().all(|row| indices.iter().all(|&at| row.values[at].is_none()))
    };
    let mut keys: Vec<&str> =
        decoder.keys().filter(|(_, indices)| is_missing(indices)).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys
}

/// Adds what a part shows to the records that are there.
fn merge(records: &mut [PageRecord], part: Vec<PageRecord>) {
    let mut parts: HashMap<Uuid, Row> = part
        .into_iter()
        .filter_map(|record| record.decoded.ok())
        .map(|row| (row.id, row))
        .collect();
    for row in records.iter_mut().filter_map(|record| record.decoded.as_mut().ok()) {
        let Some(part) = parts.remove(&row.id) else { continue };
        for (value, more) in row.values.iter_mut().zip(part.values) {
            if value.is_none() {
                *value = more;
            }
        }
    }
}
