//! HTTP: connections, the order of checks, faults, the log of calls.

mod reply;

pub(crate) use reply::Reply;

use crate::auth::{AuthFailure, Identity};
use crate::throttle::Throttle;
use crate::world::World;

/// What a request may touch while it is answered. The world is locked: one request, one transaction.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) throttle: &'a mut Throttle,
    pub(crate) identity: Result<Identity, AuthFailure>,
}
