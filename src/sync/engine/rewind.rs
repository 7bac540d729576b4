//! Looks whether one of the sides went back in time, before anything follows it.
//!
//! It exists because a restored backup is only recognised as long as nothing was made equal to it. Invariants: nothing
//! is read, removed or sent before the first look of a process, and before the next one after the source was away; a
//! side that went back stops flows and changes nothing else; the source is looked at twice, because a replica of it may
//! lag.

use std::{collections::HashMap, time::Duration};

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

use super::Engine;
use crate::{
    mirror::StopCause,
    plan::rewind::{self, Seen, Sentinel, Verdict},
    record::{Direction, Flow, ObjectId},
    source::Times,
    sync::{
        Disposition, SyncError,
        engine::chain,
        target::{Target, Workspace},
    },
};

/// How long a look is believed; less than what lies between two sweeps.
const EVERY: Duration = Duration::from_mins(55);

/// How long a replica of the source gets to catch up.
const AGAIN: Duration = Duration::from_secs(2);

const ACCEPT: &str = "twenty-sync rewind status says more, twenty-sync rewind accept goes on";

/// When both sides were looked at.
#[derive(Debug, Default)]
pub(super) struct LookedBack(Mutex<Option<Instant>>);

impl LookedBack {
    /// From now on another look is needed.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl Engine {
    /// Looks whether a side went back, if it is time; stops what must not go on. Whoever comes meanwhile waits.
    pub(in crate::sync) async fn look_back(&self) -> Result<(), SyncError> {
        let mut last = self.looked_back.0.lock().await;
        if last.is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        let workspace = self.workspace.read().await.clone();
        let workspace =
            if workspace.targets().next().is_none() { self.evolve().await? } else { workspace };
        self.look_at_mirror(&workspace).await?;
        self.look_at_source(&workspace).await?;
        *last = Some(Instant::now());
        Ok(())
    }

    /// Where the book is in another database than it was, changes that wait may be those of another time.
    async fn look_at_mirror(&self, workspace: &Workspace) -> Result<(), SyncError> {
        let (now, before) = self.mirror.places().await?;
        if !before.may_be(&now) {
            for (object, records) in self.mirror.unsent().await? {
                let reason = format!(
                    "the mirror was restored or copied with {records} records that have changes of that time"
                );
                let name = workspace.target(object).map(Target::plural);
                tracing::warn!(
                    event = "mirror_went_back",
                    object = name,
                    records,
                    "the mirror was restored or copied: nothing is sent"
                );
                let stop = (Flow::Push, StopCause::Rewind);
                self.mirror.stop(object, stop, (&reason, ACCEPT)).await?;
            }
        }
        if before.is_outdated(&now) {
            self.mirror.note_place(&now).await?;
        }
        Ok(())
    }

    async fn look_at_source(&self, workspace: &Workspace) -> Result<(), SyncError> {
        let stops = self.mirror.stops().await?;
        if stops.iter().any(|stop| (stop.flow, stop.cause) == (Flow::Pull, StopCause::Rewind)) {
            return Ok(());
        }
        let mut sentinels = self.mirror.sentinels().await?;
        sentinels.retain(|sentinel| workspace.target(sentinel.object_id).is_some());
        let sentinels = rewind::choose(sentinels);
        let verdict = match self.verdict(workspace, &sentinels).await {
            Ok(verdict) => verdict,
            Err(error) if error.disposition() == Disposition::Configuration => {
                let error = chain(&error);
                if self.troubles.begins("look back", &error) {
                    tracing::warn!(
                        event = "look_back_failed",
                        error,
                        "could not look whether Twenty was restored from a backup"
                    );
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match verdict {
            Some(before) => self.stop_all(workspace, before).await,
            None => Ok(()),
        }
    }

    /// Before which time the source is again, if it went back.
    async fn verdict(
        &self,
        workspace: &Workspace,
        sentinels: &[Sentinel],
    ) -> Result<Option<OffsetDateTime>, SyncError> {
        let mut again = false;
        loop {
            let (seen, verdict) = self.judged(workspace, sentinels).await?;
            match verdict {
                Verdict::Unclear => return Ok(None),
                Verdict::Usual => {
                    let gone: Vec<Sentinel> = seen
                        .into_iter()
                        .filter_map(|(sentinel, shown)| shown.is_none().then_some(sentinel))
                        .collect();
                    self.mirror.forget_sentinels(&gone).await?;
                    return Ok(None);
                }
                Verdict::Back(_) | Verdict::BackUnlessNewer(_) if !again => {
                    again = true;
                    tokio::time::sleep(AGAIN).await;
                }
                Verdict::Back(before) => return Ok(Some(before)),
                Verdict::BackUnlessNewer(since) => {
                    let is_newer = self.has_newer(workspace, sentinels, since).await?;
                    return Ok((!is_newer).then_some(since));
                }
            }
        }
    }

    async fn judged(
        &self,
        workspace: &Workspace,
        sentinels: &[Sentinel],
    ) -> Result<(Vec<Seen>, Verdict), SyncError> {
        if sentinels.is_empty() {
            return Ok((Vec::new(), Verdict::Unclear));
        }
        let objects = objects(sentinels);
        let of = |object: ObjectId| {
            let ids = sentinels.iter().filter(move |sentinel| sentinel.object_id == object);
            (name(workspace, object), ids.map(|sentinel| sentinel.id).collect::<Vec<Uuid>>())
        };
        let asked: Vec<(&str, Vec<Uuid>)> = objects.iter().map(|object| of(*object)).collect();
        let Times { served_at, shown } = self.source.times(&asked).await?;
        let shown: HashMap<ObjectId, HashMap<Uuid, OffsetDateTime>> =
            objects.into_iter().zip(shown).filter_map(|(id, shown)| Some((id, shown?))).collect();
        let seen = sentinels.iter().filter_map(|sentinel| {
            let shown = shown.get(&sentinel.object_id)?;
            Some((*sentinel, shown.get(&sentinel.id).copied()))
        });
        let seen: Vec<Seen> = seen.collect();
        let verdict = rewind::judge(&seen, served_at);
        Ok((seen, verdict))
    }

    /// Whether the source has anything that was changed at this time or later, or does not say.
    async fn has_newer(
        &self,
        workspace: &Workspace,
        sentinels: &[Sentinel],
        since: OffsetDateTime,
    ) -> Result<bool, SyncError> {
        let names: Vec<&str> =
            objects(sentinels).into_iter().map(|object| name(workspace, object)).collect();
        let probes = self.source.probe(&names).await?.shown;
        let is_older = |probe: &Option<crate::source::Probe>| {
            probe.is_some_and(|probe| probe.max_updated_at.is_none_or(|newest| newest < since))
        };
        Ok(!probes.iter().all(is_older))
    }

    async fn stop_all(
        &self,
        workspace: &Workspace,
        before: OffsetDateTime,
    ) -> Result<(), SyncError> {
        let moment = before.truncate_to_second().to_offset(UtcOffset::UTC);
        let moment = moment.format(&Rfc3339).unwrap_or_else(|_| moment.to_string());
        let reason =
            format!("Twenty is as it was before {moment}, as after a restore from a backup");
        tracing::warn!(
            event = "source_went_back",
            before = moment,
            "Twenty went back in time: nothing is read or sent"
        );
        for target in workspace.targets() {
            let object = target.table.object_id;
            let stop =
                |flow| self.mirror.stop(object, (flow, StopCause::Rewind), (&reason, ACCEPT));
            stop(Flow::Pull).await?;
            if target.table.direction == Direction::Both {
                stop(Flow::Push).await?;
            }
        }
        Ok(())
    }
}

/// The objects of sentinels, each once.
fn objects(sentinels: &[Sentinel]) -> Vec<ObjectId> {
    let mut objects: Vec<ObjectId> = Vec::new();
    for sentinel in sentinels {
        if !objects.contains(&sentinel.object_id) {
            objects.push(sentinel.object_id);
        }
    }
    objects
}

fn name(workspace: &Workspace, object: ObjectId) -> &str {
    workspace.target(object).map(Target::plural).unwrap_or_default()
}
