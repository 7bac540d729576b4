//! Plays one history: people, faults and processes at random, then peace; and judges it.

use std::{cell::RefCell, rc::Rc};

use crate::{
    clock::SECOND,
    daemon::{Daemon, Task, poll},
    objects::Key,
    tally::Tally,
    world::{World, Wrong},
};

/// The most steps that a run of the program takes in these small worlds.
const ENDLESS: usize = 20_000;

/// Runs after which both sides must be equal.
const CYCLES: usize = 10;

/// Runs after which they are still equal where the data model changes: what waited for a field that was out of sight is
/// read, then sent, and may be refused then.
const QUIET: usize = 4;

/// How a history is played.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// How far the program's clock is from the server's, in seconds. Anything but 0 also jumps.
    pub clock: i64,
    /// Whether everything meets: people keep to what is under way, answers take long, and one task goes on for long.
    pub crowded: bool,
    /// Whether the story is wanted.
    pub told: bool,
    /// Whether the data model is one of its own.
    pub varied: bool,
}

impl Setup {
    /// How the history of a seed is played: half of them varied.
    pub fn of(seed: u64) -> Setup {
        if seed % 8 >= 4 { Setup::varied(seed) } else { Setup::plain(seed) }
    }

    /// With the data model that many share: every fourth with a clock that jumps, every fourth crowded.
    pub fn plain(seed: u64) -> Setup {
        let clock = if seed % 4 == 1 { 86_400 } else { 0 };
        Setup { clock, crowded: seed % 4 == 3, ..Setup::default() }
    }

    /// The same with a data model of its own.
    pub fn varied(seed: u64) -> Setup {
        Setup { varied: true, ..Setup::plain(seed) }
    }
}

/// What came of a history.
#[derive(Debug, Clone)]
pub struct Played {
    /// What is wrong, if anything is.
    pub wrong: Option<Wrong>,
    /// A digest of all that happened.
    pub digest: u64,
    /// What happened, counted.
    pub tally: Tally,
    /// What happened, if that was asked for.
    pub story: Vec<String>,
}

/// One process.
struct Process {
    daemon: Rc<Daemon>,
    tasks: Vec<Task>,
    is_paused: bool,
}

/// A history under way.
pub(crate) struct History {
    pub(crate) world: Rc<RefCell<World>>,
    processes: Vec<Process>,
    as_daemon: bool,
    number: u32,
    began: i64,
}

/// Plays the history of a seed.
pub fn play(seed: u64, setup: Setup) -> Played {
    let mut history = History::new(seed, setup);
    history.chaos();
    history.peace();
    history.end()
}

impl History {
    pub(crate) fn new(seed: u64, setup: Setup) -> History {
        let world = World::new(seed, setup);
        let began = world.now;
        let world = Rc::new(RefCell::new(world));
        let as_daemon = !world.borrow_mut().dice.once_in(3);
        History { world, processes: Vec::new(), as_daemon, number: 0, began }
    }

    /// Without faults.
    pub(crate) fn quietly(&mut self) {
        self.world.borrow_mut().faults = 0;
    }

    fn roll(&self, limit: usize) -> usize {
        self.world.borrow_mut().dice.below(limit)
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.world.borrow().wrong.is_some()
    }

    fn chaos(&mut self) {
        let steps = 30 + self.roll(90);
        for _ in 0..steps {
            if self.is_wrong() {
                return;
            }
            self.world.borrow_mut().happens();
            match self.roll(40) {
                0..=6 => {
                    self.number += 7;
                    self.world.borrow_mut().people_act(self.number);
                }
                7..=13 => {
                    self.number += 7;
                    self.world.borrow_mut().statement(self.number);
                }
                14 => self.time_passes(),
                15 => self.crash(),
                16 => self.pause(),
                17 => self.take_over(),
                18 => self.world.borrow_mut().land(),
                19 => {
                    let mut world = self.world.borrow_mut();
                    let open = world.twenty.open.len();
                    if open > 0 {
                        let place = world.dice.below(open);
                        world.commit(place);
                    }
                }
                20..=25 if self.world.borrow().crowded => self.burst(),
                _ => {
                    let steps = 1 + self.roll(8);
                    (0..steps).for_each(|_| self.go_on());
                }
            }
        }
    }

    fn time_passes(&mut self) {
        let seconds = self.world.borrow_mut().dice.pick(&[1, 3, 5, 61, 400]).unwrap_or(1);
        if seconds > 5 {
            // No request outlives its deadline.
            self.processes.clear();
        }
        self.world.borrow_mut().pass(seconds * SECOND);
    }

    fn start(&mut self) {
        let daemon = Daemon::start(&self.world);
        let tasks = if self.as_daemon { daemon.tasks() } else { vec![daemon.once()] };
        self.processes.push(Process { daemon, tasks, is_paused: false });
    }

    /// A process is killed.
    fn crash(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        let place = self.roll(self.processes.len());
        self.processes.remove(place);
        let mut world = self.world.borrow_mut();
        let in_doubt = world.mirror.bases.values().any(|base| base.sent.is_some());
        let walking =
            world.mirror.checkpoints.iter().any(|stored| stored.checkpoint.walk.is_some());
        let state = match (in_doubt, walking) {
            (true, true) => "in doubt, within a walk",
            (true, false) => "in doubt",
            (false, true) => "within a walk",
            (false, false) => "at rest",
        };
        world.tally.hit("kill", state);
        world.say("a process is killed");
    }

    fn pause(&mut self) {
        if !self.processes.is_empty() {
            let place = self.roll(self.processes.len());
            self.processes[place].is_paused ^= true;
            self.world.borrow_mut().tally.hit("pause", "process");
        }
    }

    /// Another process takes over, while the first may go on.
    fn take_over(&mut self) {
        if self.processes.len() == 1 {
            self.world.borrow_mut().tally.hit("split brain", "process");
            self.start();
        }
    }

    /// Some process comes to its next effect.
    fn go_on(&mut self) {
        if self.is_wrong() {
            return;
        }
        self.processes.retain(|process| !process.tasks.is_empty());
        if self.processes.is_empty() {
            self.start();
        }
        let place = self.roll(self.processes.len());
        if !self.processes[place].is_paused {
            let task = self.roll(self.processes[place].tasks.len());
            let _ = self.step(place, task);
        }
    }

    /// A task comes to its next effect; whether it goes on after it.
    fn step(&mut self, place: usize, task: usize) -> bool {
        let process = &mut self.processes[place];
        let has_ended = poll(&mut process.tasks[task]);
        if has_ended {
            drop(process.tasks.remove(task));
        }
        let _ = &process.daemon;
        !has_ended
    }

    /// One task does much while all others wait.
    fn burst(&mut self) {
        self.go_on();
        self.processes.retain(|process| !process.tasks.is_empty());
        if self.processes.is_empty() {
            return;
        }
        let place = self.roll(self.processes.len());
        if self.processes[place].is_paused {
            return;
        }
        let task = self.roll(self.processes[place].tasks.len());
        for _ in 0..self.roll(24) {
            if self.is_wrong() || !self.step(place, task) {
                return;
            }
        }
    }

    /// Runs a task to its end.
    pub(crate) fn finish(&mut self, mut task: Task) {
        for _ in 0..ENDLESS {
            if self.is_wrong() || poll(&mut task) {
                return;
            }
        }
        self.world.borrow_mut().wrong("I20", "a run of the program does not end".to_owned());
    }

    /// One run of `--once`, and one comparison.
    pub(crate) fn cycle(&mut self) {
        self.world.borrow_mut().pass(400 * SECOND);
        let daemon = Daemon::start(&self.world);
        self.finish(daemon.once());
        self.finish(daemon.comparison());
    }

    /// Nothing fails any more and people are quiet: both sides become equal, and stay so without a write.
    pub(crate) fn peace(&mut self) {
        {
            let mut world = self.world.borrow_mut();
            world.say("peace");
            world.faults = 0;
            while !world.late.is_empty() {
                world.land();
            }
            while !world.twenty.open.is_empty() {
                world.commit(0);
            }
        }
        if self.roll(2) == 0 {
            self.processes.clear();
        }
        for _ in 0..60 {
            if !self.processes.is_empty() {
                self.processes.iter_mut().for_each(|process| process.is_paused = false);
                self.go_on();
            }
        }
        self.processes.clear();
        let cycles = self.until_equal();
        // What nobody wrote, such as a time of change, follows with the next look.
        self.cycle();
        let differences = self.differences();
        let mut world = self.world.borrow_mut();
        world.tally.more("cycles to peace", "histories", cycles as u64);
        if let Some(first) = differences.first() {
            world.wrong("I1", format!("{} differences, such as {first}", differences.len()));
        }
        world.check_model();
        for key in world.book.unsettled() {
            // What is switched off goes on when it is switched on again.
            if world.is_open(key.0) {
                world.close(key);
            }
        }
        drop(world);
        self.idle();
    }

    /// Plays runs until both sides are equal and stay so, while somebody repairs what is refused; says how many it took.
    fn until_equal(&mut self) -> usize {
        let wanted = if self.world.borrow().drift.is_some() { QUIET } else { 1 };
        let (mut cycles, mut quiet) = (0, 0);
        while !self.is_wrong() && quiet < wanted && cycles < CYCLES {
            cycles += 1;
            self.cycle();
            self.world.borrow_mut().check_waiting();
            quiet = if self.differences().is_empty() { quiet + 1 } else { 0 };
            if quiet == 0 && cycles % 2 == 0 {
                self.number += 7;
                self.world.borrow_mut().repair(self.number);
            }
        }
        cycles
    }

    fn differences(&self) -> Vec<String> {
        let world = self.world.borrow();
        let unequal = world.book.ids.iter().filter(|key| !world.is_equal(**key));
        let is_due = |key: &Key| world.is_open(key.0) && !world.waits_for_field(*key);
        let bases = world.mirror.bases.iter().filter(|(key, _)| is_due(key));
        let unsent = bases.filter(|(_, base)| base.waiting.is_empty());
        let unequal = unequal.map(|key| {
            format!("{key:?}: {:?} / {:?}", world.twenty.get(*key), world.mirror.row(*key))
        });
        unequal.chain(unsent.map(|(key, base)| format!("{key:?} is not sent: {base:?}"))).collect()
    }

    fn idle(&mut self) {
        if self.is_wrong() {
            return;
        }
        self.world.borrow_mut().written = (0, 0);
        self.cycle();
        self.cycle();
        let mut world = self.world.borrow_mut();
        let (writes, rows) = world.written;
        if (writes, rows) != (0, 0) {
            world.wrong("I3", format!("idle runs sent {writes} writes and changed {rows} rows"));
        }
    }

    pub(crate) fn end(self) -> Played {
        drop(self.processes);
        let mut world = self.world.borrow_mut();
        let (checked, effects) = (world.book.checked, world.effects);
        let seconds = u64::try_from((world.now - self.began) / SECOND).unwrap_or(0);
        world.tally.more("user writes", "checked", checked.writes);
        world.tally.more("agreements", "checked", checked.agreements);
        world.tally.more("either end is right", "checked", checked.open);
        world.tally.more("effects", "all", effects);
        world.tally.more("simulated seconds", "all", seconds);
        world.count_kinds();
        let conflicts = world.mirror.conflicts.len() as u64;
        world.tally.more("conflicts", "kept", conflicts);
        Played {
            wrong: world.wrong.clone(),
            digest: world.trace.digest(),
            tally: world.tally.clone(),
            story: world.story.take().unwrap_or_default(),
        }
    }
}
