//! Keeps syncing until it is asked to stop.
//!
//! It exists as the loop around [`Engine::pass`]. Invariants: one pass and one push at a time, side by side; a side that cannot be reached is
//! waited for, with growing pauses; what only a person can repair ends the daemon, so that its supervisor tells.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Disposition, Engine, ProgressSender, PushReport, SyncError, Ticker, engine::chain};
use crate::{
    config::Config,
    mirror::RunMode,
    webhook::{Desk, Hints, Receiver},
};

/// How often local changes are looked for, whatever was heard.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to open both sides.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Opens both sides and passes over all objects whenever the schedule says so. Returns when `stop` says so.
///
/// # Errors
/// The configuration must change, or the key is refused.
pub async fn keep_syncing(
    config: &Config,
    stop: &CancellationToken,
    progress: &ProgressSender,
) -> Result<(), SyncError> {
    let mut ticker = Ticker::new(&config.pull.interval).await?;
    let receiver = listen(config).await?;
    let Some(engine) = open(config, stop).await? else { return Ok(()) };
    let hints = Hints::default();
    let mut hearing = JoinSet::new();
    if let Some(receiver) = receiver {
        let desk = Desk::new(&config.webhook.secrets, engine.workspace_id(), hints.clone());
        hearing.spawn(async { match receiver.serve(desk).await {} });
    }
    let ended = tokio::select! {
        ended = keep_pulling(&engine, &mut ticker, &hints, stop, progress) => ended,
        ended = keep_pushing(&engine, stop) => ended,
    };
    hearing.shutdown().await;
    tracing::info!("stopped");
    ended
}

async fn keep_pulling(
    engine: &Engine,
    ticker: &mut Ticker,
    hints: &Hints,
    stop: &CancellationToken,
    progress: &ProgressSender,
) -> Result<(), SyncError> {
    while !stop.is_cancelled() {
        pass(engine, stop, progress).await?;
        look_until_tick(engine, ticker, hints, stop, progress).await?;
    }
    Ok(())
}

/// Looks at single objects when somebody says that something happened there, until it is time for all of them.
async fn look_until_tick(
    engine: &Engine,
    ticker: &mut Ticker,
    hints: &Hints,
    stop: &CancellationToken,
    progress: &ProgressSender,
) -> Result<(), SyncError> {
    let mut earliest = Instant::now();
    loop {
        let wanted = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = ticker.tick() => return Ok(()),
            wanted = hints.take(earliest) => wanted,
        };
        let rest = match engine.look(&wanted, stop, progress).await {
            Ok(calls) => engine.rest_after(calls),
            Err(error) if error.disposition() == Disposition::Retry => {
                log_failure(&error, "could not look at what webhooks told, the next tick does");
                LOOK_EVERY
            }
            Err(error) => return Err(error),
        };
        earliest = Instant::now() + rest;
    }
}

/// Listens for webhooks, if it should.
async fn listen(config: &Config) -> Result<Option<Receiver>, SyncError> {
    let Some(address) = config.webhook.listen else { return Ok(None) };
    let listening = |cause| SyncError::Listen { address, cause };
    let receiver = Receiver::bind(address).await.map_err(listening)?;
    tracing::info!(%address, "listening for webhooks");
    Ok(Some(receiver))
}

/// Pushes when the mirror says that something changed, and every few seconds for what waits or was not heard.
async fn keep_pushing(engine: &Engine, stop: &CancellationToken) -> Result<(), SyncError> {
    let mut listener = None;
    while !stop.is_cancelled() {
        if listener.is_none() {
            listener = engine
                .listen()
                .await
                .inspect_err(|error| log_failure(error, "could not listen for changes"))
                .ok();
        }
        match engine.push(stop).await {
            Ok(report) if report.written + report.refused + report.conflicts > 0 => {
                let PushReport { written, refused, conflicts, .. } = report;
                tracing::info!(written, refused, conflicts, "pushed local changes");
            }
            Ok(_) | Err(SyncError::Stopped) => {}
            Err(error) if error.disposition() == Disposition::Retry => {
                log_failure(&error, "could not push local changes, trying again");
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

fn log_failure(error: &SyncError, what: &'static str) {
    tracing::warn!(error = chain(error), "{what}");
}

/// One pass. What can pass by itself is only logged, because the next pass tries again.
async fn pass(
    engine: &Engine,
    stop: &CancellationToken,
    progress: &ProgressSender,
) -> Result<(), SyncError> {
    let failure = match engine.pass(RunMode::Daemon, stop, progress).await {
        Ok(report) => {
            let (outcome, rows, calls) =
                (report.outcome.as_str(), report.rows_changed(), report.calls);
            tracing::debug!(outcome, rows, calls, "passed over all objects");
            report.into_failure()
        }
        Err(error) => Some(error),
    };
    match failure {
        None | Some(SyncError::Stopped) => Ok(()),
        Some(error) if error.disposition() != Disposition::Retry => Err(error),
        Some(error) => {
            tracing::warn!(
                error = chain(&error),
                "could not read everything, trying again at the next tick"
            );
            Ok(())
        }
    }
}

/// Waits until both sides can be opened; `None` when asked to stop meanwhile.
async fn open(config: &Config, stop: &CancellationToken) -> Result<Option<Engine>, SyncError> {
    let mut pause = Duration::from_secs(1);
    loop {
        match Engine::open(config).await {
            Ok(engine) => return Ok(Some(engine)),
            Err(error) if error.disposition() == Disposition::Retry => {
                tracing::warn!(error = chain(&error), pause = ?pause, "could not open both sides, trying again");
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
