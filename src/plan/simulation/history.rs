//! What people wrote, and what became of it.

use super::source::{TABLE, unit};
use crate::{
    plan::reconcile::Conflict,
    record::{Image, Value, canonical},
};

/// On which side somebody wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Source,
    Mirror,
}

/// One value that somebody wrote.
#[derive(Debug)]
struct Written {
    who: Who,
    unit: usize,
    image: Image,
    /// Both sides held it at some time, or its own side wrote over it.
    is_done: bool,
}

/// All that was written.
#[derive(Debug, Default)]
pub(super) struct History {
    written: Vec<Written>,
}

impl History {
    /// Somebody writes over `before`; the same value again is no edit.
    pub(super) fn write(
        &mut self,
        who: Who,
        before: &Image,
        agreed: &[Image],
        (index, values): (usize, &[Value]),
    ) {
        let mut image = Image::unknown(TABLE.columns.len());
        for (column, value) in unit(index).columns.into_iter().zip(values) {
            image.set(column, Some(value.clone()));
        }
        super::source::rewrite(&mut image);
        if is_unit(index, &image, before) {
            return;
        }
        self.overwrite(who, Some(index));
        // Whoever writes what both sides agreed on takes an edit back.
        let is_done = agreed.iter().any(|old| is_unit(index, &image, old));
        self.written.push(Written { who, unit: index, image, is_done });
    }

    /// The same side wrote over it, or deleted the record.
    pub(super) fn overwrite(&mut self, who: Who, index: Option<usize>) {
        let over = |written: &&mut Written| {
            written.who == who && index.is_none_or(|index| index == written.unit)
        };
        self.written.iter_mut().filter(over).for_each(|written| written.is_done = true);
    }

    /// Notes what both sides hold.
    pub(super) fn look(&mut self, source: &Image, mirror: &Image) {
        for written in &mut self.written {
            written.is_done |= is(written, source) && is(written, mirror);
        }
    }

    pub(super) fn check(&self, source: Option<&Image>, conflicts: &[Conflict]) {
        for written in self.written.iter().filter(|written| !written.is_done) {
            let stays = source.is_some_and(|source| is(written, source));
            let kept = conflicts.iter().any(|conflict| keeps(conflict, written));
            assert!(stays || kept, "lost in silence: {written:?}");
        }
    }

    /// Whether anybody wrote what `image` holds in a unit.
    pub(super) fn knows(&self, index: usize, image: &Image) -> bool {
        let empty = canonical::unit_empty(&TABLE.columns, &unit(index), image) == Some(true);
        empty || self.written.iter().any(|written| written.unit == index && is(written, image))
    }
}

fn is(written: &Written, image: &Image) -> bool {
    is_unit(written.unit, &written.image, image)
}

fn is_unit(index: usize, written: &Image, image: &Image) -> bool {
    let (mut written, mut image) = (written.clone(), image.clone());
    super::source::rewrite(&mut written);
    super::source::rewrite(&mut image);
    canonical::units_equal(&TABLE.columns, &unit(index), &written, &image) == Some(true)
}

fn keeps(conflict: &Conflict, written: &Written) -> bool {
    [&conflict.source, &conflict.mirror].into_iter().any(|values| {
        let mut image = Image::unknown(TABLE.columns.len());
        for (column, value) in conflict.columns.iter().zip(values) {
            image.set(*column, value.clone());
        }
        is(written, &image)
    })
}
