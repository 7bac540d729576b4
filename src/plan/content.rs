//! How far a content sweep is, what it found, and how much it may overwrite.
//!
//! It exists because some changes leave no trace that a delta walk could see: relations that the server empties,
//! times that were dated back, edits of the database behind the server (docs/twenty.md, "What moves updatedAt").
//! Only reading everything finds them. Invariants: what a sweep found counts once, however often it is interrupted;
//! what it overwrites is judged as a whole, not page by page.

use super::{
    fuse::{Effects, Fuse},
    walk::Walk,
};

/// A content sweep of one object under way, as it is stored after each page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContentSweep {
    /// Where it goes on.
    pub walk: Walk,
    /// What it found so far.
    pub tally: Tally,
    /// Whether the fuse stopped it once. That it goes on nevertheless is a person's word: the rest passes.
    pub blown: bool,
}

/// What a content sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Records compared on both sides.
    pub compared: u64,
    /// Records left out: they have local changes, changed at the source just now, or cannot be read.
    pub left_out: u64,
    /// Records that were unequal.
    pub found: u64,
    /// Those of them that are equal now.
    pub repaired: u64,
    /// Rows that were changed or removed by that.
    pub overwritten: u64,
}

impl Tally {
    /// Adds what a page brought.
    pub fn add(&mut self, page: Tally) {
        self.compared += page.compared;
        self.left_out += page.left_out;
        self.found += page.found;
        self.repaired += page.repaired;
        self.overwritten += page.overwritten;
    }

    /// Whether nothing is unequal now.
    pub fn is_equal(&self) -> bool {
        self.found == self.repaired
    }
}

/// How much a repair may overwrite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// The fuse; `None` lets everything pass.
    pub fuse: Option<Fuse>,
    /// Records of the object.
    pub total: u64,
    /// Rows that were overwritten so far.
    pub overwritten: u64,
    /// Which rows count.
    pub counts: Counts,
}

/// Which rows of a repair count for the fuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Those that are removed because their records are gone: a person asked for the rest.
    Removals,
    /// Those that are changed, too: nobody asked.
    Everything,
}

impl Allowance {
    /// What `sweep` may still do to an object of `total` records.
    pub fn of(sweep: &ContentSweep, fuse: Fuse, total: u64) -> Allowance {
        let fuse = (!sweep.blown).then_some(fuse);
        let (overwritten, counts) = (sweep.tally.overwritten, Counts::Everything);
        Allowance { fuse, total, overwritten, counts }
    }

    /// The allowance after `rows` more were overwritten; `None` where that is too much, so none of them may be.
    #[must_use]
    pub fn less(self, rows: u64) -> Option<Allowance> {
        let overwritten = self.overwritten + rows;
        let effects = Effects { deletes: 0, overwrites: overwritten };
        let blows = self.fuse.is_some_and(|fuse| fuse.blows(effects, self.total));
        (rows == 0 || !blows).then_some(Allowance { overwritten, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, ContentSweep, Tally};
    use crate::plan::fuse::Fuse;

    const FUSE: Fuse = Fuse { share: 0.05, rows: 50 };

    fn swept(overwritten: u64, blown: bool) -> ContentSweep {
        ContentSweep {
            tally: Tally { overwritten, ..Tally::default() },
            blown,
            ..Default::default()
        }
    }

    #[test]
    fn what_is_overwritten_is_judged_over_the_whole_sweep() {
        for (before, rows, total, passes) in [
            (0, 50, 60, true),
            (0, 51, 60, false),
            (30, 20, 60, true),
            (30, 21, 60, false),
            (30, 0, 60, true),
            (500, 0, 10_000, true),
            (499, 1, 10_000, true),
            (500, 1, 10_000, false),
            (0, 501, 10_000, false),
        ] {
            let allowance = Allowance::of(&swept(before, false), FUSE, total);
            let less = allowance.less(rows);
            assert_eq!(less.is_some(), passes, "{rows} after {before} of {total}");
            assert!(less.is_none_or(|less| less.overwritten == before + rows));
        }
    }

    #[test]
    fn a_sweep_that_a_person_let_go_on_is_not_stopped_again() {
        let allowance = Allowance::of(&swept(50, true), FUSE, 60);
        assert!(allowance.less(10_000).is_some());
    }

    #[test]
    fn both_sides_are_equal_when_everything_found_was_repaired() {
        let mut tally = Tally { found: 3, repaired: 2, ..Tally::default() };
        assert!(!tally.is_equal());
        tally.add(Tally { found: 1, repaired: 2, ..Tally::default() });
        assert!(tally.is_equal());
    }

    #[test]
    fn what_each_page_brought_adds_up() {
        let page = Tally { compared: 5, left_out: 4, found: 3, repaired: 2, overwritten: 1 };
        let mut tally = Tally::default();
        tally.add(page);
        assert_eq!(tally, page);
        tally.add(page);
        let twice = Tally { compared: 10, left_out: 8, found: 6, repaired: 4, overwritten: 2 };
        assert_eq!(tally, twice);
    }
}
