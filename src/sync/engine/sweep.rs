//! When the engine looks for destroyed records.
//!
//! It exists because counting costs calls. Invariants: a single run always looks; the daemon once an hour, and at once at
//! an object that was seen to have fewer records than it had, or that a person let pass: if that fails, with the next
//! pass again, and a single run, which has no next pass, fails; what a sweep changes or fails at is reported with its
//! object.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
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
        target::{Target, Workspace},
    },
};

/// What goes wrong when nothing can be counted.
const COUNTING: &str = "count";

/// How often the daemon looks.
const EVERY: Duration = Duration::from_hours(1);

/// What was looked for, and what is still to be.
#[derive(Debug, Default)]
pub(super) struct Swept(Mutex<Looks>);

#[derive(Debug, Default)]
struct Looks {
    /// When the last sweep of all objects began.
    last: Option<Instant>,
    /// Objects that were seen to have lost records, of which it is not known yet which.
    owed: BTreeSet<ObjectId>,
}

impl Swept {
    /// Whether it is time, given that now is the time if it is.
    fn is_due(&self, mode: RunMode) -> bool {
        let mut looks = self.looks();
        let due = match mode {
            RunMode::Once => true,
            RunMode::Daemon => looks.last.is_none_or(|last| last.elapsed() >= EVERY),
        };
        if due {
            looks.last = Some(Instant::now());
        }
        due
    }

    /// These objects have lost records.
    fn owe(&self, lost: &BTreeSet<ObjectId>) {
        self.looks().owed.extend(lost);
    }

    fn owed(&self) -> BTreeSet<ObjectId> {
        self.looks().owed.clone()
    }

    /// These objects were looked at.
    fn settle(&self, done: &[ObjectId]) {
        self.looks().owed.retain(|object| !done.contains(object));
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Looks for destroyed records, if it is time, and of the objects of which some are gone. Says why a single run could
    /// not.
    pub(super) async fn sweep(
        &self,
        mode: RunMode,
        reports: &mut Vec<ObjectReport>,
        lost: &BTreeSet<ObjectId>,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Option<SyncError>, SyncError> {
        self.swept.owe(lost);
        let is_due = self.swept.is_due(mode);
        let of_single = |error: SyncError| (mode == RunMode::Once).then_some(error);
        if stop.is_cancelled() {
            return Ok(of_single(SyncError::Stopped));
        }
        let workspace = self.workspace.read().await.clone();
        let read = complete(reports, &workspace);
        let objects = match mode {
            RunMode::Once => read,
            RunMode::Daemon if is_due => self.in_order(reports, &workspace).await?,
            RunMode::Daemon => self.in_question(read, reports, &workspace).await?,
        };
        Ok(self.sweep_these(objects, reports, stop, progress).await?.and_then(of_single))
    }

    /// The objects of which a person let records go, among those that were read now, and those that have lost some.
    async fn in_question(
        &self,
        read: BTreeSet<ObjectId>,
        reports: &[ObjectReport],
        workspace: &Workspace,
    ) -> Result<BTreeSet<ObjectId>, SyncError> {
        let released = self.mirror.released_pulls().await?;
        let mut objects: BTreeSet<ObjectId> =
            read.into_iter().filter(|id| released.contains(id)).collect();
        let owed = self.swept.owed();
        if !owed.is_empty() {
            objects.extend(self.in_order(reports, workspace).await?.intersection(&owed));
        }
        Ok(objects)
    }

    /// The objects that were read to the end, now or before, and of which nothing says otherwise.
    async fn in_order(
        &self,
        reports: &[ObjectReport],
        workspace: &Workspace,
    ) -> Result<BTreeSet<ObjectId>, SyncError> {
        let mut objects = self.complete(workspace).await?;
        for stopped in self.stopped_pulls().await? {
            objects.remove(&stopped);
        }
        let is_incomplete = |target: &Target| {
            let is_it = |report: &&ObjectReport| report.object == target.plural();
            reports.iter().find(is_it).is_some_and(|report| !report.is_complete())
        };
        objects.retain(|object| !workspace.target(*object).is_some_and(is_incomplete));
        Ok(objects)
    }

    /// Looks for destroyed records of these objects, which were read to the end. Says why some could not be counted.
    pub(super) async fn sweep_these(
        &self,
        complete: BTreeSet<ObjectId>,
        reports: &mut Vec<ObjectReport>,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Option<SyncError>, SyncError> {
        if complete.is_empty() {
            return Ok(None);
        }
        let workspace = self.workspace.read().await.clone();
        let (source, mirror, writes) = (&self.source, &self.mirror, &self.writes);
        let (overlap, effect) = (time::Duration::ZERO, Effect::Apply);
        let pull = |target| Pull { source, mirror, target, overlap, writes, effect, progress };
        let pulls = workspace.targets().map(|target| (target.table.object_id, pull(target)));
        let mut sweeper = Sweeper::new(pulls.collect(), complete, stop);
        sweeper.released = self.mirror.released_pulls().await?.into_iter().collect();
        let counted = sweeper.run().await;
        let done = if counted.is_ok() { sweeper.done() } else { Vec::new() };
        let uncounted = self.note_counting(counted)?.or_else(|| sweeper.uncounted());
        self.swept.settle(&done);
        // What a person let pass has passed only if it was looked at.
        let is_released = |object: &ObjectId| sweeper.released.contains(object);
        let passed: Vec<ObjectId> = done.into_iter().filter(is_released).collect();
        if !passed.is_empty() {
            mirror.replace_fuses(Flow::Pull, &passed).await?;
        }
        for (id, applied) in &sweeper.applied {
            if let Some(report) = report_of(*id, &workspace, reports) {
                report.applied.add(*applied);
            }
        }
        for (id, error) in std::mem::take(&mut sweeper.failures) {
            self.note_sweep(id, &error).await;
            if let Some(report) = report_of(id, &workspace, reports) {
                report.failure = Some(error);
            }
        }
        Ok(uncounted)
    }

    /// Says that nothing can be counted, or can be again; an error where a later attempt would not help.
    fn note_counting(
        &self,
        counted: Result<(), SyncError>,
    ) -> Result<Option<SyncError>, SyncError> {
        match counted {
            Ok(()) if self.troubles.is_over(COUNTING) => {
                tracing::info!(
                    event = "counting_recovered",
                    "destroyed records are looked for again"
                );
                Ok(None)
            }
            Ok(()) => Ok(None),
            Err(error) if error.disposition() == Disposition::Retry => {
                let text = chain(&error);
                if self.troubles.begins(COUNTING, &text) {
                    tracing::warn!(
                        event = "counting_failed",
                        error = text,
                        "could not look for destroyed records; the next run does"
                    );
                }
                Ok(Some(error))
            }
            Err(error) => Err(error),
        }
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

/// The objects that were read to the end now.
pub(super) fn complete(reports: &[ObjectReport], workspace: &Workspace) -> BTreeSet<ObjectId> {
    let read: BTreeSet<&str> = reports
        .iter()
        .filter(|report| report.is_complete())
        .map(|report| report.object.as_str())
        .collect();
    let complete = workspace.targets().filter(|target| read.contains(target.plural()));
    complete.map(|target| target.table.object_id).collect()
}

/// The report of an object, which may not have been read in this run.
fn report_of<'a>(
    object: ObjectId,
    workspace: &Workspace,
    reports: &'a mut Vec<ObjectReport>,
) -> Option<&'a mut ObjectReport> {
    let target = workspace.target(object)?;
    let place = reports.iter().position(|report| report.object == target.plural());
    let place = place.unwrap_or_else(|| {
        reports.push(ObjectReport::of(&target.table));
        reports.len() - 1
    });
    reports.get_mut(place)
}
