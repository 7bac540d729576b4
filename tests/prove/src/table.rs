//! The table of what was proven: docs/proof.md. Every figure is counted, none is typed.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::Command};

use prove::{
    FAULTS, KINDS, SCHEMA_CHANGES, STATES, Tally, Wrong,
    effects::{Tried, WAYS},
};

const INVARIANTS: [(&str, &str); 15] = [
    ("I1", "divergences"),
    ("I2", "lost updates"),
    ("I3", "echoes and idle writes"),
    ("I5", "watermarks that went back"),
    ("I6", "changes out of reach of the next walk"),
    ("I7", "values that went back"),
    ("I8", "resurrections"),
    ("I10", "old pages over new knowledge"),
    ("I11", "false deletes"),
    ("I18", "retries by the wrong clock"),
    ("I20", "runs without end"),
    ("I22", "records set aside for the fault of another"),
    ("I23", "calls over the budget"),
    ("I25", "values in wrong columns or lost with a field"),
    ("panic", "panics"),
];

/// What came of everything that was played.
#[derive(Default)]
pub(crate) struct Total {
    pub(crate) seeds: u64,
    pub(crate) tally: Tally,
    pub(crate) wrong: Vec<(u64, Wrong)>,
    pub(crate) tried: Vec<Tried>,
    /// After how many histories each planted mistake was found, if they were planted.
    pub(crate) planted: Vec<(String, Option<u64>)>,
}

type Rows = Vec<(String, String)>;

/// The whole document. `beside` is where the figures of mutants lie, if there are any.
pub(crate) fn table(total: &Total, beside: &Path) -> String {
    let mut rows = played(total);
    rows.extend(effects(&total.tried));
    rows.extend(wrong(total));
    rows.extend(planted(&total.planted));
    rows.push(("commit".into(), commit()));
    rows.push(("command".into(), format!("`make prove HISTORIES={}`", total.seeds)));
    let mut text = String::from(
        "# What was proven\n\nWritten by `make prove`, never by hand. What each number means: docs/invariants.md.\n\n| what | figure |\n|---|---|\n",
    );
    for (what, figure) in rows {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "| {what} | {figure} |");
    }
    text + &mutants(beside)
}

fn played(total: &Total) -> Rows {
    let tally = &total.tally;
    let count = |what: &str| tally.total(what).to_string();
    let mut rows: Rows = vec![
        ("histories (one seed each)".into(), total.seeds.to_string()),
        ("simulated days".into(), (tally.total("simulated seconds") / 86_400).to_string()),
        ("writes by people, checked".into(), count("user writes")),
        ("effects of the program".into(), count("effects")),
    ];
    rows.extend(
        STATES.map(|state| (format!("kills {state}"), tally.at("kill", state).to_string())),
    );
    rows.extend([
        ("pauses, take-overs".into(), format!("{}, {}", count("pause"), count("split brain"))),
        ("commits refused to a process that does not lead".into(), count("stale commit refused")),
        ("jumps of the program's clock".into(), count("clock jump")),
        ("conflicts, each with its loser".into(), count("conflicts")),
    ]);
    rows.extend(FAULTS.map(|fault| (format!("fault: {fault}"), count(fault))));
    rows.extend(
        KINDS.map(|kind| (format!("histories {kind}"), tally.at("histories", kind).to_string())),
    );
    rows.extend(SCHEMA_CHANGES.map(|change| {
        (format!("schema change: {change}"), tally.at("schema change", change).to_string())
    }));
    rows.push((
        "calls under a limit, of strangers, refused by the bucket".into(),
        format!(
            "{}, {}, {}",
            count("calls"),
            count("calls of strangers"),
            tally.at("429", "bucket")
        ),
    ));
    rows
}

fn effects(tried: &[Tried]) -> Rows {
    let scenarios = tried.len();
    let place = |way: usize| tried.iter().map(|tried| tried.points[way]).sum::<u64>();
    let row = |(way, name): (usize, &&str)| {
        (format!("n-th effect: {name}"), format!("each of {} in {scenarios} scenarios", place(way)))
    };
    let mut rows: Rows = WAYS.iter().enumerate().map(row).collect();
    let wrong = tried.iter().filter(|tried| tried.wrong.is_some()).count();
    rows.push(("n-th effect: scenarios that ended wrong".into(), wrong.to_string()));
    rows
}

fn wrong(total: &Total) -> Rows {
    let mut by: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, wrong) in &total.wrong {
        *by.entry(wrong.invariant).or_default() += 1;
    }
    let row = |(invariant, what): (&str, &str)| {
        let of = by.get(invariant).copied().unwrap_or_default();
        let name = if invariant == "panic" { String::new() } else { format!(" ({invariant})") };
        (format!("{what}{name}"), of.to_string())
    };
    INVARIANTS.map(row).into()
}

fn planted(planted: &[(String, Option<u64>)]) -> Rows {
    let found = found(planted);
    if planted.is_empty() {
        return Rows::new();
    }
    let median = found.get(found.len() / 2).copied().unwrap_or_default();
    vec![
        ("planted mistakes found".into(), format!("{} of {}", found.len(), planted.len())),
        ("median histories to find one".into(), median.to_string()),
    ]
}

/// After how many histories those that were found were, in order.
pub(crate) fn found(planted: &[(String, Option<u64>)]) -> Vec<u64> {
    let mut found: Vec<u64> = planted.iter().filter_map(|(_, after)| *after).collect();
    found.sort_unstable();
    found
}

/// What `make mutants` wrote, as a part of this.
fn mutants(beside: &Path) -> String {
    let Ok(text) = std::fs::read_to_string(beside.join("proof-mutants.md")) else {
        return String::new();
    };
    text.lines().fold(String::from("\n"), |text, line| {
        let deeper = if line.starts_with('#') { "#" } else { "" };
        text + deeper + line + "\n"
    })
}

fn commit() -> String {
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    asked.map_or_else(
        |_| "unknown".to_owned(),
        |out| String::from_utf8_lossy(&out.stdout).trim().to_owned(),
    )
}
