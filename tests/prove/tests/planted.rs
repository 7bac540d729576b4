//! Mistakes are planted, and a few hundred histories find most of them; `make prove` finds all.

use prove::{
    Setup, hunt, judge,
    mistakes::{Bug, plant},
};

/// How many histories each mistake is looked for in.
const HISTORIES: u64 = 300;

#[test]
fn most_planted_mistakes_are_found_by_a_few_hundred_histories() {
    let missed: Vec<Bug> =
        Bug::ALL.into_iter().filter(|bug| hunt(*bug, HISTORIES).is_none()).collect();
    let found = Bug::ALL.len() - missed.len();
    assert!(found >= 24, "only {found} of {} were found, and not {missed:?}", Bug::ALL.len());
}

#[test]
fn a_mistake_is_gone_when_it_is_not_planted_any_more() {
    let before = judge(0, Setup::of(0));
    plant(Some(Bug::CreateWithoutId));
    let with = judge(0, Setup::of(0));
    plant(None);
    let after = judge(0, Setup::of(0));
    assert_eq!(before.digest, after.digest);
    assert!(with.wrong.is_some() && after.wrong.is_none());
}
