//! "Someone in the CRM": the operations that users have, for tests that act beside the program under test.
//!
//! They panic where a test is wrong (an object or record that is not there); refusals of the server panic, too,
//! because a test that wants to see a refusal sends a request.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::World;
use super::cell::{Cell, Wire};
use super::row::Row;
use crate::filter::{Filter, Operator};

impl World {
    /// Creates a record and gives back its id.
    pub fn create(&mut self, plural: &str, body: &Value) -> Uuid {
        let object = self.expect_object(plural);
        let row = self
            .create_one(&object, fields(body))
            .unwrap_or_else(|error| panic!("create in {plural}: {error}"));
        object.id_of(&row)
    }

    /// Changes some fields of a record.
    pub fn update(&mut self, plural: &str, id: Uuid, body: &Value) {
        let object = self.expect_object(plural);
        self.update_one(&object, id, &fields(body))
            .unwrap_or_else(|error| panic!("update {plural}/{id}: {error}"));
    }

    /// Moves a record to the trash.
    pub fn soft_delete(&mut self, plural: &str, id: Uuid) {
        let object = self.expect_object(plural);
        let hit = self.soft_delete_where(&object, &by_id(id));
        assert_hit(plural, id, hit.map_or(0, |rows| rows.len()));
    }

    /// Takes a record out of the trash.
    pub fn restore(&mut self, plural: &str, id: Uuid) {
        let object = self.expect_object(plural);
        let hit = self.restore_where(&object, &by_id(id));
        assert_hit(plural, id, hit.map_or(0, |rows| rows.len()));
    }

    /// Removes a record for good.
    pub fn destroy(&mut self, plural: &str, id: Uuid) {
        let object = self.expect_object(plural);
        let hit = self.destroy_where(&object, &by_id(id));
        assert_hit(plural, id, hit.map_or(0, |rows| rows.len()));
    }

    /// Points a relation at another record.
    pub fn set_fk(&mut self, plural: &str, id: Uuid, join_column: &str, target: Option<Uuid>) {
        self.update(plural, id, &json!({join_column: target.map(|id| id.to_string())}));
    }

    /// One record as REST shows it at depth 0, deleted or not.
    pub fn row(&self, plural: &str, id: Uuid) -> Option<Value> {
        let object = self.object(plural)?;
        let row = self.table(&object).get(id)?;
        Some(Value::Object(object.record(row, Wire::Rest)))
    }

    /// `updatedAt` with the microseconds that the wire does not show.
    pub fn updated_at_micros(&self, plural: &str, id: Uuid) -> Option<i64> {
        let object = self.object(plural)?;
        match self.table(&object).get(id)?.cells[object.system_column("updatedAt")] {
            Cell::Instant(micros) => Some(micros),
            _ => None,
        }
    }

    /// Changes a row as SQL or a migration would: no `updatedAt`, no event, no rewriting.
    pub fn change_silently(&mut self, plural: &str, id: Uuid, path: &str, value: Cell) {
        let object = self.expect_object(plural);
        let column =
            object.column_index(path).unwrap_or_else(|| panic!("{plural} has no column {path}"));
        let mut row: Row =
            self.table(&object).get(id).cloned().unwrap_or_else(|| panic!("no {plural}/{id}"));
        row.cells[column] = value;
        self.table_mut(&object).put(id, row);
    }

    /// Removes for good what has been in the trash for longer than so many days, as the nightly cleaning does: the days
    /// are counted from midnight UTC, nothing is announced, and the database clears or removes what pointed there.
    /// Tells how many records it removed.
    pub fn empty_trash(&mut self, days: u32) -> usize {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        let midnight = self.clock.now().div_euclid(DAY) * DAY;
        let limit = midnight - i64::from(days) * DAY;
        let mut removed = 0;
        for object in self.objects.clone() {
            let deleted_at = object.system_column("deletedAt");
            let is_old =
                |row: &Row| matches!(row.cells[deleted_at], Cell::Instant(at) if at < limit);
            let rows = self.table(&object).rows();
            let old: Vec<Uuid> =
                rows.iter().filter(|(_, row)| is_old(row)).map(|(id, _)| *id).collect();
            for id in old {
                // One may have gone with another.
                if self.table_mut(&object).take(id).is_some() {
                    self.forget(object.id, id);
                    removed += 1;
                }
            }
        }
        removed
    }

    /// Removes a row and leaves no trace in other tables, as if it had never been there.
    pub fn remove_record(&mut self, plural: &str, id: Uuid) {
        let object = self.expect_object(plural);
        self.table_mut(&object).take(id);
    }
}

fn by_id(id: Uuid) -> Filter {
    Filter::compare("id", Operator::Eq, id.to_string())
}

fn fields(body: &Value) -> Map<String, Value> {
    body.as_object().cloned().unwrap_or_else(|| panic!("a body is an object, not {body}"))
}

fn assert_hit(plural: &str, id: Uuid, hits: usize) {
    assert!(hits == 1, "{plural}/{id}: {hits} records hit");
}
