//! The lowest and the highest position of the live rows of a table.
//!
//! Every create needs them, and a scan of a million rows is too dear for that. They are found once and then kept,
//! until a row at the edge leaves.

use std::sync::{Mutex, PoisonError};

/// Lowest and highest; nothing where no live row has a position.
pub(super) type Range = Option<(f64, f64)>;

/// What is known about them. A copy of the table looks anew.
#[derive(Debug, Default)]
pub(super) struct Positions(Mutex<Option<Range>>);

impl Clone for Positions {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Positions {
    /// The range, from a look at all positions when it is not known.
    pub(super) fn range(&self, all: impl Iterator<Item = f64>) -> Range {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known.get_or_insert_with(|| all.fold(None, extended))
    }

    /// A live row left its position, or came to one, or both.
    pub(super) fn replace(&mut self, left: Option<f64>, came: Option<f64>) {
        let known = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(range) = known.filter(|_| left != came) else { return };
        let inside =
            |position: f64| range.is_some_and(|(low, high)| low < position && position < high);
        *known = if left.is_none_or(inside) {
            Some(came.into_iter().fold(range, extended))
        } else {
            None
        };
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it folds into a range that may be empty")]
fn extended(range: Range, position: f64) -> Range {
    let (low, high) = range.unwrap_or((position, position));
    Some((low.min(position), high.max(position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_follows_rows_that_come_and_is_found_anew_when_an_edge_leaves() {
        let mut positions = Positions::default();
        assert_eq!(positions.range([3.0, -1.0, 2.0].into_iter()), Some((-1.0, 3.0)));
        positions.replace(Some(2.0), Some(-2.0));
        assert_eq!(positions.range(std::iter::empty()), Some((-2.0, 3.0)));
        positions.replace(Some(3.0), None);
        assert_eq!(positions.range([-2.0, 0.5].into_iter()), Some((-2.0, 0.5)));
    }

    #[test]
    fn without_rows_there_is_no_range() {
        let mut positions = Positions::default();
        assert_eq!(positions.range(std::iter::empty()), None);
        positions.replace(None, Some(7.0));
        assert_eq!(positions.range(std::iter::empty()), Some((7.0, 7.0)));
    }
}
