//! Stops what would delete or overwrite too much at once.
//!
//! It exists because a forgotten `where`, a server that was restored from a backup, or a key that suddenly sees less look
//! exactly like work. Invariants: a few records always pass; a large share of an object never does without a person's
//! word.
//!
//! What counts: here, records that would be deleted or overwritten in the source; there, rows that would be removed, or
//! overwritten although the source says that nothing changed. What people changed in the source since the last walk is
//! what the mirror is for, and does not count: after a weekend without the program it is easily a large share.

/// How much may be deleted or overwritten at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fuse {
    /// The share of an object's records.
    pub share: f64,
    /// So many records pass in any case.
    pub rows: u64,
}

/// What would become of an object's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects {
    /// Records that would be deleted.
    pub deletes: u64,
    /// Records that would be overwritten.
    pub overwrites: u64,
}

impl Fuse {
    /// Whether these effects on an object of `total` records are too much.
    pub fn blows(self, effects: Effects, total: u64) -> bool {
        effects.deletes.saturating_add(effects.overwrites) > self.allows(total)
    }

    /// How many of `total` records may be deleted or overwritten at once.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share needs no exact count, and is no more than the count"
    )]
    pub fn allows(self, total: u64) -> u64 {
        let share = (self.share.clamp(0.0, 1.0) * total as f64).floor() as u64;
        share.max(self.rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Effects, Fuse};

    #[test]
    fn few_records_pass_and_a_large_share_does_not() {
        let fuse = Fuse { share: 0.05, rows: 50 };
        for (deletes, overwrites, total, blows) in [
            (50, 0, 50, false),
            (51, 0, 51, true),
            (0, 51, 51, true),
            (26, 25, 51, true),
            (51, 0, 10_000, false),
            (250, 250, 10_000, false),
            (250, 251, 10_000, true),
        ] {
            let effects = Effects { deletes, overwrites };
            assert_eq!(fuse.blows(effects, total), blows, "{effects:?} of {total}");
        }
        let off = Fuse { share: 1.0, rows: 0 };
        assert!(!off.blows(Effects { deletes: 10, overwrites: 0 }, 10));
    }

    proptest! {
        #[test]
        fn more_never_passes_where_less_does_not(
            share in 0.0..=1.0, rows in 0..1_000_u64, deletes in 0..10_000_u64,
            overwrites in 0..10_000_u64, total in 0..100_000_u64,
        ) {
            let fuse = Fuse { share, rows };
            if fuse.blows(Effects { deletes, overwrites }, total) {
                let more = Effects { deletes: deletes + 1, overwrites };
                prop_assert!(fuse.blows(more, total));
                prop_assert!(deletes + overwrites > rows);
            }
        }
    }
}
