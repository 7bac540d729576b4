//! What becomes of one unit of a record, given what each side did to it.
//!
//! | seen | verdict |
//! |---|---|
//! | both sides equal | agreed |
//! | the mirror did not change it | take the source's value |
//! | only the mirror changed it | push the mirror's value |
//! | both changed it, differently | conflict: the policy decides |
//!
//! It exists apart from [`super::reconcile`] so that the table can be read and tested as a table. Invariants: two
//! sides are never compared without the third state, the base; a value that the source does not show is neither
//! changed nor overwritten.

use crate::record::{Column, Image, Unit, canonical};

use super::policy::{Policy, Side, Times};

/// What each side did to a unit since both agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Both sides hold the same.
    pub equal: bool,
    /// The source changed it.
    pub source_changed: bool,
    /// The mirror changed it.
    pub mirror_changed: bool,
}

/// What becomes of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides hold the same.
    Agreed,
    /// The mirror takes the source's value.
    TakeSource,
    /// The mirror's value goes to the source.
    PushMirror,
    /// Both changed it; `None` if a person is to decide.
    Conflict(Option<Side>),
}

/// What becomes of a unit.
pub fn merge(seen: Seen, policy: Policy, times: Times) -> Verdict {
    #[cfg(feature = "planted")]
    if !seen.equal
        && seen.mirror_changed
        && crate::mistakes::is(crate::mistakes::Bug::ConflictUnseen)
    {
        return Verdict::PushMirror;
    }
    match (seen.equal, seen.source_changed, seen.mirror_changed) {
        (true, _, _) => Verdict::Agreed,
        (false, _, false) => Verdict::TakeSource,
        (false, false, true) => Verdict::PushMirror,
        (false, true, true) => Verdict::Conflict(policy.winner(times)),
    }
}

/// What a unit is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    /// What both sides last agreed on; `None` if the record was inserted in the mirror.
    pub base: Option<&'a Image>,
    /// The values of a write whose outcome was not known, or is known only now.
    pub sent: Option<&'a Image>,
    /// The values of a create that was not found when it was looked for. It may have arrived since.
    pub given_up: Option<&'a Image>,
    /// Whether that write is known to have arrived.
    pub arrived: bool,
    /// Whether the source changed the record in any way since the base.
    pub moved: bool,
}

/// What each side did to `unit`; `None` if the source or the mirror does not show it.
///
/// A write that arrived moves the base: to what the source made of it on the one side, to what was sent on the
/// other. So a value that the source only rewrote is nobody's change, and an edit made after the write is compared
/// with the write. A write that may have arrived, in a record that changed since, may have been taken back: a value
/// that looks untouched then counts as changed.
pub fn see(
    columns: &[Column],
    unit: &Unit,
    reference: Reference<'_>,
    source: &Image,
    mirror: &Image,
) -> Option<Seen> {
    let equal = canonical::units_equal(columns, unit, source, mirror)?;
    let changes = since_sent(columns, unit, reference, source, mirror)
        .or_else(|| since_given_up(columns, unit, reference, source, mirror))
        .or_else(|| since_base(columns, unit, reference, source, mirror))
        .unwrap_or_else(|| since_unknown(columns, unit, mirror));
    Some(Seen { equal, source_changed: changes.0, mirror_changed: changes.1 })
}

/// Changes by source and mirror since the write; `None` if it did not touch the unit, or may not have arrived.
fn since_sent(
    columns: &[Column],
    unit: &Unit,
    reference: Reference<'_>,
    source: &Image,
    mirror: &Image,
) -> Option<(bool, bool)> {
    let changes = since(columns, unit, reference.sent?, source, mirror)?;
    (!changes.0 || reference.arrived).then_some(changes)
}

/// Changes by source and mirror since these values were sent and arrived.
fn since(
    columns: &[Column],
    unit: &Unit,
    sent: &Image,
    source: &Image,
    mirror: &Image,
) -> Option<(bool, bool)> {
    let became = canonical::may_have_become(columns, unit, sent, source)?;
    Some((!became, !canonical::units_equal(columns, unit, sent, mirror)?))
}

/// Changes since a create that was given up; `None` if there is none, or it did not set the unit. What the source holds
/// of it has arrived late. Anything else is a change of it, or another record, and so a change by both; or what a later
/// create made that is in doubt and left the unit out.
fn since_given_up(
    columns: &[Column],
    unit: &Unit,
    reference: Reference<'_>,
    source: &Image,
    mirror: &Image,
) -> Option<(bool, bool)> {
    let sent = reference.given_up.filter(|_| reference.base.is_none())?;
    if canonical::unit_empty(columns, unit, sent)? {
        return None;
    }
    let changes = since(columns, unit, sent, source, mirror)?;
    if !changes.0 {
        return Some(changes);
    }
    let is_changed = !canonical::unit_empty(columns, unit, mirror)?;
    let left_out = |sent: &Image| unit.columns.iter().any(|column| sent.get(*column).is_none());
    (!reference.sent.is_some_and(left_out)).then_some((true, is_changed))
}

fn since_base(
    columns: &[Column],
    unit: &Unit,
    reference: Reference<'_>,
    source: &Image,
    mirror: &Image,
) -> Option<(bool, bool)> {
    let differs = |image| match reference.base {
        Some(base) => canonical::units_equal(columns, unit, base, image).map(|equal| !equal),
        None => canonical::unit_empty(columns, unit, image).map(|empty| !empty),
    };
    let was_sent = reference
        .sent
        .is_some_and(|sent| unit.columns.iter().all(|&column| sent.get(column).is_some()));
    let may_be_taken_back = was_sent && reference.moved;
    Some((may_be_taken_back || differs(source)?, differs(mirror)?))
}

/// A column younger than the base: an empty mirror was never filled, anything else counts as a change by both.
fn since_unknown(columns: &[Column], unit: &Unit, mirror: &Image) -> (bool, bool) {
    (true, canonical::unit_empty(columns, unit, mirror) == Some(false))
}

#[cfg(test)]
mod tests;
