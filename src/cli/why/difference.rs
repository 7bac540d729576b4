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

/// The columns that differ, without what differs by nobody's change.
pub(super) fn of(state: &RecordState) -> Vec<Difference> {
    let Some(base) = &state.base else { return Vec::new() };
    let (mut agreed, mut row) = (values(base.row.as_deref()), values(state.row.as_deref()));
    let differs = base.differs.iter().filter(|column| *column != NOT_COMPARED);
    let difference = |column: &String| Difference {
        column: column.clone(),
        base: agreed.remove(column),
        mirror: row.remove(column),
    };
    differs.map(difference).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{Difference, of};
    use crate::mirror::{KnownBase, RecordState};

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn the_columns_that_differ_are_told_with_both_values_but_not_twentys_own_time() {
        let base = KnownBase {
            row: Some(json(r#"{"city": "Ulm", "job": "clerk", "updated_at": "1"}"#)),
            sent_at: None,
            differs: vec!["city".to_owned(), "updated_at".to_owned()],
        };
        let row = Some(json(r#"{"city": "Bonn", "job": "clerk", "updated_at": "2"}"#));
        let state = RecordState { row, base: Some(base), pending: None, last_pull: None };
        let cells: Vec<_> = of(&state).iter().map(Difference::cells).collect();
        assert_eq!(cells, [["city", "\"Ulm\"", "\"Bonn\""]]);
    }
}
