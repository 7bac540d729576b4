//! Says when to look again.
//!
//! It exists to keep the crates for schedules in one file. Invariants: a tick carries nothing and decides nothing;
//! it only means "look now", and ticks that come while a run is under way are one tick; what is only now and then
//! due is due by the time of the last one, so that none is missed while nothing runs.

use std::{sync::Arc, time::Duration};

use croner::{
    Cron,
    parser::{CronParser, Seconds},
};
use time::OffsetDateTime;
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

/// Times at which something is due.
#[derive(Debug)]
pub struct Schedule(Times);

#[derive(Debug)]
enum Times {
    Every(Duration),
    Cron(Box<Cron>),
}

impl Schedule {
    /// The times of `expression`: a duration such as `24h` after the last one, or a cron expression of five or six
    /// fields, in UTC.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(expression: &str) -> Result<Schedule, SyncError> {
        if let Ok(period) = humantime::parse_duration(expression) {
            return Ok(Schedule(Times::Every(period)));
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        match parser.parse(expression) {
            Ok(cron) => Ok(Schedule(Times::Cron(Box::new(cron)))),
            Err(error) => Err(SyncError::Schedule {
                expression: expression.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// The first time after `time`; `None` where there is none.
    pub fn next_after(&self, time: OffsetDateTime) -> Option<OffsetDateTime> {
        match &self.0 {
            Times::Every(period) => time.checked_add(time::Duration::try_from(*period).ok()?),
            Times::Cron(cron) => {
                let time = chrono::DateTime::from_timestamp(time.unix_timestamp(), 0)?;
                let next = cron.find_next_occurrence(&time, false).ok()?;
                OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
            }
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
    use time::macros::datetime;

    use super::{Schedule, Ticker, with_seconds};

    #[test]
    fn what_is_due_is_counted_from_the_last_time() {
        let last = datetime!(2026-11-23 03:00:00.25 UTC);
        for (expression, next) in [
            ("24h", datetime!(2026-11-24 03:00:00.25 UTC)),
            ("0 3 * * *", datetime!(2026-11-24 03:00 UTC)),
            ("30 0 3 * * *", datetime!(2026-11-23 03:00:30 UTC)),
            ("0 3 * * SUN", datetime!(2026-11-29 03:00 UTC)),
        ] {
            let schedule = Schedule::parse(expression).unwrap();
            assert_eq!(schedule.next_after(last), Some(next), "{expression}");
        }
        assert_eq!(Schedule::parse("0 3 30 2 *").unwrap().next_after(last), None);
        let error = Schedule::parse("at night").unwrap_err();
        assert!(error.to_string().contains("at night"), "{error}");
    }

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
