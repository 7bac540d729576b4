//! A look at single objects between two ticks.
//!
//! It exists for what webhooks tell. Invariants: an object is read by the same walk as at a tick, from the same
//! checkpoint, and swept by the same sweep; the data model is as the last tick left it, and what does not fit it has the
//! next tick read it anew; no run is written down, for a busy workspace would fill the list of runs.

use std::{collections::BTreeMap, time::Duration};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Engine, chain, sweep::complete};
use crate::{
    plan::look,
    sync::{Disposition, ProgressSender, SyncError, target::Target},
    webhook::Wanted,
};

impl Engine {
    /// The workspace whose key this is.
    pub fn workspace_id(&self) -> Uuid {
        self.source.key().workspace_id
    }

    /// How long to rest after a look that took so many calls.
    pub(in crate::sync) fn rest_after(&self, calls: u64) -> Duration {
        look::rest(calls, self.config.source.requests_per_minute)
    }

    /// Reads the objects of these names to the present; says how many calls were made meanwhile. Where one cannot be
    /// read, that is noted, and the next tick tries again.
    ///
    /// # Errors
    /// The key is refused, or the mirror cannot be asked.
    pub async fn look(
        &self,
        wanted: &BTreeMap<String, Wanted>,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<u64, SyncError> {
        let calls_before = self.source.usage().total();
        let workspace = self.workspace.read().await.clone();
        if !wanted.keys().all(|name| workspace.knows(name)) {
            self.memory.doubt_model();
        }
        let named =
            wanted.iter().filter_map(|(name, wanted)| Some((workspace.named(name)?, *wanted)));
        let named: Vec<(&Target, Wanted)> = named.collect();
        let targets: Vec<&Target> = named.iter().map(|(target, _)| *target).collect();
        let mut reports = self.pull_these(&targets, stop, progress).await?;
        let mut swept = complete(&reports, &workspace);
        swept.retain(|object| {
            let is_it = |(target, wanted): &(&Target, Wanted)| {
                target.table.object_id == *object && *wanted == Wanted::Everything
            };
            named.iter().any(is_it)
        });
        self.sweep_these(swept, &mut reports, stop, progress).await?;
        let calls = self.source.usage().total() - calls_before;
        let rows: u64 = reports.iter().map(|report| report.applied.rows_changed()).sum();
        tracing::debug!(objects = reports.len(), rows, calls, "looked at what webhooks told");
        let mut failures = reports.into_iter().filter_map(|report| report.failure);
        match failures.find(|error| error.disposition() != Disposition::Retry) {
            Some(error) if error.is_refused() => {
                let error = chain(&error);
                tracing::warn!(
                    event = "look_refused",
                    error,
                    "Twenty refused a look, perhaps for a new data model"
                );
                self.memory.doubt_model();
                Ok(calls)
            }
            Some(error) => Err(error),
            None => Ok(calls),
        }
    }
}
