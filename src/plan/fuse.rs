//! Stops what would remove too much at once.
//!
//! It exists because a server that was restored from a backup, or a key that suddenly sees less, looks exactly like
//! a workspace in which somebody destroyed records. Invariant: a small removal always passes; a large share of an
//! object never does without a person's word.

/// How much may be removed at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fuse {
    /// The share of an object's records.
    pub share: f64,
    /// So many records pass in any case.
    pub rows: u64,
}

impl Fuse {
    /// Whether removing `records` of `total` is too much.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no exact count")]
    pub fn blows(self, records: u64, total: u64) -> bool {
        records > self.rows && records as f64 > self.share * total as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Fuse;

    #[test]
    fn few_records_pass_and_a_large_share_does_not() {
        let fuse = Fuse { share: 0.05, rows: 50 };
        for (records, total, blows) in [
            (50, 50, false),
            (51, 51, true),
            (51, 10_000, false),
            (500, 10_000, false),
            (501, 10_000, true),
        ] {
            assert_eq!(fuse.blows(records, total), blows, "{records} of {total}");
        }
        assert!(!Fuse { share: 1.0, rows: 0 }.blows(10, 10));
    }
}
