//! What is worth a look: objects, by the names that deliveries gave them.
//!
//! It exists between the receiver, which must answer at once, and the loop that reads. Invariants: hints about one
//! object are one hint, however many deliveries brought it; the number of names is bounded, and what does not fit is
//! left to the next tick; waiting can be given up at any time without losing a hint.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// More objects than any workspace has.
const MOST: usize = 1_000;

/// How long hints are gathered: the events of one action arrive side by side.
const GATHER: Duration = Duration::from_millis(200);

/// What is wanted of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// What changed.
    Changes,
    /// What changed, and what was destroyed.
    Everything,
}

impl Wanted {
    /// As one program tells it another.
    pub fn as_str(self) -> &'static str {
        match self {
            Wanted::Changes => "changes",
            Wanted::Everything => "everything",
        }
    }

    /// What another program told.
    pub fn named(word: &str) -> Option<Wanted> {
        [Wanted::Changes, Wanted::Everything].into_iter().find(|wanted| wanted.as_str() == word)
    }
}

/// Hints that wait. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Hints(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    objects: Mutex<BTreeMap<String, Wanted>>,
    heard: Notify,
}

impl Hints {
    /// Notes that an object is worth a look.
    pub fn note(&self, object: &str, wanted: Wanted) {
        let mut objects = self.objects();
        if let Some(known) = objects.get_mut(object) {
            *known = wanted.max(*known);
            return;
        }
        if objects.len() < MOST {
            objects.insert(object.to_owned(), wanted);
            self.0.heard.notify_one();
        }
    }

    /// Waits for hints, gathers them for a moment, and takes all, but not before `earliest`.
    pub async fn take(&self, earliest: Instant) -> BTreeMap<String, Wanted> {
        while self.objects().is_empty() {
            self.0.heard.notified().await;
        }
        sleep_until(earliest.max(Instant::now() + GATHER)).await;
        std::mem::take(&mut *self.objects())
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Wanted>> {
        self.0.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::{GATHER, Hints, MOST, Wanted};

    async fn taken(hints: &Hints) -> Vec<(String, Wanted)> {
        hints.take(Instant::now()).await.into_iter().collect()
    }

    #[tokio::test]
    async fn a_burst_is_one_hint_and_asks_for_the_most_that_anybody_asked() {
        let hints = Hints::default();
        for number in 0..1_000 {
            let wanted = if number == 500 { Wanted::Everything } else { Wanted::Changes };
            hints.note("person", wanted);
        }
        assert_eq!(taken(&hints).await, [("person".to_owned(), Wanted::Everything)]);
        assert!(timeout(2 * GATHER, taken(&hints)).await.is_err(), "hints are taken once");
    }

    #[tokio::test]
    async fn giving_up_loses_nothing_and_a_hint_waits_for_its_time() {
        let hints = Hints::default();
        hints.note("person", Wanted::Changes);
        let later = Instant::now() + Duration::from_hours(1);
        assert!(timeout(2 * GATHER, hints.take(later)).await.is_err());
        assert_eq!(taken(&hints).await.len(), 1);
    }

    #[tokio::test]
    async fn names_are_bounded() {
        let hints = Hints::default();
        for number in 0..2 * MOST {
            hints.note(&format!("object{number}"), Wanted::Changes);
        }
        assert_eq!(taken(&hints).await.len(), MOST);
    }
}
