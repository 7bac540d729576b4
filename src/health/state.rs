//! What is known about the loops of one workspace, and what follows from it: do they live, is it ready?
//!
//! Invariants: *alive* is about this process alone, never about Twenty or PostgreSQL, because a restart cures neither;
//! *ready* is about both sides.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Calls, Reading, Side};

/// A loop that has not moved for so long hangs. Twenty may ask for a pause of five minutes, and one statement of
/// PostgreSQL (an index on a large table) may take minutes, too.
const LONGEST_TURN: Duration = Duration::from_mins(10);

/// What the daemon does for its mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// It is not known yet.
    #[default]
    Unknown,
    /// It waits while another one works.
    StandsBy {
        /// Where that one runs.
        leader: String,
    },
    /// It works.
    Leads {
        /// How often the lease had been taken when it took it.
        epoch: i64,
    },
}

/// What is known about the loops of one workspace. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    turns: Mutex<BTreeMap<&'static str, Instant>>,
    known: Mutex<Known>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) role: Role,
    pub(super) source: Side,
    pub(super) mirror: Side,
    /// Why the mirror took nothing when it was last written to, although it may be read.
    pub(super) takes_nothing: Option<String>,
    pub(super) calls: Calls,
    pub(super) reading: Option<Arc<Reading>>,
    /// Why nothing is done until a person acts.
    standing: Option<String>,
}

impl Health {
    /// Twenty was asked, or tried to be.
    pub fn source(&self, side: Side, calls: Calls) {
        let mut known = self.known_mut();
        known.source = side;
        known.calls = calls;
    }

    /// The mirror was read.
    pub fn mirror(&self, reading: Reading) {
        let mut known = self.known_mut();
        known.mirror = Side::Answers;
        known.reading = Some(Arc::new(reading));
    }

    /// The mirror could not be opened or read, and why. What was read before stays known.
    pub fn mirror_fails(&self, why: String) {
        self.known_mut().mirror = Side::Fails(why);
    }

    /// Another daemon works on the mirror, and this one would take its place.
    pub fn stands_by(&self, leader: &str) {
        self.known_mut().role = Role::StandsBy { leader: leader.to_owned() };
    }

    /// This daemon works on the mirror.
    pub fn leads(&self, epoch: i64) {
        self.known_mut().role = Role::Leads { epoch };
    }

    /// Who leads is not known any more.
    pub fn leads_no_more(&self) {
        self.known_mut().role = Role::Unknown;
    }

    /// Where the daemon runs that works while this one stands by.
    pub(super) fn leader(&self) -> Option<String> {
        match self.known().role {
            Role::StandsBy { leader } => Some(leader),
            Role::Unknown | Role::Leads { .. } => None,
        }
    }

    /// The loops ended, and begin again only when a person has acted.
    pub fn stands_still(&self, why: String) {
        self.known_mut().standing = Some(why);
    }

    /// The loops begin.
    pub fn goes_on(&self) {
        self.known_mut().standing = None;
    }

    /// Whether the mirror took what was written to it last; if not, why.
    pub fn mirror_takes(&self, obstacle: Option<String>) {
        self.known_mut().takes_nothing = obstacle;
    }

    /// Loops that do not move, each with a sentence; none means alive.
    pub(super) fn hanging(&self) -> Vec<String> {
        self.hanging_at(Instant::now())
    }

    fn hanging_at(&self, now: Instant) -> Vec<String> {
        let turns = self.turns();
        let ages = turns.iter().map(|(name, turn)| (name, now.duration_since(*turn)));
        let hanging = ages.filter(|(_, age)| *age > LONGEST_TURN);
        hanging
            .map(|(name, age)| format!("the {name} loop has not moved for {} s", age.as_secs()))
            .collect()
    }

    /// How long ago each loop moved.
    pub(super) fn ages(&self) -> Vec<(&'static str, Duration)> {
        self.turns().iter().map(|(name, turn)| (*name, turn.elapsed())).collect()
    }

    /// What keeps the mirror from being used, each with a sentence; none means ready.
    pub(super) fn obstacles(&self) -> Vec<String> {
        let known = self.known();
        if let Some(why) = known.standing {
            return vec![format!("it stands still until the configuration changes: {why}")];
        }
        let mut obstacles = Vec::new();
        match known.mirror {
            Side::NotAsked => obstacles.push("PostgreSQL has not answered yet".to_owned()),
            Side::Fails(why) => obstacles.push(format!("PostgreSQL: {why}")),
            Side::Answers => obstacles
                .extend(known.takes_nothing.map(|why| format!("PostgreSQL takes nothing: {why}"))),
        }
        // A standby asks Twenty nothing, and could lead at once.
        if matches!(known.role, Role::StandsBy { .. }) {
            return obstacles;
        }
        match known.source {
            Side::NotAsked => obstacles.push("Twenty has not answered yet".to_owned()),
            Side::Fails(why) => obstacles.push(format!("Twenty: {why}")),
            Side::Answers => {}
        }
        let begun = known.reading.is_some_and(|reading| {
            reading.objects.iter().any(|object| object.is_walked || object.read_up_to.is_some())
        });
        if !begun {
            obstacles.push("the first walk has not begun".to_owned());
        }
        obstacles
    }

    /// Whether both sides were opened, or a person must act first.
    pub(super) fn is_opened(&self) -> bool {
        let known = self.known();
        known.reading.is_some() || known.standing.is_some()
    }

    pub(super) fn known(&self) -> Known {
        self.known_mut().clone()
    }

    pub(super) fn enter(&self, name: &'static str) {
        self.turns().insert(name, Instant::now());
    }

    pub(super) fn leave(&self, name: &'static str) {
        self.turns().remove(name);
    }

    fn known_mut(&self) -> MutexGuard<'_, Known> {
        // Nothing is left half done under these locks.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, BTreeMap<&'static str, Instant>> {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
