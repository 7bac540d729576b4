//! The faults that are due, and how often each has happened.

use std::time::Duration;

use super::page::Progress;
use super::{Effect, Fault, Times};
use crate::dice::Dice;
use crate::journal::CallInfo;

/// All faults that were asked for, in that order.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    fault: Fault,
    /// Requests that matched so far.
    seen: usize,
    dice: Dice,
    progress: Progress,
}

/// What happens to one request.
#[derive(Debug, Default)]
pub(crate) struct Fired {
    /// The fault that decides how it ends.
    pub(crate) end: Option<Effect>,
    /// Places in the book of faults that change the page.
    pub(crate) pages: Vec<usize>,
    pub(crate) ignores_filter: bool,
    pub(crate) delay: Duration,
}

impl Book {
    pub(crate) fn add(&mut self, fault: Fault) {
        let seed = if let Times::Chance { seed, .. } = fault.times { seed } else { 0 };
        let entry = Entry { fault, seen: 0, dice: Dice::new(seed), progress: Progress::default() };
        self.entries.push(entry);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// What happens to this request.
    pub(crate) fn fire(&mut self, call: &CallInfo) -> Fired {
        let mut fired = Fired::default();
        for (at, entry) in self.entries.iter_mut().enumerate() {
            if !entry.fault.matcher.matches(call) || !entry.is_due() {
                continue;
            }
            match &entry.fault.effect {
                Effect::Slow(delay) => fired.delay += *delay,
                Effect::IgnoredFilter => fired.ignores_filter = true,
                effect if effect.is_final() => {
                    fired.end.get_or_insert_with(|| effect.clone());
                }
                _ => fired.pages.push(at),
            }
        }
        fired
    }

    /// The effect of a fault that changes the page, with what it did to earlier pages.
    pub(super) fn page_fault(&mut self, at: usize) -> (&Effect, &mut Progress) {
        let entry = &mut self.entries[at];
        (&entry.fault.effect, &mut entry.progress)
    }
}

impl Entry {
    /// Counts a matching request.
    fn is_due(&mut self) -> bool {
        self.seen += 1;
        match self.fault.times {
            Times::Always => true,
            Times::Next(count) => self.seen <= count,
            Times::Nth(number) => self.seen == number,
            Times::Chance { probability, .. } => self.dice.share() < probability,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, path: &str, body: &str) -> CallInfo {
        CallInfo { method: method.to_owned(), path: path.to_owned(), body: body.to_owned() }
    }

    fn run(fault: Fault, calls: usize) -> Vec<bool> {
        let mut book = Book::default();
        book.add(fault);
        (0..calls).map(|_| book.fire(&call("GET", "/rest/people", "")).end.is_some()).collect()
    }

    #[test]
    fn the_next_requests_fail_and_the_ones_after_do_not() {
        assert_eq!(run(Fault::status(500).next(2), 4), [true, true, false, false]);
    }

    #[test]
    fn only_the_nth_request_fails() {
        assert_eq!(run(Fault::status(500).nth(3), 4), [false, false, true, false]);
    }

    #[test]
    fn chance_repeats_with_its_seed_and_keeps_its_rate() {
        let draw = |seed| run(Fault::status(500).chance(0.25, seed), 4000);
        let hits = draw(7).into_iter().filter(|hit| *hit).count();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!((900..1100).contains(&hits), "{hits} of 4000");
    }

    #[test]
    fn every_condition_must_hold() {
        let fault = Fault::status(500)
            .method("POST")
            .path("/graphql")
            .body("updateCompany")
            .when(|call| call.body.len() < 100);
        let mut book = Book::default();
        book.add(fault);
        let mut hit = |method, path, body| book.fire(&call(method, path, body)).end.is_some();
        assert!(hit("POST", "/graphql", "mutation { updateCompany }"));
        assert!(!hit("GET", "/graphql", "mutation { updateCompany }"));
        assert!(!hit("POST", "/metadata", "mutation { updateCompany }"));
        assert!(!hit("POST", "/graphql", "mutation { createCompany }"));
    }

    #[test]
    fn the_first_of_two_endings_wins_and_delays_add_up() {
        let mut book = Book::default();
        book.add(Fault::status(502));
        book.add(Fault::new(Effect::Stall));
        book.add(Fault::new(Effect::Slow(Duration::from_secs(1))));
        book.add(Fault::new(Effect::Slow(Duration::from_secs(2))));
        let fired = book.fire(&call("GET", "/", ""));
        assert_eq!(fired.end, Some(Effect::Status { status: 502, body: None }));
        assert_eq!(fired.delay, Duration::from_secs(3));
    }
}
