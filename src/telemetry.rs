//! Logs, one line per state change, on standard error or in the journal; and traces for whoever collects them.
//!
//! It exists because standard output is data. Invariants: no field value, key or URL with a query is logged by any
//! module; lines and progress bars never tear each other; colour is used on terminals only; without a collector
//! nothing of tracing is loaded. docs/operations.md lists every event by its name.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use rustix::fs::fstat;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter, time::UtcTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{self, Log, LogFormat};

mod traces;

use traces::Traces;

/// Where log lines go.
type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// What is logged and traced; it must be ended, so that the last traces arrive.
#[derive(Debug)]
pub struct Telemetry(Option<Traces>);

impl Telemetry {
    /// Starts logging, and tracing where somebody collects. `bars` are hidden while a line is written.
    ///
    /// # Errors
    /// The rules make no sense, or traces cannot be sent that way.
    pub fn start(
        log: &Log,
        telemetry: &config::Telemetry,
        bars: &MultiProgress,
    ) -> Result<Telemetry, String> {
        // The database driver tells every notice and statement, and its pool calls a connection that broke an error,
        // although it makes another one; who wants that can say so.
        let filter = EnvFilter::try_new(format!("sqlx=warn,sqlx_core::pool=off,{}", log.level))
            .map_err(|error| format!("log.level {:?}: {error}", log.level))?;
        let traces = telemetry.otlp_endpoint.as_ref().map(Traces::start).transpose()?;
        let layers = vec![lines(log, bars).with_filter(filter).boxed()];
        let layers =
            layers.into_iter().chain(traces.as_ref().map(Traces::layer)).collect::<Vec<_>>();
        // A second start, in a test, keeps the first.
        let _ = tracing_subscriber::registry().with(layers).try_init();
        Ok(Telemetry(traces))
    }

    /// Sends what was not sent yet, as far as that takes no longer than a moment.
    pub fn end(self) {
        if let Some(traces) = self.0 {
            traces.end();
        }
    }
}

fn lines(log: &Log, bars: &MultiProgress) -> Lines {
    let writer = AroundBars(bars.clone());
    let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = fmt::layer().with_timer(UtcTime::rfc_3339()).with_writer(writer);
    match log.format {
        LogFormat::Json => text.json().flatten_event(true).with_ansi(false).boxed(),
        LogFormat::Text => journal().unwrap_or_else(|| {
            text.with_target(false).with_ansi(colour && io::stderr().is_terminal()).boxed()
        }),
    }
}

/// The journal, with a field for each field, if that is where standard error goes.
fn journal() -> Option<Lines> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = fstat(io::stderr()).ok()?;
    if stream != format!("{}:{}", stderr.st_dev, stderr.st_ino) {
        return None;
    }
    // A journal that cannot be reached gets lines of text, as from any program.
    let journal = tracing_journald::layer().ok()?;
    let name = "twenty-sync".to_owned();
    Some(journal.with_field_prefix(None).with_syslog_identifier(name).boxed())
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
