//! Pages of metadata: ten entries unless asked otherwise, at most a thousand, cursors that name positions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::error::ServerError;

const DEFAULT: usize = 10;
const MOST: usize = 1000;
const PREFIX: &str = "arrayconnection:";

/// Which entries of a list a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) total: usize,
}

/// The cursor of a position.
pub(crate) fn cursor(position: usize) -> String {
    STANDARD.encode(format!("{PREFIX}{position}"))
}

fn position(cursor: &Value) -> Option<usize> {
    let bytes = STANDARD.decode(cursor.as_str()?).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix(PREFIX)?.parse().ok()
}

/// The window that `paging` asks for in a list of this length.
pub(super) fn window(
    paging: Option<&Map<String, Value>>,
    total: usize,
) -> Result<Window, ServerError> {
    let given = |name: &str| paging.and_then(|paging| paging.get(name));
    let count = |name: &str| given(name).and_then(Value::as_u64);
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    for name in ["first", "last"] {
        if count(name).is_some_and(|count| size(count) > MOST) {
            let message = format!("Field paging.{name} max allowed value is `{MOST}`.");
            return Err(ServerError::bad_request(message));
        }
    }
    if let Some(last) = count("last") {
        let end = given("before").and_then(position).unwrap_or(total).min(total);
        return Ok(Window { start: end.saturating_sub(size(last)), end, total });
    }
    let start = given("after").and_then(position).map_or(0, |at| at + 1).min(total);
    let end = start.saturating_add(count("first").map_or(DEFAULT, size)).min(total);
    Ok(Window { start, end, total })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(paging: &Value, total: usize) -> (usize, usize) {
        let window = window(paging.as_object(), total).unwrap();
        (window.start, window.end)
    }

    #[test]
    fn a_page_has_ten_entries_unless_asked_otherwise() {
        assert_eq!(of(&json!(null), 33), (0, 10));
        assert_eq!(of(&json!({"first": 1000}), 33), (0, 33));
        assert_eq!(of(&json!({"last": 3}), 33), (30, 33));
        let too_many = json!({"first": 1001});
        assert!(window(too_many.as_object(), 33).is_err());
    }

    #[test]
    fn a_cursor_names_a_position_and_the_next_page_starts_after_it() {
        assert_eq!(cursor(1), "YXJyYXljb25uZWN0aW9uOjE=");
        assert_eq!(of(&json!({"first": 2, "after": cursor(1)}), 33), (2, 4));
        assert_eq!(of(&json!({"after": cursor(40)}), 33), (33, 33));
    }
}
