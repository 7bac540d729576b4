//! Calls under the server's limit: who waits, what is sent again, and what ran already.
//!
//! It exists beside the calls without a limit so that those histories stay as they are: `src/source/client.rs` and
//! `src/source/write/aliased.rs`. Invariants: nothing is sent without a permit; a refused call waits with all others in
//! the budget; of several mutations in one request those that ran are not sent again; who does not lead any more after
//! a wait sends no write.

use std::time::Duration;

use super::{
    Daemon, Fail,
    budget::{Budget, Lane, Limit, Turn},
    step,
};
use crate::{
    clock::SECOND,
    mistakes::{self, Bug},
    plan::batch::Work,
    twenty::{Refusal, Request, Response},
    world::{Fate, World},
};

/// How long a call is tried: `source.retry_deadline`.
const DEADLINE: i64 = 300 * SECOND;

/// The budget of a process that begins, if the server has a limit.
pub(super) fn budget(world: &mut World, epoch: u64) -> Option<Budget> {
    let now = world.now;
    let calls = world.calls.as_mut()?;
    calls.begins(epoch, now);
    let (own, reserve) = calls.own;
    let own = own.map(|calls| Limit { calls, window: Duration::from_mins(1) });
    Some(Budget::new(own, reserve))
}

/// A call under way. Dropping it, answered or not, tells the budget that it is over.
pub(super) struct Permit<'a>(&'a Daemon);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // A process that ends with its calls under way has no use for its budget any more.
        if let (Some(budget), Ok(world)) = (&*self.0.budget, self.0.world.try_borrow()) {
            budget.settle(since_start(&world));
        }
    }
}

/// A request that reached the server, or was lost on its way.
pub(super) struct Admitted<'a> {
    pub(super) fate: Fate,
    /// How many of its roots pass.
    passed: usize,
    /// What stopped the others.
    reached: Option<Limit>,
    _permit: Option<Permit<'a>>,
}

impl Daemon {
    /// Sends a request of so many roots, again where the limit stops all of them.
    pub(super) async fn admit(
        &self,
        what: &'static str,
        cost: usize,
    ) -> Result<Admitted<'_>, Fail> {
        let Some(budget) = &*self.budget else {
            let fate = self.send(what).await;
            return Ok(Admitted { fate, passed: cost, reached: None, _permit: None });
        };
        let roots = u32::try_from(cost).unwrap_or(u32::MAX);
        let deadline = self.now() + DEADLINE;
        let mut permit = self.permit(budget, what, roots).await;
        loop {
            let let_at = self.now();
            if is_write(what) && self.is_replaced() {
                return Err(Fail::Fenced);
            }
            let fate = match self.send(what).await {
                Fate::RateLimited => Fate::Done,
                fate => fate,
            };
            if matches!(fate, Fate::Lost | Fate::Late) {
                return Ok(Admitted { fate, passed: cost, reached: None, _permit: Some(permit) });
            }
            let taken = self.world.borrow_mut().take_calls(self.epoch, let_at, roots);
            let (passed, reached) = (usize::try_from(taken.0).unwrap_or(0), taken.1);
            if passed > 0 {
                budget.accepted();
                return Ok(Admitted { fate, passed, reached, _permit: Some(permit) });
            }
            self.answer(fate).await;
            if fate == Fate::ReplyLost || self.now() > deadline {
                return Err(Fail::Source);
            }
            self.refused(budget, reached);
            drop(permit);
            permit = if mistakes::is(Bug::RefusalUnheeded) {
                Permit(self)
            } else {
                self.permit(budget, what, roots).await
            };
        }
    }

    fn now(&self) -> i64 {
        self.world.borrow().now
    }

    fn is_replaced(&self) -> bool {
        self.world.borrow().mirror.epoch != self.epoch
    }

    /// The server said that a limit is reached: everybody waits.
    fn refused(&self, budget: &Budget, reached: Option<Limit>) {
        let Some(limit) = reached else { return };
        let mut world = self.world.borrow_mut();
        world.is_told_of_refusal(self.epoch);
        if !mistakes::is(Bug::RefusalUnheeded) {
            budget.refused(since_start(&world), limit);
        }
    }

    /// Waits until so many calls may be made.
    async fn permit<'a>(&'a self, budget: &Budget, what: &'static str, cost: u32) -> Permit<'a> {
        let place = budget.join(lane(what), cost);
        loop {
            let turn = place.ask(since_start(&self.world.borrow()));
            match turn {
                Turn::Go => return Permit(self),
                Turn::Wait => step().await,
                Turn::At(until) => {
                    step().await;
                    let mut world = self.world.borrow_mut();
                    let wait = until.saturating_sub(since_start(&world));
                    world.pass(i64::try_from(wait.as_micros()).unwrap_or(0) + 1);
                }
            }
        }
    }

    /// Asks Twenty to change something, within the limit.
    pub(super) async fn write_within(
        &self,
        what: &'static str,
        mut request: Request,
    ) -> Option<Response> {
        let mut outcomes = Vec::new();
        loop {
            let admitted = self.admit(what, roots(&request.work)).await.ok()?;
            let (fate, reached) = (admitted.fate, admitted.reached);
            if fate == Fate::Late {
                self.world.borrow_mut().late.push(request.clone());
            }
            let rest = cut(&mut request, admitted.passed);
            let sent = !matches!(fate, Fate::Lost | Fate::Late);
            let response = sent.then(|| self.carry_out(&request));
            self.answer(fate).await;
            if !sent || fate == Fate::ReplyLost {
                return None;
            }
            if let Some(budget) = &*self.budget {
                self.refused(budget, reached);
            }
            match response? {
                Response::Updated(more) => outcomes.extend(more),
                // Those that ran before it have run.
                Response::Outdated if !outcomes.is_empty() => {
                    let left = roots(&request.work) + rest.as_ref().map_or(0, |it| roots(&it.work));
                    outcomes.extend((0..left).map(|_| Err(Refusal::UnknownField)));
                    return Some(Response::Updated(outcomes));
                }
                other => return Some(other),
            }
            let Some(rest) = rest else { return Some(Response::Updated(outcomes)) };
            request = rest;
        }
    }

    /// The server carries it out. Nobody can stop the one request that a process had written down before another led.
    fn carry_out(&self, request: &Request) -> Response {
        let mut world = self.world.borrow_mut();
        let is_late = world.mirror.epoch != self.epoch;
        self.execute(&mut world, request, is_late)
    }
}

/// The budget counts from the beginning of the history.
fn since_start(world: &World) -> Duration {
    Duration::from_micros(u64::try_from(world.now).unwrap_or(0))
}

fn lane(what: &str) -> Lane {
    match what {
        "page" | "count" => Lane::Pull,
        "compare page" => Lane::Sweep,
        _ => Lane::Push,
    }
}

fn is_write(what: &str) -> bool {
    matches!(what, "create" | "update" | "restore" | "delete")
}

/// What the server counts a request for.
fn roots(work: &Work) -> usize {
    match work {
        Work::Update(updates) => updates.len(),
        Work::Create(_) | Work::Delete { .. } => 1,
    }
}

/// Cuts off what the limit stopped.
fn cut(request: &mut Request, passed: usize) -> Option<Request> {
    let Work::Update(updates) = &mut request.work else { return None };
    let rest = updates.split_off(passed.min(updates.len()));
    (!rest.is_empty()).then(|| Request { work: Work::Update(rest), ..request.clone() })
}
