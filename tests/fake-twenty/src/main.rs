//! The fake server as a program: for a demo, for a benchmark, and to look at by hand.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use fake_twenty::{FakeTwenty, Fault, Options, RateLimit, World};
use tokio::signal::unix::{SignalKind, signal};

/// A server that behaves like Twenty, quirks included, and forgets everything when it ends.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Address to listen on; port 0 takes any free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// Folder of an exported workspace (metadata-graphql.json, records-*.jsonl) instead of the built-in sample.
    #[arg(long, value_name = "DIR", conflicts_with = "people")]
    workspace: Option<PathBuf>,

    /// Serve this many invented people and nothing else, for a benchmark.
    #[arg(long, value_name = "N")]
    people: Option<usize>,

    /// Print an API key of the workspace.
    #[arg(long)]
    print_key: bool,

    /// Calls per minute and workspace, as one token bucket.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate_limit: u32,

    /// Answer any number of calls.
    #[arg(long, conflicts_with = "rate_limit")]
    no_rate_limit: bool,

    /// Cause a fault; may be given several times.
    ///
    /// An effect and its conditions, separated by commas, for example status=500,probability=0.01 or
    /// cut-after,method=POST,path=/graphql,nth=3. Effects: status=N, status-after=N (both with content=TEXT),
    /// rate-limited, stall, stall-after-head, cut-before, cut-after, cut-body, broken-json, html, end-early=SHARE,
    /// wrong-total=OFFSET, stuck-cursor, repeated-id, ignored-filter, slow=MILLISECONDS. Conditions: method=, path=
    /// and body= (a part of each), next=N, nth=N, probability=P, seed=N.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let (mut end, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let fake = start(&arguments)?;
    announce(&fake, arguments.print_key)?;
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupt.recv() => {}
    }
    fake.stop();
    Ok(())
}

fn start(arguments: &Arguments) -> Result<FakeTwenty, Box<dyn Error>> {
    let world = match (&arguments.workspace, arguments.people) {
        (Some(folder), _) => World::load(folder)?,
        (None, Some(count)) => World::with_people(count),
        (None, None) => World::sample(),
    };
    let limit = RateLimit { limit: arguments.rate_limit, window: Duration::from_mins(1) };
    let rate_limit = (!arguments.no_rate_limit).then_some(limit);
    let listen = arguments.listen;
    let fake = FakeTwenty::try_start(Options { world, rate_limit, listen })
        .map_err(|error| format!("could not listen on {listen}: {error}"))?;
    for fault in &arguments.fault {
        fake.fault(fault.clone());
    }
    Ok(fake)
}

/// Says where it listens. A reader that is gone is no reason to stop.
fn announce(fake: &FakeTwenty, with_key: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let key =
        if with_key { format!(" (TWENTY_API_KEY={})", fake.api_key()) } else { String::new() };
    writeln!(out, "fake Twenty listens on {}{key}", fake.url())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn faults_and_limits_are_read_from_flags() {
        let arguments = Arguments::try_parse_from([
            "fake-twenty",
            "--listen",
            "127.0.0.1:0",
            "--no-rate-limit",
            "--fault",
            "status=500,probability=0.01",
        ]);
        let arguments = arguments.unwrap();
        assert!(arguments.no_rate_limit);
        assert_eq!(arguments.fault.len(), 1);
        assert!(Arguments::try_parse_from(["fake-twenty", "--fault", "explode"]).is_err());
        assert!(Arguments::try_parse_from(["fake-twenty", "--rate-limit", "0"]).is_err());
    }
}
