//! Keeps syncing until it is asked to stop.
//!
//! It exists as the loops around [`Engine::pass`], [`Engine::push`] and [`Engine::sweep_contents`]. Invariants: nothing is done but under the lease; one pass, one push and one content sweep at a time, side by side; a stop is obeyed within [`GRACE`], whatever waits for an answer; a side that cannot be reached is waited for, with growing pauses; what only a person can repair ends the daemon, so that its supervisor tells.

use std::time::Duration;

use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Disposition, Engine, ProgressSender, PushReport, Schedule, SyncError, Term,
    engine::chain,
    lead::Stand,
    observe::observe,
    polling::{Wakes, keep_pulling},
    schedule::{Alarm, Schedules},
    trouble::Troubles,
};
use crate::{
    config::Config,
    health::{self, Health},
    webhook::{Desk, Hints, Receiver},
};

/// How often local changes are looked for, whatever was heard.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often it is looked whether a content sweep is due.
const SWEEP_LOOK: Duration = Duration::from_secs(1);

/// The pause after a content sweep that did not get on.
const SWEEP_PAUSE: Duration = Duration::from_mins(1);

/// How long what is under way may go on when a run is to stop. What is cut off then is marked in doubt or not written,
/// and the next start finds it.
const GRACE: Duration = Duration::from_millis(500);

/// What goes wrong before there is an engine.
const OPENING: &str = "open both sides";

/// The longest pause between two attempts to open both sides.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Opens both sides, stands by until this program leads, and passes over all objects whenever the schedule says so, and over
/// single ones when `receiver` hears of them. A program that does not lead any more stands by again. Returns when `stop`
/// says so.
///
/// # Errors
/// The configuration must change, or the key is refused.
pub async fn keep_syncing(
    config: &Config,
    mut receiver: Option<Receiver>,
    stop: &CancellationToken,
    progress: &ProgressSender,
    health: &Health,
) -> Result<(), SyncError> {
    let alarm = Alarm::set(&Schedules::of(config)?).await?;
    let sweeps = Schedule::parse("sweep.interval", &config.sweep.interval)?;
    let hints = Hints::default();
    let mut hearing = JoinSet::new();
    let mut ended = Ok(());
    while !stop.is_cancelled() {
        // Large values, made once for each term.
        let opened = Box::pin(health.turning("opening", open(config, stop, health))).await?;
        let Some(stand) = opened else { break };
        if let Some(receiver) = receiver.take() {
            let desk = Desk::new(&config.webhook.secrets, stand.workspace_id(), hints.clone());
            hearing.spawn(async { match receiver.serve(desk).await {} });
        }
        let leading = stand.until_leading(stop, &hints, health);
        let Some(term) = Box::pin(health.turning("standby", leading)).await? else { break };
        let passed = Notify::new();
        let wakes = Wakes { alarm: &alarm, hints: &hints, passed: &passed };
        ended = Box::pin(work(&term, &wakes, &sweeps, (stop, progress, health))).await;
        term.end().await;
        health.leads_no_more();
        match &ended {
            Err(error) if error.disposition() == Disposition::Replaced => {
                let error = chain(error);
                tracing::warn!(event = "lease_lost", error, "not leading any more, standing by");
                ended = Ok(());
            }
            Ok(()) | Err(_) => break,
        }
    }
    hearing.shutdown().await;
    ended
}

/// Works on the mirror until asked to stop, until a person must act, or until the lease is lost: then what is under way
/// is dropped where it stands, as after a kill, because nothing of it could be written any more.
async fn work(
    term: &Term,
    wakes: &Wakes<'_>,
    sweeps: &Schedule,
    (stop, progress, health): (&CancellationToken, &ProgressSender, &Health),
) -> Result<(), SyncError> {
    let (engine, passed) = (&term.engine, wakes.passed);
    // Each ends between two of its steps when it is to stop, or with what only a person can repair.
    let pulling = health.turning("pull", keep_pulling(engine, wakes, stop, progress, health));
    let pushing = health.turning("push", keep_pushing(engine, stop));
    let sweeping = Box::pin(keep_sweeping(engine, sweeps, stop, passed));
    tokio::select! {
        ended = async { tokio::try_join!(pulling, pushing, sweeping) } => ended.map(drop),
        lost = term.lost() => Err(lost),
        never = observe(engine, health) => never,
        () = overdue(stop) => Ok(()),
    }
}

/// Returns when `stop` was asked for and what was under way has had its time.
pub async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// Whether the schedules make sense, which is seen only when somebody keeps them.
///
/// # Errors
/// One of them does not.
pub fn check_schedules(config: &Config) -> Result<(), SyncError> {
    Schedules::of(config)?;
    Schedule::parse("sweep.interval", &config.sweep.interval).map(drop)
}

/// Pushes when the mirror says that something changed, and every few seconds for what waits or was not heard.
async fn keep_pushing(engine: &Engine, stop: &CancellationToken) -> Result<(), SyncError> {
    let mut listener = None;
    while !stop.is_cancelled() {
        health::beat();
        if listener.is_none() {
            listener = match engine.listen().await {
                Ok(listener) => {
                    say_works(engine, "listen for local changes");
                    listener
                }
                Err(error) => {
                    say_fails(engine, "listen for local changes", &error);
                    None
                }
            };
        }
        match engine.push(stop).await {
            Ok(report) => {
                say_works(engine, "push local changes");
                say_pushed(report);
            }
            Err(SyncError::Stopped) => {}
            Err(error) if error.disposition() == Disposition::Retry => {
                say_fails(engine, "push local changes", &error);
            }
            Err(error) => return Err(error),
        }
        let changed = async {
            match &mut listener {
                Some(listener) => listener.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            heard = tokio::time::timeout(LOOK_EVERY, changed) => {
                if matches!(heard, Ok(Err(_))) {
                    listener = None;
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    }
    Ok(())
}

/// Compares everything whenever the schedule says so. Between two pages it waits for nobody and holds nothing.
async fn keep_sweeping(
    engine: &Engine,
    schedule: &Schedule,
    stop: &CancellationToken,
    passed: &Notify,
) -> Result<(), SyncError> {
    // Before the first pass it is not known what is mirrored.
    tokio::select! {
        () = stop.cancelled() => {}
        () = passed.notified() => {}
    }
    while !stop.is_cancelled() {
        let pause = match engine.sweep_contents(schedule, stop).await {
            Ok(()) => {
                say_works(engine, "compare everything");
                SWEEP_LOOK
            }
            Err(SyncError::Stopped) => SWEEP_LOOK,
            Err(error) if error.disposition() == Disposition::Retry => {
                say_fails(engine, "compare everything", &error);
                SWEEP_PAUSE
            }
            Err(error) => return Err(error),
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}

fn say_pushed(report: PushReport) {
    let PushReport { written, refused, conflicts, .. } = report;
    if written + refused + conflicts > 0 {
        tracing::info!(
            event = "changes_pushed",
            written,
            refused,
            conflicts,
            "pushed local changes"
        );
    }
}

/// Says that a loop does not get on with what it does, when that begins or has another reason.
pub(super) fn say_fails(engine: &Engine, what: &'static str, error: &SyncError) {
    let (hint, error) = (error.hint(), chain(error));
    if engine.troubles.begins(what, &error) {
        tracing::warn!(event = "loop_failed", what, error, hint, "could not {what}, trying again");
    }
}

/// Says that a loop gets on again.
pub(super) fn say_works(engine: &Engine, what: &'static str) {
    if engine.troubles.is_over(what) {
        tracing::info!(event = "loop_recovered", what, "could {what} again");
    }
}

/// Waits until both sides can be opened, without working on them yet; `None` when asked to stop meanwhile.
async fn open(
    config: &Config,
    stop: &CancellationToken,
    health: &Health,
) -> Result<Option<Stand>, SyncError> {
    let (mut pause, troubles) = (Duration::from_secs(1), Troubles::default());
    loop {
        health::beat();
        let opened = tokio::select! {
            opened = Box::pin(Stand::open(config)) => opened,
            () = stop.cancelled() => return Ok(None),
        };
        match opened {
            Ok(stand) => {
                if troubles.is_over(OPENING) {
                    tracing::info!(event = "opened", "both sides are open now");
                }
                return Ok(Some(stand));
            }
            Err(error) if error.disposition() == Disposition::Retry => {
                let (hint, error) = (error.hint(), chain(&error));
                if troubles.begins(OPENING, &error) {
                    tracing::warn!(
                        event = "opening_failed",
                        error,
                        hint,
                        "could not open both sides, trying again"
                    );
                }
                health.mirror_fails(error);
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
