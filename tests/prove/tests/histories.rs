//! Some thousand histories in the ordinary test run; `make prove` plays a hundred thousand.

use prove::{FAULTS, STATES, Setup, Tally, effects, play};

/// Seeds that once showed a mistake of the program, which is mended.
const REGRESSIONS: &[(u64, &str)] = &[
    (32, "a row deleted while its restore was on its way came back"),
    (
        194,
        "a reference that follows its new record was forgotten when every change in the log was done",
    ),
    (
        192,
        "a page that waited for its turn was ignored for a record, and the watermark went past its change",
    ),
    (997, "a page that was asked for before a look by id overwrote what the look had shown"),
    (40, "what had been decided anew since it was claimed was sent all the same"),
    (593, "the same, where a record had been refused meanwhile"),
    (7249, "a reference that the server emptied in silence stayed in a row whose conflict waited"),
    (2582, "the same, where the record was made on both sides"),
    (36817, "a record that waited was deleted under an older date, and its row stayed"),
    (
        23726,
        "a page passed by a record whose write was then refused, and its change was never read",
    ),
    (18388, "a look whose commit was not answered did not count as newer than a page"),
    (96744, "a page passed by a new record, and the older answer to the create was believed"),
    (19120, "a page showed more than a look that was stored after it"),
    (95488, "a deleted row waited for ever because a conflict of it had waited"),
    (25236, "a restore without an entry in the log was never sent"),
    (24304, "a deleted row came back because a write of it was in doubt"),
    (43543, "a create arrived after it was looked for, and what was cleared here since came back"),
    (22879, "the same, where Twenty's users had cleared it, and it was sent again"),
    (
        3461,
        "a later create left a reference out, and an earlier one that never arrived said otherwise",
    ),
    (
        72414,
        "a held field of a record made on both sides was sent when Twenty's users had cleared it",
    ),
    (97955, "a row came back from the trash without a field that had waited"),
    (
        715,
        "a new record waited for one that had come, because a process was killed before it told of it",
    ),
    (18128, "a new record waited for one that had come before it was set aside"),
    (69712, "one record was destroyed and another not shown, and a walk was taken for complete"),
    (
        126_720,
        "a refused change was set aside while others of its batch waited, and a page went past its record",
    ),
    (281_696, "the same, after a process was killed"),
    (393_426, "the same, in a walk of several pages"),
    (299_762, "a row that was deleted here waited for ever for a new record that it had named"),
    (
        127_499,
        "a record was made anew while it was looked for, and its row named one that went, until the next page",
    ),
];

fn assert_clean(seed: u64) -> Tally {
    let played = play(seed, Setup::of(seed));
    if let Some(wrong) = &played.wrong {
        let again = format!("cargo run -p prove -- replay {seed}");
        panic!("{wrong:?}: {again}");
    }
    played.tally
}

#[test]
fn four_thousand_histories_lose_nothing_and_reach_every_fault() {
    let mut tally = Tally::default();
    (0..4_000).for_each(|seed| tally.add(&assert_clean(seed)));
    let processes = ["pause", "split brain", "stale commit refused", "clock jump"];
    for fault in FAULTS.into_iter().chain(processes) {
        assert!(tally.total(fault) > 0, "no {fault} in any history");
    }
    for state in STATES {
        assert!(tally.at("kill", state) > 0, "no kill {state}");
    }
}

#[test]
fn seeds_that_showed_a_mistake_show_it_no_more() {
    for &(seed, story) in REGRESSIONS {
        for setup in [Setup::default(), Setup::plain(seed)] {
            let played = play(seed, setup);
            assert_eq!(played.wrong, None, "history {seed}: {story}");
        }
    }
}

#[test]
fn one_seed_is_one_history() {
    for seed in 0..200 {
        let (first, again) = (play(seed, Setup::default()), play(seed, Setup::default()));
        assert_eq!(first.digest, again.digest, "history {seed}");
    }
}

#[test]
fn every_effect_of_a_run_may_fail_once() {
    let mut tried = 0;
    for seed in 0..24 {
        let scenario = effects::try_all(seed);
        assert_eq!(scenario.wrong, None, "scenario {seed}");
        tried += scenario.points.iter().sum::<u64>();
    }
    assert!(tried > 1_000, "only {tried} failures were tried");
}
