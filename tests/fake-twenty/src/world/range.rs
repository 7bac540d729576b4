//! Ranges of ids: what a cursor and a filter leave of a table that is kept in id order.
//!
//! Without them every page of a large table would start with a scan from its first row.

use std::ops::Bound as Edge;

use uuid::Uuid;

use super::row::Row;
use super::table::Table;

/// The ids that can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdRange {
    pub(crate) low: Edge<Uuid>,
    pub(crate) high: Edge<Uuid>,
}

impl IdRange {
    /// Every id.
    pub(crate) const ALL: Self = Self { low: Edge::Unbounded, high: Edge::Unbounded };

    /// What both leave.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { low: later(self.low, other.low), high: earlier(self.high, other.high) }
    }

    /// The rows inside, in id order.
    pub(super) fn rows(self, table: &Table) -> impl DoubleEndedIterator<Item = &Row> {
        let range = (!self.is_empty()).then(|| table.rows().range((self.low, self.high)));
        range.into_iter().flatten().map(|(_, row)| row)
    }

    /// Whether no id fits; the standard library refuses to look at such a range.
    fn is_empty(self) -> bool {
        match (self.low, self.high) {
            (Edge::Included(low), Edge::Included(high)) => low > high,
            (
                Edge::Included(low) | Edge::Excluded(low),
                Edge::Included(high) | Edge::Excluded(high),
            ) => low >= high,
            (Edge::Unbounded, _) | (_, Edge::Unbounded) => false,
        }
    }
}

fn later(a: Edge<Uuid>, b: Edge<Uuid>) -> Edge<Uuid> {
    // Of two edges at one id, the excluded one starts later.
    let place = |edge: &Edge<Uuid>| match edge {
        Edge::Unbounded => None,
        Edge::Included(id) => Some((*id, false)),
        Edge::Excluded(id) => Some((*id, true)),
    };
    if place(&a) >= place(&b) { a } else { b }
}

fn earlier(a: Edge<Uuid>, b: Edge<Uuid>) -> Edge<Uuid> {
    match (a, b) {
        (Edge::Unbounded, other) | (other, Edge::Unbounded) => other,
        (Edge::Included(x) | Edge::Excluded(x), Edge::Included(y) | Edge::Excluded(y))
            if x != y =>
        {
            if x < y {
                a
            } else {
                b
            }
        }
        (Edge::Excluded(_), _) => a,
        (Edge::Included(_), _) => b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn two_ranges_leave_what_is_in_both() {
        let from = IdRange { low: Edge::Included(id(3)), ..IdRange::ALL };
        let after = IdRange { low: Edge::Excluded(id(3)), high: Edge::Included(id(9)) };
        let below = IdRange { high: Edge::Excluded(id(9)), ..IdRange::ALL };
        let both = from.and(after).and(below);
        assert_eq!(both, IdRange { low: Edge::Excluded(id(3)), high: Edge::Excluded(id(9)) });
        assert_eq!(below.and(after).and(from), both);
    }

    #[test]
    fn an_empty_range_has_no_rows_instead_of_a_panic() {
        let table = Table::default();
        let reversed = IdRange { low: Edge::Included(id(9)), high: Edge::Excluded(id(3)) };
        let point = IdRange { low: Edge::Excluded(id(3)), high: Edge::Excluded(id(3)) };
        assert_eq!(reversed.rows(&table).count() + point.rows(&table).count(), 0);
    }
}
