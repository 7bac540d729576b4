//! The state of a mirror, with what follows from it: how long a first load still takes.
//!
//! It exists so that the command, the page and the state over HTTP say the same. Invariant: it is made from what the
//! mirror holds and asks nobody.

use std::time::Duration;

use serde::Serialize;

use crate::{
    mirror::{Budget, MirrorStatus, ObjectStatus},
    plan::backfill::{Estimate, Pace, Unread, estimate},
    source::BudgetState,
};

/// What `status` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// As the mirror has it.
    #[serde(flatten)]
    pub mirror: MirrorStatus,
    /// What the first load still takes, if there is something that was never read to the end.
    pub first_load: Option<Estimate>,
}

impl Status {
    /// What follows from what the mirror has.
    pub fn of(mirror: MirrorStatus) -> Status {
        let unread: Vec<Unread> = mirror.objects.iter().filter_map(unread).collect();
        let pace = mirror.budget.as_ref().and_then(stored_pace);
        Status { first_load: estimate(&unread, pace), mirror }
    }
}

fn unread(object: &ObjectStatus) -> Option<Unread> {
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let (seen, total) = (object.walk_seen.map_or(0, count), object.walk_total.map(count));
    object.watermark.is_none().then_some(Unread { seen, total })
}

/// How fast a first load may go.
pub(super) fn pace(budget: BudgetState) -> Pace {
    Pace { calls: budget.limit.calls - budget.reserve, window: budget.limit.window }
}

fn stored_pace(budget: &Budget) -> Option<Pace> {
    let calls = u32::try_from(budget.limit_calls? - budget.reserve_calls?).ok()?;
    let window = Duration::from_millis(u64::try_from(budget.limit_milliseconds?).ok()?);
    Some(Pace { calls, window })
}
