//! `run`: keeps both sides equal until it is asked to stop, and takes a new configuration when it is told of one.
//!
//! Invariants: the old configuration works until the new one was read, tried and found good; between the two nothing
//! is lost, because the loops end as for a stop, between two pages; sockets stay open where their address stays. A
//! refused key ends the loops of its workspace, not the program: it goes on when the key changes.

use std::{path::Path, process::ExitCode};

use futures_util::future::try_join_all;
use indicatif::MultiProgress;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::{
    arguments::Arguments,
    exit::Failure,
    keys::Keys,
    shift::{Ended, Shift},
    signals::Signals,
    watch::Watch,
    workspace,
};
use crate::{
    config::{self, Loaded, Workspace},
    health::Board,
    sync::{Disposition, Doors, Engine, SyncError, check_schedules},
};

/// What a configuration has `run` do.
#[derive(Debug)]
struct Order {
    workspaces: Vec<Workspace>,
    health: config::Health,
    log: config::Log,
}

/// Where a configuration is read, and which of its workspaces are meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    file: Option<&'a Path>,
    workspace: Option<&'a str>,
}

impl<'a> From<&'a Arguments> for Place<'a> {
    fn from(arguments: &'a Arguments) -> Place<'a> {
        let (file, workspace) = (arguments.config.as_deref(), arguments.workspace.as_deref());
        Place { file, workspace }
    }
}

impl Place<'_> {
    fn order(&self, loaded: &Loaded) -> Result<Order, Failure> {
        let workspaces = workspace::all(loaded, self.workspace)?;
        Ok(Order { workspaces, health: loaded.health()?, log: loaded.log().clone() })
    }

    /// What is there now.
    pub(super) fn workspaces(&self) -> Result<Vec<Workspace>, Failure> {
        workspace::all(&Loaded::read(self.file)?, self.workspace)
    }
}

/// What stays when the configuration changes.
struct Daemon<'a> {
    place: Place<'a>,
    bars: &'a MultiProgress,
    signals: Signals,
    board: Board,
    doors: Doors,
    watch: Watch,
}

/// Keeps syncing by `loaded`, which was read at `place`, and by what is read there later.
pub(super) async fn forever(
    place: &Place<'_>,
    loaded: &Loaded,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    let signals = Signals::listen()?;
    let mut order = place.order(loaded)?;
    let board = Board::default();
    let doors = Doors::open(&order.workspaces).await?;
    let watch = Watch::start(&order.health, &board, &signals.stop).await?;
    let mut daemon = Daemon { place: *place, bars, signals, board, doors, watch };
    let working = async {
        while let Some(next) = daemon.work(&order).await? {
            order = next;
        }
        tracing::info!(event = "stopped", "stopped");
        Ok(ExitCode::SUCCESS)
    };
    LocalSet::new().run_until(working).await
}

impl Daemon<'_> {
    /// Works by one configuration; the next one, unless the end is asked for.
    async fn work(&mut self, order: &Order) -> Result<Option<Order>, Failure> {
        let stop = self.signals.stop.child_token();
        let mut shift = Shift::begin(&order.workspaces, &self.doors, &self.board, self.bars, stop);
        let mut keys = Keys::of(&order.workspaces);
        loop {
            let awaits_key = shift.awaits_key;
            let next = tokio::select! {
                ended = shift.next(&self.board) => match ended {
                    Ended::Stopped => return Ok(None),
                    Ended::Failed(failure) => return Err(failure),
                    Ended::Other => None,
                },
                () = self.signals.told_to_reload() => self.next(order).await,
                () = keys.changed(&self.place), if awaits_key => self.next(order).await,
            };
            if let Some(next) = next {
                shift.end().await;
                self.board.reloaded();
                let is_over = self.signals.stop.is_cancelled();
                return Ok((!is_over).then_some(next));
            }
        }
    }

    /// The configuration as it is now, if it is good.
    async fn next(&mut self, order: &Order) -> Option<Order> {
        tracing::info!(event = "reload_began", "reading the configuration anew");
        self.board.reloading();
        match self.take(order).await {
            Ok(next) => {
                tracing::info!(event = "reload_taken", "taking the new configuration");
                if next.log != order.log {
                    tracing::warn!(
                        event = "reload_log_kept",
                        "other settings of [log] hold from the next start on"
                    );
                }
                Some(next)
            }
            Err(Failure { message, hint, .. }) => {
                let (error, hint) = (message.as_str(), hint.as_deref());
                tracing::error!(
                    event = "reload_refused",
                    error,
                    hint,
                    "cannot take the new configuration, going on with the old one"
                );
                self.board.reloaded();
                None
            }
        }
    }

    async fn take(&mut self, order: &Order) -> Result<Order, Failure> {
        let next = self.place.order(&Loaded::read(self.place.file)?)?;
        let stop = &self.signals.stop;
        let tries = next.workspaces.iter().map(|workspace| Box::pin(try_out(workspace, stop)));
        try_join_all(tries).await?;
        self.doors.widen(&next.workspaces).await?;
        let followed = self.watch.follow(&next.health).await;
        let kept = if followed.is_ok() { &next.workspaces } else { &order.workspaces };
        self.doors.keep(kept);
        followed.map(|()| next)
    }
}

/// Opens both sides and lets go of them. A side that cannot be reached now is no fault of the configuration.
async fn try_out(workspace: &Workspace, stop: &CancellationToken) -> Result<(), Failure> {
    let tried = async {
        check_schedules(&workspace.config)?;
        Engine::open(&workspace.config).await.map(drop)
    };
    let tried: Result<(), SyncError> = tokio::select! {
        tried = tried => tried,
        () = stop.cancelled() => return Ok(()),
    };
    match tried {
        Err(error) if error.disposition() != Disposition::Retry => {
            Err(Failure::from(error).of(workspace.name.as_deref()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
