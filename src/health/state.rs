//! What is known about the daemon, and what follows from it: does it live, is it ready?
//!
//! It exists as the one place that both the endpoint and the supervisor ask. Invariants: *alive* is about this process
//! alone, never about Twenty or PostgreSQL, because a restart cures neither; *ready* is about both sides.

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

/// What is known about the daemon. Clones are one.
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
    pub(super) calls: Calls,
    pub(super) reading: Option<Arc<Reading>>,
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
        let mut obstacles = Vec::new();
        match known.mirror {
            Side::NotAsked => obstacles.push("PostgreSQL has not answered yet".to_owned()),
            Side::Fails(why) => obstacles.push(format!("PostgreSQL: {why}")),
            Side::Answers => {}
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

    /// One line for a supervisor.
    pub(super) fn in_a_line(&self) -> String {
        if let Some(obstacle) = self.hanging().into_iter().chain(self.obstacles()).next() {
            return one_line(&obstacle);
        }
        if let Some(leader) = self.leader() {
            return one_line(&format!("standing by: {leader} works on the mirror"));
        }
        let reading = self.known().reading;
        let objects = reading.iter().flat_map(|reading| &reading.objects);
        let (mut count, mut waiting, mut stuck, mut stopped, mut first) = (0, 0, 0, 0, 0);
        for object in objects {
            count += 1;
            waiting += object.waiting;
            stuck += object.quarantined + object.conflicts;
            stopped += i64::from(object.stops.iter().any(|stop| stop.is_stopped));
            first += i64::from(object.read_up_to.is_none());
        }
        let told = [
            ("changes waiting", waiting),
            ("problems", stuck),
            ("objects stopped", stopped),
            ("objects not read to the end yet", first),
        ];
        let told = told.iter().filter(|(_, number)| *number > 0);
        told.fold(format!("objects: {count}"), |line, (what, number)| {
            format!("{line}, {what}: {number}")
        })
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

/// Remote text cannot add a line of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}

#[cfg(test)]
mod tests;
