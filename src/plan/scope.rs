//! Which objects are mirrored, and which way their records travel, when the configuration does not say.
//!
//! It exists because a workspace holds objects that nobody wants in SQL: OAuth tokens, mail and calendar
//! traffic, and activity logs that every write of our own would lengthen. Invariant: an object that this
//! version does not know, a custom one above all, is mirrored.

use crate::record::{Direction, Object};

/// Holds OAuth tokens and mail passwords, readable with any key (docs/twenty.md, "Standard objects").
const SECRET: &[&str] = &["connectedAccounts"];

/// Traffic and logs: large, redacted on read, or written by the server itself.
const NOISE: &[&str] = &[
    "timelineActivities",
    "workflowRuns",
    "workflowAutomatedTriggers",
    "favorites",
    "favoriteFolders",
];
const NOISE_PREFIXES: &[&str] = &["message", "calendar"];

/// Objects whose writes the server refuses or restricts.
const PROTECTED: &[&str] = &[
    "workspaceMembers",
    "workflows",
    "workflowVersions",
    "dashboards",
    "blocklists",
    "attachments",
];

/// The direction of `object` when the configuration has no rule for it.
pub fn default_direction(object: &Object) -> Direction {
    let plural = object.name_plural.as_str();
    if object.is_custom {
        return Direction::Both;
    }
    let noise =
        NOISE.contains(&plural) || NOISE_PREFIXES.iter().any(|prefix| plural.starts_with(prefix));
    if noise || SECRET.contains(&plural) {
        Direction::Off
    } else if PROTECTED.contains(&plural) {
        Direction::Pull
    } else {
        Direction::Both
    }
}

/// Whether `object` can be walked at all: it is active and has an id and a time of change.
pub fn is_walkable(object: &Object) -> bool {
    let has = |name: &str| object.fields.iter().any(|field| field.is_active && field.name == name);
    object.is_active && has("id") && has("updatedAt")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{default_direction, is_walkable};
    use crate::record::{Direction, Field, FieldKind, Object};

    fn object(plural: &str, is_custom: bool) -> Object {
        Object {
            id: Uuid::nil(),
            name_singular: String::new(),
            name_plural: plural.to_owned(),
            label_singular: String::new(),
            label_plural: String::new(),
            description: None,
            is_custom,
            is_system: false,
            is_active: true,
            fields: Vec::new(),
        }
    }

    #[test]
    fn tokens_and_noise_stay_out_and_everything_else_comes_in() {
        for (plural, is_custom, direction) in [
            ("people", false, Direction::Both),
            ("noteTargets", false, Direction::Both),
            ("connectedAccounts", false, Direction::Off),
            ("messageThreads", false, Direction::Off),
            ("calendarEvents", false, Direction::Off),
            ("timelineActivities", false, Direction::Off),
            ("workspaceMembers", false, Direction::Pull),
            ("workflowRuns", false, Direction::Off),
            ("workflows", false, Direction::Pull),
            ("messagesWeWrote", true, Direction::Both),
        ] {
            assert_eq!(default_direction(&object(plural, is_custom)), direction, "{plural}");
        }
    }

    fn field(name: &str, is_active: bool) -> Field {
        Field {
            id: Uuid::nil(),
            name: name.to_owned(),
            label: String::new(),
            description: None,
            kind: FieldKind::Text,
            is_active,
            is_nullable: true,
            is_unique: false,
            options: Vec::new(),
        }
    }

    #[test]
    fn an_object_is_walked_that_is_active_and_shows_an_id_and_a_time_of_change() {
        for (is_active, fields, expected) in [
            (true, vec![("id", true), ("updatedAt", true)], true),
            (false, vec![("id", true), ("updatedAt", true)], false),
            (true, vec![("id", true), ("updatedAt", false)], false),
            (true, vec![("id", true), ("name", true)], false),
            (true, vec![("name", true), ("updatedAt", true)], false),
            (true, vec![], false),
        ] {
            let shown = fields.iter().map(|&(name, is_active)| field(name, is_active)).collect();
            let object = Object { is_active, fields: shown, ..object("people", false) };
            assert_eq!(is_walkable(&object), expected, "{is_active} {fields:?}");
        }
    }
}
