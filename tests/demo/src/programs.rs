//! The programs that the demo shows, and how they are called.

use std::env;
use std::path::PathBuf;

use tokio::process::Command;

use crate::Outcome;
use crate::twenty::Twenty;

/// The folder with `twenty-sync` and `fake-twenty`.
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// They are built into the folder where the demo lies, too; `DEMO_PROGRAMS` names another.
    pub(crate) fn find() -> Outcome<Programs> {
        let own = env::current_exe()?;
        let folder = env::var_os("DEMO_PROGRAMS")
            .map(PathBuf::from)
            .or_else(|| own.parent().map(PathBuf::from));
        let programs = Programs(folder.unwrap_or_default());
        for name in ["twenty-sync", "fake-twenty"] {
            if !programs.0.join(name).is_file() {
                return Err(
                    format!("{name} is not built: run `cargo build --workspace --bins`").into()
                );
            }
        }
        Ok(programs)
    }

    /// The fake Twenty, on a free port.
    pub(crate) fn fake_twenty(&self) -> Command {
        let mut command = self.command("fake-twenty");
        command.args(["--listen", "127.0.0.1:0", "--print-key", "--no-rate-limit"]);
        command
    }

    /// twenty-sync between the two sides. It looks every few seconds, so that an edit is seen while one watches.
    pub(crate) fn twenty_sync(&self, twenty: &Twenty, database_url: &str) -> Command {
        let mut command = self.command("twenty-sync");
        command
            .env("TWENTY_URL", twenty.url())
            .env("TWENTY_API_KEY", twenty.key())
            .env("DATABASE_URL", database_url)
            .env("TWENTY_SYNC__SOURCE__REQUESTS_PER_MINUTE", "0")
            .env("TWENTY_SYNC__PULL__INTERVAL", "2s");
        command
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.0.join(name));
        // A proxy of the user's would not find what listens on this machine's loopback.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }
}
