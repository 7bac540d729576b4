//! What the daemon remembers of the objects between two passes.
//!
//! It exists beside the passes that read and fill it. Invariants: it is of this process only; a new one knows nothing and
//! walks everything once, because what happened to both sides while nobody watched is not told by a probe, and a walk
//! of each object costs little more than proving that it can be left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::{
    plan::freshness::{self, Candidate, Reason, Rules, Sight, Walked, Watch},
    record::ObjectId,
    sync::{
        ObjectReport,
        schedule::{Moment, Schedules},
        target::Target,
    },
};

/// What was seen of the objects of which anything was.
pub(super) type Sights = BTreeMap<ObjectId, Sight>;

/// What is remembered, and what is to be done when.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) schedules: Schedules,
    pub(super) book: Mutex<Book>,
    /// Whether something was seen that the data model does not explain.
    doubts_model: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Book {
    began: Instant,
    /// When the last pass began.
    tried: Option<Instant>,
    /// When the data model was read.
    pub(super) model_read: Option<Instant>,
    watches: BTreeMap<ObjectId, Watch>,
    /// When each object was last looked at, and after how long it is again, if that is always the same.
    looked: BTreeMap<ObjectId, (Moment, Option<Duration>)>,
    last_turn: Duration,
    /// How long probes rest, and until when, because they brought nothing.
    rest: (Duration, Duration),
}

impl Memory {
    pub(super) fn new(schedules: Schedules) -> Memory {
        let book = Book {
            began: Instant::now(),
            tried: None,
            model_read: None,
            watches: BTreeMap::new(),
            looked: BTreeMap::new(),
            last_turn: Duration::ZERO,
            rest: Default::default(),
        };
        Memory { schedules, book: Mutex::new(book), doubts_model: AtomicBool::new(false) }
    }

    /// The data model is read again with the next pass.
    pub(super) fn doubt_model(&self) {
        self.doubts_model.store(true, Ordering::Relaxed);
    }

    /// Doubts that come from now on are about a newer one.
    pub(super) fn believe_model(&self) {
        self.doubts_model.store(false, Ordering::Relaxed);
    }

    pub(super) fn doubts_model(&self) -> bool {
        self.doubts_model.load(Ordering::Relaxed)
    }

    /// When the next look is due; `None` if only a crontab line knows.
    pub(super) async fn next_look(&self) -> Option<Instant> {
        let book = self.book.lock().await;
        let tried = book.tried?;
        let soonest = self.schedules.shortest().map(|period| tried + period);
        // What a pass did not come to look at is not tried again at once.
        let next = |(moment, period): &(Moment, Option<Duration>)| {
            let next = moment.instant + (*period)?;
            if next > tried { Some(next) } else { soonest }
        };
        if book.looked.is_empty() { soonest } else { book.looked.values().filter_map(next).min() }
    }
}

impl Book {
    /// A pass begins.
    pub(super) fn begin(&mut self) {
        self.tried = Some(Instant::now());
    }

    /// Which of these are due, which counts as looked at.
    pub(super) fn due<'a>(
        &mut self,
        targets: impl Iterator<Item = &'a Target>,
        schedules: &Schedules,
    ) -> Vec<&'a Target> {
        let now = Moment::now();
        let is_due = |target: &&Target| {
            let schedule = schedules.of_object(target);
            let looked = self.looked.get(&target.table.object_id);
            let is_due = looked.is_none_or(|(last, _)| schedule.is_due(*last, now));
            if is_due {
                self.looked.insert(target.table.object_id, (now, schedule.period()));
            }
            is_due
        };
        targets.filter(is_due).collect()
    }

    /// Which of the objects that are due are walked, and why.
    pub(super) fn decide(
        &mut self,
        due: &[&Target],
        sights: &Sights,
        asked: &BTreeSet<ObjectId>,
        rules: Rules,
    ) -> BTreeMap<ObjectId, Reason> {
        let now = self.began.elapsed();
        let unknown = Watch::default();
        let candidate = |target: &&Target| {
            let object = target.table.object_id;
            let watch = self.watches.get(&object).unwrap_or(&unknown);
            let (sight, asked) = (sights.get(&object), asked.contains(&object));
            Candidate { object, watch, sight, asked }
        };
        let candidates: Vec<Candidate<'_>> = due.iter().map(candidate).collect();
        freshness::decide(&candidates, now, rules, &mut self.last_turn)
    }

    /// Notes what was read to the end; says of which objects records are gone.
    pub(super) fn note(
        &mut self,
        targets: &[&Target],
        sights: &Sights,
        reports: &[ObjectReport],
        rules: Rules,
    ) -> BTreeSet<ObjectId> {
        let now = self.began.elapsed();
        let mut lost = BTreeSet::new();
        for report in reports.iter().filter(|report| report.is_complete()) {
            let target = targets.iter().find(|target| target.plural() == report.object);
            let Some(object) = target.map(|target| target.table.object_id) else { continue };
            let (watch, sight) = (self.watches.entry(object).or_default(), sights.get(&object));
            if sight.is_some_and(|sight| watch.has_lost(sight)) {
                lost.insert(object);
            }
            let found = report.applied.rows_changed() > 0;
            let period = self.looked.get(&object).and_then(|(_, period)| *period);
            let shortest = period.unwrap_or_default();
            watch.note(Walked { sight, now, shortest, found }, rules);
        }
        lost
    }

    /// Whether nothing can be missed by leaving an object alone that shows what it showed.
    pub(super) fn is_settled(&self, object: ObjectId) -> bool {
        self.watches.get(&object).is_some_and(Watch::is_settled)
    }

    /// Whether probes rest.
    pub(super) fn is_resting(&self) -> bool {
        self.began.elapsed() < self.rest.1
    }

    /// Notes that a probe brought nothing, although the server answers.
    pub(super) fn rest(&mut self, shortest: Duration, longest: Duration) {
        let rest = freshness::rest(self.rest.0, shortest, longest);
        self.rest = (rest, self.began.elapsed().saturating_add(rest));
    }

    /// Notes that a probe told something.
    pub(super) fn resume(&mut self) {
        self.rest = Default::default();
    }
}
