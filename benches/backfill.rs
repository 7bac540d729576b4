//! Measures a backfill, and a comparison of both sides, beside two bare baselines in the same run: `make bench`.
//!
//! Wall time on a shared machine means little by itself, so every figure stands beside a baseline that met the same
//! server, the same database and the same minute:
//! - *pager*: downloads and parses the same pages, and stores nothing;
//! - *loader*: fetches, parses, copies and upserts, one page after the other; it keeps no state and checks nothing.
//!
//! Everything measured is a process of its own, so that CPU time and memory are those of the contender alone. Options
//! after `--`: the numbers of rows, such as `cargo bench -- 10000 1000000`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

use std::process::ExitCode;

#[path = "backfill/contender.rs"]
mod contender;
#[path = "backfill/loader.rs"]
mod loader;
#[path = "backfill/measure.rs"]
mod measure;
#[path = "backfill/server.rs"]
mod server;

use contender::Contender;
use measure::Measured;
use server::Server;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Rows of a run when none are given.
const ROWS: [usize; 2] = [10_000, 100_000];

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", rows] => runtime.block_on(server::serve(rows)),
        ["pager", url, key] => runtime.block_on(loader::page(url, key)),
        ["loader", url, key, database] => runtime.block_on(loader::load(url, key, database)),
        rows => runtime.block_on(bench(rows)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(rows: &[&str]) -> Outcome<()> {
    let mut sizes = rows.iter().map(|rows| rows.parse()).collect::<Result<Vec<usize>, _>>()?;
    if sizes.is_empty() {
        sizes.extend(ROWS);
    }
    let mut peaks = Vec::new();
    for rows in sizes {
        let server = Server::start(rows).await?;
        println!("\n{rows} people, pages of 200, at least {} calls", rows.div_ceil(200));
        println!(
            "{:32} {:>10} {:>12} {:>10} {:>8} {:>9}",
            "", "rows/s", "CPU µs/row", "peak MiB", "calls", "to loader"
        );
        let loader = run(&server, Contender::Loader, rows, None, &mut peaks).await?;
        for contender in [Contender::Pager, Contender::Once] {
            run(&server, contender, rows, Some(&loader), &mut peaks).await?;
        }
    }
    if let [(fewest, first), .., (most, last)] = peaks.as_slice() {
        println!("\npeak of verify: {first} KiB for {fewest} rows, {last} KiB for {most}");
    }
    Ok(())
}

async fn run(
    server: &Server,
    contender: Contender,
    rows: usize,
    loader: Option<&Measured>,
    peaks: &mut Vec<(usize, u64)>,
) -> Outcome<Measured> {
    let database = test_postgres::TestDatabase::create().await;
    let measured = contender.run(server, database.url()).await?;
    println!("{:32} {}", contender.name(), measured.line(rows, loader));
    if contender == Contender::Once {
        // The same again finds nothing to do.
        let again = contender.run(server, database.url()).await?;
        let (seconds, cpu) = (again.wall.as_secs_f64(), again.cpu.as_millis());
        println!(
            "{:32} {seconds:.2} s, {cpu} ms of CPU, {} calls",
            "  again, with nothing changed", again.calls
        );
        // It reads as many pages as the pager, and every row.
        let verified = Contender::Verify.run(server, database.url()).await?;
        println!("{:32} {}", Contender::Verify.name(), verified.line(rows, loader));
        peaks.push((rows, verified.peak_kib));
    }
    Ok(measured)
}
