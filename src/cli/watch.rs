//! What watches `run` from outside: the endpoint for operators, and the supervisor.
//!
//! Invariants: an address that somebody asked for is had or the program does not start; the built-in one is not worth
//! a day without sync, so where it is taken, by a second daemon say, this one goes on without. A new configuration
//! with the same address keeps the socket.

use std::net::SocketAddr;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::exit::{self, Failure};
use crate::{
    config,
    health::{Board, Gate, ListenError, Listener},
};

/// Both of them; they end when the value is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    board: Board,
    endpoint: Option<Endpoint>,
    _supervisor: JoinSet<()>,
}

#[derive(Debug)]
struct Endpoint {
    asked_for: SocketAddr,
    gate: Gate,
    _task: JoinSet<()>,
}

impl Watch {
    pub(super) async fn start(
        config: &config::Health,
        board: &Board,
        stop: &CancellationToken,
    ) -> Result<Watch, Failure> {
        let endpoint = Endpoint::open(config, board).await?;
        let mut supervisor = JoinSet::new();
        supervisor.spawn(board.clone().notify_systemd(stop.clone()));
        Ok(Watch { board: board.clone(), endpoint, _supervisor: supervisor })
    }

    /// Answers as `config` says. Where its address cannot be had, all stays as it was.
    pub(super) async fn follow(&mut self, config: &config::Health) -> Result<(), Failure> {
        match &self.endpoint {
            Some(endpoint) if config.listen == Some(endpoint.asked_for) => {
                endpoint.gate.set_token(config.token.as_ref());
            }
            _ => self.endpoint = Endpoint::open(config, &self.board).await?,
        }
        Ok(())
    }
}

impl Endpoint {
    async fn open(config: &config::Health, board: &Board) -> Result<Option<Endpoint>, Failure> {
        let Some(asked_for) = config.listen else { return Ok(None) };
        match Listener::bind(asked_for, config.token.as_ref()).await {
            Ok(listener) => {
                let gate = listener.gate();
                let mut task = JoinSet::new();
                task.spawn(listener.serve(board.clone()));
                Ok(Some(Endpoint { asked_for, gate, _task: task }))
            }
            Err(error) if config.is_built_in => {
                let (hint, error) = (error.hint(), exit::chain(&error));
                tracing::warn!(
                    event = "endpoint_missing",
                    error,
                    hint,
                    "syncing without answering operators"
                );
                Ok(None)
            }
            Err(error) => Err(Failure::from(error)),
        }
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Failure {
        let hint = Some(error.hint());
        Failure { hint, ..Failure::configuration(exit::chain(&error)) }
    }
}
