//! Runs a process and says what it cost.

use std::{
    fs,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use tokio::{process::Command, time::sleep};

use super::Outcome;

/// Clock ticks a second in `/proc`, on every Linux that people use.
const TICKS: u64 = 100;
const POLL: Duration = Duration::from_millis(5);

/// What a process cost.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: u64,
    pub(crate) calls: u64,
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(crate) fn line(&self, rows: usize, loader: Option<&Measured>) -> String {
        let rate = rows as f64 / self.wall.as_secs_f64();
        let cpu = self.cpu.as_secs_f64() * 1e6 / rows as f64;
        let peak = self.peak_kib as f64 / 1024.0;
        let ratio = loader.map_or("1.00".to_owned(), |loader| {
            format!("{:.2}", loader.wall.as_secs_f64() / self.wall.as_secs_f64())
        });
        format!("{rate:>10.0} {cpu:>12.1} {peak:>10.1} {:>8} {ratio:>9}", self.calls)
    }
}

/// Runs a command to its end; `calls` reads how many calls it made from what it printed.
pub(crate) async fn measure(
    mut command: Command,
    calls: impl Fn(&str) -> Option<u64>,
) -> Outcome<Measured> {
    let cpu_before = cpu_of_children()?;
    let began = Instant::now();
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
    let status = format!("/proc/{}/status", child.id().unwrap_or_default());
    let watch = tokio::spawn(async move {
        let mut peak_kib = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let Some(peak) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) else {
                break;
            };
            peak_kib = peak.trim().trim_end_matches(" kB").parse().unwrap_or(peak_kib);
            sleep(POLL).await;
        }
        peak_kib
    });
    let Output { status, stdout, .. } = child.wait_with_output().await?;
    let wall = began.elapsed();
    let printed = String::from_utf8_lossy(&stdout);
    if !status.success() {
        return Err(format!("a contender failed: {status}: {printed}").into());
    }
    let calls = calls(&printed).ok_or("a contender did not say how many calls it made")?;
    Ok(Measured {
        wall,
        cpu: cpu_of_children()?.saturating_sub(cpu_before),
        peak_kib: watch.await?,
        calls,
    })
}

/// CPU time of all children that have ended.
fn cpu_of_children() -> Outcome<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name in brackets may hold blanks; what follows does not.
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields[13].parse::<u64>()? + fields[14].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}
