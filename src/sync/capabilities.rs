//! Looks what the server can do, and remembers it.
//!
//! It exists because an older server is only read, and because an upgrade must be noticed without a restart.
//! Invariants: a server that was never seen is not written to; a look that fails changes nothing that is known.

use super::{Disposition, SyncError, engine::chain};
use crate::{
    mirror::Mirror,
    plan::{
        capability::is_due,
        scope::{default_direction, is_walkable},
    },
    record::{Capabilities, DataModel, Direction, Object, Rest},
    source::Client,
};

/// How many objects are tried until one lets the server be seen: a role need not read all of them.
const TRIES: usize = 5;

/// What the server can do, looked at if it is time.
pub(super) async fn current(
    source: &Client,
    mirror: &Mirror,
    model: &DataModel,
) -> Result<Rest, SyncError> {
    let known = mirror.known_server().await?;
    let due = is_due(known.as_ref().map(|known| (known.capabilities.rest, known.age)));
    let known = known.map(|known| known.capabilities);
    let now = match known {
        Some(known) if !due => known,
        known => look(source, mirror, model, known).await?,
    };
    source.expect_rest(now.rest);
    Ok(now.rest)
}

/// Looks, and writes down what was seen. What was seen before stands until something else is.
async fn look(
    source: &Client,
    mirror: &Mirror,
    model: &DataModel,
    known: Option<Capabilities>,
) -> Result<Capabilities, SyncError> {
    let seen = match (seen(source, model).await, known.as_ref()) {
        (Err(error), Some(known)) if error.disposition() == Disposition::Retry => {
            tracing::debug!(error = chain(&error), "could not look what the server can do");
            return Ok(known.clone());
        }
        (seen, _) => seen?,
    };
    let seen = match (seen.rest, known) {
        (Rest::Unseen, Some(known)) => return Ok(known),
        (_, known) => {
            tell(known.as_ref(), &seen);
            seen
        }
    };
    mirror.note_server(&seen).await?;
    Ok(seen)
}

/// What the server lets itself be seen doing.
pub(super) async fn seen(source: &Client, model: &DataModel) -> Result<Capabilities, SyncError> {
    let objects = || model.objects.iter().filter(|object| is_walkable(object));
    let is_written = |object: &&Object| default_direction(object) == Direction::Both;
    let (first, then) = (objects().filter(is_written), objects().filter(|o| !is_written(o)));
    for object in first.chain(then).take(TRIES) {
        if let Some(seen) = source.capabilities(&object.name_plural).await? {
            return Ok(seen);
        }
    }
    Ok(Capabilities { version: None, rest: Rest::Unseen })
}

/// Says what changed, once.
fn tell(known: Option<&Capabilities>, seen: &Capabilities) {
    let version = seen.version_text();
    match (known.map(|known| known.rest), seen.rest) {
        (Some(Rest::Legacy), Rest::Legacy) if known == Some(seen) => {}
        (_, Rest::Legacy) => tracing::warn!(
            event = "server_only_read",
            version,
            "this Twenty server destroys records where newer ones delete them, so it is only read: \
             changes made here are refused until it is upgraded"
        ),
        (_, Rest::Unseen) => tracing::warn!(
            event = "server_unseen",
            "could not see whether this Twenty server takes changes, so it is only read: changes made here are \
             refused until it can be seen; let the role of the key read an object"
        ),
        (Some(Rest::Legacy | Rest::Unseen), Rest::Common) => {
            tracing::info!(
                event = "server_takes_changes",
                version,
                "the Twenty server takes changes now: they are sent again"
            );
        }
        (_, Rest::Common) => {}
    }
}
