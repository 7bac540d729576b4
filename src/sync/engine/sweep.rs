//! When the engine looks for destroyed records.
//!
//! It exists because counting costs calls. Invariants: a single run always looks, the daemon once an hour; what a
//! sweep changes or fails at is reported with its object.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::{
    mirror::RunMode,
    record::{Flow, ObjectId},
    sync::{
        Disposition, ObjectReport, ProgressSender, SyncError,
        engine::chain,
        pull::{Effect, Pull},
        sweep::Sweeper,
        target::Target,
    },
};

/// What goes wrong when nothing can be counted.
const COUNTING: &str = "count";

/// How often the daemon looks.
const EVERY: Duration = Duration::from_hours(1);

/// When the last sweep began.
#[derive(Debug, Default)]
pub(super) struct Swept(Mutex<Option<Instant>>);

impl Swept {
    /// Whether it is time, given that now is the time if it is.
    fn is_due(&self, mode: RunMode) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = match mode {
            RunMode::Once => true,
            RunMode::Daemon => last.is_none_or(|last| last.elapsed() >= EVERY),
        };
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl Engine {
    /// Looks for destroyed records of the objects that were read to the end, if it is time.
    pub(super) async fn sweep(
        &self,
        mode: RunMode,
        reports: &mut [ObjectReport],
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<(), SyncError> {
        // What a person let pass is looked at now, and once.
        let is_due = self.swept.is_due(mode) || !self.mirror.released_pulls().await?.is_empty();
        if stop.is_cancelled() || !is_due {
            return Ok(());
        }
        self.sweep_these(reports, stop, progress).await
    }

    /// Looks for destroyed records of these objects, where they were read to the end.
    pub(super) async fn sweep_these(
        &self,
        reports: &mut [ObjectReport],
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<(), SyncError> {
        let workspace = self.workspace.read().await.clone();
        let (source, mirror, writes) = (&self.source, &self.mirror, &self.writes);
        let (overlap, effect) = (time::Duration::ZERO, Effect::Apply);
        let pull = |target| Pull { source, mirror, target, overlap, writes, effect, progress };
        let pulls = workspace.targets().map(|target| (target.table.object_id, pull(target)));
        let read: BTreeSet<&str> = reports
            .iter()
            .filter(|report| report.failure.is_none() && !report.stopped)
            .map(|report| report.object.as_str())
            .collect();
        let complete = workspace.targets().filter(|target| read.contains(target.plural()));
        let complete: BTreeSet<ObjectId> = complete.map(|target| target.table.object_id).collect();
        let mut sweeper = Sweeper::new(pulls.collect(), complete, stop);
        sweeper.released = self.mirror.released_pulls().await?.into_iter().collect();
        if let Err(error) = sweeper.run().await {
            if error.disposition() != Disposition::Retry {
                return Err(error);
            }
            let error = chain(&error);
            if self.troubles.begins(COUNTING, &error) {
                tracing::warn!(
                    event = "counting_failed",
                    error,
                    "could not look for destroyed records; the next run does"
                );
            }
        } else if self.troubles.is_over(COUNTING) {
            tracing::info!(event = "counting_recovered", "destroyed records are looked for again");
        }
        let passed = sweeper.released.intersection(&sweeper.complete);
        let passed: Vec<ObjectId> =
            passed.filter(|object| !sweeper.failures.contains_key(object)).copied().collect();
        if !passed.is_empty() {
            mirror.replace_fuses(Flow::Pull, &passed).await?;
        }
        for (id, applied) in &sweeper.applied {
            let name = workspace.target(*id).map(Target::plural);
            if let Some(report) = reports.iter_mut().find(|report| Some(&*report.object) == name) {
                report.applied.add(*applied);
            }
        }
        for (id, error) in std::mem::take(&mut sweeper.failures) {
            self.note_sweep(id, &error).await;
            let name = workspace.target(id).map(Target::plural);
            if let Some(report) = reports.iter_mut().find(|report| Some(&*report.object) == name) {
                report.failure = Some(error);
            }
        }
        Ok(())
    }

    async fn note_sweep(&self, object: uuid::Uuid, error: &SyncError) {
        if matches!(error, SyncError::Stopped) {
            return;
        }
        let failure = chain(error);
        let name =
            self.workspace.read().await.target(object).map(|target| target.plural().to_owned());
        if self.troubles.begins(&format!("sweep {object}"), &failure) {
            tracing::warn!(
                event = "object_sweep_failed",
                object = name,
                error = failure,
                "could not look for destroyed records of an object"
            );
        }
        if let Err(error) = self.mirror.note_failure(object, &failure).await {
            tracing::debug!(error = chain(&error), "could not note a failure");
        }
    }
}
