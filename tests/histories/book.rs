//! The oracle: what people did to each record, and what must stand in the end.
//!
//! It is told what a side held before and after each act, nothing else. Time is cut into spans: one ends with a run
//! that nobody disturbed and that left nothing waiting. Within a span the sides do not know of each other, so only
//! there can a delete meet a restore; everything else has one right end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use twenty_sync::config::Deletes;

use super::{
    ground::Setup,
    sides::{Held, Key, Side},
};

/// What somebody made of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Live,
    Dead,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    span: u32,
    side: Side,
    life: Life,
}

#[derive(Debug, Clone)]
struct Edit {
    side: Side,
    key: Key,
    column: &'static str,
    value: Value,
}

/// A value somewhere.
type Place = (Key, &'static str, String);

#[derive(Debug, Default)]
pub(crate) struct Book {
    span: u32,
    turns: BTreeMap<Key, Vec<Turn>>,
    edits: Vec<Edit>,
    /// Values that somebody saw and wrote over, or deleted.
    replaced: BTreeSet<Place>,
    /// Whether a delete in the mirror destroys in Twenty, and what goes with it there.
    destroys: bool,
    /// What a record ever referred to.
    referred: BTreeSet<(Key, String)>,
    /// What was deleted in the mirror.
    deleted_here: BTreeSet<String>,
    /// Every id that ever was.
    pub(crate) known: BTreeSet<Key>,
    pub(crate) log: Vec<String>,
    pub(crate) tally: Tally,
}

/// How much was checked.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) histories: usize,
    pub(crate) acts: usize,
    pub(crate) edits: usize,
    pub(crate) deletes: usize,
    pub(crate) conflicts: usize,
    pub(crate) decided: usize,
    /// Records on which one side deleted what the other restored, at the same time.
    pub(crate) open: usize,
    pub(crate) passes: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, more: Tally) {
        self.histories += more.histories;
        self.acts += more.acts;
        self.edits += more.edits;
        self.deletes += more.deletes;
        self.conflicts += more.conflicts;
        self.decided += more.decided;
        self.open += more.open;
        self.passes += more.passes;
    }
}

impl Book {
    pub(crate) fn of(setup: Setup) -> Book {
        Book { destroys: setup.deletes == Deletes::Hard, ..Book::default() }
    }

    /// Both sides know of each other.
    pub(crate) fn next_span(&mut self) {
        self.span += 1;
    }

    /// Somebody acted on a side.
    pub(crate) fn note(&mut self, side: Side, what: &str, before: &Held, after: &Held) {
        self.tally.acts += 1;
        self.log.push(format!("[{}] {side:?}: {what}", self.span));
        let keys: BTreeSet<Key> = before.keys().chain(after.keys()).copied().collect();
        for key in keys {
            self.known.insert(key);
            let (old, new) = (before.get(&key), after.get(&key));
            let was_live = old.is_some_and(super::sides::Record::is_live);
            let is_live = new.is_some_and(super::sides::Record::is_live);
            for record in [old, new].into_iter().flatten() {
                let parents = record.references.values().filter_map(Value::as_str);
                self.referred.extend(parents.map(|parent| (key, parent.to_owned())));
            }
            if side == Side::Mirror && was_live && !is_live {
                self.deleted_here.insert(key.1.to_string());
            }
            let span = self.span;
            let life = match (was_live, is_live) {
                (false, true) => Some(Life::Live),
                (true, false) => Some(Life::Dead),
                // Destroyed in the trash: whoever would restore it meanwhile must learn of it.
                (false, false) if old.is_some() && new.is_none() => Some(Life::Dead),
                _ => None,
            };
            if let Some(life) = life {
                self.tally.deletes += usize::from(life == Life::Dead);
                self.turns.entry(key).or_default().push(Turn { span, side, life });
            }
            for column in old.or(new).into_iter().flat_map(|record| record.values.keys()) {
                let of = |record: Option<&super::sides::Record>| {
                    record.map(|record| record.values[column].clone()).unwrap_or_default()
                };
                let (was, is) = (of(old), of(new));
                if was != is || was_live && !is_live {
                    self.replaced.insert((key, column, was.to_string()));
                }
                if was != is && !is.is_null() {
                    self.tally.edits += 1;
                    self.edits.push(Edit { side, key, column, value: is });
                }
            }
        }
    }

    /// Whether what the record belonged to may have been destroyed by the program, as people in the mirror wanted.
    fn may_have_gone_along(&self, key: Key) -> bool {
        let went =
            |(record, parent): &(Key, String)| *record == key && self.deleted_here.contains(parent);
        self.destroys && key.0 == DEPENDANTS && self.referred.iter().any(went)
    }

    /// What is wrong in the end; `conflicts` are the values that were put on record.
    pub(crate) fn faults(
        &mut self,
        source: &Held,
        mirror: &Held,
        conflicts: &[(Key, Value)],
    ) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, turns) in &self.turns {
            let there = source.get(key).is_some_and(super::sides::Record::is_live);
            let here = mirror.get(key).is_some_and(super::sides::Record::is_live);
            match wanted(turns) {
                Some(Life::Live) if there == here && !here && self.may_have_gone_along(*key) => {
                    self.tally.open += 1;
                }
                Some(Life::Live) if !there || !here => {
                    faults.push(format!("false delete of {key:?}: Twenty {there}, mirror {here}"));
                }
                Some(Life::Dead) if there || here => {
                    faults.push(format!("resurrection of {key:?}: Twenty {there}, mirror {here}"));
                }
                Some(_) => self.tally.decided += 1,
                None => self.tally.open += 1,
            }
        }
        let kept: BTreeSet<Place> = conflicts.iter().flat_map(places).collect();
        for edit in &self.edits {
            let place = (edit.key, edit.column, edit.value.to_string());
            let held = match edit.side {
                Side::Source => source,
                Side::Mirror => mirror,
            };
            let is_held =
                held.get(&edit.key).is_some_and(|record| record.values[edit.column] == edit.value);
            if !is_held && !self.replaced.contains(&place) && !kept.contains(&place) {
                faults.push(format!("lost update: {edit:?}"));
            }
        }
        faults
    }
}

/// Records of this object go with what they belong to.
const DEPENDANTS: usize = 2;

/// What a record must be in the end; nothing where both ways are right.
fn wanted(turns: &[Turn]) -> Option<Life> {
    let last = turns.last()?;
    let of = |side: Side| {
        turns
            .iter()
            .rev()
            .find(|turn| turn.span == last.span && turn.side == side)
            .map(|turn| turn.life)
    };
    match (of(Side::Source), of(Side::Mirror)) {
        (Some(life), None) | (None, Some(life)) => Some(life),
        (Some(one), Some(other)) => (one == other).then_some(one),
        (None, None) => None,
    }
}

fn places((key, values): &(Key, Value)) -> Vec<Place> {
    let fields = super::sides::OBJECTS[key.0].fields.iter();
    let place = |field: &super::sides::Field| {
        values.get(field.column).map(|value| (*key, field.column, value.to_string()))
    };
    fields.filter_map(place).collect()
}
