//! The head of a request: its size, and the parts that matter.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, IF_NONE_MATCH};
use hyper::http::request::Parts;

use super::route::Arrival;

/// The largest head that Node reads: request line and headers.
const MOST: usize = 16 * 1024;

/// What arrived, or nothing when the head is too large.
pub(super) fn read(parts: &Parts) -> Option<Arrival> {
    if size(parts) > MOST {
        return None;
    }
    let text = |name: HeaderName| text(&parts.headers, &name);
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Some(Arrival {
        method: parts.method.as_str().to_owned(),
        target: target.to_owned(),
        authorization: text(AUTHORIZATION),
        sends_json: text(CONTENT_TYPE).is_some_and(|kind| kind.contains("json")),
        known_tag: text(IF_NONE_MATCH),
    })
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}

/// Bytes of the head as it was on the wire: separators and line ends count, too.
fn size(parts: &Parts) -> usize {
    let line = parts.method.as_str().len() + parts.uri.to_string().len() + " HTTP/1.1 \r\n".len();
    let header = |(name, value): (&HeaderName, &hyper::header::HeaderValue)| {
        name.as_str().len() + value.len() + ": \r\n".len()
    };
    line + parts.headers.iter().map(header).sum::<usize>()
}
