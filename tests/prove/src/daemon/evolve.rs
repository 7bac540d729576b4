//! The data model as a process knows it, and how the tables follow it: `Engine::evolve`.
//!
//! It exists because a process works by the model that it read last, while the model goes on. Invariants: every pass
//! begins with a look at the model; a push finishes its round by the tables that it was planned for; who does not know the
//! tables as they are decides nothing.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use super::{Daemon, Fail, step};
use crate::{
    drift::{Drift, shown},
    mistakes::{self, Bug},
    objects::Object,
    twenty::{Request, Response},
    world::{Fate, World},
};

/// What the tasks of a process share.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The objects as they were last found.
    known: RefCell<Option<Rc<Vec<Object>>>>,
    /// How many rounds of pushes are under way.
    pushing: Cell<usize>,
}

/// A round of a push is under way. Dropping it ends that.
pub(super) struct Pushing<'a>(&'a Program);

impl Drop for Pushing<'_> {
    fn drop(&mut self) {
        self.0.pushing.set(self.0.pushing.get() - 1);
    }
}

impl Program {
    pub(super) fn pushes(&self) -> Pushing<'_> {
        self.pushing.set(self.pushing.get() + 1);
        Pushing(self)
    }
}

/// What a process knows of the objects when it begins: nothing, where they may change.
pub(super) fn at_first(world: &World) -> Rc<Vec<Object>> {
    match &world.drift {
        None => Rc::clone(&world.objects),
        Some(_) => Rc::new(shown(&world.objects, &[])),
    }
}

impl Daemon {
    /// The same process by what it found last.
    pub(super) fn latest(self: &Rc<Daemon>) -> Rc<Daemon> {
        match &*self.program.known.borrow() {
            None => Rc::clone(self),
            Some(objects) => Rc::new(Daemon {
                world: Rc::clone(&self.world),
                epoch: self.epoch,
                writes: Rc::clone(&self.writes),
                objects: Rc::clone(objects),
                budget: Rc::clone(&self.budget),
                program: Rc::clone(&self.program),
                is_outdated: Cell::new(false),
            }),
        }
    }

    /// Reads the data model and has the tables follow it.
    pub(super) async fn evolve(self: &Rc<Daemon>) -> Result<Rc<Daemon>, Fail> {
        if self.world.borrow().drift.is_none() {
            return Ok(Rc::clone(self));
        }
        let fate = self.send("data model").await;
        let model = self.world.borrow().drift.as_ref().map(Drift::told);
        self.answer(fate).await;
        let Some(model) = model.filter(|_| is_answered(fate)) else { return Err(Fail::Source) };
        while self.program.pushing.get() > 0 {
            step().await;
        }
        let found = self.commit("change tables", |world| world.follow_model(&model)).await?;
        *self.program.known.borrow_mut() = Some(found);
        Ok(self.latest())
    }

    /// Looks at the data model, then at what may have changed by it.
    pub(super) async fn pass(self: &Rc<Daemon>) -> Result<(), Fail> {
        self.evolve().await?.pull_all().await
    }

    /// Pushes; where the source turns out to have another data model, that is read first, once.
    pub(super) async fn push_all(self: &Rc<Daemon>) -> Result<(), Fail> {
        let first = self.latest();
        first.push().await?;
        if first.is_outdated.get() {
            self.evolve().await?.push().await?;
        }
        Ok(())
    }

    /// The objects that it has tables of.
    pub(super) fn mirrored(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.objects.len()).filter(|place| self.objects[*place].is_mirrored)
    }

    /// Asks for records of an object, by the name that it knows it by.
    pub(super) async fn read_of<T>(
        &self,
        object: usize,
        what: &'static str,
        ask: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Fail> {
        let known = &self.objects[object];
        let ask = |world: &mut World| world.finds(object, known).then(|| ask(world));
        self.read(what, ask).await?.ok_or(Fail::Source)
    }

    /// Has Twenty carry a request out; what it shows is read by the names that are known here.
    pub(super) fn execute(&self, world: &mut World, request: &Request, is_late: bool) -> Response {
        let mut response = world.execute(request, is_late);
        if let Response::Created(Ok(served)) = &mut response {
            world.project(request.object, &self.objects[request.object], served);
        }
        response
    }

    /// Whether it knows the table of an object as it is.
    pub(super) fn knows(&self, world: &World, object: usize) -> bool {
        let known = self.objects[object].table.generation;
        known == world.mirror.catalog.generation(object) || mistakes::is(Bug::OldTablesTrusted)
    }

    /// A transaction that decides on records of an object. Who knows another table decides nothing.
    pub(super) async fn commit_of<T>(
        &self,
        object: usize,
        what: &'static str,
        write: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Fail> {
        let write = |world: &mut World| self.knows(world, object).then(|| write(world));
        self.commit(what, write).await?.ok_or_else(|| {
            self.hit("failed", "outdated");
            Fail::Mirror
        })
    }
}

fn is_answered(fate: Fate) -> bool {
    match fate {
        Fate::Done | Fate::Slow | Fate::RateLimited => true,
        Fate::Lost | Fate::ReplyLost | Fate::Late => false,
    }
}
