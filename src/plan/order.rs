//! In which order records are written: parents before their children, deletes the other way round.
//!
//! It exists because the source answers 500 to a reference to a record that is not there yet. References are found
//! by id alone, so that it does not matter which object a relation points to. Invariants: a record is written after
//! every new record that it refers to, or without that reference, which then follows as an update; a record whose
//! parent is stuck waits, and only it and its children do; every record is in the result exactly once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The record.
    pub record: Uuid,
    /// How it is written.
    pub kind: Kind,
    /// The columns that refer to other records, with the id in each. For a delete, as the source knows them.
    pub references: Vec<(usize, Uuid)>,
}

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is created: others may have to wait for it.
    Create,
    /// It is changed or restored.
    Update,
    /// It is deleted.
    Delete,
}

/// The order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// Records that can be written at once, wave after wave.
    pub waves: Vec<Vec<Step>>,
    /// Records that cannot be written now, each after the one that it waits for.
    pub waiting: Vec<Waiting>,
}

/// A record to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The record.
    pub record: Uuid,
    /// Columns to leave out for now: the records that they refer to come later.
    pub postponed: Vec<usize>,
}

/// A record that cannot be written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The record.
    pub record: Uuid,
    /// The record that it waits for.
    pub parent: Uuid,
}

/// Orders `nodes`, whose records are all different. `stuck` are new records that the source does not have, and that
/// are not in `nodes`: their create was refused.
pub fn order(nodes: &[Node], stuck: &BTreeSet<Uuid>) -> Order {
    let (written, mut deleted): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| node.kind != Kind::Delete);
    // Where a circle is cut follows from the records, not from the order in which they came.
    deleted.sort_unstable_by_key(|node| node.record);
    let mut graph = Graph::of_writes(&written, stuck);
    let waiting = graph.take_waiting(stuck);
    let mut waves = graph.waves();
    let together = |wave: Vec<Step>| wave.into_iter().map(Step::whole).collect();
    waves.extend(Graph::of_deletes(&deleted).waves().into_iter().map(together));
    Order { waves, waiting }
}

/// Parts what waits: records that wait, directly or not, for a new record behind a stop, each with what it waits for
/// in the end, and those that wait for a refused one. `stopped` says of new records what they wait for, which may be
/// themselves.
pub fn behind<T: Copy>(
    waiting: Vec<Waiting>,
    mut stopped: BTreeMap<Uuid, T>,
) -> (Vec<(Uuid, T)>, Vec<Waiting>) {
    let (mut behind, mut refused) = (Vec::new(), Vec::new());
    // Parents come before those that wait for them.
    for wait in waiting {
        match stopped.get(&wait.parent).copied() {
            Some(root) => {
                stopped.insert(wait.record, root);
                behind.push((wait.record, root));
            }
            None => refused.push(wait),
        }
    }
    (behind, refused)
}

impl Step {
    /// A delete leaves nothing out, even where a cycle had to be cut.
    fn whole(self) -> Step {
        Step { postponed: Vec::new(), ..self }
    }
}

/// Who has to come before whom.
#[derive(Default)]
struct Graph {
    /// For each record, what it refers to that has to come first, by column.
    needs: BTreeMap<Uuid, BTreeMap<usize, Uuid>>,
    postponed: HashMap<Uuid, Vec<usize>>,
}

impl Graph {
    fn of_writes(nodes: &[&Node], stuck: &BTreeSet<Uuid>) -> Graph {
        let created: HashSet<Uuid> =
            nodes.iter().filter(|node| node.kind == Kind::Create).map(|node| node.record).collect();
        let mut graph = Graph::default();
        for node in nodes {
            let awaited = node.references.iter().copied();
            let awaited = awaited.filter(|(_, id)| created.contains(id) || stuck.contains(id));
            graph.needs.insert(node.record, awaited.collect());
        }
        graph
    }

    /// A parent is deleted after its children: what it needs are these.
    fn of_deletes(nodes: &[&Node]) -> Graph {
        let mut graph = Graph::default();
        for node in nodes {
            graph.needs.entry(node.record).or_default();
        }
        for node in nodes {
            for (_, parent) in &node.references {
                if let Some(needs) = graph.needs.get_mut(parent).filter(|_| *parent != node.record)
                {
                    needs.insert(needs.len(), node.record);
                }
            }
        }
        graph
    }

    /// Takes out what refers to a stuck record, and what refers to that, if it is new itself.
    fn take_waiting(&mut self, stuck: &BTreeSet<Uuid>) -> Vec<Waiting> {
        let mut stuck = stuck.clone();
        let mut waiting = Vec::new();
        loop {
            let found = self.needs.iter().filter_map(|(&record, needs)| {
                let parent = *needs.values().find(|id| stuck.contains(id))?;
                Some(Waiting { record, parent })
            });
            let found: Vec<Waiting> = found.collect();
            if found.is_empty() {
                return waiting;
            }
            for wait in &found {
                self.needs.remove(&wait.record);
                stuck.insert(wait.record);
            }
            waiting.extend(found);
        }
    }

    fn waves(mut self) -> Vec<Vec<Step>> {
        let mut waves = Vec::new();
        while !self.needs.is_empty() {
            let free = self.free();
            if free.is_empty() {
                self.break_a_cycle();
                continue;
            }
            for record in &free {
                self.needs.remove(record);
            }
            let gone: HashSet<Uuid> = free.iter().copied().collect();
            for needs in self.needs.values_mut() {
                needs.retain(|_, id| !gone.contains(id));
            }
            waves.push(free.into_iter().map(|record| self.step(record)).collect());
        }
        waves
    }

    fn free(&self) -> Vec<Uuid> {
        self.needs.iter().filter(|(_, needs)| needs.is_empty()).map(|(record, _)| *record).collect()
    }

    fn step(&mut self, record: Uuid) -> Step {
        let mut postponed = self.postponed.remove(&record).unwrap_or_default();
        postponed.sort_unstable();
        Step { record, postponed }
    }

    /// Everything left needs something that is left, so following needs leads into a cycle. The reference that
    /// closes it is left out of its smallest record.
    fn break_a_cycle(&mut self) {
        let Some(cycle) = self.cycle() else { return };
        let Some(&record) = cycle.iter().min() else { return };
        let Some(needs) = self.needs.get_mut(&record) else { return };
        let inside = |id: &Uuid| cycle.contains(id);
        let columns: Vec<usize> =
            needs.iter().filter(|(_, id)| inside(id)).map(|(column, _)| *column).collect();
        for column in columns {
            needs.remove(&column);
            self.postponed.entry(record).or_default().push(column);
        }
    }

    fn cycle(&self) -> Option<BTreeSet<Uuid>> {
        let mut path = Vec::new();
        let mut record = *self.needs.keys().next()?;
        while !path.contains(&record) {
            path.push(record);
            record = *self.needs.get(&record)?.values().next()?;
        }
        let start = path.iter().position(|seen| *seen == record)?;
        Some(path[start..].iter().copied().collect())
    }
}

#[cfg(test)]
mod tests;
