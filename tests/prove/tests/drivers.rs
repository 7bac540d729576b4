//! What does not matter: how the loops are driven, and what the clock of the program says.

use prove::{
    Driver, Setup, drive,
    mistakes::{Bug, plant},
    play,
};

/// Seeds of which the history is another one with a clock that jumps, and how many clocks jumped.
fn unequal_by_clock(seeds: u64) -> (Vec<u64>, u64) {
    let mut jumps = 0;
    let differs = |seed: &u64| {
        let right = play(*seed, Setup::default());
        let wild = play(*seed, Setup { clock: 86_400, ..Setup::default() });
        jumps += wild.tally.total("clock jump");
        right.digest != wild.digest || right.wrong != wild.wrong
    };
    let unequal = (0..seeds).filter(differs).collect();
    (unequal, jumps)
}

#[test]
fn a_clock_that_is_a_day_wrong_and_jumps_changes_nothing_in_a_history() {
    let (unequal, jumps) = unequal_by_clock(500);
    assert_eq!(unequal, Vec::<u64>::new(), "histories depend on the program's clock");
    assert!(jumps > 100, "only {jumps} clocks jumped");
    plant(Some(Bug::RetryByLocalClock));
    let (unequal, _) = unequal_by_clock(100);
    plant(None);
    assert!(!unequal.is_empty(), "what depends on the clock would not be noticed");
}

/// Rounds that were compared, and those that ended otherwise for runs of `--once` than for the daemon.
fn unequal_by_driver(seeds: u64) -> (usize, Vec<(u64, usize)>) {
    let (mut compared, mut unequal) = (0, Vec::new());
    for seed in 0..seeds {
        let (once, daemon) = (drive(seed, Driver::Once), drive(seed, Driver::Daemon));
        let rounds = once.len().min(daemon.len());
        compared += rounds;
        unequal.extend((0..rounds).find(|at| once[*at] != daemon[*at]).map(|at| (seed, at)));
    }
    (compared, unequal)
}

#[test]
fn runs_of_once_and_the_daemon_end_in_the_same_state() {
    let (compared, unequal) = unequal_by_driver(500);
    assert_eq!(unequal, Vec::new(), "seeds and rounds that end differently");
    assert!(compared > 2_000, "only {compared} rounds were compared");
    plant(Some(Bug::NoGuard));
    let (_, unequal) = unequal_by_driver(100);
    plant(None);
    assert!(!unequal.is_empty(), "what depends on who is first would not be noticed");
}
