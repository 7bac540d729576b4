//! Blows fuses: what would delete or overwrite too much stops its object, and a person is asked.
//!
//! It exists as the loops' side of [`crate::plan::fuse`]: it gathers the counts, asks, and stops. Invariant: one
//! object's fuse stops nothing else.

use super::{SyncError, target::Target};
use crate::{mirror::Mirror, plan::fuse::Effects, record::Flow};

/// Stops a flow of an object because of what it would do to `total` records.
pub(super) async fn blow(
    mirror: &Mirror,
    target: &Target,
    flow: Flow,
    effects: Effects,
    total: u64,
) -> Result<(), SyncError> {
    let (object, reason) = (target.plural(), reason(target, flow, effects, total));
    let hint = match flow {
        Flow::Pull => format!(
            "if that is meant: twenty-sync fuse release {object}; if Twenty was restored or the key sees less, repair that first"
        ),
        Flow::Push => format!(
            "look at sync.pending; twenty-sync fuse release {object} lets it go, twenty-sync fuse discard {object} gives it up"
        ),
    };
    let why = (reason.as_str(), hint.as_str());
    mirror.blow_fuse(target.table.object_id, flow, (effects, total), why).await?;
    tracing::warn!(
        event = "fuse_blown",
        object,
        flow = flow.as_str(),
        reason,
        "a fuse has blown: nothing goes on until it is released"
    );
    Ok(())
}

fn reason(target: &Target, flow: Flow, effects: Effects, total: u64) -> String {
    let Effects { deletes, overwrites } = effects;
    let what = match (deletes, overwrites) {
        (_, 0) => format!("delete {deletes}"),
        (0, _) => format!("overwrite {overwrites}"),
        _ => format!("delete {deletes} and overwrite {overwrites}"),
    };
    let place = match flow {
        Flow::Pull => "here",
        Flow::Push => "in Twenty",
    };
    format!("it would {what} of {total} {} {place} at once", target.plural())
}
