//! Says when to look again.
//!
//! It exists to keep the crates for schedules in one file. Invariants: an alarm carries nothing and decides nothing; it
//! only wakes, and alarms that ring while a run is under way are one; what is due follows from when it was last done,
//! so that none is missed while nothing runs; a schedule that makes no sense is named by its key.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use croner::{
    Cron,
    parser::{CronParser, Seconds},
};
use time::OffsetDateTime;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::{SyncError, target::Target};
use crate::config::Config;

/// No period is shorter, so that a period of nothing is no loop that never rests.
const SHORTEST: Duration = Duration::from_millis(1);

/// A moment by both clocks: periods are measured by one that never jumps, crontab lines speak of the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    time: OffsetDateTime,
}

impl Moment {
    pub(super) fn now() -> Moment {
        Moment { instant: Instant::now(), time: OffsetDateTime::now_utc() }
    }
}

/// Times at which something is due.
#[derive(Debug, Clone)]
pub struct Schedule(Times);

#[derive(Debug, Clone)]
enum Times {
    Every(Duration),
    Cron { line: String, cron: Box<Cron> },
}

impl Schedule {
    /// The times of `expression`, which was set by `key`: a duration such as `24h` after the last one, or a cron
    /// expression of five or six fields, in UTC.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(key: &str, expression: &str) -> Result<Schedule, SyncError> {
        if let Ok(period) = humantime::parse_duration(expression) {
            return Ok(Schedule(Times::Every(period.max(SHORTEST))));
        }
        let line = with_seconds(expression);
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        match parser.parse(expression) {
            Ok(cron) => Ok(Schedule(Times::Cron { line, cron: Box::new(cron) })),
            Err(error) => Err(wrong(key, expression, &error)),
        }
    }

    /// The first time after `time`; `None` where there is none.
    pub fn next_after(&self, time: OffsetDateTime) -> Option<OffsetDateTime> {
        match &self.0 {
            Times::Every(period) => time.checked_add(time::Duration::try_from(*period).ok()?),
            Times::Cron { cron, .. } => {
                let time = chrono::DateTime::from_timestamp(time.unix_timestamp(), 0)?;
                let next = cron.find_next_occurrence(&time, false).ok()?;
                OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
            }
        }
    }

    /// Whether it is due again, after it was done at `last`.
    pub(super) fn is_due(&self, last: Moment, now: Moment) -> bool {
        match self.0 {
            Times::Every(period) => now.instant >= last.instant + period,
            Times::Cron { .. } => self.next_after(last.time).is_some_and(|next| next <= now.time),
        }
    }

    /// The time between two, where that is always the same.
    pub(super) fn period(&self) -> Option<Duration> {
        match self.0 {
            Times::Every(period) => Some(period),
            Times::Cron { .. } => None,
        }
    }

    fn line(&self) -> Option<&str> {
        match &self.0 {
            Times::Every(_) => None,
            Times::Cron { line, .. } => Some(line),
        }
    }
}

/// When each object is looked at.
#[derive(Debug)]
pub(super) struct Schedules {
    usual: Schedule,
    /// Objects with one of their own, by the names that the configuration has for them.
    own: Vec<(String, Schedule)>,
}

impl Schedules {
    /// The schedules of a configuration.
    pub(super) fn of(config: &Config) -> Result<Schedules, SyncError> {
        let own = config.objects.iter().filter_map(|(name, rule)| {
            let key = format!("objects.{name}.interval");
            let schedule = Schedule::parse(&key, rule.interval.as_deref()?);
            Some(schedule.map(|schedule| (name.clone(), schedule)))
        });
        let usual = Schedule::parse("pull.interval", &config.pull.interval)?;
        Ok(Schedules { usual, own: own.collect::<Result<_, SyncError>>()? })
    }

    pub(super) fn of_object(&self, target: &Target) -> &Schedule {
        let own = self.own.iter().find(|(name, _)| target.is_called(name));
        own.map_or(&self.usual, |(_, schedule)| schedule)
    }

    /// The shortest of the periods, if one is.
    pub(super) fn shortest(&self) -> Option<Duration> {
        self.all().filter_map(Schedule::period).min()
    }

    fn all(&self) -> impl Iterator<Item = &Schedule> {
        std::iter::once(&self.usual).chain(self.own.iter().map(|(_, schedule)| schedule))
    }
}

/// Wakes whoever waits, at the times of crontab lines.
pub(super) struct Alarm {
    rung: Arc<Notify>,
    /// It rings as long as this lives.
    _scheduler: Option<Box<JobScheduler>>,
}

impl Alarm {
    /// An alarm for all crontab lines of these schedules.
    pub(super) async fn set(schedules: &Schedules) -> Result<Alarm, SyncError> {
        let lines: BTreeSet<&str> = schedules.all().filter_map(Schedule::line).collect();
        let rung = Arc::new(Notify::new());
        let scheduler = match lines.first() {
            None => None,
            Some(first) => {
                let scheduler = scheduler(&lines, &rung).await;
                Some(Box::new(scheduler.map_err(|error| wrong("pull.interval", first, &error))?))
            }
        };
        Ok(Alarm { rung, _scheduler: scheduler })
    }

    /// Waits until it rings, or until `next`.
    pub(super) async fn ring(&self, next: Option<Instant>) {
        let next = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.rung.notified() => {}
            () = next => {}
        }
    }
}

/// The scheduler wants seconds first; people write crontab lines.
fn with_seconds(expression: &str) -> String {
    match expression.split_whitespace().count() {
        5 => format!("0 {expression}"),
        _ => expression.to_owned(),
    }
}

async fn scheduler(
    lines: &BTreeSet<&str>,
    rung: &Arc<Notify>,
) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    for line in lines {
        let rung = Arc::clone(rung);
        scheduler.add(Job::new(line, move |_, _| rung.notify_one())?).await?;
    }
    scheduler.start().await?;
    Ok(scheduler)
}

fn wrong(key: &str, expression: &str, error: &dyn std::error::Error) -> SyncError {
    let (key, expression, reason) = (key.to_owned(), expression.to_owned(), error.to_string());
    SyncError::Schedule { key, expression, reason }
}

#[cfg(test)]
mod tests;
