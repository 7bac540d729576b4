//! `prove`: plays many histories, one again, or those with planted mistakes, and writes the table.

#![expect(clippy::print_stdout, reason = "what was proven is the output")]

mod table;

use std::{ops::Range, path::Path, process::ExitCode, thread, time::Instant};

use prove::{Setup, effects, judge};

use self::table::{Total, table};

/// Scenarios in which every effect of a run fails once.
const SCENARIOS: u64 = 40;

/// The most histories that a planted mistake is looked for in.
#[cfg(feature = "planted")]
const HUNT: u64 = 40_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["replay", seed] => replay(number(seed), Setup::of),
        ["replay", seed, "--plain"] => replay(number(seed), Setup::plain),
        ["replay", seed, "--varied"] => replay(number(seed), Setup::varied),
        ["run", seeds, "--table", path] => run(number(seeds), Some(path), Setup::of),
        ["run", seeds] => run(number(seeds), None, Setup::of),
        ["run", seeds, "--varied"] => run(number(seeds), None, Setup::varied),
        #[cfg(feature = "planted")]
        ["planted", seeds] => {
            let planted = planted(number(seeds));
            let found = table::found(&planted);
            println!("planted mistakes: {} of {} found", found.len(), planted.len());
            if found.len() == planted.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        _ => {
            println!(
                "prove run SEEDS [--table FILE | --varied] | replay SEED [--plain | --varied] | planted SEEDS"
            );
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn replay(seed: u64, setup: fn(u64) -> Setup) -> ExitCode {
    let played = judge(seed, Setup { told: true, ..setup(seed) });
    for line in &played.story {
        println!("{line}");
    }
    println!(
        "history {seed}: {}",
        played.wrong.as_ref().map_or("nothing is wrong".to_owned(), |wrong| {
            format!("{} violated: {}", wrong.invariant, wrong.story)
        })
    );
    if played.wrong.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn some(seeds: Range<u64>, setup: fn(u64) -> Setup) -> Total {
    let mut total = Total::default();
    let began = Instant::now();
    for seed in seeds.clone() {
        let played = judge(seed, setup(seed));
        total.tally.add(&played.tally);
        total.wrong.extend(played.wrong.map(|wrong| (seed, wrong)));
        let done = seed + 1 - seeds.start;
        if done.is_multiple_of(10_000) {
            println!("{done} histories in {:.0?}, {} wrong", began.elapsed(), total.wrong.len());
        }
    }
    total
}

/// Everything that there is to play, on two cores.
fn all(seeds: u64, setup: fn(u64) -> Setup) -> Total {
    let half = seeds / 2;
    let other = thread::spawn(move || some(half..seeds, setup));
    let mut total = Total { seeds, ..some(0..half, setup) };
    if let Ok(more) = other.join() {
        total.tally.add(&more.tally);
        total.wrong.extend(more.wrong);
    }
    total.tried = (0..SCENARIOS).map(effects::try_all).collect();
    #[cfg(feature = "planted")]
    {
        total.planted = planted(HUNT);
    }
    total
}

/// The words that play the history of a seed again.
fn again(seed: u64, setup: fn(u64) -> Setup) -> String {
    let kind = match setup(seed).varied {
        of if of == Setup::of(seed).varied => "",
        true => " --varied",
        false => " --plain",
    };
    format!("cargo run -p prove -- replay {seed}{kind}")
}

fn run(seeds: u64, path: Option<&str>, setup: fn(u64) -> Setup) -> ExitCode {
    let total = all(seeds, setup);
    for (seed, tried) in total.tried.iter().enumerate() {
        if let Some((at, way, wrong)) = &tried.wrong {
            println!(
                "scenario {seed}, effect {at}, {way}: {} violated: {}",
                wrong.invariant, wrong.story
            );
        }
    }
    for (seed, wrong) in total.wrong.iter().take(20) {
        println!("{} violated: {}", wrong.invariant, wrong.story);
        println!("  {}", again(*seed, setup));
    }
    let beside = path.and_then(|path| Path::new(path).parent()).unwrap_or(Path::new("docs"));
    let table = table(&total, beside);
    println!("{table}");
    if let Some(path) = path
        && let Err(error) = std::fs::write(path, table)
    {
        println!("could not write {path}: {error}");
        return ExitCode::FAILURE;
    }
    let is_sound = total.wrong.is_empty() && total.tried.iter().all(|tried| tried.wrong.is_none());
    let are_found = table::found(&total.planted).len() == total.planted.len();
    if is_sound && are_found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many histories it takes to find each planted mistake.
#[cfg(feature = "planted")]
fn planted(seeds: u64) -> Vec<(String, Option<u64>)> {
    let all = prove::mistakes::Bug::ALL;
    let hunt = move |from: usize| -> Vec<_> {
        all.into_iter().skip(from).step_by(2).map(|bug| (bug, prove::hunt(bug, seeds))).collect()
    };
    let other = thread::spawn(move || hunt(1));
    let mut hunted = hunt(0);
    hunted.extend(other.join().unwrap_or_default());
    for (bug, hit) in &hunted {
        match hit {
            Some((seed, wrong)) => {
                println!("{bug:?}: found by history {seed}, {}", wrong.invariant);
            }
            None => println!("{bug:?}: not found in {seeds} histories"),
        }
    }
    let after = |(bug, hit): (_, Option<(u64, _)>)| (format!("{bug:?}"), hit.map(|hit| hit.0 + 1));
    hunted.into_iter().map(|(bug, hit)| after((bug, hit))).collect()
}
