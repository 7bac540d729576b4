//! What to ask GraphQL for, by what this server knows.
//!
//! It exists because one unknown key fails a whole query, and versions differ in their keys. Invariant: the keys
//! without which a model makes no sense are always asked for, so that a server without them says so.

use serde::Deserialize;

/// Asks which keys a type has here.
pub(super) const INTROSPECTION: &str =
    "query($name: String!) { __type(name: $name) { fields { name } } }";

const OBJECT_KEYS: &str =
    "id nameSingular namePlural labelSingular labelPlural isActive isCustom isSystem";
const OBJECT_OPTIONAL: &[(&str, &str)] = &[("description", "description")];

const FIELD_KEYS: &str = "id name type label isActive";
const FIELD_OPTIONAL: &[(&str, &str)] = &[
    ("description", "description"),
    ("isNullable", "isNullable"),
    ("isUnique", "isUnique"),
    ("options", "options"),
    ("settings", "settings"),
    ("relation", "relation { type }"),
    (
        "morphRelations",
        "morphRelations { type targetObjectMetadata { nameSingular } sourceFieldMetadata { id name } }",
    ),
];

/// The keys of a type; none at all where introspection is off.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Known {
    #[serde(rename = "__type")]
    kind: Option<Type>,
}

#[derive(Debug, Default, Deserialize)]
struct Type {
    fields: Option<Vec<Key>>,
}

#[derive(Debug, Deserialize)]
struct Key {
    name: String,
}

/// The query for one page of objects with all their fields.
pub(super) fn objects(object: &Known, field: &Known) -> String {
    let object = optional(OBJECT_OPTIONAL, object);
    let field = optional(FIELD_OPTIONAL, field);
    format!(
        "query($after: ConnectionCursor) {{ objects(paging: {{first: 1000, after: $after}}) {{ \
         pageInfo {{ hasNextPage endCursor }} edges {{ node {{ {OBJECT_KEYS} {object} \
         fields(paging: {{first: 1000}}) {{ pageInfo {{ hasNextPage endCursor }} \
         edges {{ node {{ {FIELD_KEYS} {field} }} }} }} }} }} }} }}"
    )
}

fn optional(keys: &[(&str, &str)], known: &Known) -> String {
    let is_known = |key: &str| match known.kind.as_ref().and_then(|kind| kind.fields.as_ref()) {
        Some(fields) => fields.iter().any(|field| field.name == key),
        None => true,
    };
    let selections: Vec<&str> =
        keys.iter().filter(|(key, _)| is_known(key)).map(|(_, selection)| *selection).collect();
    selections.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Known, objects};

    #[test]
    fn only_keys_that_the_server_knows_are_asked_for() {
        let object: Known =
            serde_json::from_str(r#"{"__type":{"fields":[{"name":"id"}]}}"#).unwrap();
        let field: Known = serde_json::from_str(
            r#"{"__type":{"fields":[{"name":"settings"},{"name":"morphId"}]}}"#,
        )
        .unwrap();
        let query = objects(&object, &field);
        assert!(query.contains("settings") && query.contains("nameSingular"));
        for absent in ["morphRelations", "morphId", "isUnique", "description"] {
            assert!(!query.contains(absent), "{absent}");
        }
    }

    #[test]
    fn without_introspection_everything_is_asked_for() {
        assert!(objects(&Known::default(), &Known::default()).contains("morphRelations"));
    }
}
