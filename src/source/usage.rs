//! How many calls were made, for what, and what became of them; and whether Twenty answers now.
//!
//! It exists so that an operator can see who spends the budget, long before a run has given up. Invariants: a call
//! counts as often as the server counts it, each attempt by itself, and one that is given up half-way has failed, for
//! nobody knows what became of it; a server that refuses a request does answer; a refused key is trouble, because no
//! request gets through; nothing here decides anything.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{Lane, problem::Problem};

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// Answered as asked.
    Answered,
    /// Refused for what was asked, or because of the key.
    Refused,
    /// Refused because the limit was reached.
    Throttled,
    /// Lost, late, given up, or answered with what cannot be read.
    Failed,
}

impl CallOutcome {
    /// Every outcome.
    pub const ALL: [CallOutcome; 4] =
        [CallOutcome::Answered, CallOutcome::Refused, CallOutcome::Throttled, CallOutcome::Failed];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            CallOutcome::Answered => "answered",
            CallOutcome::Refused => "refused",
            CallOutcome::Throttled => "throttled",
            CallOutcome::Failed => "failed",
        }
    }

    pub(super) fn of(problem: Option<&Problem>) -> CallOutcome {
        match problem {
            None => CallOutcome::Answered,
            Some(Problem::Throttled { .. }) => CallOutcome::Throttled,
            Some(Problem::Refused(_) | Problem::Key(_)) => CallOutcome::Refused,
            Some(
                // Not even sent, so nobody counts it.
                Problem::Replaced
                | Problem::Connect(_)
                | Problem::Timeout
                | Problem::Interrupted(_)
                | Problem::TooLarge { .. }
                | Problem::Redirect { .. }
                | Problem::Unavailable { .. }
                | Problem::Unreadable { .. },
            ) => CallOutcome::Failed,
        }
    }
}

/// Calls by lane and outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage([[u64; CallOutcome::ALL.len()]; Lane::ALL.len()]);

impl Usage {
    /// The calls of a lane that came to this end.
    pub fn of(&self, lane: Lane, outcome: CallOutcome) -> u64 {
        self.0[lane as usize][outcome as usize]
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.0.as_flattened().iter().sum()
    }
}

/// Whether Twenty answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Contact {
    /// Nothing was asked yet.
    #[default]
    NotAsked,
    /// It answered the last request.
    Answers,
    /// It did not, and why.
    Fails(String),
}

/// The account of all requests of one client.
#[derive(Debug, Default)]
pub(super) struct Account {
    calls: [[AtomicU64; CallOutcome::ALL.len()]; Lane::ALL.len()],
    contact: Mutex<Contact>,
}

/// A request under way, which is counted when it ends, however it ends.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    account: &'a Account,
    lane: Lane,
    cost: u32,
    outcome: CallOutcome,
}

impl Account {
    /// A request goes out.
    pub(super) fn open(&self, lane: Lane, cost: u32) -> Entry<'_> {
        Entry { account: self, lane, cost, outcome: CallOutcome::Failed }
    }

    pub(super) fn usage(&self) -> Usage {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage(self.calls.each_ref().map(|lane| lane.each_ref().map(read)))
    }

    pub(super) fn contact(&self) -> Contact {
        // One value is put in the place of another; nothing is left half done.
        self.contact.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, contact: Contact) {
        *self.contact.lock().unwrap_or_else(PoisonError::into_inner) = contact;
    }
}

impl Entry<'_> {
    /// The request ended, with this problem or none.
    pub(super) fn close(mut self, problem: Option<&Problem>) {
        self.outcome = CallOutcome::of(problem);
        self.account.set(match problem {
            None | Some(Problem::Refused(_) | Problem::Throttled { .. }) => Contact::Answers,
            Some(problem) => Contact::Fails(problem.to_string()),
        });
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let counter = &self.account.calls[self.lane as usize][self.outcome as usize];
        counter.fetch_add(self.cost.into(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, CallOutcome, Contact, Lane, Problem};

    #[test]
    fn calls_are_counted_once_by_lane_and_outcome() {
        let account = Account::default();
        account.open(Lane::Push, 3).close(None);
        account.open(Lane::Push, 1).close(Some(&Problem::Timeout));
        let throttled = Problem::Throttled { limit: None, retry_after: None };
        account.open(Lane::Sweep, 2).close(Some(&throttled));
        drop(account.open(Lane::Pull, 1));
        account.open(Lane::Backfill, 0).close(None);
        let usage = account.usage();
        for (lane, outcome, calls) in [
            (Lane::Push, CallOutcome::Answered, 3),
            (Lane::Push, CallOutcome::Failed, 1),
            (Lane::Sweep, CallOutcome::Throttled, 2),
            (Lane::Pull, CallOutcome::Failed, 1),
            (Lane::Backfill, CallOutcome::Answered, 0),
        ] {
            assert_eq!(usage.of(lane, outcome), calls, "{lane:?} {outcome:?}");
        }
        assert_eq!(usage.total(), 7);
    }

    #[test]
    fn a_server_that_refuses_does_answer_and_one_that_is_late_does_not() {
        let account = Account::default();
        assert_eq!(account.contact(), Contact::NotAsked);
        account.open(Lane::Pull, 1).close(Some(&Problem::Timeout));
        assert!(matches!(account.contact(), Contact::Fails(why) if !why.is_empty()));
        drop(account.open(Lane::Pull, 1));
        assert!(
            matches!(account.contact(), Contact::Fails(_)),
            "a call that was given up tells nothing"
        );
        let throttled = Problem::Throttled { limit: None, retry_after: None };
        account.open(Lane::Pull, 1).close(Some(&throttled));
        assert_eq!(account.contact(), Contact::Answers);
    }
}
