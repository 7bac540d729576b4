//! What a server sends, wrong in a few places.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::SecretString;

use super::{key::Key, metadata, page, problem::Problem, transport::Answer};
use crate::{
    fuzz,
    record::{Column, Decoder, Image},
};

fn answer(body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("date", HeaderValue::from_static("Wed, 25 Nov 2026 07:08:33 GMT"));
    Answer { status: 200, headers, body: body.to_owned(), took: Duration::ZERO }
}

/// A row that was read comes back from storage as it was.
fn comes_back(columns: &[Column], image: &Image) {
    // As text, because a decimal may come with zeros before it.
    let stored = image.to_json(columns);
    let read = Image::decode(columns, &stored).expect("what was read can be stored");
    assert_eq!(read.to_json(columns), stored);
}

#[test]
fn no_page_brings_its_reader_down_and_what_is_read_comes_back() {
    let columns = metadata::fuzz::every_type();
    let decoder = Decoder::new(columns.as_slice().into());
    fuzz::each("page", |bytes| {
        let Ok(body) = std::str::from_utf8(bytes) else { return };
        let Ok(page) = page::read(answer(body), "gadgets", &decoder) else { return };
        for row in page.records.iter().filter_map(|record| record.decoded.as_ref().ok()) {
            comes_back(&columns, &Image::of(row));
        }
    });
}

#[test]
fn no_data_model_brings_its_reader_down() {
    fuzz::each("metadata", |bytes| {
        let Ok(body) = std::str::from_utf8(bytes) else { return };
        metadata::fuzz::read(&answer(body));
    });
}

#[test]
fn no_error_brings_its_reader_down() {
    fuzz::each("error", |bytes| {
        let Ok(body) = std::str::from_utf8(bytes) else { return };
        for status in [200, 400, 401, 429, 500, 502] {
            let text = Problem::of_answer(status, body, None).to_string();
            assert!(text.len() < 4_000, "a message of {} bytes", text.len());
        }
    });
}

#[test]
fn no_key_brings_its_reader_down() {
    fuzz::each("key", |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let _ = Key::read(&SecretString::from(text));
    });
}
