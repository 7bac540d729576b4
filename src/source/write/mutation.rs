//! A mutation as it is written: root fields under aliases, values in variables.
//!
//! It exists because several mutations share one query, and each needs names of its own in it. Invariant: only
//! checked names are part of the text; every value is a variable.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::ObjectNames;

/// One root field with its variables.
#[derive(Debug, Clone)]
pub(super) struct Mutation {
    pub(super) root: String,
    pub(super) filter: Value,
    pub(super) data: Option<Value>,
    pub(super) fields: &'static str,
}

/// The name of the mutation with this number.
pub(super) fn alias(index: usize) -> String {
    format!("m{index}")
}

/// The query for `mutations`, and its variables.
pub(super) fn query(object: ObjectNames<'_>, mutations: &[&Mutation]) -> (String, Value) {
    let (mut declared, mut selected, mut variables) = (String::new(), String::new(), Map::new());
    for (index, mutation) in mutations.iter().enumerate() {
        let Mutation { root, filter, data, fields } = mutation;
        let _ = write!(declared, "$f{index}: {} ", object.filter_type());
        let _ = write!(selected, "{}: {root}(filter: $f{index}", alias(index));
        variables.insert(format!("f{index}"), filter.clone());
        if let Some(data) = data {
            let _ = write!(declared, "$d{index}: {} ", object.patch_type());
            let _ = write!(selected, ", data: $d{index}");
            variables.insert(format!("d{index}"), data.clone());
        }
        let _ = write!(selected, ") {{ {fields} }} ");
    }
    (format!("mutation({declared}) {{ {selected}}}"), Value::Object(variables))
}
