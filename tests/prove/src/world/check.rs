//! Judges both sides after each change: with the oracle's help, and by what they hold.
//!
//! It exists apart from the world so that what happens and what is right are read apart. Invariant: nothing here changes
//! either side.

use std::rc::Rc;

use super::{World, ids_of};
use crate::{
    book::Side,
    clock::{self, OVERLAP},
    objects::{Key, UPDATED_AT, cut, is_live, meaning, partial},
    plan::reconcile::{Conflict, ConflictKind},
    record::{Image, Value, canonical},
    twenty,
};

impl World {
    /// What is sent for a field is what somebody wrote here.
    pub(super) fn check_echo(&mut self, key: Key, body: &crate::plan::patch::Body) {
        let objects = self.at_source();
        let object = &objects[key.0];
        let sent = twenty::held_of(object, body);
        if self.book.reborn.contains(&key) {
            return;
        }
        for &unit in &object.editable {
            let named = body.contains_key(&object.units[unit].key);
            let known = object.units[unit].columns.iter().all(|index| sent.get(*index).is_some());
            if named && known {
                let value = meaning(object, unit, &sent);
                if !self.book.is_local(key, unit, &value) {
                    self.wrong(
                        "I3",
                        format!("{key:?}: nobody wrote {value:?} here, and it is sent"),
                    );
                }
            }
        }
    }

    /// Tells the oracle which values are on record since it was told last.
    pub(super) fn keep_losers(&mut self) {
        let objects = Rc::clone(&self.objects);
        let mut own = None;
        for (key, conflict) in self.mirror.conflicts.iter().skip(self.mirror.told) {
            let object = &objects[key.0];
            own = own.or_else(|| self.conflict_with_itself(*key, conflict));
            for values in [&conflict.source, &conflict.mirror] {
                let image = partial(object, &conflict.columns, values);
                for &unit in &object.editable {
                    self.book.kept.insert((*key, unit, meaning(object, unit, &image)));
                }
            }
        }
        // A decision takes out what was held of the same fields, so that others move up: of as many as an object has.
        self.mirror.told = self.mirror.conflicts.len().saturating_sub(24);
        if let Some(story) = own {
            self.wrong("I3", story);
        }
    }

    /// What stands against a local change was not written by the program itself.
    fn conflict_with_itself(&self, key: Key, conflict: &Conflict) -> Option<String> {
        let object = &self.objects[key.0];
        // What was seen in the trash may be of an earlier life.
        let of_the_dead = |(of, conflict): &(Key, Conflict)| {
            *of == key && conflict.kind == ConflictKind::DeletedAtSource
        };
        // A field that is younger than what both sides agreed on is in conflict with whatever is there.
        let is_of_fields = conflict.field.is_some() && self.drift.is_none();
        if !is_of_fields || self.mirror.conflicts.iter().any(of_the_dead) {
            return None;
        }
        let is_meant = |unit: &&usize| object.units[**unit].columns == conflict.columns;
        let unit = object.editable.iter().find(is_meant)?;
        let image = partial(object, &conflict.columns, &conflict.source);
        let value = meaning(object, *unit, &image);
        let is_own = !self.book.is_foreign(key, *unit, &value);
        is_own.then(|| format!("{key:?}: its own {value:?} is a conflict"))
    }

    /// Whether a row that the program wrote is of a record that was deleted, restored or edited in Twenty meanwhile.
    pub(super) fn check_behind(&mut self, key: Key, after: Option<&Image>) {
        let is_told = self.check_life(key, after);
        if after.is_some() && !is_told && !self.is_equal(key) {
            self.book.is_edited_since(key);
        }
    }

    /// Whether a record was deleted or restored in Twenty since the program saw it as it is here: also where it saw that
    /// it is in the trash, and a delete here agrees with that.
    pub(super) fn check_life(&mut self, key: Key, row: Option<&Image>) -> bool {
        let of = |image: Option<&Image>| image.is_some_and(is_live);
        let record = self.twenty.get(key).map(|record| &record.image);
        let (there, is_destroyed) = (of(record), record.is_none() && row.is_some());
        let is_behind = is_destroyed || there != of(row);
        if is_behind {
            self.book.is_behind(key, there);
        }
        is_behind
    }

    /// The program removes a row only where the record was deleted in Twenty.
    pub(super) fn check_removal(
        &mut self,
        key: Key,
        before: Option<&Image>,
        after: Option<&Image>,
    ) {
        let goes = before.is_some_and(is_live) && !after.is_some_and(is_live);
        let lives = self.twenty.get(key).is_some_and(|record| is_live(&record.image));
        let deleted = self.book.deleted.contains(&key) || self.book.was_deleted(Side::Mirror, key);
        if goes && lives && !deleted {
            self.wrong("I11", format!("{key:?} was removed here, and it lives in Twenty"));
        }
    }

    /// Looks at a record that changed: whether both sides agree on it now.
    pub(crate) fn look_at(&mut self, key: Key) {
        if !self.is_open(key.0) {
            return;
        }
        self.check_reach(key);
        let is_late = self
            .late
            .iter()
            .any(|request| request.object == key.0 && ids_of(request).contains(&key.1));
        if self.mirror.bases.contains_key(&key) || is_late || !self.is_equal(key) {
            return;
        }
        self.close(key);
    }

    /// A record is judged by what both sides hold. What one of them does not show is still to come.
    pub(crate) fn close(&mut self, key: Key) {
        self.judge(key);
        let objects = Rc::clone(&self.objects);
        let held = [self.twenty.get(key).map(|record| &record.image), self.mirror.row(key)];
        let of = |unit: usize| {
            held.map(|image| image.map(|image| meaning(&objects[key.0], unit, image)))
        };
        let is_unseen = |unit: &usize| {
            let [there, here] = of(*unit);
            !self.is_synced(key.0, *unit) && there.is_some() && there != here
        };
        if objects[key.0].editable.iter().any(is_unseen) {
            self.book.is_edited_since(key);
        }
    }

    fn judge(&mut self, key: Key) {
        let objects = Rc::clone(&self.objects);
        let source = self.twenty.get(key).map(|record| &record.image);
        let sides = (source, self.mirror.row(key));
        let conflicts = &self.mirror.conflicts;
        if let Some((invariant, story)) = self.book.close((&objects[key.0], key), sides, conflicts)
        {
            self.wrong(invariant, story);
        }
    }

    /// Whether both sides hold the same of what people see of a record. What waits is left out.
    pub(crate) fn is_equal(&self, key: Key) -> bool {
        if !self.is_open(key.0) {
            return true;
        }
        let object = &self.objects[key.0];
        let source = self.twenty.get(key).map(|record| &record.image);
        let source = source.filter(|image| object.keeps_deleted() || is_live(image));
        let waiting = self.mirror.bases.get(&key).map(|base| &base.waiting);
        match (source, self.mirror.row(key)) {
            (None, None) => true,
            (Some(source), Some(row)) => {
                let waits = |unit: usize| {
                    let columns = &object.units[unit].columns;
                    waiting
                        .is_some_and(|waiting| columns.iter().any(|index| waiting.contains(index)))
                };
                let same = |unit: &usize| {
                    let unit_of = &object.units[*unit];
                    let (shown, row) = (cut(source), cut(row));
                    canonical::units_equal(object.columns(), unit_of, &shown, &row) == Some(true)
                };
                is_live(source) == is_live(row)
                    && object
                        .editable
                        .iter()
                        .all(|unit| waits(*unit) || !self.is_synced(key.0, *unit) || same(unit))
            }
            _ => false,
        }
    }

    /// A change that the mirror does not know is within reach of the next walk.
    pub(crate) fn check_reach(&mut self, key: Key) {
        let Some(watermark) = self.mirror.watermark(key.0) else { return };
        let Some(record) = self.twenty.get(key) else { return };
        let known = self.mirror.known.get(&key).copied().unwrap_or_default();
        // What is in doubt, or new here although it is there, is looked at before anything else.
        let is_looked_at = self
            .mirror
            .bases
            .get(&key)
            .is_some_and(|base| base.sent.is_some() || base.base.is_none());
        if record.honest <= known || is_looked_at {
            return;
        }
        let Some(Value::Timestamp(changed)) = record.image.get(UPDATED_AT) else { return };
        if *changed < clock::cut(watermark - OVERLAP) {
            let story = format!(
                "change {} of {key:?} is not known here (known: {known}), and no walk asks for it",
                record.honest
            );
            self.wrong("I6", story);
        }
    }
}
