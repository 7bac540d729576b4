//! How much a first load has before it, and what the budget says to that.
//!
//! It exists so that whoever waits for a first load knows how long. Invariant: what cannot be counted is not told, and
//! keeps nothing from being read.

use super::Engine;
use crate::{
    mirror::{BudgetLimit, CallCounts},
    plan::backfill::{Estimate, estimate},
    record::ObjectId,
    source::{CallOutcome, Lane, Trash, Usage},
    sync::{Progress, ProgressSender, SyncError, engine::chain, status, target::Target},
};

impl Engine {
    /// Counts what was never read, once, and says how long it takes to read it.
    pub(super) async fn look_ahead(
        &self,
        targets: &[&Target],
        progress: &ProgressSender,
    ) -> Result<(), SyncError> {
        let stopped = self.stopped_pulls().await?;
        let mut unread = self.mirror.unread().await?;
        let find = |id: &ObjectId| targets.iter().find(|target| target.table.object_id == *id);
        unread.retain(|(id, _)| find(id).is_some() && !stopped.contains(id));
        let uncounted: Vec<&Target> = unread
            .iter()
            .filter(|(_, object)| object.total.is_none())
            .filter_map(|(id, _)| find(id).copied())
            .collect();
        if uncounted.is_empty() {
            return Ok(());
        }
        let counts = self.counted(&uncounted).await;
        self.mirror.expect(&counts).await?;
        self.tell_budget().await?;
        for (id, object) in &mut unread {
            let counted = counts.iter().find(|(counted, _)| counted == id);
            object.total = object.total.or(counted.map(|(_, count)| *count));
        }
        let unread: Vec<_> = unread.into_iter().map(|(_, object)| object).collect();
        if let Some(ahead) = estimate(&unread, self.source.budget().map(status::pace)) {
            let Estimate { objects, seen, total, calls, seconds } = ahead;
            tracing::info!(
                event = "first_load_begins",
                objects,
                seen,
                total,
                calls,
                seconds,
                "a first load begins"
            );
            // Nobody listening is no reason to stop.
            let _ = progress.send(Progress::Ahead(ahead));
        }
        Ok(())
    }

    /// How many records each object has; without those that were not counted.
    async fn counted(&self, targets: &[&Target]) -> Vec<(ObjectId, u64)> {
        let names: Vec<&str> = targets.iter().map(|target| target.plural()).collect();
        match self.source.in_lane(Lane::Backfill).counts(&names, Trash::Counted).await {
            Ok(counts) => targets
                .iter()
                .zip(counts)
                .filter_map(|(target, count)| Some((target.table.object_id, count?)))
                .collect(),
            Err(error) => {
                tracing::debug!(error = chain(&error), "could not count what is to be read");
                Vec::new()
            }
        }
    }

    /// Writes down what the calls were spent on, and what is left.
    pub(in crate::sync) async fn tell_budget(&self) -> Result<(), SyncError> {
        let limit = self.source.budget().map(|budget| BudgetLimit {
            calls: budget.limit.calls,
            window: budget.limit.window,
            left: budget.left,
            reserve: budget.reserve,
        });
        Ok(self.mirror.tell_budget(limit, &counts(&self.source.usage())).await?)
    }
}

fn counts(usage: &Usage) -> CallCounts {
    let of_lane = |lane: Lane| {
        let outcomes = CallOutcome::ALL.into_iter();
        outcomes.map(|outcome| (outcome.as_str().to_owned(), usage.of(lane, outcome))).collect()
    };
    Lane::ALL.into_iter().map(|lane| (lane.as_str().to_owned(), of_lane(lane))).collect()
}
