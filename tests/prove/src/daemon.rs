//! The loops of the program, with every effect as a step of its own.
//!
//! It exists because the planner is pure, and the loops around it are not: here are the loops of `src/sync`, over models
//! instead of HTTP and SQL. Invariants: between two polls of a task lies exactly one effect, so whoever stops polling has
//! killed the program there; what is decided is decided by the functions of `src/plan`.

mod budget;
mod content;
mod evolve;
mod pace;
mod pull;
mod push;
mod sweep;
mod withheld;
#[path = "../../../src/sync/writes.rs"]
mod writes;

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use uuid::Uuid;

pub(crate) use self::budget::Limit;
use self::{budget::Budget, evolve::Program, writes::Writes};
use crate::{
    book::By,
    clock::SECOND,
    mistakes::{self, Bug},
    objects::Object,
    plan::{sweep::Contradiction, walk::WalkError},
    twenty::{Request, Response, Served},
    world::{Fate, World},
};

/// A task of the program.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Why a loop ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fail {
    /// Another process leads.
    Fenced,
    /// PostgreSQL did not answer well, or not at all.
    Mirror,
    /// Twenty did not.
    Source,
    /// A page is not believed.
    Walk(WalkError),
    /// Another process moved the checkpoint.
    Overtaken,
    /// Counts that cannot all be true.
    Counts(Contradiction),
}

/// One process.
pub(crate) struct Daemon {
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) epoch: u64,
    writes: Rc<Writes>,
    pub(crate) objects: Rc<Vec<Object>>,
    /// What it allows itself to call, where the server has a limit.
    budget: Rc<Option<Budget>>,
    program: Rc<Program>,
    /// Whether Twenty did not know a field that it was sent.
    is_outdated: Cell<bool>,
}

impl Daemon {
    /// A process that leads from now on.
    pub(crate) fn start(world: &Rc<RefCell<World>>) -> Rc<Daemon> {
        let mut borrowed = world.borrow_mut();
        borrowed.mirror.epoch += 1;
        let epoch = borrowed.mirror.epoch;
        let objects = evolve::at_first(&borrowed);
        let budget = Rc::new(pace::budget(&mut borrowed, epoch));
        drop(borrowed);
        Rc::new(Daemon {
            world: Rc::clone(world),
            epoch,
            writes: Rc::default(),
            objects,
            budget,
            program: Rc::default(),
            is_outdated: Cell::new(false),
        })
    }

    /// The tasks of `run`: pulls with sweeps, pushes, and comparisons, side by side.
    pub(crate) fn tasks(self: &Rc<Daemon>) -> Vec<Task> {
        let (first, second, third) = (Rc::clone(self), Rc::clone(self), Rc::clone(self));
        vec![
            Box::pin(async move {
                while first.pass().await != Err(Fail::Fenced) {
                    first.rest(6).await;
                }
            }),
            Box::pin(async move {
                while second.push_all().await != Err(Fail::Fenced) {
                    second.rest(4).await;
                }
            }),
            Box::pin(async move {
                loop {
                    third.rest(60).await;
                    if third.latest().compare_all().await == Err(Fail::Fenced) {
                        break;
                    }
                }
            }),
        ]
    }

    /// The one task of `--once`.
    pub(crate) fn once(self: &Rc<Daemon>) -> Task {
        let this = Rc::clone(self);
        Box::pin(async move {
            if this.pass().await.is_ok() {
                let _ = this.push_all().await;
            }
        })
    }

    /// One comparison of everything.
    pub(crate) fn comparison(self: &Rc<Daemon>) -> Task {
        let this = Rc::clone(self);
        Box::pin(async move {
            if let Ok(latest) = this.evolve().await {
                let _ = latest.compare_all().await;
            }
        })
    }

    /// Pulls every object, then looks for destroyed records of those that were read to the end.
    async fn pull_all(&self) -> Result<(), Fail> {
        let mut complete = Vec::new();
        for object in self.mirrored() {
            match self.pull(object).await {
                Ok(()) => complete.push(object),
                Err(Fail::Fenced) => return Err(Fail::Fenced),
                Err(fail) => self.hit("failed", fail.name()),
            }
        }
        match self.sweep_all(&complete).await {
            Err(Fail::Fenced) => Err(Fail::Fenced),
            _ => Ok(()),
        }
    }

    async fn rest(&self, steps: usize) {
        let steps = 1 + self.world.borrow_mut().dice.below(steps);
        for _ in 0..steps {
            step().await;
        }
    }

    fn hit(&self, what: &'static str, place: &'static str) {
        self.world.borrow_mut().tally.hit(what, place);
    }

    /// Looks at the mirror.
    async fn look<T>(
        &self,
        what: &'static str,
        see: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Fail> {
        step().await;
        let mut world = self.world.borrow_mut();
        match world.fate(what, false) {
            Fate::Done => Ok(see(&mut world)),
            _ => Err(Fail::Mirror),
        }
    }

    /// A transaction of the mirror. Only who leads commits one.
    async fn commit<T>(
        &self,
        what: &'static str,
        write: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Fail> {
        step().await;
        let mut world = self.world.borrow_mut();
        let fate = world.fate(what, false);
        if fate == Fate::Lost {
            return Err(Fail::Mirror);
        }
        if world.mirror.epoch != self.epoch {
            world.tally.hit("stale commit refused", what);
            if !mistakes::is(Bug::NoEpochCheck) {
                return Err(Fail::Fenced);
            }
        }
        let before: Vec<_> = (0..self.objects.len()).map(|at| world.mirror.watermark(at)).collect();
        let written = write(&mut world);
        world.say(what);
        world.mirror_changed(By::Program);
        for (object, before) in before.into_iter().enumerate() {
            let after = world.mirror.watermark(object);
            let starts_over = world.drift.is_some() && after.is_none();
            if after < before && !starts_over {
                world.wrong(
                    "I5",
                    format!("the watermark of {object} went back: {before:?} {after:?}"),
                );
            }
            if after != before {
                let ids: Vec<Uuid> = world.twenty.records[object].keys().copied().collect();
                for id in ids {
                    world.check_reach((object, id));
                }
            }
        }
        if fate == Fate::ReplyLost { Err(Fail::Mirror) } else { Ok(written) }
    }

    /// Asks Twenty for something that changes nothing there.
    async fn read<T>(
        &self,
        what: &'static str,
        ask: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Fail> {
        let admitted = self.admit(what, 1).await?;
        let fate = admitted.fate;
        if matches!(fate, Fate::Lost | Fate::Late) {
            return Err(Fail::Source);
        }
        let answer = ask(&mut self.world.borrow_mut());
        self.answer(fate).await;
        if fate == Fate::ReplyLost { Err(Fail::Source) } else { Ok(answer) }
    }

    /// Asks Twenty to change something; `None` if it is not known what became of it.
    async fn write(&self, what: &'static str, request: Request) -> Option<Response> {
        if self.budget.is_some() {
            return self.write_within(what, request).await;
        }
        let fate = self.send(what).await;
        let response = match fate {
            Fate::Lost => None,
            Fate::Late => {
                self.world.borrow_mut().late.push(request);
                None
            }
            _ => {
                // Nobody can stop the one request that a process had written down before another one led.
                let mut world = self.world.borrow_mut();
                let is_late = world.mirror.epoch != self.epoch;
                Some(self.execute(&mut world, &request, is_late))
            }
        };
        self.answer(fate).await;
        response.filter(|_| fate != Fate::ReplyLost)
    }

    /// A request travels. One that the server asks patience for is sent again.
    async fn send(&self, what: &'static str) -> Fate {
        let turns = self.crowd(0);
        for _ in 0..turns {
            step().await;
        }
        loop {
            step().await;
            let mut world = self.world.borrow_mut();
            let fate = world.fate(what, true);
            if fate != Fate::RateLimited || self.budget.is_some() {
                return fate;
            }
            let wait = i64::try_from(world.dice.below(90)).unwrap_or(0);
            world.pass(wait * SECOND);
        }
    }

    /// How many steps something takes; where it is crowded, sometimes more.
    fn crowd(&self, steps: usize) -> usize {
        let mut world = self.world.borrow_mut();
        let is_slow = world.crowded && world.dice.once_in(4);
        if is_slow { steps + 1 + world.dice.below(8) } else { steps }
    }

    /// An answer travels.
    async fn answer(&self, fate: Fate) {
        let steps = match fate {
            Fate::Slow => 2 + self.world.borrow_mut().dice.below(8),
            _ => self.crowd(1),
        };
        for _ in 0..steps {
            step().await;
        }
        self.world.borrow_mut().pass(1_000);
    }
}

/// Records that were looked for by their ids, with the server's count of them.
struct Found {
    records: Vec<Served>,
    counted: u64,
}

impl Fail {
    fn name(&self) -> &'static str {
        match self {
            Fail::Fenced => "fenced",
            Fail::Mirror => "mirror",
            Fail::Source => "source",
            Fail::Walk(WalkError::CursorStands) => "cursor stands",
            Fail::Walk(WalkError::IdRepeats(_)) => "id repeats",
            Fail::Walk(WalkError::FilterIgnored(_)) => "filter ignored",
            Fail::Walk(WalkError::EndedEarly { .. }) => "ended early",
            Fail::Walk(WalkError::Endless { .. }) => "endless",
            Fail::Overtaken => "overtaken",
            Fail::Counts(_) => "contradiction",
        }
    }
}

/// Lets others go first, once.
fn step() -> impl Future<Output = ()> {
    let mut waited = false;
    std::future::poll_fn(move |_| {
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// Runs a task up to its next effect; whether it has ended.
pub(crate) fn poll(task: &mut Task) -> bool {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}
