//! The engine: both sides opened, and one run over all objects.
//!
//! It exists so that `--once` and the daemon are one code path. Invariants: the schema is planned and applied
//! before anything is read; objects run side by side, within the source's budget; a refused key ends the run at
//! once; every run is written down.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt, stream};
use secrecy::ExposeSecret;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use super::{
    Disposition, ObjectReport, ProgressSender, PushReport, RunReport, SyncError, capabilities,
    pull::{self, Effect, Pull},
    push::Push,
    schedule::Schedules,
    scope,
    target::{Target, Workspace},
    trouble::Troubles,
    writes::Writes,
};
use crate::{
    config::{Config, SchemaMode},
    mirror::{ChangeListener, Epoch, Mirror, Outcome, RunMode, RunRecord, StopCause},
    plan::schema::{self, Mode, SchemaPlan},
    record::{DataModel, Flow, ObjectId, Rest},
    source::{Client, Lane, Licence},
};

mod backfill;
mod changed;
mod content;
mod look;
mod memory;
mod passed;
mod rewind;
mod sweep;
mod verify;

use changed::Changed;
use memory::Memory;
use passed::{Passed, was_away};
use rewind::LookedBack;
use sweep::Swept;

/// How long settled entries of the outbox are kept, for `why`.
const HISTORY: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// Both sides of one workspace.
#[derive(Debug)]
pub struct Engine {
    pub(super) source: Client,
    pub(super) mirror: Mirror,
    config: Config,
    workspace: RwLock<Arc<Workspace>>,
    pub(super) writes: Writes,
    swept: Swept,
    looked_back: LookedBack,
    pub(super) troubles: Troubles,
    memory: Memory,
}

impl Engine {
    /// Opens both sides, brings the control schema up to date and binds the mirror to the key's workspace.
    ///
    /// # Errors
    /// A key or database that cannot work, or a mirror of another workspace.
    pub async fn open(config: &Config) -> Result<Engine, SyncError> {
        let memory = Memory::new(Schedules::of(config)?);
        let source = Client::new(&config.source)?;
        let url = config.mirror.database_url.expose_secret();
        let pool = Mirror::connect(url, config.mirror.max_connections).await?;
        let origin = config.source.url.origin().ascii_serialization();
        let mirror =
            Mirror::open(pool, &config.mirror.schema, source.key().workspace_id, &origin).await?;
        let config = config.clone();
        let (workspace, writes, swept, looked_back, troubles) = Default::default();
        Ok(Engine {
            source,
            mirror,
            config,
            workspace,
            writes,
            swept,
            looked_back,
            troubles,
            memory,
        })
    }

    /// The same, written to under a lease only.
    pub(super) fn under(self, epoch: Epoch, licence: Licence) -> Engine {
        let (source, mirror) = (self.source.under(licence), self.mirror.under(epoch));
        Engine { source, mirror, ..self }
    }

    /// Reads everything to the present, the daemon what is due and may have changed; and with [`RunMode::Once`] writes
    /// back what was changed here. Progress goes to `progress`; `stop` ends the run between two pages.
    ///
    /// # Errors
    /// The run could not start. What went wrong with single objects is in the report.
    #[tracing::instrument(level = "debug", skip_all, fields(mode = mode.as_str()))]
    pub async fn pass(
        &self,
        mode: RunMode,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<RunReport, SyncError> {
        let run = self.mirror.start_run(mode).await?;
        let calls_before = self.source.usage().total();
        let result = self.both_ways(mode, stop, progress).await;
        if was_away(&result) {
            self.looked_back.forget().await;
        }
        let calls = self.source.usage().total() - calls_before;
        match result {
            Ok(passed) => {
                let report = self.report(passed, calls).await?;
                self.mirror.finish_run(run, &record(&report)).await?;
                self.tell_budget().await?;
                Ok(report)
            }
            Err(error) => {
                let failure = Some(chain(&error));
                let record =
                    RunRecord { outcome: Outcome::Failed, calls, rows_changed: 0, failure };
                self.mirror.finish_run(run, &record).await?;
                Err(error)
            }
        }
    }

    async fn both_ways(
        &self,
        mode: RunMode,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Passed, SyncError> {
        let Changed { reports: mut objects, lost } = match mode {
            RunMode::Once => self.pull_all(stop, progress).await?,
            RunMode::Daemon => self.pull_changed(stop, progress).await?,
        };
        let uncounted = self.sweep(mode, &mut objects, &lost, stop, progress).await?;
        let pushed = match mode {
            RunMode::Once => self.push(stop).await?,
            RunMode::Daemon => PushReport::default(),
        };
        self.mirror.prune(HISTORY).await?;
        self.mirror.drop_leftovers().await?;
        Ok(Passed { objects, pushed, uncounted })
    }

    async fn pull_all(
        &self,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Changed, SyncError> {
        let workspace = self.evolve().await?;
        self.look_back().await?;
        let all: Vec<&Target> = workspace.targets().collect();
        self.look_ahead(&all, progress).await?;
        let reports = self.pull_these(&all, stop, progress).await?;
        Ok(Changed { reports, lost: BTreeSet::new() })
    }

    async fn pull_these(
        &self,
        targets: &[&Target],
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Vec<ObjectReport>, SyncError> {
        // A refused key and a lost lease stop the other objects too; the caller's token stays its own.
        let stop = stop.child_token();
        let overlap = pull::overlap(&self.config.pull);
        let stopped = self.stopped_pulls().await?;
        let runs = targets.iter().filter(|target| !stopped.contains(&target.table.object_id));
        let pulls = runs.map(|target| async {
            let (source, mirror, writes) = (&self.source, &self.mirror, &self.writes);
            let pull =
                Pull { source, mirror, target, overlap, writes, effect: Effect::Apply, progress };
            let report = pull.run(&stop).await;
            if report.failure.as_ref().is_some_and(|error| ends_all(error.disposition())) {
                stop.cancel();
            }
            report
        });
        let mut reports: Vec<ObjectReport> =
            stream::iter(pulls).buffer_unordered(self.config.pull.parallel.max(1)).collect().await;
        reports.sort_by(|left, right| left.object.cmp(&right.object));
        for report in &reports {
            self.say(report);
        }
        let mut failures = reports.iter().filter_map(|report| report.failure.as_ref());
        if failures.any(SyncError::is_outdated) {
            self.memory.doubt_model();
        }
        Ok(reports)
    }

    /// Says that an object cannot be read any more, or can again.
    fn say(&self, report: &ObjectReport) {
        let (object, subject) = (&report.object, format!("read {}", report.object));
        match &report.failure {
            Some(SyncError::Stopped) => {}
            Some(error) => {
                let (hint, error) = (error.hint(), chain(error));
                if self.troubles.begins(&subject, &error) {
                    tracing::warn!(
                        event = "object_failed",
                        object,
                        error,
                        hint,
                        "could not read an object to the end"
                    );
                }
            }
            None if !report.stopped && self.troubles.is_over(&subject) => {
                tracing::info!(
                    event = "object_recovered",
                    object,
                    "an object is read to the end again"
                );
            }
            None => {}
        }
    }

    /// The objects that are not read now.
    async fn stopped_pulls(&self) -> Result<BTreeSet<ObjectId>, SyncError> {
        let stops = self.mirror.stops().await?;
        let pulls = stops.into_iter().filter(|stop| stop.flow == Flow::Pull);
        Ok(pulls.map(|stop| stop.object_id).collect())
    }

    /// Writes back what was changed here, until nothing is left that can go now. Where the source turns out to have
    /// another data model, that is read first, once.
    ///
    /// # Errors
    /// Either side cannot be reached or refuses everything. What was refused of single records is set aside.
    pub async fn push(&self, stop: &CancellationToken) -> Result<PushReport, SyncError> {
        let first = self.push_once(stop).await?;
        if !first.model_outdated {
            return Ok(first);
        }
        self.evolve().await.inspect_err(|_| self.memory.doubt_model())?;
        let second = self.push_once(stop).await?;
        Ok(first.with(second))
    }

    async fn push_once(&self, stop: &CancellationToken) -> Result<PushReport, SyncError> {
        if self.mirror.unsent().await?.is_empty() {
            return Ok(PushReport::default());
        }
        self.look_back().await?;
        let source = &self.source.in_lane(Lane::Push);
        let (mirror, workspace, writes) = (&self.mirror, &self.workspace, &self.writes);
        Push { source, mirror, workspace, writes }.run(stop).await
    }

    /// Tells when something was changed here, if a connection can be spared for that.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn listen(&self) -> Result<Option<ChangeListener>, SyncError> {
        Ok(self.mirror.listen().await?)
    }

    fn schema_mode(&self) -> Mode {
        match self.config.schema.mode {
            SchemaMode::Auto => Mode::Auto,
            SchemaMode::Ask => Mode::Ask,
            SchemaMode::Freeze => Mode::Freeze,
        }
    }

    /// Makes the mirror's tables what the data model asks for, whatever the configuration says: a person wants it so.
    /// Says what was done.
    ///
    /// # Errors
    /// Either side refuses.
    pub async fn apply_schema(&self) -> Result<SchemaPlan, SyncError> {
        let model = self.source.data_model().await?;
        let rest = capabilities::current(&self.source, &self.mirror, &model).await?;
        self.shape(&model, Mode::Auto, rest).await
    }

    /// Makes the mirror's tables what the data model asks for, as far as the configuration lets them change.
    pub(super) async fn evolve(&self) -> Result<Arc<Workspace>, SyncError> {
        let model = self.source.data_model().await?;
        let rest = capabilities::current(&self.source, &self.mirror, &model).await?;
        // A push under way finishes its round by the tables that it was planned for.
        let mut workspace = self.workspace.write().await;
        let SchemaPlan { tables, held, .. } = self.shape(&model, self.schema_mode(), rest).await?;
        let held: Vec<String> = held.iter().map(ToString::to_string).collect();
        if !held.is_empty() && workspace.held != held {
            let (changes, schema) = (held.join(", "), self.mirror.schema());
            tracing::info!(
                event = "schema_held",
                schema,
                changes,
                "the data model asks for changes of the tables, which are not made"
            );
        }
        *workspace =
            Arc::new(Workspace::new(&self.mirror, &self.config, &model, tables, held, rest)?);
        Ok(Arc::clone(&workspace))
    }

    async fn shape(
        &self,
        model: &DataModel,
        mode: Mode,
        rest: Rest,
    ) -> Result<SchemaPlan, SyncError> {
        let change = self.mirror.begin_schema_change().await?;
        let objects = scope::scoped(model, &self.config.objects, rest)?;
        let plan = schema::plan(self.mirror.schema(), &objects, &change.existing, mode);
        for step in &plan.steps {
            tracing::debug!(schema = plan.schema, %step, "changing the mirror's tables");
        }
        change.apply(&plan, model).await?;
        if !plan.is_empty() {
            let (schema, steps) = (&plan.schema, plan.steps.len());
            tracing::info!(event = "schema_changed", schema, steps, "changed the mirror's tables");
        }
        Ok(plan)
    }

    async fn report(&self, passed: Passed, calls: u64) -> Result<RunReport, SyncError> {
        let Passed { objects, pushed, uncounted } = passed;
        let quarantined = self.mirror.quarantined().await?;
        let waiting = self.mirror.outbox_depth().await?;
        let unsent = self.mirror.waiting_unstopped().await?;
        let stops = self.mirror.stops().await?;
        // A pause is what a person asked for, with what waits behind it; the other stops ask for a person.
        let stopped = stops.iter().any(|stop| stop.cause != StopCause::Pause);
        let held = self.workspace.read().await.held.clone();
        let asks = !held.is_empty() && self.config.schema.mode == SchemaMode::Ask;
        let has_failed = objects.iter().any(|object| object.failure.is_some());
        let outcome = if has_failed || uncounted.is_some() {
            Outcome::Failed
        } else if quarantined > 0 || unsent > 0 || stopped || asks {
            Outcome::Attention
        } else {
            Outcome::InSync
        };
        Ok(RunReport {
            objects,
            uncounted,
            pushed,
            calls,
            quarantined,
            waiting,
            held,
            stops,
            outcome,
        })
    }
}

/// Whether what happened to one object happens to all.
fn ends_all(disposition: Disposition) -> bool {
    matches!(disposition, Disposition::Unauthorised | Disposition::Replaced)
}

fn record(report: &RunReport) -> RunRecord {
    RunRecord {
        outcome: report.outcome,
        calls: report.calls,
        rows_changed: report.rows_changed(),
        failure: report.failure().map(|error| chain(error)),
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
