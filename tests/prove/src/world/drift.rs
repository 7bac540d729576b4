//! What a change of the data model does to both sides, and what is checked about it: I25.
//!
//! It exists because the promise is about columns: no value in a wrong one, and none lost with its field. Invariants:
//! people see only what their side shows; where a field is out of sight, neither side is held to the other's value.

use std::{collections::BTreeSet, rc::Rc};

use super::World;
use crate::{
    book::By,
    drift::{Drift, direction, shown},
    mistakes::{self, Bug},
    objects::{Key, Object, meaning},
    plan::{
        batch::{GuardedUpdate, Work},
        pending::{Operation, OperationKind},
        schema::{Mode, Scoped, plan},
        scope::is_walkable,
    },
    record::{DataModel, Direction, Image, Value},
    twenty::{Request, Served},
};

/// What Twenty held at any time, by record and unit.
pub(crate) type Held = BTreeSet<(Key, usize, String)>;

impl World {
    /// The objects as Twenty shows them now.
    pub(crate) fn at_source(&self) -> Rc<Vec<Object>> {
        Rc::clone(self.drift.as_ref().map_or(&self.objects, |drift| &drift.source))
    }

    /// The objects as the tables show them now.
    pub(crate) fn at_mirror(&self) -> Rc<Vec<Object>> {
        Rc::clone(self.drift.as_ref().map_or(&self.objects, |drift| &drift.mirror))
    }

    /// Somebody changes the data model.
    pub(super) fn change_model(&mut self) {
        let layout = Rc::clone(&self.objects);
        // A new row tells of no value that its column cannot take any more (docs/invariants.md, I25).
        let is_new = |entry: &Operation| entry.kind == OperationKind::Insert;
        let log = self.mirror.outbox.iter().filter(|(_, entries)| entries.iter().any(is_new));
        let busy = log.map(|(key, _)| key.0).collect();
        let Some(drift) = &mut self.drift else { return };
        let what = drift.change(&layout, &busy);
        self.tally.hit("schema change", what);
        self.say(what);
    }

    /// Somebody has the tables follow the data model, and tells no process of it: `twenty-sync schema apply`.
    pub(super) fn apply_schema(&mut self) {
        let what = "applied beside the program";
        let Some(model) = self.drift.as_ref().map(Drift::told) else { return };
        self.follow_model(&model);
        self.mirror_changed(By::Program);
        self.tally.hit("schema change", what);
        self.say(what);
    }

    /// Has the tables follow a data model as it was told; the objects as the program knows them then.
    pub(crate) fn follow_model(&mut self, model: &DataModel) -> Rc<Vec<Object>> {
        let layout = Rc::clone(&self.objects);
        let walkable = model.objects.iter().filter(|object| is_walkable(object));
        let scoped: Vec<Scoped<'_>> = walkable
            .map(|object| Scoped { object, direction: direction(&layout, object) })
            .filter(|scoped| scoped.direction != Direction::Off)
            .collect();
        let plan = plan("twenty", &scoped, &self.mirror.catalog.existing, Mode::Auto);
        let now = self.at_postgres();
        self.mirror.change_tables(&layout, &plan, now);
        let objects = Rc::new(shown(&layout, &plan.tables));
        for step in &plan.steps {
            self.say(&step.to_string());
        }
        if let Some(drift) = &mut self.drift {
            drift.mirror = Rc::clone(&objects);
        }
        objects
    }

    /// Whether Twenty has an object under the name by which a process knows it.
    pub(crate) fn finds(&self, place: usize, known: &Object) -> bool {
        let Some(drift) = &self.drift else { return true };
        let there = &drift.source[place];
        there.is_mirrored && there.table.name_plural == known.table.name_plural
    }

    /// What a process sees of a record that is served: the values under the names that it knows.
    pub(crate) fn project(&self, place: usize, known: &Object, served: &mut [Served]) {
        let Some(drift) = &self.drift else { return };
        let there = &drift.source[place];
        for record in served {
            let shown = record.row.values.clone();
            for (index, value) in record.row.values.iter_mut().enumerate() {
                if known.table.columns[index].path != there.table.columns[index].path {
                    let other = strange_key(known, there, index);
                    *value = other.and_then(|other| shown[other].clone());
                }
            }
        }
    }

    /// In the end every field that Twenty shows has its column, under the name that it has there.
    pub(crate) fn check_model(&mut self) {
        let Some(drift) = &self.drift else { return };
        let mut sides = drift.source.iter().zip(drift.mirror.iter());
        let is_right = sides.all(|(there, here)| {
            let columns = there.table.columns.iter().zip(&here.table.columns).enumerate();
            let mut shown = columns.filter(|(index, _)| !there.hidden.contains(index));
            !there.is_mirrored || shown.all(|(_, (there, here))| there.path == here.path)
        });
        if !is_right {
            self.wrong("I25", "the tables do not follow the data model".to_owned());
        }
    }

    /// Whether a request names something that Twenty does not have.
    pub(super) fn is_outdated(&self, request: &Request) -> bool {
        let Some(drift) = &self.drift else { return false };
        let there = &drift.source[request.object];
        let has = |key: &String| there.table.columns.iter().any(|column| column.path.key == *key);
        let is_right = match &request.work {
            Work::Create(records) => records.iter().all(|record| record.body.keys().all(has)),
            Work::Update(updates) => {
                updates.iter().map(GuardedUpdate::body).all(|body| body.keys().all(has))
            }
            Work::Delete { .. } => true,
        };
        !there.is_mirrored || there.table.name_plural != request.known || !is_right
    }

    /// Whether both sides show a unit, so that they are to be equal there.
    pub(super) fn is_synced(&self, place: usize, unit: usize) -> bool {
        self.is_column_synced(place, self.objects[place].units[unit].columns[0])
    }

    /// Takes out of a new row what Twenty does not show.
    pub(crate) fn leave_out_unseen(&self, place: usize, image: &mut Image) {
        let Some(drift) = &self.drift else { return };
        let hidden = drift.source[place].hidden.iter();
        hidden.for_each(|index| image.set(*index, Some(Value::Null)));
    }

    /// Whether both sides show a column.
    pub(super) fn is_column_synced(&self, place: usize, column: usize) -> bool {
        let Some(drift) = &self.drift else { return true };
        let shows = |object: &Object| object.is_mirrored && !object.hidden.contains(&column);
        shows(&drift.source[place]) && shows(&drift.mirror[place])
    }

    /// Whether both sides have an object at all.
    pub(crate) fn is_open(&self, place: usize) -> bool {
        let Some(drift) = &self.drift else { return true };
        drift.source[place].is_mirrored && drift.mirror[place].is_mirrored
    }

    /// Tells the oracle which values of fields that are gone were told as refused.
    pub(super) fn note_reported(&mut self) {
        for (key, columns, row) in std::mem::take(&mut self.mirror.reported) {
            let object = &self.objects[key.0];
            let is_told = |unit: &&usize| {
                object.units[**unit].columns.iter().any(|column| columns.contains(column))
            };
            for &unit in object.editable.iter().filter(is_told) {
                self.book.is_told(key, unit, meaning(object, unit, &row));
            }
        }
    }

    /// Notes what Twenty holds of a record.
    pub(super) fn note_held(&mut self, key: Key, image: Option<&Image>) {
        let (Some(_), Some(image)) = (&self.drift, image) else { return };
        let object = &self.objects[key.0];
        for &unit in &object.editable {
            self.held.insert((key, unit, meaning(object, unit, image)));
        }
    }

    /// What the program writes into a column was the field's own, and a column out of sight keeps what it holds.
    pub(super) fn check_columns(
        &mut self,
        key: Key,
        before: Option<&Image>,
        after: Option<&Image>,
    ) {
        let (Some(drift), Some(after)) = (&self.drift, after) else { return };
        let object = &self.objects[key.0];
        let hidden = &drift.mirror[key.0].hidden;
        let mut wrong = None;
        for &unit in &object.editable {
            let said = meaning(object, unit, after);
            let was = before.map(|before| meaning(object, unit, before)).unwrap_or_default();
            let first = object.units[unit].columns[0];
            if said == was || said.is_empty() && !hidden.contains(&first) {
                continue;
            }
            if hidden.contains(&first) && said.is_empty() {
                wrong = Some(format!("{key:?}: {was:?} of unit {unit} went with its field"));
            } else if !self.held.contains(&(key, unit, said.clone()))
                && !self.book.is_local(key, unit, &said)
            {
                wrong = Some(format!("{key:?}: {said:?} was never a value of unit {unit}"));
            }
        }
        if let Some(story) = wrong {
            self.wrong("I25", story);
        }
    }

    /// Whether an entry of the log waits for a field that is out of sight, so that its record stays open.
    pub(crate) fn waits_for_field(&self, key: Key) -> bool {
        let Some(drift) = &self.drift else { return false };
        let lost = &drift.mirror[key.0].table.lost;
        let entries = self.mirror.outbox.get(&key).into_iter().flatten();
        let mut changed = entries.flat_map(|entry| &entry.changed);
        changed.any(|name| lost.iter().any(|lost| lost.name == *name))
    }
}

/// A mistake: the key that is missing is taken to be one that is not known, of the same type.
fn strange_key(known: &Object, there: &Object, index: usize) -> Option<usize> {
    if !mistakes::is(Bug::StrangeKeyTaken) || known.hidden.contains(&index) {
        return None;
    }
    let kind = known.table.columns[index].kind;
    let is_strange = |other: &usize| {
        let column = &there.table.columns[*other];
        let is_known = known.table.columns.iter().any(|known| known.path == column.path);
        column.kind == kind && !is_known && !there.hidden.contains(other)
    };
    (0..there.table.columns.len()).find(is_strange)
}
