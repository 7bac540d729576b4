//! What becomes of records that the source refuses.
//!
//! It exists as the loop's side of [`crate::plan::retry`]: it asks what to do, and does it. Invariants: a refused
//! record is set aside with the reason and a hint, never dropped; one refused record stops no other; a refusal that
//! concerns the whole object ends its writes for this push.

use std::time::Duration;

use uuid::Uuid;

use super::Round;
use crate::{
    mirror::{self, Claimed},
    plan::{
        batch::Batch,
        fate::Fate,
        guard,
        order::Waiting,
        push::{Verb, references},
        retry::{Disposition, Failure, Patience, after},
    },
    record::{Image, ObjectId, canonical},
    source::{ObjectNames, Refusal, RefusalKind},
    sync::{SyncError, target::Target},
};

/// What is written down about a refused record.
struct Why {
    reason: String,
    hint: Option<&'static str>,
    holder: Option<Uuid>,
    /// Whether it waits for that record to be sent.
    waits: bool,
    retry_in: Option<Duration>,
}

/// How long the longest refused text may be that is kept.
const TEXT: usize = 500;

impl Round<'_> {
    /// A batch of one record, or a refusal that concerns all of its records.
    pub(super) async fn refuse(
        &mut self,
        batch: &Batch,
        refusal: &Refusal,
    ) -> Result<(), SyncError> {
        let looked = match refusal.kind {
            RefusalKind::UnknownField | RefusalKind::UnknownOption => {
                self.look_for_shown(batch).await?
            }
            _ => Vec::new(),
        };
        for id in batch.records() {
            self.report.refused += 1;
            let attempts = self.claims.get(&id).map_or(0, |claim| claim.attempts);
            let (_, random) = Uuid::new_v4().as_u64_pair();
            let disposition = if looked.contains(&id) {
                Disposition::Retry(Duration::ZERO)
            } else {
                after(failure(&refusal.kind), attempts + 1, Patience::default(), random)
            };
            self.dispose(batch.object, id, refusal, disposition).await?;
        }
        Ok(())
    }

    /// A field that the source does not know although the data model was just read may be one that it does not show
    /// any more: what is not shown waits, and the rest goes without it. An option that it does not know may stand in the
    /// guard only, as the old value: then the version guards. Says which records were read.
    async fn look_for_shown(&mut self, batch: &Batch) -> Result<Vec<Uuid>, SyncError> {
        let is_again = |id: &Uuid| {
            let claim = self.claims.get(id);
            claim.is_some_and(|claim| claim.attempts > 0 && !matches!(claim.verb, Verb::Create(_)))
        };
        let again = batch.records().into_iter().filter(is_again);
        let ids: Vec<Uuid> =
            again.filter(|id| !self.memory.is_guard_useless(batch.object, *id)).collect();
        if !ids.is_empty() {
            self.look(batch.object, &ids, Fate::Refused).await?;
            for id in &ids {
                self.memory.guard_useless(batch.object, *id);
            }
        }
        Ok(ids)
    }

    async fn dispose(
        &mut self,
        object: ObjectId,
        id: Uuid,
        refusal: &Refusal,
        disposition: Disposition,
    ) -> Result<(), SyncError> {
        let text = shortened(refusal.message.raw());
        let why = match disposition {
            Disposition::Read(_) => return self.look(object, &[id], fate(&refusal.kind)).await,
            Disposition::Retry(wait) => Why {
                reason: text,
                hint: Some("it is tried again by itself"),
                holder: self.missing_parent(object, id, &refusal.kind),
                waits: false,
                retry_in: Some(wait),
            },
            Disposition::RefreshSchema | Disposition::Halve => {
                self.report.model_outdated = true;
                let hint = Some("the data model is read again, then it is tried again");
                Why {
                    reason: text,
                    hint,
                    holder: None,
                    waits: false,
                    retry_in: Some(Duration::ZERO),
                }
            }
            Disposition::Quarantine { reason, hint } => {
                let holder = self.holder(object, id, &refusal.kind).await?;
                let retry_in = later(&refusal.kind);
                Why {
                    reason: format!("{reason}: {text}"),
                    hint: Some(hint),
                    holder,
                    waits: false,
                    retry_in,
                }
            }
            Disposition::StopObject { hint } | Disposition::Halt { hint } => {
                self.memory.stop(object);
                let retry_in = Some(Patience::default().longest);
                Why { reason: text, hint: Some(hint), holder: None, waits: false, retry_in }
            }
        };
        self.set_aside(object, id, why).await
    }

    /// A record whose parent is not at the source yet.
    pub(super) async fn refuse_waiting(&mut self, waiting: Waiting) -> Result<(), SyncError> {
        let Some(object) = self.claims.get(&waiting.record).map(|claim| claim.object) else {
            return Ok(());
        };
        let reason = format!("it refers to record {}, which is itself not sent", waiting.parent);
        let hint =
            Some("repair that record, or clear the reference; it is sent right after that record");
        self.set_aside(
            object,
            waiting.record,
            Why { reason, hint, holder: Some(waiting.parent), waits: true, retry_in: None },
        )
        .await
    }

    /// A record with a value that the source cannot hold, found before anything was sent.
    pub(super) async fn refuse_value(
        &mut self,
        record: &Claimed,
        reason: &str,
    ) -> Result<(), SyncError> {
        self.report.refused += 1;
        let refusal = mirror::Refusal {
            object_id: record.object_id,
            record_id: record.record_id,
            field: None,
            reason: format!("the source cannot hold a value: {reason}"),
            hint: Some("correct the value; it is tried again when the row changes".to_owned()),
            holder_id: None,
            waits: false,
            retry_in: None,
            through: record.through().unwrap_or_default(),
            answered: false,
            written: record.written,
            json: record.mirror.as_ref().map(|row| row.get().to_owned()).unwrap_or_default(),
        };
        self.mirror.quarantine_push(&[refusal]).await?;
        Ok(())
    }

    async fn set_aside(&mut self, object: ObjectId, id: Uuid, why: Why) -> Result<(), SyncError> {
        let Some((claim, target)) = self.claims.get(&id).zip(self.workspace.target(object)) else {
            return Ok(());
        };
        if matches!(claim.verb, Verb::Create(_)) {
            self.stuck.insert(id);
        }
        let refusal = mirror::Refusal {
            object_id: object,
            record_id: id,
            field: None,
            reason: why.reason,
            hint: why.hint.map(str::to_owned),
            holder_id: why.holder,
            waits: why.waits,
            retry_in: why.retry_in,
            through: claim.through,
            answered: true,
            written: self.written.get(&id).copied().unwrap_or_default(),
            json: claim.image.to_json(&target.table.columns),
        };
        tracing::debug!(object = target.plural(), record_id = %id, "a local change was refused and is set aside");
        let passed = self.mirror.quarantine_push(&[refusal]).await?;
        if passed.is_empty() {
            return Ok(());
        }
        // What a page showed meanwhile is read before it is sent again.
        self.written.extend(passed);
        self.look(object, &[id], Fate::Refused).await
    }

    /// The parent that is missing, where there is no doubt which: what refers to several may lack any of them.
    fn missing_parent(&self, object: ObjectId, id: Uuid, kind: &RefusalKind) -> Option<Uuid> {
        let RefusalKind::MissingParent = kind else { return None };
        let (claim, target) = self.claims.get(&id).zip(self.workspace.target(object))?;
        match references(&target.table, &claim.image).as_slice() {
            [(_, parent)] => Some(*parent),
            _ => None,
        }
    }

    /// Which other record stands in the way: a parent that is missing, or the record that holds a value that must be
    /// unique, the trash included.
    async fn holder(
        &self,
        object: ObjectId,
        id: Uuid,
        kind: &RefusalKind,
    ) -> Result<Option<Uuid>, SyncError> {
        let RefusalKind::Unique { .. } = kind else {
            return Ok(self.missing_parent(object, id, kind));
        };
        let Some((claim, target)) = self.claims.get(&id).zip(self.workspace.target(object)) else {
            return Ok(None);
        };
        let names = ObjectNames::new(&target.table.name_singular, &target.table.name_plural)?;
        for filter in held_values(target, &claim.image) {
            let holder = self.source.holder(names, filter, id).await?;
            if holder.is_some() {
                return Ok(holder);
            }
        }
        Ok(None)
    }
}

/// Filters for the values of a record that must be unique.
fn held_values(target: &Target, image: &Image) -> Vec<serde_json::Value> {
    let filter = |&index: &usize| {
        let (column, value) = (&target.table.columns[index], image.get(index)?);
        // Empty values may repeat.
        let alternatives = (!canonical::is_empty(column, value))
            .then(|| guard::alternatives(column, value))
            .flatten()?;
        Some(serde_json::json!({"or": alternatives}))
    };
    target.unique.iter().filter_map(filter).collect()
}

fn failure(kind: &RefusalKind) -> Failure {
    match kind {
        RefusalKind::Unique { .. } => Failure::NotUnique,
        RefusalKind::DuplicateEntry => Failure::IdExists,
        RefusalKind::Permission | RefusalKind::ReadOnly => Failure::Forbidden,
        RefusalKind::UnknownField | RefusalKind::UnknownOption => Failure::UnknownField,
        RefusalKind::MissingParent => Failure::MissingReference,
        RefusalKind::NotFound => Failure::GuardFailed,
        RefusalKind::Value | RefusalKind::Cursor | RefusalKind::TooComplex | RefusalKind::Other => {
            Failure::BadValue
        }
    }
}

fn fate(kind: &RefusalKind) -> Fate {
    match kind {
        RefusalKind::DuplicateEntry => Fate::Exists,
        _ => Fate::Refused,
    }
}

/// A missing parent may come by itself; everything else waits for a change.
fn later(kind: &RefusalKind) -> Option<Duration> {
    matches!(kind, RefusalKind::MissingParent).then(|| Patience::default().longest)
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT).collect()
}
