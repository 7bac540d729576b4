//! What a delivery says: which object, and whether something was destroyed.
//!
//! It exists to read as little as possible. Invariants: the record is skipped, not kept; what cannot be an object's
//! name is refused.

use serde::Deserialize;
use uuid::Uuid;

use super::refusal::Refusal;

/// The name of the event by which our own commands ask how deliveries fare. Twenty sends no such event.
pub(super) const PROBE: &str = "twenty-sync.probe";

/// Longer than any name that PostgreSQL or Twenty takes.
const LONGEST_NAME: usize = 128;

/// What a delivery means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Something happened to a record.
    Event {
        /// The object's singular name.
        object: String,
        /// Whether the record is gone for good, which no walk can see.
        is_destroyed: bool,
    },
    /// Nothing happened: the sender wants to know how deliveries fare.
    Probe,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    event_name: String,
    workspace_id: Uuid,
}

/// Reads a body whose signature was checked.
pub(super) fn read(body: &[u8], workspace_id: Uuid) -> Result<Delivery, Refusal> {
    let body: Body = serde_json::from_slice(body).map_err(|_| Refusal::Unreadable)?;
    if body.workspace_id != workspace_id {
        return Err(Refusal::Workspace);
    }
    if body.event_name == PROBE {
        return Ok(Delivery::Probe);
    }
    let (object, action) = body.event_name.split_once('.').ok_or(Refusal::Unreadable)?;
    let is_name = !object.is_empty()
        && object.len() <= LONGEST_NAME
        && object.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(Refusal::Unreadable);
    }
    Ok(Delivery::Event { object: object.to_owned(), is_destroyed: action == "destroyed" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::{Delivery, read};
    use crate::webhook::Refusal;

    const HERE: Uuid = Uuid::from_u128(7);

    fn named(name: &str) -> Result<Delivery, Refusal> {
        let body = json!({"eventName": name, "workspaceId": HERE, "record": {"name": "\u{0}"}});
        read(body.to_string().as_bytes(), HERE)
    }

    #[test]
    fn an_event_names_its_object_whatever_happened() {
        for (name, is_destroyed) in [
            ("person.created", false),
            ("person.updated", false),
            ("person.deleted", false),
            ("person.destroyed", true),
            ("person.whatever_comes", false),
        ] {
            let object = "person".to_owned();
            assert_eq!(named(name), Ok(Delivery::Event { object, is_destroyed }), "{name}");
        }
        assert_eq!(named("twenty-sync.probe"), Ok(Delivery::Probe));
    }

    #[test]
    fn what_cannot_be_the_name_of_an_object_is_refused() {
        for name in ["", ".", ".created", "person", "per son.x", "p\u{e9}.x", &"a".repeat(129)] {
            assert_eq!(named(name), Err(Refusal::Unreadable), "{name}");
        }
        assert_eq!(named(&format!("{}.x", "a".repeat(129))), Err(Refusal::Unreadable));
    }

    #[test]
    fn another_workspace_and_what_is_no_event_are_refused() {
        let foreign = json!({"eventName": "person.created", "workspaceId": Uuid::from_u128(8)});
        assert_eq!(read(foreign.to_string().as_bytes(), HERE), Err(Refusal::Workspace));
        let deep = "[".repeat(100_000);
        for body in ["", "null", "{}", "[]", "\u{0}", &deep] {
            assert_eq!(read(body.as_bytes(), HERE), Err(Refusal::Unreadable));
        }
    }
}
