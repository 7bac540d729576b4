//! Soft delete, restore and destroy.

use std::sync::Arc;

use uuid::Uuid;

use super::World;
use super::cell::{Cell, Wire};
use super::event::Action;
use super::row::Row;
use super::schema::{Object, OnDelete};
use crate::error::ServerError;
use crate::filter::Filter;

impl World {
    /// Stamps `deletedAt` and `updatedAt` of all rows that match; rows deleted before are stamped anew.
    pub fn soft_delete_where(
        &mut self,
        object: &Object,
        filter: &Filter,
    ) -> Result<Vec<Row>, ServerError> {
        self.check_may_write(object)?;
        let ids = self.matching(object, filter)?;
        let now = self.clock.now();
        Ok(self.stamp(object, &ids, &Cell::Instant(now), now))
    }

    /// Clears `deletedAt` of all rows that match, live ones included. Announced as `deleted`, as the server does.
    pub fn restore_where(
        &mut self,
        object: &Object,
        filter: &Filter,
    ) -> Result<Vec<Row>, ServerError> {
        self.check_may_write(object)?;
        let ids = self.matching(object, filter)?;
        let now = self.clock.now();
        Ok(self.stamp(object, &ids, &Cell::Null, now))
    }

    fn stamp(&mut self, object: &Object, ids: &[Uuid], deleted: &Cell, now: i64) -> Vec<Row> {
        let (deleted_at, updated_at) =
            (object.system_column("deletedAt"), object.system_column("updatedAt"));
        let mut stamped = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(before) = self.table(object).get(*id).cloned() else { continue };
            let mut after = before.clone();
            after.cells[deleted_at] = deleted.clone();
            after.cells[updated_at] = Cell::Instant(now);
            self.table_mut(object).put(*id, after.clone());
            self.announce(
                object,
                Action::Deleted,
                Some(object.record(&before, Wire::Rest)),
                None,
                None,
                now,
            );
            stamped.push(after);
        }
        stamped
    }

    /// Removes all rows that match for good, and does to other tables what the database does: CASCADE, or SET NULL
    /// without moving `updatedAt`. Only the first row is announced, and what the database did never is.
    pub fn destroy_where(
        &mut self,
        object: &Object,
        filter: &Filter,
    ) -> Result<Vec<Row>, ServerError> {
        self.check_may_write(object)?;
        let ids = self.matching(object, filter)?;
        let now = self.clock.now();
        let mut destroyed = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(row) = self.table_mut(object).take(id) {
                destroyed.push(row);
                self.forget(object.id, id);
            }
        }
        if let Some(first) = destroyed.first() {
            self.announce(
                object,
                Action::Destroyed,
                Some(object.record(first, Wire::Rest)),
                None,
                None,
                now,
            );
        }
        Ok(destroyed)
    }

    /// Puts a merged row in place, points everything at it, and moves the other rows to the trash.
    pub(crate) fn merge(
        &mut self,
        object: &Object,
        merged: &Row,
        ids: &[Uuid],
    ) -> Result<(), ServerError> {
        self.check_may_write(object)?;
        let now = self.clock.now();
        let winner = object.id_of(merged);
        let losers: Vec<Uuid> = ids.iter().copied().filter(|id| *id != winner).collect();
        for other in self.objects.clone() {
            for (at, _) in pointers(&other, object.id) {
                self.repoint(&other, at, &losers, winner, now);
            }
        }
        self.stamp(object, &losers, &Cell::Instant(now), now);
        let mut merged = merged.clone();
        merged.cells[object.system_column("updatedAt")] = Cell::Instant(now);
        self.table_mut(object).put(winner, merged);
        Ok(())
    }

    fn repoint(&mut self, object: &Object, column: usize, losers: &[Uuid], winner: Uuid, now: i64) {
        let hit = |row: &&Row| row.cells[column].as_uuid().is_some_and(|id| losers.contains(&id));
        let hits: Vec<Row> = self.table(object).rows().values().filter(hit).cloned().collect();
        for mut row in hits {
            row.cells[column] = Cell::Uuid(winner);
            row.cells[object.system_column("updatedAt")] = Cell::Instant(now);
            self.table_mut(object).put(object.id_of(&row), row);
        }
    }

    /// Removes every trace of a key from the tables that point to it.
    pub(super) fn forget(&mut self, target: Uuid, id: Uuid) {
        for object in self.objects.clone() {
            for (at, rule) in pointers(&object, target) {
                let hit = |(_, row): &(&Uuid, &Row)| row.cells[at].as_uuid() == Some(id);
                let hits: Vec<Uuid> =
                    self.table(&object).rows().iter().filter(hit).map(|(id, _)| *id).collect();
                for child in hits {
                    self.lose_target(&object, child, at, rule);
                }
            }
        }
    }

    fn lose_target(&mut self, object: &Arc<Object>, child: Uuid, column: usize, rule: OnDelete) {
        let Some(mut row) = self.table_mut(object).take(child) else { return };
        match rule {
            OnDelete::Cascade => self.forget(object.id, child),
            OnDelete::SetNull => {
                row.cells[column] = Cell::Null;
                self.table_mut(object).put(child, row);
            }
        }
    }
}

fn pointers(object: &Object, target: Uuid) -> Vec<(usize, OnDelete)> {
    let columns = object.columns.iter().enumerate();
    columns
        .filter_map(|(at, column)| {
            column.target.filter(|(to, _)| *to == target).map(|(_, rule)| (at, rule))
        })
        .collect()
}
