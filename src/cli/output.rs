//! Prints: tables for people, JSON for programs, failures for both.
//!
//! Invariants: data goes to standard output; a reader that went away (`| head`) is no failure; text from the
//! workspace is stripped of control characters before it reaches a terminal.

use std::{
    collections::BTreeSet,
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
};

use clap::CommandFactory;
use clap_complete::Shell;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::{
    arguments::Arguments,
    exit::{self, Failure},
};
use crate::{
    mirror::{Stop, StopCause},
    plan::backfill::Estimate,
};

/// Where a command prints.
#[derive(Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Output {
        Output { json }
    }

    /// Prints `value` as JSON, or what `human` makes of it.
    pub(super) fn show<T: Serialize>(
        &mut self,
        value: &T,
        human: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        if self.json {
            let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
            return self.text(&text);
        }
        self.text(&human(value))
    }

    /// Prints text as it is, with a line break at its end.
    #[expect(clippy::unused_self, reason = "whoever prints must hold the output")]
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let printed = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
        match printed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            printed => printed,
        }
    }

    /// Says what goes on, beside the data.
    #[expect(clippy::unused_self, reason = "whoever prints must hold the output")]
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{}", printable(text))
    }

    /// Asks a person for a yes; `None` if nobody is there to be asked.
    #[expect(clippy::unused_self, reason = "whoever asks must hold the output")]
    fn confirmed(&mut self, question: &str) -> io::Result<Option<bool>> {
        let mut stderr = io::stderr().lock();
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        write!(stderr, "{} [y/N] ", printable(question)).and_then(|()| stderr.flush())?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(Some(is_yes(&answer)))
    }

    /// Goes on only after a yes; `refused` says what a no means. With `yes` nobody is asked.
    pub(super) fn insist(
        &mut self,
        question: &str,
        yes: bool,
        refused: &str,
    ) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        match self.confirmed(question)? {
            Some(true) => Ok(()),
            Some(false) => Err(Failure::failed(refused)),
            None => Err(exit::not_asked(question)),
        }
    }

    /// Says why a command failed, and gives its exit code.
    pub(super) fn failure(&self, failure: &Failure) -> ExitCode {
        let mut stderr = io::stderr().lock();
        let line = if self.json {
            serde_json::json!({"error": failure.message, "hint": failure.hint, "exit_code": failure.code}).to_string()
        } else {
            let hint = failure
                .hint
                .as_ref()
                .map_or(String::new(), |hint| format!("\n{} {hint}", label("hint:", "36")));
            format!("{} {}{hint}", label("error:", "31"), failure.message)
        };
        // Nobody may be there to read it; the exit code still says it.
        let _ = writeln!(stderr, "{line}");
        ExitCode::from(failure.code)
    }

    pub(super) fn completions(&mut self, shell: Shell) -> io::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "twenty-sync", &mut script);
        self.text(&String::from_utf8_lossy(&script))
    }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// A word in bold colour, on a terminal that wants it.
fn label(word: &str, colour: &str) -> String {
    if io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[1;{colour}m{word}\x1b[0m")
    } else {
        word.to_owned()
    }
}

/// A table without lines, as kubectl prints it. It is wrapped to the terminal, and not at all elsewhere.
pub(super) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headings.iter().map(|heading| heading.to_uppercase()));
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `text` without control characters, which could steer a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long before `now` something was.
pub(super) fn ago(now: OffsetDateTime, time: OffsetDateTime) -> String {
    let seconds = u64::try_from((now - time).whole_seconds()).unwrap_or(0);
    format!("{} ago", span(seconds))
}

/// A span of time, in the unit that fits.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// What a first load still takes.
pub(super) fn takes(ahead: &Estimate) -> String {
    let calls = grouped(ahead.calls);
    match ahead.seconds {
        Some(seconds) => format!("{calls} calls, about {} left", span(seconds)),
        None => format!("{calls} calls left, as fast as Twenty lets them pass"),
    }
}

/// What does not run, why, and what to do about it: a line for each object and reason.
/// A side that went back concerns many objects alike, so that is one line for all of them.
pub(super) fn stopped(stops: &[Stop]) -> Vec<String> {
    let same = |left: &Stop, right: &Stop| {
        let is_side = left.cause == StopCause::Rewind && right.cause == StopCause::Rewind;
        (&left.reason, &left.hint) == (&right.reason, &right.hint)
            && (is_side || left.object_id == right.object_id)
    };
    let line = |(place, stop): (usize, &Stop)| {
        if stops[..place].iter().any(|before| same(before, stop)) {
            return None;
        }
        let alike = || stops[place..].iter().filter(|other| same(stop, other));
        let flows: BTreeSet<&str> = alike().map(|stop| stop.flow.as_str()).collect();
        let objects: BTreeSet<Uuid> = alike().map(|stop| stop.object_id).collect();
        let verb = if flows.len() > 1 { "are" } else { "is" };
        let flows = flows.into_iter().collect::<Vec<_>>().join(" and ");
        let object = match objects.len() {
            0 | 1 => printable(&stop.object),
            count => format!("{count} objects"),
        };
        let (reason, hint) = (printable(&stop.reason), printable(&stop.hint));
        Some(format!("{object}: {flows} {verb} stopped: {reason} ({hint})"))
    };
    stops.iter().enumerate().filter_map(line).collect()
}

/// Which changes of the tables wait.
pub(super) fn held(steps: &[String]) -> Option<String> {
    let first = steps.first()?;
    let more =
        if steps.len() > 1 { format!(" and {} more", steps.len() - 1) } else { String::new() };
    Some(format!(
        "the tables do not follow the data model: {}{more} (twenty-sync schema plan shows it, schema apply does it)",
        printable(first)
    ))
}

/// A time as people read it, in UTC.
pub(super) fn moment(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let (date, (hour, minute, second)) = (time.date(), time.to_hms());
    format!("{date} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime, macros::datetime};

    use super::{ago, grouped, is_yes, moment, printable, table};

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_table_has_headings_and_no_lines() {
        let text = table(&["object", "rows"], [vec!["people".to_owned(), "12".to_owned()]]);
        assert_eq!(text, "OBJECT  ROWS\npeople  12");
    }

    #[test]
    fn remote_text_cannot_steer_a_terminal() {
        assert_eq!(printable("a\x1b[31m\nb"), "a [31m b");
    }

    #[test]
    fn an_age_is_told_in_the_unit_that_fits() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(30);
        for (seconds, text) in [
            (5, "5 s ago"),
            (300, "5 min ago"),
            (10_800, "3 h ago"),
            (864_000, "10 d ago"),
            (-9, "0 s ago"),
        ] {
            assert_eq!(ago(now, now - Duration::seconds(seconds)), text);
        }
    }

    #[test]
    fn a_moment_is_told_in_utc() {
        assert_eq!(moment(datetime!(2026-02-28 23:30:05.9 -05:30)), "2026-03-01 05:00:05");
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(["y\n", "Yes\n"].iter().all(|answer| is_yes(answer)));
        assert!(!["", "\n", "n\n", "yeah?\n"].iter().any(|answer| is_yes(answer)));
    }
}
