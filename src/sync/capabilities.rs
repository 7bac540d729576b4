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
    record::{Capabilities, DataModel, Direction, Rest},
    source::Client,
};

/// What the server can do, looked at if it is time.
pub(super) async fn current(
    source: &Client,
    mirror: &Mirror,
    model: &DataModel,
) -> Result<Rest, SyncError> {
    let known = mirror.known_server().await?;
    let due = is_due(known.as_ref().map(|known| (known.capabilities.rest, known.age)));
    let seen = if due { seen(source, model).await } else { Ok(None) };
    let known = known.map(|known| known.capabilities);
    let seen = match (seen, &known) {
        (Err(error), Some(_)) if error.disposition() == Disposition::Retry => {
            tracing::debug!(error = chain(&error), "could not look what the server can do");
            None
        }
        (seen, _) => seen?,
    };
    if let Some(seen) = &seen {
        mirror.note_server(seen).await?;
        tell(known.as_ref(), seen);
    }
    let rest = seen.or(known).unwrap_or_default().rest;
    source.expect_rest(rest);
    Ok(rest)
}

/// What the server lets itself be seen doing.
pub(super) async fn seen(
    source: &Client,
    model: &DataModel,
) -> Result<Option<Capabilities>, SyncError> {
    let mut objects = model.objects.iter().filter(|object| is_walkable(object));
    match objects.find(|object| default_direction(object) == Direction::Both) {
        Some(object) => Ok(source.capabilities(&object.name_plural).await?),
        None => Ok(None),
    }
}

/// Says what changed, once.
fn tell(known: Option<&Capabilities>, seen: &Capabilities) {
    let version = seen.version_text();
    match (known.map(|known| known.rest), seen.rest) {
        (Some(Rest::Legacy) | None, Rest::Legacy) if known == Some(seen) => {}
        (_, Rest::Legacy) => tracing::warn!(
            version,
            "this Twenty server destroys records where newer ones delete them, so it is only read: \
             changes made here are refused until it is upgraded"
        ),
        (Some(Rest::Legacy), Rest::Common) => {
            tracing::info!(
                version,
                "the Twenty server was upgraded: changes made here are sent again"
            );
        }
        (_, Rest::Common) => {}
    }
}
