//! People on both sides, and what they may do.

use uuid::Uuid;

use crate::{
    book::By,
    clock::SECOND,
    mirror::Statement,
    objects::{DELETED_AT, Key, Object, POISON, blank, fresh, is_live, values},
    record::{Direction, FieldKind, Image, Value},
    twenty::Act,
    world::World,
};

/// More records are not made: few meet often.
const RECORDS: usize = 9;

impl World {
    /// Somebody acts in the CRM.
    pub(crate) fn people_act(&mut self, number: u32) {
        let (live, dead) = (self.twenty.live(), self.twenty.trashed());
        let open = self.dice.once_in(6);
        match self.dice.below(24) {
            0..=3 => self.create(number, open),
            4..=12 => self.edit(&live, number, open),
            13..=15 => self.on(&live, "delete", &Act::SoftDelete, open),
            16 | 17 => self.on(&dead, "restore", &Act::Restore, false),
            18 => self.on(&[live, dead].concat(), "destroy", &Act::Destroy, false),
            19 => self.purge(&dead),
            20 => self.date(&live),
            21 => {
                for more in 0..3 {
                    self.create(number + more, false);
                }
            }
            _ => self.edit(&live, number, false),
        }
    }

    fn on(&mut self, keys: &[Key], verb: &'static str, act: &Act, open: bool) {
        if let Some(key) = self.meet(keys) {
            self.tally.hit("acts in Twenty", verb);
            self.act(key, act.clone(), open);
        }
    }

    /// One of these records; where it is crowded, often one with local changes, or one that is being written.
    fn meet(&mut self, keys: &[Key]) -> Option<Key> {
        if !self.crowded || self.dice.once_in(3) {
            return self.dice.pick(keys);
        }
        let base = |key: &Key| self.mirror.bases.get(key);
        let sent = |key: &Key| base(key).is_some_and(|base| base.sent.is_some());
        let of = |is: &dyn Fn(&Key) -> bool| keys.iter().copied().filter(is).collect::<Vec<Key>>();
        let (written, changed) = (of(&sent), of(&|key| base(key).is_some()));
        let first = [&written[..], &changed, keys].into_iter().find(|keys| !keys.is_empty());
        self.dice.pick(first?)
    }

    fn purge(&mut self, dead: &[Key]) {
        self.pass(2 * SECOND);
        for key in dead.iter().take(3) {
            self.tally.hit("acts in Twenty", "purge");
            self.act(*key, Act::Destroy, false);
        }
    }

    /// A client writes the time of change itself.
    fn date(&mut self, live: &[Key]) {
        let by = self.dice.pick(&[-7_200 * SECOND, -90 * SECOND, 86_400 * SECOND]).unwrap_or(0);
        let at = self.now + by;
        if let Some(key) = self.dice.pick(live) {
            self.tally.hit("acts in Twenty", "write updatedAt");
            self.act(key, Act::Date(at / 1_000 * 1_000), false);
        }
    }

    fn create(&mut self, number: u32, open: bool) {
        let known: Vec<Key> = self.twenty.keys(|_| true);
        let Some((place, id)) = self.new_key(&known) else { return };
        let objects = self.at_source();
        let object = &objects[place];
        if !object.is_mirrored {
            return;
        }
        let mut image = fresh(object, id);
        self.fill(object, &mut image, number, &known);
        self.tally.hit("acts in Twenty", "create");
        self.act((place, id), Act::Create(image), open);
    }

    fn edit(&mut self, live: &[Key], number: u32, open: bool) {
        let Some(key) = self.meet(live) else { return };
        let objects = self.at_source();
        let patch = self.change(&objects[key.0], number, live);
        self.tally.hit("acts in Twenty", "edit");
        self.act(key, Act::Edit(patch), open);
    }

    /// An id that this side does not hold: a new one, or one that was there before.
    fn new_key(&mut self, held: &[Key]) -> Option<Key> {
        let open = |key: &Key| self.twenty.open.iter().any(|open| open.key == *key);
        let gone: Vec<Key> =
            self.book.ids.iter().filter(|key| !held.contains(key) && !open(key)).copied().collect();
        let full = self.book.ids.len() + self.twenty.open.len() >= RECORDS;
        if full || !gone.is_empty() && self.dice.once_in(4) {
            return self.dice.pick(&gone);
        }
        let place = if self.varied {
            self.dice.below(self.objects.len())
        } else {
            self.dice.pick(&[0, 0, 1, 1, 1, 2]).unwrap_or(0)
        };
        Some((place, self.dice.id()))
    }

    /// New values of one unit.
    fn change(&mut self, object: &Object, number: u32, held: &[Key]) -> Vec<(usize, Value)> {
        let Some(unit) = self.dice.pick(&object.editable) else { return Vec::new() };
        let columns = object.units[unit].columns.clone();
        let values = if let Some(relation) = object.relation(unit) {
            vec![self.parent(relation.target, held)]
        } else {
            let choice = self.dice.pick(&[0, 1, 2, 2, 2, 2]).unwrap_or(2);
            values(object, unit, choice, number)
        };
        columns.into_iter().zip(values).collect()
    }

    fn fill(&mut self, object: &Object, image: &mut Image, number: u32, held: &[Key]) {
        for &unit in &object.editable {
            if self.dice.once_in(3) {
                continue;
            }
            let made = match object.relation(unit) {
                Some(relation) => vec![self.parent(relation.target, held)],
                None => values(object, unit, 2, number),
            };
            for (index, value) in object.units[unit].columns.iter().zip(made) {
                image.set(*index, Some(value));
            }
        }
    }

    fn parent(&mut self, target: usize, held: &[Key]) -> Value {
        let parents: Vec<Uuid> =
            held.iter().filter(|key| key.0 == target).map(|key| key.1).collect();
        if self.dice.once_in(4) {
            return Value::Null;
        }
        self.dice.pick(&parents).map_or(Value::Null, Value::Uuid)
    }

    /// Somebody acts by SQL.
    pub(crate) fn statement(&mut self, number: u32) {
        let held: Vec<Key> = (0..self.objects.len())
            .flat_map(|place| self.mirror.rows[place].keys().map(move |id| (place, *id)))
            .collect();
        let is_dead = |key: &&Key| self.mirror.row(**key).is_some_and(|row| !is_live(row));
        let dead: Vec<Key> = held.iter().filter(is_dead).copied().collect();
        match self.dice.below(20) {
            0..=4 => self.insert(&held, number),
            5..=13 => {
                let more = if self.crowded { self.dice.below(3) } else { 0 };
                (0..=more).for_each(|_| self.update(&held, number));
            }
            14..=17 => {
                if let Some(key) = self.meet(&held) {
                    self.run("delete", key, &Statement::Delete);
                }
            }
            _ => match self.dice.pick(&dead) {
                Some(key) => {
                    let mut patch = vec![(DELETED_AT, Value::Null)];
                    if self.dice.once_in(3) {
                        let objects = self.at_mirror();
                        patch.extend(self.change(&objects[key.0], number, &held));
                    }
                    self.run("restore", key, &Statement::Update(patch));
                }
                None => self.insert(&held, number),
            },
        }
    }

    fn insert(&mut self, held: &[Key], number: u32) {
        let Some((place, id)) = self.new_key(held) else { return };
        let objects = self.at_mirror();
        let object = &objects[place];
        let mut image = blank(object, id);
        // Sometimes a parent that is gone.
        let known: Vec<Key> = self.book.ids.iter().copied().collect();
        let parents = if self.dice.once_in(8) { known } else { held.to_vec() };
        self.fill(object, &mut image, number, &parents);
        if self.dice.once_in(25) {
            poison(object, &mut image, number);
        }
        self.leave_out_unseen(place, &mut image);
        self.run("insert", (place, id), &Statement::Insert(image));
    }

    fn update(&mut self, held: &[Key], number: u32) {
        let Some(key) = self.meet(held) else { return };
        let objects = self.at_mirror();
        let known: Vec<Key> = self.book.ids.iter().copied().collect();
        let parents = if self.dice.once_in(8) { known } else { held.to_vec() };
        let mut patch = self.change(&objects[key.0], number, &parents);
        if self.dice.once_in(25) {
            let mut image = blank(&objects[key.0], key.1);
            poison(&objects[key.0], &mut image, number);
            patch = text_column(&objects[key.0])
                .and_then(|column| Some((column, image.get(column)?.clone())))
                .into_iter()
                .collect();
        }
        self.run("update", key, &Statement::Update(patch));
    }

    pub(crate) fn run(&mut self, verb: &'static str, key: Key, statement: &Statement) {
        self.pass(1_001);
        let objects = self.at_mirror();
        let now = self.at_postgres();
        let object = &objects[key.0];
        if !object.is_mirrored || object.table.direction != Direction::Both {
            return self.tally.hit("acts by SQL", "refused: only read from Twenty");
        }
        if self.mirror.run(object, key, &without_blocks(object, statement), now) {
            self.tally.hit("acts by SQL", verb);
            self.mirror_changed(By::People);
        }
    }

    /// Somebody repairs what was refused: poison and references to what is not there.
    pub(crate) fn repair(&mut self, number: u32) {
        let refused: Vec<Key> = self.mirror.refused.keys().copied().collect();
        let objects = self.at_mirror();
        for key in refused {
            let object = &objects[key.0];
            let mut patch: Vec<(usize, Value)> =
                object.relations.iter().map(|relation| (relation.column, Value::Null)).collect();
            let text = text_column(object).map(|at| (at, Value::Text(format!("good{number}"))));
            patch.extend(text);
            let row = self.mirror.row(key);
            let poisoned = (0..object.columns().len()).filter(|at| {
                !object.hidden.contains(at)
                    && row.and_then(|row| row.get(*at)).is_some_and(is_poison)
            });
            patch.extend(poisoned.map(|at| (at, Value::Text(format!("good{number}")))));
            self.run("repair", key, &Statement::Update(patch));
        }
    }
}

/// What the triggers let through: nobody writes the blocks of a rich text here.
fn without_blocks(object: &Object, statement: &Statement) -> Statement {
    let are_blocks = |index: usize| object.columns()[index].path.part == Some("blocknote");
    match statement {
        Statement::Update(values) => {
            let kept = values.iter().filter(|(index, _)| !are_blocks(*index));
            Statement::Update(kept.cloned().collect())
        }
        Statement::Insert(image) => {
            let mut image = image.clone();
            for index in (0..object.columns().len()).filter(|index| are_blocks(*index)) {
                image.set(index, Some(Value::Null));
            }
            Statement::Insert(image)
        }
        Statement::Delete => Statement::Delete,
    }
}

fn is_poison(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.starts_with(POISON))
}

fn text_column(object: &Object) -> Option<usize> {
    object.columns().iter().position(|column| column.field_kind == FieldKind::Text)
}

fn poison(object: &Object, image: &mut Image, number: u32) {
    if let Some(column) = text_column(object) {
        image.set(column, Some(Value::Text(format!("{POISON}{number}"))));
    }
}
