//! The daemon's pass: looks which objects may have changed, and reads those.
//!
//! It exists because asking costs a call for all objects, and reading one for each. Invariants: what is walked is
//! decided by [`crate::plan::freshness`]; no record is read by a data model that was not read in the same pass; a source
//! that cannot tell what changed is read nevertheless.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Engine,
    memory::{Book, Sights},
};
use crate::{
    plan::freshness::{Outline, Reason, Rules, Sight},
    record::ObjectId,
    source::Probed,
    sync::{
        Disposition, ObjectReport, ProgressSender, SyncError,
        engine::chain,
        target::{Target, Workspace},
    },
};

/// What a pass over the objects that may have changed brought.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// The objects that were read.
    pub(super) reports: Vec<ObjectReport>,
    /// Those of them that have fewer records than they had.
    pub(super) lost: BTreeSet<ObjectId>,
}

/// What a probe brought.
enum Probing {
    Seen(Sights),
    /// Nothing, so that it may rest.
    Failed,
    /// It was not tried.
    Left,
}

/// The data model that a pass works with.
struct Known {
    workspace: Arc<Workspace>,
    /// Whether it was read in this pass.
    is_new: bool,
}

impl Engine {
    /// When the daemon looks again; `None` if only a crontab line knows.
    pub(in crate::sync) async fn next_look(&self) -> Option<Instant> {
        self.memory.next_look().await
    }

    /// Reads the objects that are due and may have changed.
    pub(super) async fn pull_changed(
        &self,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Changed, SyncError> {
        let mut book = self.memory.book.lock().await;
        let rules =
            Rules { overlap: self.config.pull.overlap, longest: self.config.pull.max_interval };
        book.begin();
        let mut known = self.known_model(&mut book).await?;
        self.look_back().await?;
        let stopped = self.stopped_pulls().await?;
        let runs = |target: &&Target| !stopped.contains(&target.table.object_id);
        let workspace = Arc::clone(&known.workspace);
        let due = book.due(workspace.targets().filter(runs), &self.memory.schedules);
        let probing = self.look_from_outside(&mut book, &mut known, &due, stop).await?;
        let (sights, has_failed) = match probing {
            Probing::Seen(sights) => (sights, false),
            Probing::Failed => (Sights::new(), true),
            Probing::Left => (Sights::new(), false),
        };
        let mut walks = book.decide(&due, &sights, &self.asked().await?, rules);
        if !walks.is_empty() {
            self.read_model(&mut book, &mut known).await?;
            let is_new = |target: &&Target| workspace.target(target.table.object_id).is_none();
            let new = known.workspace.targets().filter(runs).filter(is_new);
            let mut may = due;
            may.extend(book.due(new, &self.memory.schedules));
            walks.extend(book.decide(&may, &sights, &self.asked().await?, rules));
        }
        let quiet = unchanged(&book, &sights, &walks);
        let is_walked = |target: &&Target| walks.contains_key(&target.table.object_id);
        let targets: Vec<&Target> = known.workspace.targets().filter(is_walked).collect();
        for target in &targets {
            let (object, reason) = (target.plural(), walks.get(&target.table.object_id));
            tracing::debug!(object, ?reason, "an object is read");
        }
        self.look_ahead(&targets, progress).await?;
        let reports = self.pull_these(&targets, stop, progress).await?;
        let lost = book.note(&targets, &sights, &reports, rules);
        if has_failed && reports.iter().any(ObjectReport::is_complete) {
            book.rest(self.memory.schedules.shortest().unwrap_or_default(), rules.longest);
        }
        self.note_unchanged(&quiet, &sights).await?;
        Ok(Changed { reports, lost })
    }

    /// The data model as it is known, or as it is, if it is time to look.
    async fn known_model(&self, book: &mut Book) -> Result<Known, SyncError> {
        let workspace = self.workspace.read().await.clone();
        let mut known = Known { workspace, is_new: false };
        let every = self.config.schema.interval;
        let is_fresh = book.model_read.is_some_and(|read| read.elapsed() < every);
        if !is_fresh || self.memory.doubts_model() {
            self.read_model(book, &mut known).await?;
        }
        Ok(known)
    }

    /// Reads the data model, unless this pass has.
    async fn read_model(&self, book: &mut Book, known: &mut Known) -> Result<(), SyncError> {
        if known.is_new {
            return Ok(());
        }
        self.memory.believe_model();
        known.workspace = self.evolve().await.inspect_err(|_| self.memory.doubt_model())?;
        known.is_new = true;
        book.model_read = Some(Instant::now());
        Ok(())
    }

    /// Looks at all objects that are due with a probe, if it does not rest.
    async fn look_from_outside(
        &self,
        book: &mut Book,
        known: &mut Known,
        due: &[&Target],
        stop: &CancellationToken,
    ) -> Result<Probing, SyncError> {
        let names: Vec<&str> = due.iter().map(|target| target.plural()).collect();
        if names.is_empty() || book.is_resting() {
            return Ok(Probing::Left);
        }
        let mut probed = self.probe(&names, stop).await;
        if probed.as_ref().is_err_and(SyncError::is_refused) && !known.is_new {
            // An object that was renamed or switched off is refused with all others.
            self.read_model(book, known).await?;
            probed = self.probe(&names, stop).await;
        }
        match probed {
            Ok(Some(probed)) => {
                book.resume();
                Ok(Probing::Seen(sights(due, &probed)))
            }
            Ok(None) => Ok(Probing::Failed),
            Err(error @ SyncError::Stopped) => Err(error),
            Err(error) if error.disposition() == Disposition::Unauthorised => Err(error),
            Err(error) => {
                let error = chain(&error);
                tracing::debug!(error, "could not look what changed, so objects are read");
                Ok(Probing::Failed)
            }
        }
    }

    /// A probe; `None` if it takes longer than any one request may: reading is then quicker.
    async fn probe(
        &self,
        names: &[&str],
        stop: &CancellationToken,
    ) -> Result<Option<Probed>, SyncError> {
        let probed = timeout(self.config.source.request_timeout, self.source.probe(names));
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(SyncError::Stopped),
            probed = probed => Ok(probed.ok().transpose()?),
        }
    }

    /// The objects that are read whatever they show.
    async fn asked(&self) -> Result<BTreeSet<ObjectId>, SyncError> {
        let unfinished = self.mirror.unfinished().await?;
        let released = self.mirror.released_pulls().await?;
        Ok(unfinished.into_iter().chain(released).collect())
    }

    async fn note_unchanged(&self, quiet: &[ObjectId], sights: &Sights) -> Result<(), SyncError> {
        match sights.values().map(|sight| sight.served_at).min() {
            Some(served_at) => Ok(self.mirror.note_unchanged(quiet, served_at).await?),
            None => Ok(()),
        }
    }
}

/// The objects that were seen and are left alone, by which nothing is missed.
fn unchanged(book: &Book, sights: &Sights, walks: &BTreeMap<ObjectId, Reason>) -> Vec<ObjectId> {
    let is_quiet = |object: &&ObjectId| !walks.contains_key(object) && book.is_settled(**object);
    sights.keys().filter(is_quiet).copied().collect()
}

fn sights(due: &[&Target], probed: &Probed) -> Sights {
    let Some(served_at) = probed.served_at else { return Sights::new() };
    let seen = due.iter().zip(&probed.shown).filter_map(|(target, shown)| {
        let shown = shown.as_ref()?;
        let outline = Outline { records: shown.total_count, newest: shown.max_updated_at };
        Some((target.table.object_id, Sight { outline, served_at }))
    });
    seen.collect()
}
