//! `prove`: plays many histories, one again, or those with planted mistakes, and writes the table.

#![expect(clippy::print_stdout, reason = "what was proven is the output")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Command, ExitCode},
    thread,
    time::Instant,
};

use prove::{Played, Setup, Tally, Wrong, effects, play};

/// Scenarios in which every effect of a run fails once.
const SCENARIOS: u64 = 40;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["replay", seed] => replay(number(seed)),
        ["run", seeds, "--table", path] => run(number(seeds), Some(path)),
        ["run", seeds] => run(number(seeds), None),
        #[cfg(feature = "planted")]
        ["planted", seeds] => planted(number(seeds)),
        _ => {
            println!("prove run SEEDS [--table FILE] | replay SEED | planted SEEDS");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// Plays one history; what is wrong, if it panicked, is that.
fn judged(seed: u64, setup: Setup) -> (Tally, Option<Wrong>, Vec<String>) {
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, setup)));
    if let Ok(Played { wrong, tally, story, .. }) = played {
        return (tally, wrong, story);
    }
    let story = "the program panicked".to_owned();
    (Tally::default(), Some(Wrong { invariant: "panic", story }), Vec::new())
}

fn replay(seed: u64) -> ExitCode {
    let (_, wrong, story) = judged(seed, Setup { told: true, ..Setup::default() });
    for line in &story {
        println!("{line}");
    }
    println!(
        "history {seed}: {}",
        wrong.as_ref().map_or("nothing is wrong".to_owned(), |wrong| {
            format!("{} violated: {}", wrong.invariant, wrong.story)
        })
    );
    if wrong.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What came of many histories.
#[derive(Default)]
struct Total {
    tally: Tally,
    wrong: Vec<(u64, Wrong)>,
}

fn some(seeds: Range<u64>) -> Total {
    let mut total = Total::default();
    let began = Instant::now();
    for seed in seeds.clone() {
        let (tally, wrong, _) = judged(seed, Setup::default());
        total.tally.add(&tally);
        total.wrong.extend(wrong.map(|wrong| (seed, wrong)));
        let done = seed + 1 - seeds.start;
        if done.is_multiple_of(10_000) {
            println!("{done} histories in {:.0?}, {} wrong", began.elapsed(), total.wrong.len());
        }
    }
    total
}

fn run(seeds: u64, path: Option<&str>) -> ExitCode {
    let half = seeds / 2;
    let other = thread::spawn(move || some(half..seeds));
    let mut total = some(0..half);
    if let Ok(more) = other.join() {
        total.tally.add(&more.tally);
        total.wrong.extend(more.wrong);
    }
    let tried: Vec<effects::Tried> = (0..SCENARIOS).map(effects::try_all).collect();
    let points: u64 = tried.iter().map(|(tried, _)| tried).sum();
    let failed = tried.iter().filter(|(_, wrong)| wrong.is_some()).count();
    for (seed, (at, way, wrong)) in
        tried.iter().enumerate().filter_map(|(seed, (_, wrong))| Some((seed, wrong.clone()?)))
    {
        println!(
            "scenario {seed}, effect {at}, {way}: {} violated: {}",
            wrong.invariant, wrong.story
        );
    }
    for (seed, wrong) in total.wrong.iter().take(20) {
        println!("{} violated: {}", wrong.invariant, wrong.story);
        println!("  cargo run -p prove -- replay {seed}");
    }
    let table = table(seeds, &total, (points, failed));
    println!("{table}");
    if let Some(path) = path
        && let Err(error) = std::fs::write(path, table)
    {
        println!("could not write {path}: {error}");
        return ExitCode::FAILURE;
    }
    if total.wrong.is_empty() && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn commit() -> String {
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    asked.map_or_else(
        |_| "unknown".to_owned(),
        |out| String::from_utf8_lossy(&out.stdout).trim().to_owned(),
    )
}

const FAULTS: [&str; 12] = [
    "request lost",
    "reply lost",
    "slow reply",
    "carried out late",
    "429",
    "truncated listing",
    "page repeated",
    "filter ignored",
    "cursor stands",
    "wrong count",
    "incomplete answer",
    "late commit",
];

fn table(seeds: u64, total: &Total, (points, failed): (u64, usize)) -> String {
    let tally = &total.tally;
    let mut by: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, wrong) in &total.wrong {
        *by.entry(wrong.invariant).or_default() += 1;
    }
    let wrong = |invariant: &str| by.get(invariant).copied().unwrap_or_default().to_string();
    let mut rows: Vec<(String, String)> = vec![
        ("histories (one seed each)".into(), seeds.to_string()),
        ("simulated days".into(), (tally.total("simulated seconds") / 86_400).to_string()),
        ("writes by people, checked".into(), tally.total("user writes").to_string()),
        ("effects of the program".into(), tally.total("effects").to_string()),
        ("kills at random".into(), tally.total("kill").to_string()),
        (
            "pauses, take-overs".into(),
            format!("{}, {}", tally.total("pause"), tally.total("split brain")),
        ),
        (
            "commits refused to a process that does not lead".into(),
            tally.total("stale commit refused").to_string(),
        ),
        ("conflicts, each with its loser".into(), tally.total("conflicts").to_string()),
    ];
    rows.extend(FAULTS.map(|fault| (format!("fault: {fault}"), tally.total(fault).to_string())));
    rows.extend([
        (
            "n-th effect: failures tried, of as many".into(),
            format!("{points} in {SCENARIOS} scenarios"),
        ),
        ("n-th effect: scenarios that ended wrong".into(), failed.to_string()),
        ("divergences (I1)".into(), wrong("I1")),
        ("lost updates (I2)".into(), wrong("I2")),
        ("echoes and idle writes (I3)".into(), wrong("I3")),
        ("watermarks that went back (I5)".into(), wrong("I5")),
        ("changes out of reach of the next walk (I6)".into(), wrong("I6")),
        ("values that went back (I7)".into(), wrong("I7")),
        ("resurrections (I8)".into(), wrong("I8")),
        ("old pages over new knowledge (I10)".into(), wrong("I10")),
        ("false deletes (I11)".into(), wrong("I11")),
        ("runs without end (I20)".into(), wrong("I20")),
        ("panics".into(), wrong("panic")),
        ("commit".into(), commit()),
        ("command".into(), format!("`make prove HISTORIES={seeds}`")),
    ]);
    let mut text = String::from(
        "# What was proven\n\nWritten by `make prove`, never by hand. What each number means: docs/invariants.md.\n\n| what | figure |\n|---|---|\n",
    );
    for (what, figure) in rows {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "| {what} | {figure} |");
    }
    text
}

/// How many histories it takes to find each planted mistake.
#[cfg(feature = "planted")]
fn planted(seeds: u64) -> ExitCode {
    let mut found = Vec::new();
    for bug in prove::mistakes::Bug::ALL {
        prove::mistakes::plant(Some(bug));
        // A history that is wrong anyhow finds nothing.
        let is_sound = |seed: u64| {
            prove::mistakes::plant(None);
            let sound = judged(seed, Setup::default()).1.is_none();
            prove::mistakes::plant(Some(bug));
            sound
        };
        let hit = (0..seeds)
            .filter_map(|seed| Some((seed, judged(seed, Setup::default()).1?)))
            .find(|(seed, _)| is_sound(*seed));
        prove::mistakes::plant(None);
        match &hit {
            Some((seed, wrong)) => {
                println!("{bug:?}: found by history {seed}, {}", wrong.invariant)
            }
            None => println!("{bug:?}: not found in {seeds} histories"),
        }
        found.extend(hit.map(|(seed, _)| seed + 1));
    }
    found.sort_unstable();
    let median = found.get(found.len() / 2).copied().unwrap_or_default();
    let all = prove::mistakes::Bug::ALL.len();
    println!("planted mistakes: {} of {all} found, median {median} histories", found.len());
    if found.len() == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
