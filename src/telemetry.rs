//! Logs: one line per state change, on standard error.
//!
//! It exists because standard output is data. Invariants: no field value, key or URL with a query is logged by any
//! module; lines and progress bars never tear each other; colour is used on terminals only.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use tracing_subscriber::{
    EnvFilter,
    fmt::{MakeWriter, time::UtcTime},
};

use crate::config::{Log, LogFormat};

/// Starts logging. `bars` are hidden while a line is written.
///
/// # Errors
/// The rules make no sense.
pub fn start(log: &Log, bars: &MultiProgress) -> Result<(), String> {
    // The database driver tells every notice and statement; who wants that can say so.
    let filter = EnvFilter::try_new(format!("sqlx=warn,{}", log.level))
        .map_err(|error| format!("log.level {:?}: {error}", log.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(UtcTime::rfc_3339())
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_writer(AroundBars(bars.clone()));
    // A second start, in a test, keeps the first.
    let _ = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_ansi(false).try_init(),
    };
    Ok(())
}

/// Standard error, with the bars out of the way while something is written.
struct AroundBars(MultiProgress);

impl Write for &AroundBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for AroundBars {
    type Writer = &'a AroundBars;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}
