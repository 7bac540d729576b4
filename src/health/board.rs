//! What is known of every workspace that the process keeps.
//!
//! It exists as the one place that both the endpoint and the supervisor ask. Invariant: the process is as well as the
//! least well of its workspaces; where workspaces have names, each sentence and figure says whose it is.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::Health;

/// What is known of every workspace. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    workspaces: Mutex<Vec<(Option<String>, Health)>>,
    is_ready: AtomicBool,
}

impl Board {
    /// What is known of this workspace; what was known before, where it is not new.
    pub fn workspace(&self, name: Option<&str>) -> Health {
        let mut workspaces = self.workspaces();
        if let Some((_, health)) = workspaces.iter().find(|(known, _)| known.as_deref() == name) {
            return health.clone();
        }
        let health = Health::default();
        workspaces.push((name.map(str::to_owned), health.clone()));
        health
    }

    /// Forgets every workspace but these.
    pub fn keep(&self, names: &[Option<String>]) {
        self.workspaces().retain(|(known, _)| names.contains(known));
    }

    /// Every workspace, by its name.
    pub(super) fn all(&self) -> Vec<(Option<String>, Health)> {
        self.workspaces().clone()
    }

    /// Loops that do not move, each with a sentence; none means alive.
    pub(super) fn hanging(&self) -> Vec<String> {
        self.told(Health::hanging)
    }

    /// What keeps the mirrors from being used, each with a sentence; none means ready.
    pub(super) fn obstacles(&self) -> Vec<String> {
        self.told(Health::obstacles)
    }

    /// Which workspaces others work on while this process stands by, each with a sentence.
    pub(super) fn standby(&self) -> Vec<String> {
        let told = |leader| format!("standby: {leader} works on the mirror");
        self.told(|health| health.leader().into_iter().map(told).collect())
    }

    fn told(&self, tell: impl Fn(&Health) -> Vec<String>) -> Vec<String> {
        let named = |name: &Option<String>, line: String| match name {
            Some(name) => format!("{name}: {line}"),
            None => line,
        };
        let all = self.all();
        let lines = all
            .iter()
            .flat_map(|(name, health)| tell(health).into_iter().map(move |line| named(name, line)));
        lines.collect()
    }

    /// How everything is, in one line, for people who look at the supervisor.
    pub(super) fn in_a_line(&self) -> String {
        if let Some(obstacle) = self.hanging().into_iter().chain(self.obstacles()).next() {
            return one_line(&obstacle);
        }
        let standby = self.standby();
        if !standby.is_empty() && standby.len() == self.all().len() {
            return one_line(&standby.join("; "));
        }
        let readings = self.all().into_iter().filter_map(|(_, health)| health.known().reading);
        let (mut count, mut waiting, mut stuck, mut stopped, mut first) = (0, 0, 0, 0, 0);
        for reading in readings {
            for object in &reading.objects {
                count += 1;
                waiting += object.waiting;
                stuck += object.quarantined + object.conflicts;
                stopped += i64::from(object.stops.iter().any(|stop| stop.is_stopped));
                first += i64::from(object.read_up_to.is_none());
            }
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

    /// Whether every workspace was opened, or waits for a person.
    pub(super) fn is_opened(&self) -> bool {
        let all = self.all();
        !all.is_empty() && all.iter().all(|(_, health)| health.is_opened())
    }

    pub(super) fn is_ready(&self) -> bool {
        self.0.is_ready.load(Ordering::Relaxed)
    }

    pub(super) fn set_ready(&self) {
        self.0.is_ready.store(true, Ordering::Relaxed);
    }

    fn workspaces(&self) -> MutexGuard<'_, Vec<(Option<String>, Health)>> {
        // Nothing is left half done under this lock.
        self.0.workspaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remote text cannot add a line of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}

#[cfg(test)]
mod tests;
