//! What came of the requests so far: whether Twenty answers now, and how many ended how.
//!
//! It exists for operators, who ask long before a run has given up. Invariants: a server that refuses a request does
//! answer; a refused key is trouble, because no request gets through; nothing here decides anything.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Client, problem::Problem};

/// The account of all requests of one client.
#[derive(Debug, Default)]
pub(super) struct Account(Mutex<Contact>);

/// What came of the requests so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Requests that brought what was asked for.
    pub answered: u64,
    /// Requests that the server refused for good.
    pub refused: u64,
    /// Requests that were too many.
    pub throttled: u64,
    /// Requests that brought no usable answer, or were sent with a key that is refused.
    pub failed: u64,
    /// Why the last request failed, if it did.
    pub trouble: Option<String>,
}

impl Contact {
    /// Requests that came to an end.
    pub fn requests(&self) -> u64 {
        self.answered + self.refused + self.throttled + self.failed
    }
}

impl Client {
    /// What came of the requests so far.
    pub fn contact(&self) -> Contact {
        self.account().entries().clone()
    }
}

impl Account {
    pub(super) fn answered(&self) {
        let mut contact = self.entries();
        contact.answered += 1;
        contact.trouble = None;
    }

    pub(super) fn note(&self, problem: &Problem) {
        let mut contact = self.entries();
        contact.trouble = None;
        match problem {
            // The source was not even asked.
            Problem::Replaced => {}
            Problem::Refused(_) => contact.refused += 1,
            Problem::Throttled { .. } => contact.throttled += 1,
            Problem::Connect(_)
            | Problem::Timeout
            | Problem::Interrupted(_)
            | Problem::TooLarge { .. }
            | Problem::Redirect { .. }
            | Problem::Key(_)
            | Problem::Unavailable { .. }
            | Problem::Unreadable { .. } => {
                contact.failed += 1;
                contact.trouble = Some(problem.to_string());
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Contact> {
        // Counting cannot be interrupted half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
