//! HTTP: connections, the order of checks, faults, the log of calls.
//!
//! A request is handled in one piece under one lock (`State`): what it finds, changes and announces is one
//! transaction. Only reading the request, waiting and sending the answer happen outside.

mod answer;
mod body;
mod client_config;
mod door;
mod fake;
mod head;
mod health;
mod listing;
mod open_api;
mod reply;
mod route;
mod state;

pub use fake::{FakeTwenty, Options};
pub(crate) use reply::Reply;
pub use state::Hook;

use crate::auth::{AuthFailure, Identity};
use crate::throttle::Throttle;
use crate::world::World;

/// What a request may touch while it is answered. The world is locked: one request, one transaction.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) throttle: &'a mut Throttle,
    pub(crate) identity: Result<Identity, AuthFailure>,
}
