//! Looks at Twenty until the daemon is asked to stop: at everything when it is time, at single objects when told.
//!
//! It exists as the loop around [`Engine::pass`] and [`Engine::look`]. Invariants: alarms and webhooks only wake it, and
//! what is read is decided by what both sides show; one pass or look at a time; what can pass by itself is only logged,
//! because the next pass tries again.

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Disposition, Engine, ProgressSender, SyncError,
    daemon::{LOOK_EVERY, say_fails, say_works},
    engine::chain,
    schedule::Alarm,
};
use crate::{
    health::{self, Health},
    mirror::RunMode,
    webhook::Hints,
};

/// What has the loop look, and who waits for it.
pub(super) struct Wakes<'a> {
    pub(super) alarm: &'a Alarm,
    pub(super) hints: &'a Hints,
    pub(super) passed: &'a Notify,
}

/// Passes over all objects whenever it is time, until `stop` says so.
pub(super) async fn keep_pulling(
    engine: &Engine,
    wakes: &Wakes<'_>,
    stop: &CancellationToken,
    progress: &ProgressSender,
    health: &Health,
) -> Result<(), SyncError> {
    while !stop.is_cancelled() {
        pass(engine, stop, progress, health).await?;
        wakes.passed.notify_one();
        look_until_alarm(engine, wakes, stop, progress).await?;
    }
    Ok(())
}

/// Looks at single objects when somebody says that something happened there, until it is time for all of them.
async fn look_until_alarm(
    engine: &Engine,
    wakes: &Wakes<'_>,
    stop: &CancellationToken,
    progress: &ProgressSender,
) -> Result<(), SyncError> {
    let next = engine.next_look().await;
    let mut earliest = Instant::now();
    loop {
        let wanted = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = health::waiting(wakes.alarm.ring(next)) => return Ok(()),
            wanted = wakes.hints.take(earliest) => wanted,
        };
        let rest = match engine.look(&wanted, stop, progress).await {
            Ok(calls) => {
                say_works(engine, "look at what webhooks told");
                engine.rest_after(calls)
            }
            Err(error) if error.disposition() == Disposition::Retry => {
                say_fails(engine, "look at what webhooks told", &error);
                LOOK_EVERY
            }
            Err(error) => return Err(error),
        };
        earliest = Instant::now() + rest;
    }
}

/// One pass. What can pass by itself is only logged, because the next pass tries again.
async fn pass(
    engine: &Engine,
    stop: &CancellationToken,
    progress: &ProgressSender,
    health: &Health,
) -> Result<(), SyncError> {
    // What is wrong with an object was said with it.
    let (failure, is_said) = match engine.pass(RunMode::Daemon, stop, progress).await {
        Ok(report) => {
            say_works(engine, "pass over all objects");
            let (outcome, rows, calls) =
                (report.outcome.as_str(), report.rows_changed(), report.calls);
            tracing::debug!(outcome, rows, calls, "passed over all objects");
            (report.into_failure(), true)
        }
        Err(error) => (Some(error), false),
    };
    let outage = failure.as_ref().filter(|error| error.is_outage_of_mirror());
    health.mirror_takes(outage.map(|error| chain(error)));
    match failure {
        None | Some(SyncError::Stopped) => Ok(()),
        Some(error) if error.disposition() != Disposition::Retry => Err(error),
        Some(_) if is_said => Ok(()),
        Some(error) => {
            say_fails(engine, "pass over all objects", &error);
            Ok(())
        }
    }
}
