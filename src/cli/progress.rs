//! Shows how far each object is: bars on a terminal, now and then a plain line elsewhere.
//!
//! It exists because a backfill within a budget of calls takes its time, and silence looks like a hang. Invariant:
//! it only shows; a run goes on without it.

use std::{
    collections::HashMap,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};

use super::output::{grouped, printable, takes};
use crate::{
    plan::backfill::Estimate,
    sync::{Progress, ProgressSender, WalkProgress},
};

/// How often a plain line says how far an object is.
const EVERY: Duration = Duration::from_secs(10);

/// Shows progress until the sender is dropped.
pub(super) struct Display {
    pub(super) sender: ProgressSender,
    shown: JoinHandle<()>,
}

impl Display {
    /// Shows what is sent; `workspace` stands before each object where it has a name.
    pub(super) fn start(bars: &MultiProgress, workspace: Option<&str>) -> Display {
        let (sender, receiver) = unbounded_channel();
        let bars = bars.clone();
        let of = workspace.map(|name| format!("{name}: ")).unwrap_or_default();
        let shown = if io::stderr().is_terminal() {
            tokio::spawn(show_bars(receiver, bars, of))
        } else {
            tokio::spawn(show_lines(receiver, of))
        };
        Display { sender, shown }
    }

    /// Ends the display, with everything shown.
    pub(super) async fn finish(self) {
        drop(self.sender);
        // That progress could not be shown is no failure of the run.
        let _ = self.shown.await;
    }
}

async fn show_bars(mut receiver: UnboundedReceiver<Progress>, bars: MultiProgress, of: String) {
    let mut shown: HashMap<String, ProgressBar> = HashMap::new();
    while let Some(progress) = receiver.recv().await {
        let progress = match progress {
            Progress::Walk(progress) => progress,
            Progress::Ahead(ahead) => {
                bars.suspend(|| say(&format!("{of}{}", before(&ahead))));
                continue;
            }
        };
        if progress.finished {
            if let Some(bar) = shown.remove(&progress.object) {
                bar.finish_and_clear();
                bars.remove(&bar);
            }
            continue;
        }
        let bar =
            shown.entry(progress.object.clone()).or_insert_with(|| bars.add(bar(&progress, &of)));
        bar.set_length(progress.total.max(progress.seen));
        bar.set_position(progress.seen);
    }
}

fn bar(progress: &WalkProgress, of: &str) -> ProgressBar {
    let template = "{prefix:24} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta} left";
    let style = ProgressStyle::with_template(template)
        .expect("the template is well formed")
        .progress_chars("=> ");
    let name = format!("{of}{}", printable(&progress.object));
    let bar = ProgressBar::new(progress.total).with_style(style).with_prefix(name);
    // What earlier runs have read must not count for the rate.
    bar.set_position(progress.seen);
    bar.reset_eta();
    bar
}

async fn show_lines(mut receiver: UnboundedReceiver<Progress>, of: String) {
    let mut walks: HashMap<String, Walk> = HashMap::new();
    while let Some(progress) = receiver.recv().await {
        let progress = match progress {
            Progress::Walk(progress) => progress,
            Progress::Ahead(ahead) => {
                say(&format!("{of}{}", before(&ahead)));
                continue;
            }
        };
        let now = Instant::now();
        let walk = walks.entry(progress.object.clone()).or_insert(Walk {
            from: progress.seen,
            began: now,
            said: now,
        });
        if progress.finished || now - walk.said < EVERY {
            continue;
        }
        walk.said = now;
        say(&format!("{of}{}", walk.line(&progress, now)));
    }
}

/// What a first load has before it.
fn before(ahead: &Estimate) -> String {
    let (objects, records) = (grouped(ahead.objects), grouped(ahead.total - ahead.seen));
    format!("first load: {records} records of {objects} objects to read, {}", takes(ahead))
}

fn say(line: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(io::stderr(), "{line}");
}

/// One object's walk as seen so far.
struct Walk {
    from: u64,
    began: Instant,
    said: Instant,
}

impl Walk {
    fn line(&self, progress: &WalkProgress, now: Instant) -> String {
        let (object, seen, total) =
            (printable(&progress.object), grouped(progress.seen), grouped(progress.total));
        let elapsed = (now - self.began).as_secs().max(1);
        let rate = progress.seen.saturating_sub(self.from) / elapsed;
        let left = match progress.total.saturating_sub(progress.seen).checked_div(rate) {
            Some(seconds) => HumanDuration(Duration::from_secs(seconds)).to_string(),
            None => "unknown time".to_owned(),
        };
        format!("{object}: {seen} of {total} ({}/s, {left} left)", grouped(rate))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Walk, before};
    use crate::{plan::backfill::Estimate, sync::WalkProgress};

    #[test]
    fn a_line_tells_rate_and_time_left_of_this_run() {
        let began = Instant::now();
        let walk = Walk { from: 1_000, began, said: began };
        let progress = WalkProgress {
            object: "people".to_owned(),
            seen: 3_000,
            total: 5_000,
            finished: false,
        };
        let line = walk.line(&progress, began + Duration::from_secs(10));
        assert_eq!(line, "people: 3,000 of 5,000 (200/s, 10 seconds left)");
    }

    #[test]
    fn a_first_load_says_what_is_before_it() {
        let ahead =
            Estimate { objects: 3, seen: 1_000, total: 91_000, calls: 450, seconds: Some(300) };
        let line = before(&ahead);
        assert_eq!(
            line,
            "first load: 90,000 records of 3 objects to read, 450 calls, about 5 min left"
        );
        let line = before(&Estimate { seconds: None, ..ahead });
        assert!(line.ends_with("450 calls left, as fast as Twenty lets them pass"), "{line}");
    }
}
