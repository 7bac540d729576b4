//! The oracle: what people did to each record, and what must have become of it.
//!
//! It exists apart from the program so that it can judge it. It is told what each side held before and after each change,
//! and by whom. Time is cut, record by record, into spans: one ends when both sides hold the same and nothing waits.
//! Within a span the sides do not know of each other, so only there can both of two ends be right.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    objects::{Key, Object, is_common, is_live, meaning, partial},
    plan::{policy::DeletePolicy, reconcile::Conflict},
    record::{FieldKind, Image},
};

/// Which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Source,
    Mirror,
}

/// Who changed a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Somebody on that side.
    People,
    /// The server by itself, such as by emptying a reference.
    Server,
    /// The program.
    Program,
}

/// What somebody made of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Live,
    Dead,
}

#[derive(Debug, Clone)]
struct Edit {
    side: Side,
    unit: usize,
    value: String,
}

/// What people did to one record since both sides last agreed.
#[derive(Debug, Default)]
struct Span {
    turns: Vec<(Side, Life)>,
    edits: Vec<Edit>,
    edited: BTreeSet<Side>,
    /// An edit brought the record back, as the policy says.
    is_revived: bool,
}

/// How much was checked.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Checked {
    pub(crate) writes: u64,
    pub(crate) agreements: u64,
    pub(crate) open: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Book {
    spans: BTreeMap<Key, Span>,
    /// Values that somebody saw and wrote over, or deleted.
    replaced: BTreeSet<(Key, usize, String)>,
    /// Values that a side held and holds no more, and that nobody wrote again since.
    former: BTreeMap<(Side, Key), BTreeSet<(usize, String)>>,
    /// What fields became in Twenty by somebody else than the program.
    foreign: BTreeSet<(Key, usize, String)>,
    /// What people wrote by SQL.
    local: BTreeSet<(Key, usize, String)>,
    /// Every id that ever was.
    pub(crate) ids: BTreeSet<Key>,
    pub(crate) checked: Checked,
    /// Records of which a create was sent and never answered: one in the trash may be it, or an older one.
    pub(crate) doubtful: BTreeSet<Key>,
    /// Records that were deleted once in Twenty.
    pub(crate) deleted: BTreeSet<Key>,
    /// Records that were destroyed once: rows here may be of an earlier life.
    pub(crate) reborn: BTreeSet<Key>,
    /// Values that are on record as losers of a conflict.
    pub(crate) kept: BTreeSet<(Key, usize, String)>,
}

impl Book {
    /// Notes a change of one side; what is wrong with it.
    pub(crate) fn note(
        &mut self,
        (side, by): (Side, By),
        (object, key): (&Object, Key),
        (before, after): (Option<&Image>, Option<&Image>),
    ) -> Option<(&'static str, String)> {
        self.ids.insert(key);
        if side == Side::Source && after.is_none() {
            self.reborn.insert(key);
        }
        if side == Side::Source && !after.is_some_and(is_live) {
            self.deleted.insert(key);
        }
        let revives = !before.is_some_and(is_live) && after.is_some_and(is_live);
        if by == By::Program && revives && object.policies.deletes == DeletePolicy::EditRestores {
            self.spans.entry(key).or_default().is_revived = true;
        }
        if by != By::Program {
            self.note_life(side, key, before, after);
        }
        if side == Side::Mirror && by == By::People {
            self.note_spelling((object, key), before, after);
        }
        if side == Side::Source && by != By::Program {
            self.note_foreign((object, key), after);
        }
        let mut wrong = None;
        let (Some(held), None) = (before, after) else {
            for &unit in &object.editable {
                let of = |image: Option<&Image>| image.map(|image| meaning(object, unit, image));
                let (was, is) = (of(before).unwrap_or_default(), of(after).unwrap_or_default());
                if was != is {
                    let dead = |image: Option<&Image>| image.is_some_and(|image| !is_live(image));
                    // A record in the trash is seen by nobody, and what comes out of it is written anew.
                    let (was_in_trash, in_trash) = (dead(before), dead(after));
                    let column = &object.columns()[object.units[unit].columns[0]];
                    let is_reference = object.relation(unit).is_some()
                        || column.field_kind == FieldKind::Select
                        || [
                            "same",
                            "7",
                            "7.5",
                            "5000",
                            "1000000|usd",
                            "5501234|il|+972|",
                            "same@x.io|",
                        ]
                        .contains(&is.as_str())
                        || is_common(object, unit, &is);
                    let fault = self.note_value((side, by), key, unit, (was, is), in_trash);
                    // Where many write the same value, that it comes back says nothing.
                    let fault = fault.filter(|_| !is_reference);
                    wrong = wrong.or(fault.filter(|_| !in_trash && !was_in_trash));
                }
            }
            let was_live = before.is_some_and(is_live);
            if by != By::Program && was_live && !after.is_some_and(is_live) {
                self.replace_all(object, key, before);
            }
            return wrong;
        };
        if by != By::Program {
            self.replace_all(object, key, Some(held));
        }
        self.former.remove(&(side, key));
        None
    }

    fn note_foreign(&mut self, (object, key): (&Object, Key), after: Option<&Image>) {
        let Some(after) = after else { return };
        let of = |unit: &usize| (key, *unit, meaning(object, *unit, after));
        self.foreign.extend(object.editable.iter().map(of));
    }

    /// Who spells a value in another way has written it, too.
    fn note_spelling(
        &mut self,
        (object, key): (&Object, Key),
        before: Option<&Image>,
        after: Option<&Image>,
    ) {
        let (Some(before), Some(after)) = (before, after) else { return };
        for &unit in &object.editable {
            let columns = &object.units[unit].columns;
            if columns.iter().any(|column| before.get(*column) != after.get(*column)) {
                self.local.insert((key, unit, meaning(object, unit, after)));
            }
        }
    }

    fn note_life(&mut self, side: Side, key: Key, before: Option<&Image>, after: Option<&Image>) {
        let (was, is) = (before.is_some_and(is_live), after.is_some_and(is_live));
        let life = match (was, is) {
            (false, true) => Some(Life::Live),
            (true, false) => Some(Life::Dead),
            // Destroyed in the trash: whoever would restore it meanwhile must learn of it.
            (false, false) if before.is_some() && after.is_none() => Some(Life::Dead),
            _ => None,
        };
        let span = self.spans.entry(key).or_default();
        span.turns.extend(life.map(|life| (side, life)));
        if before.is_some() && after.is_some() {
            span.edited.insert(side);
        }
    }

    /// The program made the mirror show a record as it was in Twenty: that it is live there now, or not, is still to
    /// come.
    pub(crate) fn is_behind(&mut self, key: Key, is_live: bool) {
        let turns = &mut self.spans.entry(key).or_default().turns;
        if !turns.iter().any(|turn| turn.0 == Side::Source) {
            turns.push((Side::Source, if is_live { Life::Live } else { Life::Dead }));
        }
    }

    /// Who wrote this is told that it cannot go.
    pub(crate) fn is_told(&mut self, key: Key, unit: usize, value: String) {
        self.replaced.insert((key, unit, value));
    }

    /// The program destroyed a record for ever, as it was told to.
    pub(crate) fn destroyed(&mut self, object: &Object, key: Key, held: Option<&Image>) {
        self.replace_all(object, key, held);
    }

    /// The program made the mirror show a record as it was in Twenty: an edit there is still to come.
    pub(crate) fn is_edited_since(&mut self, key: Key) {
        self.spans.entry(key).or_default().edited.insert(Side::Source);
    }

    fn replace_all(&mut self, object: &Object, key: Key, held: Option<&Image>) {
        let Some(held) = held else { return };
        for &unit in &object.editable {
            self.replaced.insert((key, unit, meaning(object, unit, held)));
        }
    }

    fn note_value(
        &mut self,
        (side, by): (Side, By),
        key: Key,
        unit: usize,
        (was, is): (String, String),
        in_trash: bool,
    ) -> Option<(&'static str, String)> {
        let returns = self
            .former
            .get(&(side, key))
            .is_some_and(|former| former.contains(&(unit, is.clone())));
        self.former.entry((side, key)).or_default().insert((unit, was.clone()));
        if by == By::Program {
            if self.kept.contains(&(key, unit, was.clone())) {
                return None;
            }
            let fault =
                || format!("{side:?} {key:?}: unit {unit} went back to {is:?} from {was:?}");
            return (returns && !is.is_empty()).then(|| ("I7", fault()));
        }
        for side in [Side::Source, Side::Mirror] {
            if let Some(former) = self.former.get_mut(&(side, key)) {
                former.remove(&(unit, is.clone()));
            }
        }
        self.replaced.insert((key, unit, was));
        if side == Side::Mirror {
            self.local.insert((key, unit, is.clone()));
        }
        // What is written into a record in the trash is seen by nobody.
        if !is.is_empty() && by == By::People && !(in_trash && side == Side::Source) {
            self.checked.writes += 1;
            self.spans.entry(key).or_default().edits.push(Edit { side, unit, value: is });
        }
        None
    }

    /// Both sides were seen to hold the same. What the mirror takes from the source after that is what became of it there,
    /// and a request that is carried out after it was looked for is a change there like any other.
    pub(crate) fn agree(&mut self, key: Key) {
        self.former.remove(&(Side::Mirror, key));
    }

    /// Whether a field became this in Twenty by somebody else than the program.
    pub(crate) fn is_foreign(&self, key: Key, unit: usize, value: &str) -> bool {
        self.foreign.contains(&(key, unit, value.to_owned()))
    }

    /// Whether somebody wrote this by SQL.
    pub(crate) fn is_local(&self, key: Key, unit: usize, value: &str) -> bool {
        value.is_empty() || self.local.contains(&(key, unit, value.to_owned()))
    }

    /// Whether somebody deleted the record on this side since both agreed.
    pub(crate) fn was_deleted(&self, side: Side, key: Key) -> bool {
        self.spans.get(&key).is_some_and(|span| span.turns.contains(&(side, Life::Dead)))
    }

    /// The records about which something is not settled yet.
    pub(crate) fn unsettled(&self) -> Vec<Key> {
        self.spans.keys().copied().collect()
    }

    /// Both sides agree on a record, and this is what they hold; or the history ends. What is wrong with it.
    pub(crate) fn close(
        &mut self,
        (object, key): (&Object, Key),
        (source, mirror): (Option<&Image>, Option<&Image>),
        conflicts: &[(Key, Conflict)],
    ) -> Option<(&'static str, String)> {
        let span = self.spans.remove(&key)?;
        self.checked.agreements += 1;
        let wanted = wanted(&span, object.policies.deletes);
        let live = |image: Option<&Image>| image.is_some_and(is_live);
        let (there, here) = (live(source), live(mirror));
        match wanted {
            Some(Life::Live) if source.is_some() && !there && self.doubtful.contains(&key) => {
                self.checked.open += 1;
            }
            Some(Life::Live) if !there || !here => {
                return Some(("I11", format!("false delete of {key:?}: {:?}", span.turns)));
            }
            Some(Life::Dead) if there || here => {
                return Some(("I8", format!("resurrection of {key:?}: {:?}", span.turns)));
            }
            Some(_) => {}
            None if span.turns.is_empty() => {}
            None => self.checked.open += 1,
        }
        for edit in span.edits {
            let held = match edit.side {
                Side::Source => source,
                Side::Mirror => mirror,
            };
            // A delete in Twenty leaves what was written here in its trash, if it arrived.
            let in_trash = source.filter(|image| !is_live(image));
            let is_held = held
                .into_iter()
                .chain(in_trash)
                .any(|image| meaning(object, edit.unit, image) == edit.value);
            let place = (key, edit.unit, edit.value.clone());
            if !is_held
                && !self.replaced.contains(&place)
                && !is_kept(object, key, &edit, conflicts)
            {
                return Some(("I2", format!("lost in silence: {key:?} {edit:?}")));
            }
        }
        None
    }
}

/// What a record must be; nothing where both ways are right.
fn wanted(span: &Span, deletes: DeletePolicy) -> Option<Life> {
    let of = |side: Side| span.turns.iter().rev().find(|turn| turn.0 == side).map(|turn| turn.1);
    let alone = |life: Life, other: Side| {
        let may_restore = deletes == DeletePolicy::EditRestores && span.edited.contains(&other);
        (life == Life::Live || !may_restore).then_some(life)
    };
    match (of(Side::Source), of(Side::Mirror)) {
        (Some(life), None) => alone(life, Side::Mirror),
        (None, Some(life)) => alone(life, Side::Source),
        (Some(one), Some(other)) => (one == other && !span.is_revived).then_some(one),
        (None, None) => None,
    }
}

fn is_kept(object: &Object, key: Key, edit: &Edit, conflicts: &[(Key, Conflict)]) -> bool {
    conflicts.iter().filter(|(of, _)| *of == key).any(|(_, conflict)| {
        [&conflict.source, &conflict.mirror].into_iter().any(|values| {
            let image = partial(object, &conflict.columns, values);
            meaning(object, edit.unit, &image) == edit.value
        })
    })
}
