//! Histories with a data model of their own: any objects and fields, a limit of calls, a model that changes.

use prove::{
    KINDS, SCHEMA_CHANGES, Setup, Tally,
    mistakes::{Bug, plant},
    play,
};

/// Seeds that once showed a mistake of the program, which is mended.
const REGRESSIONS: &[(u64, &str)] = &[
    (
        1592,
        "a refused record that was mended was never tried again: the change that mended it was settled",
    ),
    (7649, "the same, where the look came first"),
    (642, "a create that left a reference out was in doubt, and an earlier one said otherwise"),
    (46466, "a version guarded a write although what was read with it was not decided on"),
    (22556, "what a renamed field held was forgotten when a delete won"),
    (
        79774,
        "a row was inserted anew with a field that Twenty showed under another name, and settled unsent",
    ),
    (1698, "a rich text that was cleared here was taken for a change in Twenty"),
    (
        92910,
        "who knew the tables as they were noted that a record has nothing to send, and a field came back",
    ),
    (26233, "who knew the tables as they were took a row for sent, without its new column"),
    (
        36481,
        "a create was refused because an earlier one had arrived, and what was cleared since came back",
    ),
    (
        55156,
        "a create in doubt was found without a field under its new name, and what was cleared there came back",
    ),
    (
        7190,
        "a row in the trash was deleted here and not put back, because a change of it waited for a field",
    ),
    (8043, "a row was brought back by a value that its new column was not filled with yet"),
    (35607, "the same, where the record had been edited before"),
    (
        65373,
        "a value that was cleared here came back: its create was found without the field under its new name",
    ),
    (
        135_247,
        "a page went past a change of a record whose write was acknowledged, but still counted as under way",
    ),
    (261_772, "the same, right after its create"),
    (
        129_797,
        "a field came back under another name, and what was changed in it here was never sent",
    ),
    (348_470, "the same, where the change had been noted as nothing to send"),
    (363_238, "the same, where a page had taken the field for one that nobody knows"),
    (151_294, "a record was made anew while it was looked for, and its row named one that went"),
    (
        394_509,
        "what had waited for a field was sent and refused after people had stopped to repair",
    ),
];

const COUNT: u64 = 2_000;

#[test]
fn two_thousand_varied_histories_lose_nothing_and_reach_every_change() {
    let mut tally = Tally::default();
    for seed in 0..COUNT {
        let played = play(seed, Setup::varied(seed));
        let again = format!("cargo run -p prove -- replay {seed} --varied");
        assert_eq!(played.wrong, None, "{again}");
        tally.add(&played.tally);
    }
    for kind in KINDS {
        assert!(tally.at("histories", kind) > 0, "no history {kind}");
    }
    for change in SCHEMA_CHANGES {
        assert!(tally.at("schema change", change) > 0, "no {change}");
    }
    for (what, place) in [("429", "bucket"), ("refused", "unknown field")] {
        assert!(tally.at(what, place) > 0, "no {what}: {place}");
    }
}

#[test]
fn varied_seeds_that_showed_a_mistake_show_it_no_more() {
    for &(seed, story) in REGRESSIONS {
        assert_eq!(play(seed, Setup::varied(seed)).wrong, None, "history {seed}: {story}");
    }
}

#[test]
fn one_seed_is_one_varied_history() {
    for seed in 0..200 {
        let setup = Setup::varied(seed);
        assert_eq!(play(seed, setup).digest, play(seed, setup).digest, "history {seed}");
        assert_ne!(play(seed, setup).digest, play(seed, Setup::plain(seed)).digest);
    }
}

/// The invariants that histories with a mistake violate.
fn violated(bug: Bug, setup: fn(u64) -> Setup) -> Vec<&'static str> {
    plant(Some(bug));
    let wrong = (0..300).filter_map(|seed| play(seed, setup(seed)).wrong);
    let invariants = wrong.map(|wrong| wrong.invariant).collect();
    plant(None);
    invariants
}

#[test]
fn mistakes_about_limits_and_changing_models_are_found_here_and_nowhere_else() {
    for (bug, invariant) in [
        (Bug::RefusalUnheeded, "I23"),
        (Bug::LostColumnEmptied, "I25"),
        (Bug::StrangeKeyTaken, "I25"),
    ] {
        assert!(violated(bug, Setup::varied).contains(&invariant), "{bug:?} is not found");
        assert_eq!(violated(bug, Setup::plain), Vec::<&str>::new(), "{bug:?}");
    }
    assert_eq!(violated(Bug::OldTablesTrusted, Setup::plain), Vec::<&str>::new());
}
