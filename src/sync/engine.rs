//! The engine: both sides opened, and one run over all objects.
//!
//! It exists so that `--once` and the daemon are one code path. Invariants: the schema is planned and applied
//! before anything is read; objects run side by side, within the source's budget; a refused key ends the run at
//! once; every run is written down.

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{
    Disposition, ObjectReport, ProgressSender, RunReport, SyncError,
    pull::{Pull, PullSettings},
    scope,
};
use crate::{
    config::Config,
    mirror::{Mirror, Outcome, RunMode, RunRecord},
    plan::schema::{self, SchemaPlan, Table},
    record::DataModel,
    source::Client,
};

/// Both sides of one workspace.
#[derive(Debug)]
pub struct Engine {
    source: Client,
    mirror: Mirror,
    config: Config,
}

impl Engine {
    /// Opens both sides, brings the control schema up to date and binds the mirror to the key's workspace.
    ///
    /// # Errors
    /// A key or database that cannot work, or a mirror of another workspace.
    pub async fn open(config: &Config) -> Result<Engine, SyncError> {
        use secrecy::ExposeSecret;
        let source = Client::new(&config.source)?;
        let url = config.mirror.database_url.expose_secret();
        let pool = Mirror::connect(url, config.mirror.max_connections).await?;
        let origin = config.source.url.origin().ascii_serialization();
        let mirror =
            Mirror::open(pool, &config.mirror.schema, source.key().workspace_id, &origin).await?;
        Ok(Engine { source, mirror, config: config.clone() })
    }

    /// What would change in the mirror's tables, without changing them.
    ///
    /// # Errors
    /// Either side refuses to be read.
    pub async fn schema_plan(&self) -> Result<SchemaPlan, SyncError> {
        let model = self.source.data_model().await?;
        let change = self.mirror.begin_schema_change().await?;
        let objects = scope::scoped(&model, &self.config.objects)?;
        Ok(schema::plan(self.mirror.schema(), &objects, &change.existing))
    }

    /// Reads everything to the present. Progress goes to `progress`; `stop` ends the run between two pages.
    ///
    /// # Errors
    /// The run could not start. What went wrong with single objects is in the report.
    pub async fn pass(
        &self,
        mode: RunMode,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<RunReport, SyncError> {
        let run = self.mirror.start_run(mode).await?;
        let calls_before = self.source.calls();
        let result = self.pull_all(stop, progress).await;
        let calls = self.source.calls() - calls_before;
        match result {
            Ok(objects) => {
                let report = self.report(objects, calls).await?;
                self.mirror.finish_run(run, &record(&report)).await?;
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

    async fn pull_all(
        &self,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Vec<ObjectReport>, SyncError> {
        let model = self.source.data_model().await?;
        let tables = self.evolve(&model).await?;
        // A refused key stops the other objects too; the caller's token stays its own.
        let stop = stop.child_token();
        let overlap =
            time::Duration::try_from(self.config.pull.overlap).unwrap_or(time::Duration::MAX);
        let settings = PullSettings { overlap, deleted_records: self.config.pull.deleted_records };
        let pulls = tables.iter().map(|table| async {
            let pull =
                Pull { source: &self.source, mirror: &self.mirror, table, settings, progress };
            let report = pull.run(&stop).await;
            if report
                .failure
                .as_ref()
                .is_some_and(|error| error.disposition() == Disposition::Unauthorised)
            {
                stop.cancel();
            }
            report
        });
        let mut reports: Vec<ObjectReport> =
            stream::iter(pulls).buffer_unordered(self.config.pull.parallel.max(1)).collect().await;
        reports.sort_by(|left, right| left.object.cmp(&right.object));
        Ok(reports)
    }

    /// Makes the mirror's tables what the model asks for.
    async fn evolve(&self, model: &DataModel) -> Result<Vec<Table>, SyncError> {
        let change = self.mirror.begin_schema_change().await?;
        let objects = scope::scoped(model, &self.config.objects)?;
        let plan = schema::plan(self.mirror.schema(), &objects, &change.existing);
        for step in &plan.steps {
            tracing::debug!(schema = plan.schema, %step, "changing the mirror's tables");
        }
        change.apply(&plan, model).await?;
        if !plan.is_empty() {
            tracing::info!(
                schema = plan.schema,
                steps = plan.steps.len(),
                "changed the mirror's tables"
            );
        }
        Ok(plan.tables)
    }

    async fn report(&self, objects: Vec<ObjectReport>, calls: u64) -> Result<RunReport, SyncError> {
        let quarantined = self.mirror.quarantined().await?;
        let outcome = if objects.iter().any(|object| object.failure.is_some()) {
            Outcome::Failed
        } else if quarantined > 0 {
            Outcome::Attention
        } else {
            Outcome::InSync
        };
        Ok(RunReport { objects, calls, quarantined, outcome })
    }
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
