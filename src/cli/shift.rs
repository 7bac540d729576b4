//! The loops of every workspace, under one configuration.
//!
//! It exists so that workspaces run side by side and one that fails leaves the others running. Invariants: what only a
//! person can repair is said once, and makes the workspace unready; nothing is left running after [`Shift::end`].

use indicatif::MultiProgress;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info_span};

use super::{exit::Failure, progress::Display};
use crate::{
    config::Workspace,
    health::{Board, Health},
    sync::{Disposition, Doors, SyncError, keep_syncing},
    webhook::Receiver,
};

/// The loops under one configuration.
pub(super) struct Shift {
    loops: JoinSet<(usize, Result<(), SyncError>)>,
    names: Vec<Option<String>>,
    /// What ended the last loops that were left.
    failure: Option<Failure>,
    stop: CancellationToken,
    /// Whether a workspace waits for another key.
    pub(super) awaits_key: bool,
}

/// What became of the loops.
pub(super) enum Ended {
    /// All of them ended, as asked.
    Stopped,
    /// None is left that could go on.
    Failed(Failure),
    /// Others go on, or wait for a key.
    Other,
}

impl Shift {
    /// Has every workspace synced until `stop`, on the thread of a [`tokio::task::LocalSet`]: the work is waiting.
    pub(super) fn begin(
        workspaces: &[Workspace],
        doors: &Doors,
        board: &Board,
        bars: &MultiProgress,
        stop: CancellationToken,
    ) -> Shift {
        let names: Vec<Option<String>> = workspaces.iter().map(|one| one.name.clone()).collect();
        board.keep(&names);
        let mut loops = JoinSet::new();
        for (place, workspace) in workspaces.iter().enumerate() {
            let health = board.workspace(workspace.name.as_deref());
            health.goes_on();
            let receiver = doors.of(&workspace.config);
            let work = work(workspace.clone(), receiver, health, bars.clone(), stop.clone());
            let span =
                workspace.name.as_ref().map_or(Span::none(), |name| info_span!("workspace", name));
            loops.spawn_local(async move { (place, work.instrument(span).await) });
        }
        Shift { loops, names, failure: None, stop, awaits_key: false }
    }

    /// Waits until the loops of a workspace end; until the end is asked for where all of them wait for a key.
    pub(super) async fn next(&mut self, board: &Board) -> Ended {
        let Some(ended) = self.loops.join_next().await else {
            self.stop.cancelled().await;
            return Ended::Stopped;
        };
        let (place, result) =
            ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        if let Err(error) = result {
            self.stands_still(place, &error, board);
        }
        if self.goes_on() {
            return Ended::Other;
        }
        self.failure.take().map_or(Ended::Stopped, Ended::Failed)
    }

    /// Whether anything is left that could go on.
    fn goes_on(&self) -> bool {
        !self.loops.is_empty() || self.awaits_key
    }

    fn stands_still(&mut self, place: usize, error: &SyncError, board: &Board) {
        let (name, failure) = (self.names[place].as_deref(), Failure::from(error));
        board.workspace(name).stands_still(failure.message.clone());
        self.awaits_key |= error.disposition() == Disposition::Unauthorised;
        if !self.goes_on() {
            self.failure = Some(failure.of(name));
            return;
        }
        // What is not returned would be said nowhere.
        let (error, hint) = (failure.message.as_str(), failure.hint.as_deref());
        tracing::error!(
            event = "workspace_stands",
            workspace = name,
            error,
            hint,
            "standing still until the configuration changes"
        );
    }

    /// Ends the loops between two pages.
    pub(super) async fn end(mut self) {
        self.stop.cancel();
        while self.loops.join_next().await.is_some() {}
    }
}

async fn work(
    workspace: Workspace,
    receiver: Option<Receiver>,
    health: Health,
    bars: MultiProgress,
    stop: CancellationToken,
) -> Result<(), SyncError> {
    let Workspace { name, config } = workspace;
    let display = Display::start(&bars, name.as_deref());
    // Two loops and what watches them are a large value, made once.
    let ended = Box::pin(keep_syncing(&config, receiver, &stop, &display.sender, &health)).await;
    display.finish().await;
    ended
}
