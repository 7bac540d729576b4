//! Says when to look again.
//!
//! It exists to keep the scheduler's crate in one file. Invariant: a tick carries nothing and decides nothing;
//! it only means "look now", and ticks that come while a run is under way are one tick.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Interval};
use tokio_cron_scheduler::{Job, JobScheduler};

use super::SyncError;

/// A source of ticks.
pub struct Ticker(Kind);

enum Kind {
    Every(Interval),
    Cron { tick: Arc<Notify>, _scheduler: Box<JobScheduler> },
}

impl Ticker {
    /// Ticks by `expression`: a duration such as `30s`, or a cron expression of five or six fields, in UTC.
    ///
    /// # Errors
    /// It is neither.
    pub async fn new(expression: &str) -> Result<Ticker, SyncError> {
        if let Ok(period) = humantime::parse_duration(expression) {
            return Ok(Ticker(Kind::Every(interval(period))));
        }
        let wrong =
            |reason: String| SyncError::Schedule { expression: expression.to_owned(), reason };
        let (tick, scheduler) =
            cron(&with_seconds(expression)).await.map_err(|error| wrong(error.to_string()))?;
        Ok(Ticker(Kind::Cron { tick, _scheduler: Box::new(scheduler) }))
    }

    /// Waits for the next tick.
    pub async fn tick(&mut self) {
        match &mut self.0 {
            Kind::Every(interval) => {
                interval.tick().await;
            }
            Kind::Cron { tick, .. } => tick.notified().await,
        }
    }
}

/// The first tick comes after one period: the caller has looked already.
fn interval(period: Duration) -> Interval {
    let period = period.max(Duration::from_millis(1));
    let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval
}

/// The scheduler wants seconds first; people write crontab lines.
fn with_seconds(expression: &str) -> String {
    match expression.split_whitespace().count() {
        5 => format!("0 {expression}"),
        _ => expression.to_owned(),
    }
}

async fn cron(
    expression: &str,
) -> Result<(Arc<Notify>, JobScheduler), tokio_cron_scheduler::JobSchedulerError> {
    let tick = Arc::new(Notify::new());
    let notify = Arc::clone(&tick);
    let job = Job::new(expression, move |_, _| notify.notify_one())?;
    let scheduler = JobScheduler::new().await?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok((tick, scheduler))
}

#[cfg(test)]
mod tests {
    use super::{Ticker, with_seconds};

    #[test]
    fn a_crontab_line_gets_seconds() {
        assert_eq!(with_seconds("*/5 * * * *"), "0 */5 * * * *");
        assert_eq!(with_seconds("0 */5 * * * *"), "0 */5 * * * *");
    }

    #[tokio::test]
    async fn both_forms_tick_and_nonsense_is_refused() {
        for expression in ["5ms", "* * * * * *"] {
            Ticker::new(expression).await.unwrap().tick().await;
        }
        let error = Ticker::new("whenever").await.err().unwrap();
        assert!(error.to_string().contains("whenever"), "{error}");
    }
}
