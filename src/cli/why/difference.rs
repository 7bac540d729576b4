//! What the mirror has and Twenty does not, column by column.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::conflicts::values;
use crate::mirror::RecordState;

/// What is Twenty's own, and differs without anybody's change.
const NOT_COMPARED: &str = "updated_at";

/// A column that differs from what both sides last agreed on; values as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    column: String,
    base: Option<Box<RawValue>>,
    mirror: Option<Box<RawValue>>,
}

impl Difference {
    pub(super) fn cells(&self) -> Vec<String> {
        let cell = |value: &Option<Box<RawValue>>| {
            value.as_ref().map(|value| value.get().to_owned()).unwrap_or_default()
        };
        vec![self.column.clone(), cell(&self.base), cell(&self.mirror)]
    }
}

/// The columns that differ; none where a row was inserted or deleted, since then all of it does.
pub(super) fn of(state: &RecordState) -> Vec<Difference> {
    let Some((base, row)) =
        state.base.as_ref().and_then(|base| base.row.as_ref().zip(state.row.as_ref()))
    else {
        return Vec::new();
    };
    let (mut base, row) = (values(Some(base)), values(Some(row)));
    let mut found = Vec::new();
    for (column, mirror) in row {
        let base = base.remove(&column);
        // PostgreSQL wrote both, so equal values are equal texts.
        let is_equal = base.as_ref().is_some_and(|base| base.get() == mirror.get());
        if !is_equal && column != NOT_COMPARED {
            found.push(Difference { column, base, mirror: Some(mirror) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::of;
    use crate::mirror::{KnownBase, RecordState};

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn only_columns_that_people_changed_differ() {
        let row = json(r#"{"city": "Bonn", "job": "clerk", "n": 1.50, "updated_at": "2"}"#);
        let base = json(r#"{"city": "Ulm", "job": "clerk", "n": 1.50, "updated_at": "1"}"#);
        let base = Some(KnownBase { row: Some(base), sent_at: None });
        let state = RecordState { row: Some(row), base, pending: None, last_pull: None };
        let cells: Vec<_> = of(&state).iter().map(super::Difference::cells).collect();
        assert_eq!(cells, [["city", "\"Ulm\"", "\"Bonn\""]]);
    }
}
