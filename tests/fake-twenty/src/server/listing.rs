//! Where in a listing a request stands: the cursor that it sends, in either API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::fault::Listing;
use crate::journal::CallInfo;
use crate::rest::Params;

/// The place that a request asks for.
pub(super) fn of(info: &CallInfo) -> Listing {
    let query = info.path.split_once('?').map_or("", |(_, query)| query);
    let params = Params::parse(query);
    let rest = params.get("starting_after").or_else(|| params.get("ending_before"));
    let cursor = rest.filter(|cursor| !cursor.is_empty()).map(ToOwned::to_owned);
    Listing { cursor: cursor.or_else(|| of_graphql(info)) }
}

/// A cursor among the variables, or one that stands in the document.
fn of_graphql(info: &CallInfo) -> Option<String> {
    let document = info.document()?;
    let body = info.json();
    let variables = body["variables"].as_object().into_iter().flatten();
    let sent = variables.filter_map(|(_, value)| value.as_str()).find(|text| is_cursor(text));
    let literal = || document.split('"').find(|text| is_cursor(text));
    sent.or_else(literal).map(ToOwned::to_owned)
}

fn is_cursor(text: &str) -> bool {
    let decoded = STANDARD.decode(text).ok();
    decoded
        .is_some_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok_and(|it| it.is_object()))
}
