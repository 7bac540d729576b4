//! What is wrong at the moment, so that it is said when it begins and when it is over.
//!
//! It exists because a loop that meets the same failure at every tick would fill the log with one line. Invariant: of
//! each subject, a reason is said once for as long as it stays the same; that it is over is said only if it was said.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The reasons that were said last, by subject.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<BTreeMap<String, String>>);

impl Troubles {
    /// Whether this reason is news of the subject.
    pub(super) fn begins(&self, subject: &str, reason: &str) -> bool {
        let said = self.said().insert(subject.to_owned(), reason.to_owned());
        said.as_deref() != Some(reason)
    }

    /// Whether something was wrong with the subject until now.
    pub(super) fn is_over(&self, subject: &str) -> bool {
        self.said().remove(subject).is_some()
    }

    fn said(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // Nothing is left half done under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Troubles;

    #[test]
    fn a_reason_is_said_once_until_it_changes_or_is_over() {
        let troubles = Troubles::default();
        assert!(!troubles.is_over("people"), "nothing was wrong");
        let begins = |reason| troubles.begins("people", reason);
        assert_eq!(
            ["lost", "lost", "late", "late", "lost"].map(begins),
            [true, false, true, false, true]
        );
        assert!(troubles.begins("notes", "lost"), "another object is another matter");
        assert!(troubles.is_over("people"));
        assert!(!troubles.is_over("people"));
        assert!(begins("lost"), "it is wrong again");
    }
}
