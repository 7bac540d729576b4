//! Keeps syncing until it is asked to stop.
//!
//! It exists as the loops around [`Engine::pass`], [`Engine::push`] and [`Engine::sweep_contents`]. Invariants: nothing is done but under the lease; one pass, one push and one content sweep at a time, side by side; a side that cannot be reached is waited for, with growing pauses; what only a person can repair ends the daemon, so that its supervisor tells.

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

/// What goes wrong before there is an engine.
const OPENING: &str = "open both sides";

/// The longest pause between two attempts to open both sides.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Opens both sides, stands by until this program leads, and passes over all objects whenever the schedule says so. A
/// program that does not lead any more stands by again. Returns when `stop` says so.
///
/// # Errors
/// The configuration must change, or the key is refused.
pub async fn keep_syncing(
    config: &Config,
    stop: &CancellationToken,
    progress: &ProgressSender,
    health: &Health,
) -> Result<(), SyncError> {
    let alarm = Alarm::set(&Schedules::of(config)?).await?;
    let sweeps = Schedule::parse("sweep.interval", &config.sweep.interval)?;
    let mut receiver = listen(config).await?;
    let hints = Hints::default();
    let mut hearing = JoinSet::new();
    let mut ended = Ok(());
    while !stop.is_cancelled() {
        let opened = health.turning("opening", open(config, stop, health)).await?;
        let Some(stand) = opened else { break };
        if let Some(receiver) = receiver.take() {
            let desk = Desk::new(&config.webhook.secrets, stand.workspace_id(), hints.clone());
            hearing.spawn(async { match receiver.serve(desk).await {} });
        }
        let leading = stand.until_leading(stop, &hints, health);
        let Some(term) = health.turning("standby", leading).await? else { break };
        let passed = Notify::new();
        let wakes = Wakes { alarm: &alarm, hints: &hints, passed: &passed };
        ended = work(&term, &wakes, &sweeps, (stop, progress, health)).await;
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
    tracing::info!(event = "stopped", "stopped");
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
    let pulling = keep_pulling(engine, wakes, stop, progress);
    tokio::select! {
        ended = health.turning("pull", pulling) => ended,
        ended = health.turning("push", keep_pushing(engine, stop)) => ended,
        ended = Box::pin(keep_sweeping(engine, sweeps, stop, passed)) => ended,
        lost = term.lost() => Err(lost),
        never = observe(engine, health) => never,
    }
}

/// Listens for webhooks, if it should.
async fn listen(config: &Config) -> Result<Option<Receiver>, SyncError> {
    let Some(address) = config.webhook.listen else { return Ok(None) };
    let listening = |cause| SyncError::Listen { address, cause };
    let receiver = Receiver::bind(address).await.map_err(listening)?;
    tracing::info!(event = "webhook_listens", %address, "listening for webhooks");
    Ok(Some(receiver))
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
                    Some(listener)
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
    passed.notified().await;
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
    let error = chain(error);
    if engine.troubles.begins(what, &error) {
        tracing::warn!(event = "loop_failed", what, error, "could not {what}, trying again");
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
        match Stand::open(config).await {
            Ok(stand) => {
                if troubles.is_over(OPENING) {
                    tracing::info!(event = "opened", "both sides are open now");
                }
                return Ok(Some(stand));
            }
            Err(error) if error.disposition() == Disposition::Retry => {
                let error = chain(&error);
                if troubles.begins(OPENING, &error) {
                    tracing::warn!(
                        event = "opening_failed",
                        error,
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
