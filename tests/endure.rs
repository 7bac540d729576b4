//! The program under fault, from the outside: the binary itself, a real PostgreSQL that crashes, fills up and refuses,
//! and a Twenty behind a line that fails, while people write on both sides.
//!
//! In the end both sides are equal, and nothing that somebody was told was done is lost, doubled or brought back. The
//! loops play a few cycles here; `make endure` plays them at length and prints a table.

#![expect(clippy::unwrap_used, reason = "ground that cannot be laid must fail its test")]
#![expect(clippy::print_stdout, reason = "what a test has measured belongs to its output")]

#[path = "endure/answers.rs"]
mod answers;
#[path = "endure/certificates.rs"]
mod certificates;
#[path = "endure/clocks.rs"]
mod clocks;
#[path = "endure/connections.rs"]
mod connections;
#[path = "endure/database.rs"]
mod database;
#[path = "histories/dice.rs"]
#[expect(dead_code, reason = "shared with the histories, which use all of it")]
mod dice;
#[path = "endure/disk.rs"]
mod disk;
#[path = "endure/encryption.rs"]
mod encryption;
#[path = "once/equality.rs"]
mod equality;
#[path = "endure/figures.rs"]
mod figures;
#[path = "endure/ground.rs"]
mod ground;
#[path = "endure/load.rs"]
mod load;
#[path = "endure/loops.rs"]
mod loops;
#[path = "endure/proxy.rs"]
mod proxy;
#[path = "endure/running.rs"]
mod running;
#[path = "once/stage.rs"]
#[expect(dead_code, reason = "shared with the tests of --once, which use all of it")]
mod stage;
#[path = "endure/verdict.rs"]
mod verdict;

use figures::{Figures, table};
use loops::DEADLINE;

/// How many cycles a loop plays: few, or what `ENDURE_CYCLES` says.
fn cycles(few: usize) -> usize {
    std::env::var("ENDURE_CYCLES").map_or(few, |text| text.parse().expect("a number"))
}

/// A loop is clean, and what was measured is printed.
fn shown(figures: &Figures) {
    println!("{}", table(std::slice::from_ref(figures)));
    figures.assert_clean();
    assert!(figures.max() < DEADLINE * 2, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_at_any_moment_ends_it_in_time_and_costs_nothing() {
    let figures = loops::stops(cycles(5), 1).await;
    shown(&figures);
    assert!(figures.max() < DEADLINE, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_nothing_answers_ends_it_in_time_and_a_second_one_at_once() {
    let (first, second) = loops::stalled(2).await;
    println!("{first:?} after one SIGTERM, {second:?} after two");
    assert!(first < DEADLINE && second < std::time::Duration::from_secs(1), "{first:?} {second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_at_any_moment_costs_nothing() {
    shown(&loops::kills(cycles(5), 3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_may_crash_and_come_back() {
    if let Some(figures) = loops::restarts(cycles(3), 4).await {
        shown(&figures);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_may_be_out_in_every_way() {
    shown(&loops::outages(cycles(5), 5).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_postgresql_may_be_out_in_every_way() {
    shown(&loops::database_outages(cycles(3), 6).await);
}

/// What `make endure` runs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes a quarter of an hour: make endure"]
async fn the_whole_table() {
    let mut all = vec![loops::stops(100, 11).await, loops::kills(100, 12).await];
    all.extend(loops::restarts(50, 13).await);
    all.push(loops::outages(50, 14).await);
    all.push(loops::database_outages(50, 15).await);
    println!("{}", table(&all));
    for figures in &all {
        figures.assert_clean();
    }
    assert!(all[0].max() < DEADLINE, "{:?}", all[0]);
}
