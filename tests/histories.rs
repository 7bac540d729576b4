//! Random histories of both sides, from the outside: a real PostgreSQL, a Twenty that behaves like one, the engine
//! between them, and an oracle that knows nothing of the program but what people did and what stands in the end.
//!
//! People create, edit, delete, restore, destroy and re-create records on both sides, before and in the midst of runs,
//! and the trash is purged. In the end both sides are equal, no record is gone that nobody deleted, none lives that
//! somebody deleted, every edit is accounted for, and further runs write nothing.
//!
//! A history is its seed. `HISTORY_SEED=17 cargo nextest run --test histories one_by_one` plays one again, and
//! `HISTORY_SEED=1000..2000` plays many.

#![expect(clippy::unwrap_used, reason = "ground that cannot be laid must fail its test")]
#![expect(clippy::print_stdout, reason = "what a test has measured belongs to its output")]

#[path = "histories/book.rs"]
mod book;
#[path = "histories/dice.rs"]
mod dice;
#[path = "histories/ground.rs"]
mod ground;
#[path = "histories/people.rs"]
mod people;
#[path = "histories/play.rs"]
mod play;
#[path = "histories/sides.rs"]
mod sides;

use std::ops::Range;

/// Seeds that once led to a mistake. The story of each is in the test of the planner that came of it.
const REGRESSIONS: [u64; 1] = [1];

/// The seeds that `HISTORY_SEED` names.
fn asked() -> Option<Range<u64>> {
    let text = std::env::var("HISTORY_SEED").ok()?;
    let number = |text: &str| text.parse::<u64>().expect("HISTORY_SEED is a number, or 1000..2000");
    Some(match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_by_one() {
    match asked() {
        Some(seeds) => play::all(seeds).await,
        None => play::all(REGRESSIONS).await,
    }
}

macro_rules! histories {
    ($($name:ident: $seeds:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            play::all($seeds).await;
        }
    )*};
}

histories! {
    seeds_0_to_49: 0..50;
    seeds_50_to_99: 50..100;
    seeds_100_to_149: 100..150;
    seeds_150_to_199: 150..200;
    seeds_200_to_249: 200..250;
    seeds_250_to_299: 250..300;
    seeds_300_to_349: 300..350;
    seeds_350_to_399: 350..400;
    seeds_400_to_449: 400..450;
    seeds_450_to_499: 450..500;
}
