//! What embedding a relation does to the record that owns the key.
//!
//! When a page is read together with a to-one relation and not one of its records has a live target, the real
//! server shows the *keys* of that relation as null, too, although the database still holds them.

use super::World;
use super::cell::Cell;
use super::row::Row;
use super::schema::{Field, Object};

impl World {
    /// The live record that a to-one relation points at.
    pub(crate) fn target_of(&self, object: &Object, row: &Row, field: &Field) -> Option<&Row> {
        let target =
            self.object_by_id(field.link()?.target_object).filter(|target| target.is_active)?;
        let id = row.cells[object.column_index(field.key())?].as_uuid()?;
        self.table(&target).get(id).filter(|row| !target.is_deleted(row))
    }

    /// The columns of keys that a page shows as null, when these relations are embedded.
    pub(crate) fn blanked<'r>(
        &self,
        object: &Object,
        rows: &(impl Iterator<Item = &'r Row> + Clone),
        embedded: impl Fn(&Field) -> bool,
    ) -> Vec<usize> {
        let wanted = object.fields.iter().filter(|field| field.is_many_to_one() && embedded(field));
        let lost = wanted
            .filter(|field| rows.clone().all(|row| self.target_of(object, row, field).is_none()));
        lost.filter_map(|field| object.column_index(field.key())).collect()
    }
}

impl Row {
    /// The row with some columns empty.
    pub(crate) fn without(&self, columns: &[usize]) -> Self {
        let mut row = self.clone();
        for column in columns {
            row.cells[*column] = Cell::Null;
        }
        row
    }
}
