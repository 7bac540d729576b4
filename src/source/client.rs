//! The client: one workspace of one server, reached with one key.
//!
//! It exists as the loop around a single exchange: wait for the budget, send, and send again if the fault passes.
//! Invariants: one call has one deadline over all its attempts; waits grow and are random, so that clients that
//! failed together do not come back together; only reads are sent again once they may have arrived.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    budget::{Budget, BudgetState, Lane, Permit},
    error::SourceError,
    key::Key,
    licence::Licence,
    problem::Problem,
    transport::{Answer, Request, Transport},
    usage::{Account, CallOutcome, Contact, Usage},
};
use crate::{config, health, record::Rest};

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Twenty, as one key sees it. Clones share connections and budget.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
    lane: Lane,
    licence: Licence,
}

#[derive(Debug)]
struct Inner {
    transport: Transport,
    key: Key,
    budget: Budget,
    retry_deadline: Duration,
    account: Account,
    single_roots: AtomicBool,
    few_roots: AtomicBool,
    legacy_rest: AtomicBool,
}

/// Which problems are worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Any that pass: asking twice changes nothing.
    WhilePassing,
    /// Only those in which nothing can have happened on the server.
    WhileUntouched,
}

impl Client {
    /// A client for the workspace that the configured key opens. Nothing is sent yet.
    ///
    /// # Errors
    /// The key or the URL cannot work.
    pub fn new(config: &config::Source) -> Result<Client, SourceError> {
        let inner = Inner {
            key: Key::read(&config.api_key).map_err(SourceError::Key)?,
            transport: Transport::new(config)?,
            budget: Budget::new(config.requests_per_minute, config.reserve),
            retry_deadline: config.retry_deadline,
            account: Account::default(),
            single_roots: AtomicBool::new(false),
            few_roots: AtomicBool::new(false),
            legacy_rest: AtomicBool::new(false),
        };
        Ok(Client { inner: Arc::new(inner), lane: Lane::Pull, licence: Licence::default() })
    }

    /// The same client for calls of another lane; [`Client::new`] gives one for [`Lane::Pull`].
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Client {
        Client { lane, ..self.clone() }
    }

    /// The same client, which writes only as long as `licence` holds.
    #[must_use]
    pub fn under(self, licence: Licence) -> Client {
        Client { licence, ..self }
    }

    /// The calls that came to an end so far, as the server's limit counts them, of every lane.
    pub fn usage(&self) -> Usage {
        self.inner.account.usage()
    }

    /// Whether Twenty answers.
    pub fn contact(&self) -> Contact {
        self.inner.account.contact()
    }

    /// What is left of the budget; `None` while no limit is known.
    pub fn budget(&self) -> Option<BudgetState> {
        self.inner.budget.state()
    }

    /// What the key says about itself.
    pub fn key(&self) -> &Key {
        &self.inner.key
    }

    /// From now on the server is taken to answer with this REST interface.
    pub fn expect_rest(&self, rest: Rest) {
        self.inner.legacy_rest.store(rest == Rest::Legacy, Ordering::Relaxed);
    }

    /// Whether the count of a listing leaves out what came before its cursor.
    pub(super) fn counts_the_rest(&self) -> bool {
        self.inner.legacy_rest.load(Ordering::Relaxed)
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    /// Whether this server refused several root fields in one request.
    pub(super) fn wants_single_roots(&self) -> bool {
        self.inner.single_roots.load(Ordering::Relaxed)
    }

    pub(super) fn remember_single_roots(&self) {
        self.inner.single_roots.store(true, Ordering::Relaxed);
    }

    /// Whether this server found a request with many root fields too complex.
    pub(super) fn wants_few_roots(&self) -> bool {
        self.inner.few_roots.load(Ordering::Relaxed)
    }

    pub(super) fn remember_few_roots(&self) {
        self.inner.few_roots.store(true, Ordering::Relaxed);
    }

    /// Sends a request that changes nothing until it is answered, and reads the answer.
    pub(super) async fn read<T>(
        &self,
        operation: impl FnOnce() -> String,
        request: &Request,
        cost: u32,
        read: impl Fn(Answer) -> Result<T, Problem>,
    ) -> Result<T, SourceError> {
        let result = self.send(request, cost, Again::WhilePassing, read).await;
        result.map_err(|problem| SourceError::Call { operation: operation(), problem })
    }

    /// Sends `request`, again and again within the deadline as far as `again` allows. `cost` is what the server
    /// counts it for; what costs nothing waits for nobody.
    pub(super) async fn send<T>(
        &self,
        request: &Request,
        cost: u32,
        again: Again,
        read: impl Fn(Answer) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut permit = self.permit(cost).await;
        let deadline = Instant::now() + self.inner.retry_deadline;
        let mut waits = waits();
        loop {
            let result = self.attempt(request, cost, (again, deadline), &read).await;
            let problem = match result {
                Ok(value) => {
                    self.inner.budget.accepted();
                    return Ok(value);
                }
                Err(problem) => problem,
            };
            self.note(&problem);
            drop(permit.take());
            if !again.allows(&problem) {
                return Err(problem);
            }
            match self.wait(&problem, &mut waits, cost, deadline).await {
                Some(next) => permit = next,
                None => return Err(problem),
            }
        }
    }

    async fn permit(&self, cost: u32) -> Option<Permit> {
        if cost == 0 { None } else { Some(self.inner.budget.acquire(self.lane, cost).await) }
    }

    /// Sends a request once, and reads and counts what came of it.
    #[tracing::instrument(
        level = "debug",
        name = "call",
        skip_all,
        fields(lane = self.lane.as_str(), method = request.method.as_str(), cost, status, outcome)
    )]
    async fn attempt<T>(
        &self,
        request: &Request,
        cost: u32,
        (again, deadline): (Again, Instant),
        read: &impl Fn(Answer) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        // As late as can be: the wait for the budget is over.
        if again == Again::WhileUntouched && !self.licence.holds() {
            return Err(Problem::Replaced);
        }
        let entry = self.inner.account.open(self.lane, cost);
        let answer = timeout_at(deadline, self.inner.transport.exchange(request)).await;
        health::beat();
        let result = answer.unwrap_or(Err(Problem::Timeout)).and_then(read);
        let problem = result.as_ref().err();
        entry.close(problem);
        tracing::Span::current().record("outcome", CallOutcome::of(problem).as_str());
        result
    }

    /// Tells the budget what a problem means for it: everyone waits when the limit is reached.
    pub(super) fn note(&self, problem: &Problem) {
        match problem {
            Problem::Throttled { limit, retry_after } => {
                tracing::debug!(?limit, "the server's limit of calls is reached");
                self.inner.budget.refused(*limit, *retry_after);
            }
            Problem::Refused(_) => self.inner.budget.accepted(),
            Problem::Connect(_)
            | Problem::Timeout
            | Problem::Interrupted(_)
            | Problem::TooLarge { .. }
            | Problem::Redirect { .. }
            | Problem::Replaced
            | Problem::Key(_)
            | Problem::Unavailable { .. }
            | Problem::Unreadable { .. } => {}
        }
    }

    /// A throttled call waits with all others in the budget, any other by itself. None if that takes too long.
    async fn wait(
        &self,
        problem: &Problem,
        waits: &mut ExponentialBackoff,
        cost: u32,
        deadline: Instant,
    ) -> Option<Option<Permit>> {
        if cost == 0 || !matches!(problem, Problem::Throttled { .. }) {
            let wait = waits.next().unwrap_or(LONGEST_WAIT).mul_f64(chance());
            if Instant::now() + wait >= deadline {
                return None;
            }
            tracing::debug!(?wait, error = %problem, "a call failed and will be sent again");
            sleep(wait).await;
        }
        timeout_at(deadline, self.permit(cost)).await.ok()
    }
}

impl Again {
    fn allows(self, problem: &Problem) -> bool {
        match self {
            Again::WhilePassing => problem.is_passing(),
            Again::WhileUntouched => {
                matches!(problem, Problem::Connect(_) | Problem::Throttled { .. })
            }
        }
    }
}

fn waits() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .without_max_times()
        .build()
}

/// A number from 0 to 1: full jitter.
fn chance() -> f64 {
    let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
    f64::from((random & 0xffff_ffff) as u32) / f64::from(u32::MAX)
}
