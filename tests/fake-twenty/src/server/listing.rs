//! Where in a listing a request stands: the cursor that it sends, in either API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::fault::Listing;
use crate::journal::CallInfo;
use crate::rest::Params;

/// The place that a request asks for.
pub(super) fn of(info: &CallInfo) -> Listing {
    info.document().map_or_else(|| of_rest(info), |document| of_graphql(&document, &info.json()))
}

fn of_rest(info: &CallInfo) -> Listing {
    let query = info.path.split_once('?').map_or("", |(_, query)| query);
    let params = Params::parse(query);
    let cursor = params.get("starting_after").or_else(|| params.get("ending_before"));
    let cursor = cursor.filter(|cursor| !cursor.is_empty()).map(ToOwned::to_owned);
    let scope = format!("{}?{}", info.bare_path(), params.get("filter").unwrap_or_default());
    Listing { cursor, scope }
}

/// A cursor is one of the variables or stands in the document; the rest of both is the same for all pages.
fn of_graphql(document: &str, body: &Value) -> Listing {
    let variables = body["variables"].as_object().into_iter().flatten();
    let variables = variables.filter(|(_, value)| !value.is_null());
    let (cursors, others): (Vec<_>, Vec<_>) =
        variables.partition(|(_, value)| value.as_str().is_some_and(is_cursor));
    let sent = cursors.first().and_then(|(_, value)| value.as_str());
    let (literal, parts): (Vec<&str>, Vec<&str>) =
        document.split('"').partition(|text| is_cursor(text));
    let cursor = sent.or(literal.first().copied()).map(ToOwned::to_owned);
    Listing { cursor, scope: format!("{parts:?} {others:?}") }
}

fn is_cursor(text: &str) -> bool {
    let decoded = STANDARD.decode(text).ok();
    decoded
        .is_some_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok_and(|it| it.is_object()))
}
