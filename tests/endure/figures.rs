//! What a loop of faults has shown, as a line of a table.

use std::time::Duration;

use super::verdict::Verdict;

/// One loop.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) what: &'static str,
    pub(crate) cycles: usize,
    /// How long each stop or recovery took.
    pub(crate) times: Vec<Duration>,
    /// Calls that began more than a second after the signal.
    pub(crate) late_calls: usize,
    pub(crate) verdict: Verdict,
}

/// The columns of [`Figures::line`].
pub(crate) const HEADINGS: [&str; 11] = [
    "fault",
    "cycles",
    "writes",
    "p50",
    "p99",
    "max",
    "late calls",
    "lost",
    "doubled",
    "divergent",
    "conflicts",
];

impl Figures {
    /// Nothing was lost, doubled or left different.
    pub(crate) fn assert_clean(&self) {
        let Verdict { lost, doubled, divergent, writes, .. } = &self.verdict;
        assert!(lost.is_empty(), "{}: lost: {lost:#?}", self.what);
        assert!(doubled.is_empty(), "{}: doubled: {doubled:#?}", self.what);
        assert!(divergent.is_empty(), "{}: divergent: {divergent:#?}", self.what);
        assert_eq!(self.late_calls, 0, "{}: calls after the signal", self.what);
        assert!(*writes > self.cycles, "{}: only {writes} writes", self.what);
    }

    pub(crate) fn max(&self) -> Duration {
        self.times.iter().max().copied().unwrap_or_default()
    }

    pub(crate) fn line(&self) -> [String; 11] {
        let Verdict { lost, doubled, divergent, writes, conflicts } = &self.verdict;
        let time = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        [
            self.what.to_owned(),
            self.cycles.to_string(),
            writes.to_string(),
            time(self.share(50)),
            time(self.share(99)),
            time(self.max()),
            self.late_calls.to_string(),
            lost.len().to_string(),
            doubled.len().to_string(),
            divergent.len().to_string(),
            conflicts.to_string(),
        ]
    }

    /// The time that so many of a hundred did not exceed.
    fn share(&self, percent: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort();
        let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default()
    }
}

/// The table, in Markdown.
pub(crate) fn table(all: &[Figures]) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = row(&HEADINGS.map(str::to_owned));
    text.push_str(&row(&HEADINGS.map(|_| "---".to_owned())));
    for figures in all {
        text.push_str(&row(&figures.line()));
    }
    text
}
