//! The same acts of people, carried over by runs of `--once` or by the tasks of the daemon.
//!
//! It exists because both are the same loops in another order, and must end alike. Invariants: nothing fails; people
//! have dice of their own, and act while both sides are at rest, so that both ways see the same acts.

use crate::{
    clock::SECOND,
    daemon::Daemon,
    dice::Dice,
    objects::{Key, is_live, meaning},
    plan::reconcile::{Conflict, ConflictKind},
    play::{History, Setup},
    record::{DeleteMode, Image},
    world::World,
};

/// How often people act, and how far the daemon's tasks go after it.
const ROUNDS: u32 = 8;
const STEPS: usize = 1_600;

/// Who carries over what people did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// Runs of `--once`, one after the other.
    Once,
    /// The tasks of the daemon, side by side.
    Daemon,
}

/// What both sides hold after each round, what conflicts there were, and what is left to do; until a round may end in
/// two ways, because it is for nobody to say what is heard of first.
pub fn drive(seed: u64, driver: Driver) -> Vec<Vec<String>> {
    let mut history = History::new(seed, Setup::default());
    history.quietly();
    let mut people = Dice::new(seed ^ 0x007e_0b1e);
    let round = |round| {
        let mut world = history.world.borrow_mut();
        std::mem::swap(&mut world.dice, &mut people);
        act(&mut world, 1 + 60 * round);
        std::mem::swap(&mut world.dice, &mut people);
        let is_open = is_buried_twice(&world) || is_made_twice(&world);
        drop(world);
        match driver {
            Driver::Once => (0..4).for_each(|_| history.cycle()),
            Driver::Daemon => run(&mut history),
        }
        let world = history.world.borrow();
        let is_open = is_open || world.book.checked.open > 0;
        (!is_open).then(|| state(&world))
    };
    (0..ROUNDS).map_while(round).collect()
}

fn act(world: &mut World, number: u32) {
    world.pass(400 * SECOND);
    for more in 0..=world.dice.below(6) {
        let number = number + 7 * u32::try_from(more).unwrap_or(0);
        if world.dice.once_in(2) { world.people_act(number) } else { world.statement(number) }
    }
    while !world.twenty.open.is_empty() {
        world.commit(0);
    }
}

/// Whether somebody deleted here for ever what lies in the trash there: it may stay in the trash, or not.
fn is_buried_twice(world: &World) -> bool {
    let trashed = world.twenty.trashed();
    let is_deleted = |key: &Key| {
        world.mirror.bases.contains_key(key)
            && world.mirror.row(*key).is_none()
            && world.objects[key.0].delete_mode == DeleteMode::Destroy
    };
    trashed.iter().any(is_deleted)
}

/// Whether somebody made a record on either side under one id: whether the create is refused first, or the other one is
/// read first, is for nobody to say.
fn is_made_twice(world: &World) -> bool {
    let bases = world.mirror.bases.iter();
    let mut made = bases.filter(|(_, base)| base.base.is_none()).map(|(key, _)| *key);
    made.any(|key| world.twenty.get(key).is_some())
}

/// The daemon works for long enough to come to rest.
fn run(history: &mut History) {
    let mut tasks = Daemon::start(&history.world).tasks();
    for step in 0..STEPS {
        let mut world = history.world.borrow_mut();
        if step % (STEPS / 4) == 0 {
            world.pass(400 * SECOND);
        }
        let task = world.dice.below(tasks.len());
        drop(world);
        let _ = crate::daemon::poll(&mut tasks[task]);
    }
}

fn state(world: &World) -> Vec<String> {
    let mut lines: Vec<String> = world.book.ids.iter().map(|key| line(world, *key)).collect();
    // A delete that is sent before the edit that it meets was read buries it unread.
    let is_seen = |conflict: &&(Key, Conflict)| conflict.1.kind != ConflictKind::DeletedInMirror;
    let conflicts = world.mirror.conflicts.iter().filter(is_seen);
    lines.extend(conflicts.map(|(key, conflict)| {
        let of = (conflict.kind, &conflict.field, conflict.winner, conflict.resolution);
        format!("conflict of {key:?}: {of:?}")
    }));
    lines.sort_unstable();
    lines.dedup();
    lines.extend(world.wrong.iter().map(|wrong| format!("wrong: {wrong:?}")));
    lines
}

fn line(world: &World, key: Key) -> String {
    let object = &world.objects[key.0];
    let tell = |image: Option<&Image>| {
        let Some(image) = image else { return "nothing".to_owned() };
        let units = object.editable.iter().map(|unit| meaning(object, *unit, image));
        let life = if is_live(image) { "live" } else { "dead" };
        format!("{life} {}", units.collect::<Vec<String>>().join(" ; "))
    };
    let there = tell(world.twenty.get(key).map(|record| &record.image));
    let here = tell(world.mirror.row(key));
    let open = if world.mirror.bases.contains_key(&key) { ", something is left" } else { "" };
    format!("{key:?}: {there} / {here}{open}")
}
