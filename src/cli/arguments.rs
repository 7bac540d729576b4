//! The words of the command line.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use uuid::Uuid;

use crate::{config::Log, record::Flow};

/// Keeps a Twenty CRM workspace and a PostgreSQL database equal.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    max_term_width = 110,
    after_help = "Start here:
  export TWENTY_URL=https://api.twenty.com TWENTY_API_KEY=… DATABASE_URL=postgres://…
  twenty-sync doctor      say what is wrong, and what to do
  twenty-sync --once      mirror the workspace once

Exit codes:
  0 in sync   1 failed, may be retried   2 wrong usage   3 finished, but something needs a person
  4 differences found   77 not authorised   78 configuration"
)]
pub(super) struct Arguments {
    /// Sync once and exit; the same as `run --once`
    #[arg(long)]
    pub(super) once: bool,
    /// The configuration file [default: twenty-sync.toml, where there is one]
    #[arg(long, short, global = true, value_name = "FILE", env = "TWENTY_SYNC_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Which of several workspaces; `run` and `--once` take all of them without it
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) workspace: Option<String>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Log more: -v for debug, -vv for trace
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Command {
    /// Keep both sides equal until stopped
    Run {
        /// Sync once and exit
        #[arg(long)]
        once: bool,
    },
    /// Show what a run would do to either side, and do nothing; exit code 4 where there is anything
    Plan,
    /// Compare both sides record by record; exit code 4 where they differ
    Verify {
        /// Only this object, by its singular or plural name; may be given more than once
        #[arg(long = "object", value_name = "NAME")]
        objects: Vec<String>,
        /// Make the mirror's side equal to Twenty's
        #[arg(long)]
        repair: bool,
    },
    /// Read an object from the beginning and make its table equal to it, while people go on using the table
    Reset {
        /// Singular or plural name, such as person or people
        object: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// What the mirror's tables are made from
    Schema {
        #[command(subcommand)]
        command: SchemaCommand,
    },
    /// Show what is mirrored, how fresh it is and what is stuck
    Status,
    /// What would have deleted or overwritten too much at once
    Fuse {
        #[command(subcommand)]
        command: FuseCommand,
    },
    /// What is stuck on its way, in either direction
    Problems {
        #[command(subcommand)]
        command: ProblemsCommand,
    },
    /// What both sides changed, differently
    Conflicts {
        #[command(subcommand)]
        command: ConflictsCommand,
    },
    /// Stop reading or sending objects, until they are resumed; local changes are kept and go then
    Pause {
        #[command(flatten)]
        which: Which,
        /// Why, for whoever looks at `status`
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Go on with objects that were paused
    Resume {
        #[command(flatten)]
        which: Which,
    },
    /// When Twenty or the mirror was restored from a backup: what is stopped, and how to go on
    Rewind {
        #[command(subcommand)]
        command: RewindCommand,
    },
    /// Tell what happened to one record on both sides, and what comes next
    #[command(after_help = "Exit code 3 where the record needs a person")]
    Why {
        /// Singular or plural name, such as person or people
        object: String,
        /// The record's id
        id: Uuid,
    },
    /// Have Twenty say at once when something changed, instead of waiting for the next look
    Webhook {
        #[command(subcommand)]
        command: WebhookCommand,
    },
    /// Check both sides and say what is wrong and what to do
    Doctor,
    /// The configuration in force
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Read the workspace's data model
    Metadata {
        #[command(subcommand)]
        command: MetadataCommand,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages of all commands into a folder
    #[command(
        hide = true,
        after_help = "For packagers: pages in the first section, such as twenty-sync-status.1"
    )]
    Man {
        /// An existing folder
        folder: PathBuf,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum SchemaCommand {
    /// Print the DDL that the data model asks for; exit code 4 where there is any
    Plan,
    /// Execute it, whatever schema.mode says
    Apply,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum WebhookCommand {
    /// Have Twenty call webhook.url; doing it twice is doing it once
    Register,
    /// Have Twenty stop calling webhook.url
    Remove,
    /// See whether events arrive: somebody must change a record meanwhile
    Test {
        /// How long to wait for an event
        #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
        wait: Duration,
    },
    /// List the webhooks of the workspace, without their secrets
    List,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every setting and where it was read, with secrets hidden
    Check,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum MetadataCommand {
    /// List the objects of the workspace
    Objects,
    /// Show one object and its fields
    Object {
        /// Singular or plural name, such as person or people
        name: String,
    },
    /// List the options of every select, multi-select and rating field
    Picklists,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum FuseCommand {
    /// List the fuses that have blown; exit code 3 where there are any
    Status,
    /// Let pass what a fuse holds, once
    Release {
        /// Singular or plural name, such as person or people
        object: String,
        /// Only this way
        #[arg(long, value_name = "FLOW")]
        flow: Option<OneFlow>,
    },
    /// Give up the local changes that a fuse holds: the rows become what both sides last agreed on
    Discard {
        /// Singular or plural name, such as person or people
        object: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum ProblemsCommand {
    /// List the records that are stuck: why, and what to do; exit code 3 where there are any
    List {
        /// Only those of one object, by its singular or plural name
        #[arg(long, value_name = "NAME")]
        object: Option<String>,
    },
    /// Have local changes that Twenty refused tried again now
    Retry {
        /// Only those of one object, by its singular or plural name
        object: Option<String>,
        /// Only this record
        id: Option<Uuid>,
    },
    /// Give up the local changes of a record: its row becomes what both sides last agreed on
    Discard {
        /// Singular or plural name, such as person or people
        object: String,
        /// The record's id
        id: Uuid,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum ConflictsCommand {
    /// List the conflicts that wait for a person; exit code 3 where there are any
    List {
        /// Those that are decided, too
        #[arg(long)]
        all: bool,
        /// Only those of one object, by its singular or plural name
        #[arg(long, value_name = "NAME")]
        object: Option<String>,
    },
    /// Show one conflict with the values of both sides
    Show {
        /// Its number
        #[arg(value_name = "CONFLICT")]
        id: i64,
    },
    /// Decide a conflict that waits
    Resolve {
        /// Its number
        #[arg(value_name = "CONFLICT")]
        id: i64,
        /// The side whose value stays
        #[arg(long)]
        take: Take,
    },
    /// Put the value that lost a decided conflict back, as a new local change
    Undo {
        /// Its number
        #[arg(value_name = "CONFLICT")]
        id: i64,
    },
}

/// Objects and what flows of them.
#[derive(Debug, Clone, Args)]
#[group(id = "named", required = true, args = ["objects", "all"])]
pub(super) struct Which {
    /// Singular or plural names, such as person or people
    #[arg(value_name = "OBJECT")]
    pub(super) objects: Vec<String>,
    /// Every object that is mirrored now
    #[arg(long, conflicts_with = "objects")]
    pub(super) all: bool,
    /// Only what comes from Twenty (pull) or what goes there (push)
    #[arg(long, value_enum)]
    pub(super) flow: Option<OneFlow>,
}

/// What to do about a side that went back.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum RewindCommand {
    /// Show what is stopped because a side went back; exit code 3 where anything is
    Status,
    /// Go on: follow Twenty as it is now, or send the changes that a restored mirror holds
    Accept(Objects),
}

/// Objects, or all of them.
#[derive(Debug, Clone, Args)]
#[group(id = "chosen", required = true, args = ["objects", "all"])]
pub(super) struct Objects {
    /// Singular or plural names, such as person or people
    #[arg(value_name = "OBJECT")]
    pub(super) objects: Vec<String>,
    /// Every object that is stopped
    #[arg(long, conflicts_with = "objects")]
    pub(super) all: bool,
}

/// One flow.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum OneFlow {
    /// From Twenty to here
    Pull,
    /// From here to Twenty
    Push,
}

/// A side of a conflict.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Take {
    /// Twenty's value
    Source,
    /// PostgreSQL's value
    Mirror,
}

impl OneFlow {
    /// The flow that is meant; both where none is said.
    pub(super) fn meant(one: Option<OneFlow>) -> Vec<Flow> {
        match one {
            Some(OneFlow::Pull) => vec![Flow::Pull],
            Some(OneFlow::Push) => vec![Flow::Push],
            None => vec![Flow::Pull, Flow::Push],
        }
    }
}

impl Arguments {
    /// How to log: -v wins; a command that prints something and ends is quiet unless asked.
    pub(super) fn log(&self, command: &Command, configured: &Log) -> Log {
        let level = match (self.verbose, command) {
            (0, Command::Run { once: false }) => configured.level.clone(),
            (0, _) if configured.level == "info" => "warn".to_owned(),
            (0, _) => configured.level.clone(),
            (1, _) => "info,twenty_sync=debug".to_owned(),
            (_, _) => "debug,twenty_sync=trace".to_owned(),
        };
        Log { level, ..configured.clone() }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_argument_has_a_help_text() {
        assert_helped(&Arguments::command());
    }

    fn assert_helped(command: &clap::Command) {
        let name = command.get_name();
        assert!(command.get_about().is_some(), "{name} has no help");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} of {name} has no help", argument.get_id());
        }
        command.get_subcommands().for_each(assert_helped);
    }
}
