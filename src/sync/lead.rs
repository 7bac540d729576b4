//! Leads a mirror, or stands by: of several programs on one mirror, one works.
//!
//! It exists around [`crate::mirror::Candidate`], which says who leads, and [`crate::source::Licence`], which says
//! until when this program may write to Twenty without asking again. Invariants: a licence ends before the lease does,
//! by a clock that counts time asleep, and at once when the session that renews the lease is lost; a term that ended is
//! never taken up again, the next one begins with both sides opened anew; who stops gives the lease up.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{Disposition, Engine, SyncError, engine::chain, observe::observe, trouble::Troubles};
use crate::{
    config::Config,
    health::{self, Health},
    mirror::{Candidate, Epoch, Leader, MirrorError, Taken},
    source::{Licence, Moment},
    webhook::{Hints, Wanted},
};

/// How often it is looked whether the lease is free, whatever was heard.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a single run waits for another program to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long giving the lease up may take; without it, the lease runs out.
const FAREWELL: Duration = Duration::from_secs(2);

/// A program that would lead, with both sides opened.
pub(super) struct Stand {
    engine: Engine,
    candidate: Candidate,
    time: Duration,
}

/// A time in which this program leads, with both sides opened for it.
#[derive(Debug)]
pub struct Term {
    /// Both sides; every write is under the lease.
    pub engine: Engine,
    lost: CancellationToken,
    given_up: CancellationToken,
    keeping: JoinHandle<()>,
}

impl Engine {
    /// Takes the lease, so that no other program works on the mirror. Waits a moment for one that is about to end.
    ///
    /// # Errors
    /// Another program leads, or PostgreSQL refuses.
    pub async fn lead(self, config: &Config) -> Result<Term, SyncError> {
        let mut stand = Stand::at(self, config).await?;
        let began = Instant::now();
        loop {
            let asked = Moment::now();
            match stand.candidate.take().await? {
                Taken::Leading(epoch) => return Ok(stand.begin(epoch, asked, Hints::default())),
                Taken::Held(Leader { holder, .. }) if began.elapsed() >= PATIENCE => {
                    return Err(SyncError::Led { holder });
                }
                Taken::Held(_) => wait(&mut stand.candidate).await?,
            }
        }
    }
}

impl Stand {
    /// Opens both sides.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(super) async fn open(config: &Config) -> Result<Stand, SyncError> {
        Stand::at(Engine::open(config).await?, config).await
    }

    async fn at(engine: Engine, config: &Config) -> Result<Stand, SyncError> {
        let (url, time) = (config.mirror.database_url.expose_secret(), config.mirror.lease);
        let workspace = engine.workspace_id();
        let candidate = Candidate::connect(url, workspace, holder(), time).await?;
        Ok(Stand { engine, candidate, time })
    }

    /// The workspace that would be led.
    pub(super) fn workspace_id(&self) -> Uuid {
        self.engine.workspace_id()
    }

    /// Stands by until this program leads; `None` when asked to stop meanwhile. What webhooks tell is passed on to the
    /// one that leads.
    ///
    /// # Errors
    /// What does not pass by itself.
    pub(super) async fn until_leading(
        mut self,
        stop: &CancellationToken,
        hints: &Hints,
        health: &Health,
    ) -> Result<Option<Term>, SyncError> {
        let taken = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            taken = until_taken(&mut self.candidate, health) => taken,
            never = observe(&self.engine, health) => never,
            never = pass_on(&self.engine, hints) => never,
        };
        let (epoch, asked) = taken?;
        let number = epoch.number();
        health.leads(number);
        tracing::info!(
            event = "leading",
            epoch = number,
            "leading: this program works on the mirror"
        );
        Ok(Some(self.begin(epoch, asked, hints.clone())))
    }

    fn begin(self, epoch: Epoch, asked: Moment, hints: Hints) -> Term {
        let Stand { engine, candidate, time } = self;
        let (licence, lost, given_up) =
            (Licence::none(), CancellationToken::new(), CancellationToken::new());
        licence.extend(asked, horizon(time));
        let engine = engine.under(epoch, licence.clone());
        let keeper = Keeper { candidate, epoch, licence, time, renewed: asked, hints };
        let keeping = tokio::spawn(keeper.keep(given_up.clone(), lost.clone().drop_guard()));
        Term { engine, lost, given_up, keeping }
    }
}

/// Waits until the lease is ours; the answer says when it was asked for.
async fn until_taken(
    candidate: &mut Candidate,
    health: &Health,
) -> Result<(Epoch, Moment), SyncError> {
    let (mut told, troubles) = (None, Troubles::default());
    loop {
        health::beat();
        let asked = Moment::now();
        let looked = match candidate.take().await {
            Ok(Taken::Leading(epoch)) => return Ok((epoch, asked)),
            Ok(Taken::Held(leader)) => {
                health.stands_by(&leader.holder);
                troubles.is_over("lead");
                tell(&leader, &mut told);
                wait(candidate).await
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = looked {
            recover(candidate, error, &troubles).await?;
        }
    }
}

/// Waits for news of the lease, or for a moment.
async fn wait(candidate: &mut Candidate) -> Result<(), SyncError> {
    match timeout(LOOK_EVERY, candidate.hear()).await {
        Ok(heard) => Ok(heard.map(drop)?),
        Err(_) => Ok(()),
    }
}

async fn recover(
    candidate: &mut Candidate,
    error: SyncError,
    troubles: &Troubles,
) -> Result<(), SyncError> {
    if error.disposition() != Disposition::Retry {
        return Err(error);
    }
    let (hint, error) = (error.hint(), chain(&error));
    if troubles.begins("lead", &error) {
        tracing::warn!(
            event = "standby_failed",
            error,
            hint,
            "could not look who leads, trying again"
        );
    }
    sleep(LOOK_EVERY).await;
    if let Err(error) = candidate.reconnect().await {
        tracing::debug!(error = chain(&error), "could not connect again");
    }
    Ok(())
}

/// Says once who leads.
fn tell(leader: &Leader, told: &mut Option<i64>) {
    if told.replace(leader.epoch) != Some(leader.epoch) {
        let Leader { holder, epoch, .. } = leader;
        tracing::info!(
            event = "standing_by",
            holder,
            epoch,
            "standing by: another twenty-sync works on the mirror"
        );
    }
}

/// Passes on to the program that leads what webhooks tell this one.
async fn pass_on(engine: &Engine, hints: &Hints) -> ! {
    loop {
        let heard = hints.take(Instant::now()).await;
        let hints: Vec<String> =
            heard.iter().map(|(object, wanted)| format!("{} {object}", wanted.as_str())).collect();
        if let Err(error) = engine.mirror.pass_on(&hints).await {
            // The next tick of the one that leads finds it all the same.
            tracing::debug!(error = chain(&error), "could not pass on what webhooks told");
        }
    }
}

impl Term {
    /// Waits until the lease is lost, or is not known to be held any more.
    pub async fn lost(&self) -> SyncError {
        self.lost.cancelled().await;
        MirrorError::LeaseLost.into()
    }

    /// Gives the lease up.
    pub async fn end(self) {
        self.given_up.cancel();
        // What cannot be given up runs out.
        let _ = timeout(FAREWELL, self.keeping).await;
    }
}

/// What came of a renewal.
enum Renewal {
    Ours,
    /// It could not be asked.
    Unknown,
    Lost,
}

/// Renews a lease for as long as its term lasts.
struct Keeper {
    candidate: Candidate,
    epoch: Epoch,
    licence: Licence,
    time: Duration,
    /// Before the lease was last renewed.
    renewed: Moment,
    /// Where what was passed on goes.
    hints: Hints,
}

impl Keeper {
    /// Keeps the lease until it is given up or lost. However this ends, `_lost` tells of it.
    async fn keep(mut self, given_up: CancellationToken, _lost: DropGuard) {
        let mut next = Instant::now() + self.time / 3;
        loop {
            tokio::select! {
                () = given_up.cancelled() => break,
                heard = timeout_at(next, self.candidate.hear()) => match heard {
                    Ok(Ok(Some(hint))) => {
                        self.note(&hint);
                        continue;
                    }
                    Ok(Ok(None)) | Err(_) => {}
                    Ok(Err(_)) => self.reconnect().await,
                },
            }
            next = match self.renew().await {
                Renewal::Ours => Instant::now() + self.time / 3,
                Renewal::Unknown => Instant::now() + self.time / 15,
                Renewal::Lost => return self.licence.revoke(),
            };
        }
        self.licence.revoke();
        if let Err(error) = self.candidate.give_up(self.epoch).await {
            tracing::warn!(
                event = "lease_kept",
                error = chain(&error),
                "could not give the lease up: it runs out"
            );
        }
    }

    async fn renew(&mut self) -> Renewal {
        let asked = Moment::now();
        match timeout(self.time / 3, self.candidate.renew(self.epoch)).await {
            Ok(Ok(true)) => {
                self.licence.extend(asked, horizon(self.time));
                self.renewed = asked;
                return Renewal::Ours;
            }
            Ok(Ok(false)) => {
                tracing::warn!(
                    event = "lease_taken",
                    "the lease was lost: another twenty-sync has taken it"
                );
                return Renewal::Lost;
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    event = "renewal_failed",
                    error = chain(&error),
                    hint = error.hint(),
                    "could not renew the lease, trying again"
                );
            }
            Err(_) => tracing::warn!(
                event = "renewal_late",
                "could not renew the lease in time, trying again"
            ),
        }
        if self.renewed.elapsed() >= self.time {
            tracing::warn!(event = "lease_ran_out", "the lease has run out");
            return Renewal::Lost;
        }
        self.reconnect().await;
        Renewal::Unknown
    }

    /// Takes what somebody who stands by has passed on.
    fn note(&self, hint: &str) {
        let Some((wanted, object)) = hint.split_once(' ') else { return };
        if let Some(wanted) = Wanted::named(wanted) {
            self.hints.note(object, wanted);
        }
    }

    /// Another program may soon take this one for gone: nothing is written to Twenty until the lease is renewed.
    async fn reconnect(&mut self) {
        self.licence.revoke();
        // A server that does not answer must not keep it from seeing that the lease has run out.
        match timeout(self.time / 3, self.candidate.reconnect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(error = chain(&error), "could not connect again");
            }
            Err(_) => tracing::debug!("could not connect again in time"),
        }
    }
}

/// How long after a renewal it is certain that nobody else leads.
fn horizon(time: Duration) -> Duration {
    time.mul_f64(0.8)
}

/// Where this program runs, for people.
fn holder() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}, process {}", std::process::id())
}
