//! The command line, and the only place that prints.
//!
//! It exists to turn values into what a person or a script reads. Invariants: standard output is data, everything
//! else goes to standard error; each failure is one line and a hint; the exit code says which kind it was
//! (see `cli/exit.rs`).

use std::{future::Future, process::ExitCode};

use clap::{CommandFactory, Parser};
use indicatif::MultiProgress;

use crate::{config::Loaded, telemetry::Telemetry};

mod arguments;
mod config_check;
mod conflicts;
mod daemon;
mod doctor;
mod exit;
mod fuse;
mod keys;
mod man;
mod metadata;
mod objects;
mod output;
mod pause;
mod plan;
mod problems;
mod progress;
mod reset;
mod rewind;
mod run;
mod shift;
mod signals;
mod status;
mod verify;
mod watch;
mod webhook;
mod why;
mod workspace;

use arguments::{
    Arguments, Command, ConfigCommand, ConflictsCommand, MetadataCommand, ProblemsCommand,
    RewindCommand, SchemaCommand,
};
use exit::Failure;
use output::Output;

/// Parses the command line, runs the command, and gives the process its exit code.
pub fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    forbid_dumps();
    // Two TLS providers could be compiled in by a later dependency; this one is chosen, not guessed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    let mut output = Output::new(arguments.json);
    match start(&arguments, &mut output) {
        Ok(code) => code,
        Err(failure) => output.failure(&failure),
    }
}

/// Keeps the secrets of this process out of core files, and from other processes of its user.
#[cfg(target_os = "linux")]
fn forbid_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // A kernel that refuses leaves things as they are everywhere else.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn start(arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let command = match (&arguments.command, arguments.once) {
        (Some(command), false) => command.clone(),
        (Some(Command::Run { .. }) | None, true) => Command::Run { once: true },
        (Some(_), true) => return Err(Failure::usage("--once goes with `run` only")),
        (None, false) => {
            output.text(&Arguments::command().render_long_help().to_string())?;
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    // These describe the program and need no configuration.
    match command {
        Command::Completions { shell } => output.completions(shell)?,
        Command::Man { ref folder } => man::write(folder)?,
        _ => return work(&command, arguments, output),
    }
    Ok(ExitCode::SUCCESS)
}

fn work(
    command: &Command,
    arguments: &Arguments,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let loaded = Loaded::read(arguments.config.as_deref())?;
    let bars = MultiProgress::new();
    let log = arguments.log(command, loaded.log());
    let telemetry =
        Telemetry::start(&log, loaded.telemetry()?, &bars).map_err(Failure::configuration)?;
    let ended = carry_out(arguments, command, &loaded, output, &bars);
    telemetry.end();
    ended
}

fn carry_out(
    arguments: &Arguments,
    command: &Command,
    loaded: &Loaded,
    output: &mut Output,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    match command {
        // It reads the configuration anew when it is told to.
        Command::Run { once: false } => block_on(daemon::forever(&arguments.into(), loaded, bars)),
        Command::Run { once: true } => {
            let workspaces = workspace::all(loaded, arguments.workspace.as_deref())?;
            block_on(run::once(&workspaces, output, bars))
        }
        Command::Config { command: ConfigCommand::Check } if arguments.workspace.is_none() => {
            config_check::show(loaded, output)
        }
        _ => {
            let loaded = workspace::one(loaded, arguments.workspace.as_deref())?;
            dispatch(command, loaded, output, bars)
        }
    }
}

fn dispatch(
    command: &Command,
    loaded: &Loaded,
    output: &mut Output,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Schema { command: SchemaCommand::Plan } => {
            block_on(plan::schema(&loaded.config()?, output))
        }
        Command::Schema { command: SchemaCommand::Apply } => {
            block_on(plan::apply(&loaded.config()?, output))
        }
        Command::Plan => block_on(plan::run(&loaded.config()?, output, bars)),
        Command::Verify { objects, repair } => {
            block_on(verify::run(&loaded.config()?, objects, *repair, output, bars))
        }
        Command::Reset { object, yes } => {
            block_on(reset::run(&loaded.config()?, object, *yes, output, bars))
        }
        Command::Status => block_on(status::show(&loaded.mirror()?, output)),
        Command::Fuse { command } => block_on(fuse::run(&loaded.mirror()?, command, output)),
        Command::Problems { command } => block_on(problems(command, loaded, output)),
        Command::Conflicts { command } => block_on(conflicts(command, loaded, output)),
        Command::Pause { which, reason } => {
            block_on(pause::pause(&loaded.mirror()?, which, reason.as_deref(), output))
        }
        Command::Resume { which } => block_on(pause::resume(&loaded.mirror()?, which, output)),
        Command::Rewind { command: RewindCommand::Status } => {
            block_on(rewind::status(&loaded.mirror()?, output))
        }
        Command::Rewind { command: RewindCommand::Accept(which) } => {
            block_on(rewind::accept(&loaded.mirror()?, which, output))
        }
        Command::Why { object, id } => block_on(why::tell(&loaded.mirror()?, object, *id, output)),
        Command::Webhook { command } => block_on(webhook::run(command, loaded, output)),
        Command::Doctor => block_on(doctor::examine(loaded, output)),
        Command::Config { command: ConfigCommand::Check } => config_check::show(loaded, output),
        Command::Metadata { command } => block_on(show_metadata(command, loaded, output)),
        Command::Run { .. } | Command::Completions { .. } | Command::Man { .. } => {
            unreachable!("these are about every workspace or none, and were done before")
        }
    }
}

async fn show_metadata(
    command: &MetadataCommand,
    loaded: &Loaded,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let source = loaded.source()?;
    match command {
        MetadataCommand::Objects => metadata::objects(&source, output).await,
        MetadataCommand::Object { name } => metadata::object(&source, name, output).await,
        MetadataCommand::Picklists => metadata::picklists(&source, output).await,
    }
}

async fn problems(
    command: &ProblemsCommand,
    loaded: &Loaded,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let config = loaded.mirror()?;
    match command {
        ProblemsCommand::List { object } => {
            problems::list(&config, object.as_deref(), output).await
        }
        ProblemsCommand::Retry { object, id } => {
            problems::retry(&config, object.as_deref(), *id, output).await
        }
        ProblemsCommand::Discard { object, id, yes } => {
            problems::discard(&config, object, *id, *yes, output).await
        }
    }
}

async fn conflicts(
    command: &ConflictsCommand,
    loaded: &Loaded,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let config = loaded.mirror()?;
    match command {
        ConflictsCommand::List { all, object } => {
            conflicts::list(&config, *all, object.as_deref(), output).await
        }
        ConflictsCommand::Show { id } => conflicts::show(&config, *id, output).await,
        ConflictsCommand::Resolve { id, take } => {
            conflicts::resolve(&config, *id, *take, output).await
        }
        ConflictsCommand::Undo { id } => conflicts::undo(&config, *id, output).await,
    }
}

fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .map_err(|error| Failure::failed(format!("could not start the runtime: {error}")))?
        .block_on(work)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    #[test]
    fn the_memory_of_the_process_is_not_dumped() {
        super::forbid_dumps();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
