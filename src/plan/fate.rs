//! What is known of a write when its record is looked at, and what that makes of the look.
//!
//! It exists because a look decides differently for a write that may have arrived, one that was refused, and one that was
//! refused because the record is there. Invariant: what the source is not known to have been sent counts for nothing.

use super::pending::{Pending, Sighting};
use crate::record::{Column, Image, Unit, canonical, units};

/// What is known of the last write to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It may have arrived.
    Unknown,
    /// It was refused for certain.
    Refused,
    /// It was refused because the record is there. It may be there because an earlier create arrived late: then what was
    /// sent still counts. One in the trash is an older one.
    Exists,
}

impl Fate {
    /// The record as it is to be judged, given what was seen of it.
    #[must_use]
    pub fn judge(self, columns: &[Column], pending: &Pending, sighting: &Sighting) -> Pending {
        let sent = match (self, sighting) {
            (Fate::Unknown, _) => pending.sent.clone(),
            (Fate::Exists, Sighting::Present(row)) => {
                let (sent, given_up) = (pending.sent.as_ref(), pending.given_up.as_ref());
                sent.and_then(|sent| arrived(columns, (sent, given_up), &Image::of(row)))
            }
            (Fate::Exists | Fate::Refused, _) => None,
        };
        Pending { sent, ..pending.clone() }
    }
}

/// What the source holds of a create; `None` if that is nothing, as where somebody else made the record. What an earlier
/// create had set stays: nobody left it out.
fn arrived(
    columns: &[Column],
    (sent, given_up): (&Image, Option<&Image>),
    source: &Image,
) -> Option<Image> {
    let mut there = Image::unknown(columns.len());
    let units = units(columns);
    let was_given_up = |unit: &Unit| {
        given_up.is_some_and(|earlier| canonical::unit_empty(columns, unit, earlier) == Some(false))
    };
    let of_ours = units.iter().filter(|unit| {
        let is_empty = canonical::unit_empty(columns, unit, sent) == Some(true);
        unit.key != "id"
            && !is_empty
            && (canonical::may_have_become(columns, unit, sent, source) == Some(true)
                || was_given_up(unit))
    });
    for &index in of_ours.flat_map(|unit| &unit.columns) {
        there.set(index, sent.get(index).cloned());
    }
    (there != Image::unknown(columns.len())).then_some(there)
}

#[cfg(test)]
mod tests {
    use super::Fate;
    use crate::{
        plan::{
            fixture::{TABLE, at, pending, row, text},
            pending::{Pending, Sighting},
        },
        record::{Image, Value},
    };

    #[test]
    fn what_was_sent_counts_unless_it_was_refused_or_somebody_else_made_the_record() {
        let mut sent = Image::unknown(TABLE.columns.len());
        sent.set(at("text"), Some(text("ours")));
        sent.set(at("count"), Some(Value::Integer(1)));
        let waiting = Pending { sent: Some(sent.clone()), ..pending(None, None) };
        let judge = |fate: Fate, seen: &Sighting| fate.judge(&TABLE.columns, &waiting, seen).sent;
        let shows = |word: &str| Sighting::Present(row(&[("text", text(word))]));
        assert_eq!(judge(Fate::Unknown, &shows("theirs")), Some(sent));
        assert_eq!(judge(Fate::Refused, &shows("ours")), None);
        assert_eq!(judge(Fate::Exists, &shows("theirs")), None);
        let trashed = row(&[("text", text("ours"))]);
        for seen in [Sighting::Absent, Sighting::Tombstone(trashed)] {
            assert_eq!(judge(Fate::Exists, &seen), None, "{seen:?}");
        }
        let mut there = Image::unknown(TABLE.columns.len());
        there.set(at("text"), Some(text("ours")));
        assert_eq!(judge(Fate::Exists, &shows("ours")), Some(there));
    }

    /// What Twenty's users had cleared came back: the create that was refused seemed to have left it out.
    #[test]
    fn what_an_earlier_create_set_was_not_left_out_by_the_one_that_was_refused() {
        let mut sent = Image::unknown(TABLE.columns.len());
        sent.set(at("text"), Some(text("ours")));
        sent.set(at("count"), Some(Value::Integer(1)));
        let mut waiting = Pending { sent: Some(sent.clone()), ..pending(None, None) };
        let seen = Sighting::Present(row(&[("count", Value::Integer(1))]));
        let judge = |waiting: &Pending| Fate::Exists.judge(&TABLE.columns, waiting, &seen).sent;
        let is_there = |sent: Option<Image>| sent.unwrap().get(at("text")).is_some();
        assert!(!is_there(judge(&waiting)));
        waiting.given_up = Some(sent);
        assert!(is_there(judge(&waiting)));
    }
}
