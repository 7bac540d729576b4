//! Which objects are walked now: those that may have changed, and as few others as possible.
//!
//! It exists because most walks of a quiet workspace find nothing, while one probe tells of all objects how many
//! records they have and when the newest change was. Invariants: an object is left alone only while it shows exactly
//! what it showed before its last complete walk; what a transaction that committed late may have put below the newest
//! change is looked for when the overlap has passed; what shows nothing is walked, seldom if that finds nothing; and
//! nothing depends on probes alone, because the objects take turns, so that each is walked once in the longest interval.

use std::{collections::BTreeMap, time::Duration};

use time::OffsetDateTime;

use crate::record::ObjectId;

/// A server tells its own time in whole seconds.
const SERVER_TIME_STEP: Duration = Duration::from_secs(1);

/// What an object looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// How many records it has, live and deleted.
    pub records: u64,
    /// The newest time of change among them.
    pub newest: Option<OffsetDateTime>,
}

/// What a probe showed of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// The object.
    pub outline: Outline,
    /// The server's time.
    pub served_at: OffsetDateTime,
}

impl Sight {
    /// Whether a change with an older time than the newest may still be committed.
    fn is_recent(&self, overlap: Duration) -> bool {
        self.outline.newest.is_some_and(|newest| self.served_at - newest < overlap)
    }

    /// Whether the newest time has yet to come. People can write it, and it hides every change until then.
    fn is_ahead(&self) -> bool {
        self.outline.newest.is_some_and(|newest| newest - self.served_at > SERVER_TIME_STEP)
    }
}

/// Why an object is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// This process has not walked it yet.
    First,
    /// Its last walk did not come to an end, or somebody wants it read.
    Asked,
    /// It shows something else than before its last walk.
    Changed,
    /// What changed before the last walk may have been committed since.
    Late,
    /// Its newest time of change is in the future and hides what changes.
    Ahead,
    /// It was not shown.
    Unseen,
    /// It is its turn.
    Turn,
}

/// What is remembered of an object. Times count from when the process began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// When the last complete walk ended.
    walked: Option<Duration>,
    /// What it showed before that walk.
    shown: Option<Outline>,
    /// When what was committed late is looked for.
    again: Option<Duration>,
    /// How long it is left alone where it is not shown.
    pause: Duration,
}

/// What a walk brought.
#[derive(Debug, Clone, Copy)]
pub struct Walked<'a> {
    /// What the object showed before.
    pub sight: Option<&'a Sight>,
    /// When the walk ended.
    pub now: Duration,
    /// The time between two looks at the object; nothing where a crontab line says when.
    pub shortest: Duration,
    /// Whether it changed anything in the mirror.
    pub found: bool,
}

impl Watch {
    fn reason(&self, sight: Option<&Sight>, now: Duration) -> Option<Reason> {
        let Some(walked) = self.walked else { return Some(Reason::First) };
        let Some(sight) = sight else {
            return (now >= walked.saturating_add(self.pause)).then_some(Reason::Unseen);
        };
        if self.shown != Some(sight.outline) {
            Some(Reason::Changed)
        } else if self.again.is_some_and(|again| now >= again) {
            Some(Reason::Late)
        } else {
            sight.is_ahead().then_some(Reason::Ahead)
        }
    }

    /// Notes a walk that was complete.
    pub fn note(&mut self, walked: Walked<'_>, rules: Rules) {
        let Walked { sight, now, shortest, found } = walked;
        let is_tried_less = sight.is_none() && !found && self.walked.is_some();
        self.pause =
            if is_tried_less { rest(self.pause, shortest, rules.longest) } else { Duration::ZERO };
        self.shown = sight.map(|sight| sight.outline);
        self.again = sight
            .filter(|sight| sight.is_recent(rules.overlap))
            .map(|_| now.saturating_add(rules.overlap));
        self.walked = Some(now);
    }

    /// Whether the object has fewer records than it had: some were destroyed.
    pub fn has_lost(&self, sight: &Sight) -> bool {
        self.shown.is_some_and(|shown| sight.outline.records < shown.records)
    }

    /// Whether nothing is left to be looked for, as long as the object shows what it showed.
    pub fn is_settled(&self) -> bool {
        self.walked.is_some() && self.again.is_none()
    }

    fn is_overdue(&self, now: Duration, longest: Duration) -> bool {
        self.walked.is_some_and(|walked| now >= walked.saturating_add(longest))
    }
}

/// How far walks reach back, and how long an object is left alone at most.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How far each walk reaches back.
    pub overlap: Duration,
    /// The longest time between two walks.
    pub longest: Duration,
}

/// An object that may be looked at now.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Which.
    pub object: ObjectId,
    /// What is remembered of it.
    pub watch: &'a Watch,
    /// What a probe showed; `None` if nothing.
    pub sight: Option<&'a Sight>,
    /// Whether it is to be walked in any case.
    pub asked: bool,
}

/// Which of the objects are walked, and why. `last_turn` says until when turns were given, and moves.
pub fn decide(
    candidates: &[Candidate<'_>],
    now: Duration,
    rules: Rules,
    last_turn: &mut Duration,
) -> BTreeMap<ObjectId, Reason> {
    let reason = |candidate: &Candidate<'_>| {
        let own = candidate.watch.reason(candidate.sight, now);
        let asked = candidate.asked.then_some(Reason::Asked);
        Some((candidate.object, own.or(asked)?))
    };
    let mut walks: BTreeMap<ObjectId, Reason> = candidates.iter().filter_map(reason).collect();
    let mut rest: Vec<&Candidate<'_>> =
        candidates.iter().filter(|candidate| !walks.contains_key(&candidate.object)).collect();
    rest.sort_by_key(|candidate| (candidate.watch.walked, candidate.object));
    let overdue = |candidate: &&&Candidate<'_>| candidate.watch.is_overdue(now, rules.longest);
    let overdue = rest.iter().filter(overdue).count();
    let turns = turns(candidates.len(), now, rules.longest, last_turn).max(overdue);
    walks.extend(rest.into_iter().take(turns).map(|candidate| (candidate.object, Reason::Turn)));
    walks
}

/// How many of `objects` have their turn, so that each has one in the longest interval and they are spread evenly over it.
fn turns(objects: usize, now: Duration, longest: Duration, last_turn: &mut Duration) -> usize {
    let Some(each) = longest.checked_div(u32::try_from(objects).unwrap_or(u32::MAX)) else {
        return 0;
    };
    let passed = now.saturating_sub(*last_turn).as_nanos();
    let turns = passed
        .checked_div(each.as_nanos())
        .map_or(objects, |turns| usize::try_from(turns).unwrap_or(objects).min(objects));
    if turns == objects {
        *last_turn = now;
    } else {
        *last_turn += each * u32::try_from(turns).unwrap_or(u32::MAX);
    }
    turns
}

/// How long to leave alone what brought nothing, after it was left alone for `pause`.
pub fn rest(pause: Duration, shortest: Duration, longest: Duration) -> Duration {
    pause.saturating_mul(2).max(shortest).min(longest)
}

#[cfg(test)]
mod tests;
