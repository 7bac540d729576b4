//! Measures what the changes of many rows cost on their way to Twenty, and how soon a commit is on the wire:
//! `make bench`.
//!
//! Requests say more than seconds here: a real server allows some hundred of them a minute, and each is a round trip.
//! An idle run makes some requests of its own; they are measured and taken off. Options after `--`: the number of
//! rows of the bulk cases.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

#[path = "push/bench.rs"]
mod bench;

use bench::{Bench, Outcome};
use fake_twenty::World;
use tokio::time::sleep;

/// Rows of the bulk cases when no number is given.
const ROWS: usize = 10_000;
/// Rows that are changed in different ways.
const DIFFERENT: usize = 1_000;
/// Commits whose way to the wire is measured.
const COMMITS: usize = 100;

/// Changes of many rows by one statement.
struct Case {
    name: &'static str,
    rows: usize,
    world: World,
    statement: String,
    /// The most requests that they may cost beyond those of an idle run.
    limit: usize,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    match runtime.block_on(measure_all()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure_all() -> Outcome<()> {
    let numbers = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let rows = numbers.map(|number| number.parse()).next().transpose()?.unwrap_or(ROWS);
    println!(
        "\n{:40} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "rows", "writes", "calls", "at most", "seconds"
    );
    for case in cases(rows) {
        run(case).await?;
    }
    freshness().await
}

fn cases(rows: usize) -> [Case; 4] {
    let alike = rows / 60 + 10;
    let mut single_roots = World::with_people(DIFFERENT);
    single_roots.switches.refuses_repeated_roots = true;
    let different = "update twenty.people set job_title = 'job ' || id".to_owned();
    [
        Case {
            name: "one update for all",
            rows,
            world: World::with_people(rows),
            statement: "update twenty.people set city = 'X'".to_owned(),
            limit: alike,
        },
        Case {
            name: "new rows",
            rows,
            world: World::sample_schema(),
            statement: format!(
                "insert into twenty.people (name_first_name) select 'P' || n from generate_series(1, {rows}) n"
            ),
            limit: alike,
        },
        Case {
            name: "different changes, several in a request",
            rows: DIFFERENT,
            world: World::with_people(DIFFERENT),
            statement: different.clone(),
            limit: DIFFERENT / 20 + 10,
        },
        Case {
            name: "different changes, one in a request",
            rows: DIFFERENT,
            world: single_roots,
            statement: different,
            limit: DIFFERENT + 10,
        },
    ]
}

async fn run(case: Case) -> Outcome<()> {
    let Case { name, rows, world, statement, limit } = case;
    let bench = Bench::set(world).await;
    bench.once().await?;
    bench.fake.clear_calls();
    bench.once().await?;
    let idle = bench.fake.calls().len();
    bench.sql(&statement).await?;
    bench.fake.clear_calls();
    let began = Instant::now();
    bench.once().await?;
    let seconds = began.elapsed().as_secs_f64();
    let (writes, calls) = (bench.writes(), bench.fake.calls().len().saturating_sub(idle));
    println!("{name:40} {rows:>8} {writes:>8} {calls:>8} {limit:>8} {seconds:>8.2}");
    Ok(())
}

/// The time from a commit to the first byte of its write at the source, with a daemon that has nothing else to do.
async fn freshness() -> Outcome<()> {
    let bench = Bench::set(World::with_people(DIFFERENT)).await;
    bench.once().await?;
    let mut daemon = bench.daemon()?;
    let mut delays = Vec::with_capacity(COMMITS);
    for number in 0..=COMMITS {
        let arrival = bench.watch();
        let update = format!(
            "update twenty.people set city = 'C{number}' where id = (select min(id::text)::uuid from twenty.people)"
        );
        bench.sql(&update).await?;
        let committed = Instant::now();
        let arrived = arrival.wait().await.ok_or("the daemon sent nothing")?;
        delays.push(arrived.saturating_duration_since(committed));
        bench.settled().await?;
        sleep(Duration::from_millis(20)).await;
    }
    daemon.kill().await?;
    // The first commit only shows that the daemon has started.
    let mut delays = delays.split_off(1);
    delays.sort_unstable();
    let at = |percent: usize| delays[(COMMITS * percent / 100).min(COMMITS - 1)];
    println!(
        "\nfrom commit to the wire, {COMMITS} commits: median {:.1?}, 95 % {:.1?}, longest {:.1?}",
        at(50),
        at(95),
        at(100)
    );
    Ok(())
}
