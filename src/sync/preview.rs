//! What a run would do to either side, without doing it.
//!
//! It exists because an operator wants to see before the first run, and after a change of configuration. The same
//! walk, the same planner and the same statements are used; what they write is rolled back. Invariants: nothing is
//! changed on either side, not even the control schema; what cannot be known before the tables are changed is
//! counted, not guessed.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    ObjectReport, ProgressSender, SyncError, capabilities,
    pull::{self, Effect, Pull},
    scope,
    target::{Target, Workspace},
    writes::Writes,
};
use crate::{
    config::Config,
    mirror::{Claimed, Mirror, Stop},
    plan::{
        push::{self, Basis, Verb},
        schema::{self, Mode, SchemaPlan, Step},
    },
    record::{DataModel, Flow, Rest},
    source::Client,
};

/// Local changes that are shown one by one; of more, only the number is told.
const SHOWN: u32 = 1_000;

/// Both sides, opened without changing anything.
#[derive(Debug)]
pub struct Preview {
    source: Client,
    mirror: Mirror,
    config: Config,
}

/// What a run would do.
#[derive(Debug)]
pub struct Previewed {
    /// Changes of the tables.
    pub schema: SchemaPlan,
    /// Changes of rows, for each object whose table is as it should be.
    pub pull: Vec<ObjectReport>,
    /// Objects that would be read from the beginning, with the number of their records.
    pub anew: Vec<(String, u64)>,
    /// Writes to the source.
    pub push: Vec<PlannedWrite>,
    /// What does not run, and why.
    pub stops: Vec<Stop>,
}

/// One write to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWrite {
    /// The object's plural name.
    pub object: String,
    /// The record.
    pub record_id: Uuid,
    /// What is done.
    pub what: &'static str,
    /// The fields that are sent.
    pub fields: Vec<String>,
}

impl Previewed {
    /// Whether a run would change anything.
    pub fn is_empty(&self) -> bool {
        let rows = |object: &ObjectReport| object.applied.rows_changed() + object.applied.set_aside;
        self.schema.is_empty()
            && self.anew.is_empty()
            && self.push.is_empty()
            && self.pull.iter().all(|object| rows(object) == 0)
    }
}

impl Preview {
    /// Opens both sides.
    ///
    /// # Errors
    /// A key or database that cannot work, or a mirror of another workspace.
    pub async fn open(config: &Config) -> Result<Preview, SyncError> {
        let source = Client::new(&config.source)?;
        let pool = Mirror::connect(
            config.mirror.database_url.expose_secret(),
            config.mirror.max_connections,
        )
        .await?;
        let mirror =
            Mirror::preview(pool, &config.mirror.schema, source.key().workspace_id).await?;
        Ok(Preview { source, mirror, config: config.clone() })
    }

    /// What would change in the mirror's tables.
    ///
    /// # Errors
    /// Either side refuses to be read.
    pub async fn schema(&self) -> Result<SchemaPlan, SyncError> {
        let model = self.source.data_model().await?;
        let rest = self.rest(&model).await?;
        self.schema_of(&model, rest).await
    }

    /// What a run would do.
    ///
    /// # Errors
    /// Either side refuses to be read. What went wrong with single objects is in the report.
    pub async fn run(
        &self,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> Result<Previewed, SyncError> {
        let model = self.source.data_model().await?;
        let rest = self.rest(&model).await?;
        let schema = self.schema_of(&model, rest).await?;
        let (mirror, config, tables) = (&self.mirror, &self.config, schema.tables.clone());
        let workspace = Workspace::new(mirror, config, &model, tables, Vec::new(), rest)?;
        let changing: BTreeSet<&str> = schema.steps.iter().filter_map(changed_table).collect();
        // A mirror without its control schema has no local changes, and nothing is stopped.
        let is_new = schema.steps.contains(&Step::CreateSchema);
        let stops = if is_new { Vec::new() } else { self.mirror.stops().await? };
        let reads = |target: &&Target| {
            let is_stop =
                |stop: &Stop| stop.flow == Flow::Pull && stop.object_id == target.table.object_id;
            !stops.iter().any(is_stop)
        };
        let (mut pull, mut anew) = (Vec::new(), Vec::new());
        for target in workspace.targets().filter(reads) {
            if changing.contains(target.table.name.as_str()) {
                anew.push((target.plural().to_owned(), self.source.count(target.plural()).await?));
            } else {
                pull.push(self.pull(target, stop, progress).await);
            }
        }
        pull.sort_by(|left, right| left.object.cmp(&right.object));
        let push = if is_new { Vec::new() } else { self.push(&workspace).await? };
        Ok(Previewed { schema, pull, anew, push, stops })
    }

    async fn rest(&self, model: &DataModel) -> Result<Rest, SyncError> {
        let rest = capabilities::seen(&self.source, model).await?.rest;
        self.source.expect_rest(rest);
        Ok(rest)
    }

    async fn schema_of(&self, model: &DataModel, rest: Rest) -> Result<SchemaPlan, SyncError> {
        // Never applied: dropping it ends its transaction.
        let change = self.mirror.begin_schema_change().await?;
        let objects = scope::scoped(model, &self.config.objects, rest)?;
        // A person wants to see what is asked for, whoever is to apply it.
        Ok(schema::plan(self.mirror.schema(), &objects, &change.existing, Mode::Auto))
    }

    async fn pull(
        &self,
        target: &Target,
        stop: &CancellationToken,
        progress: &ProgressSender,
    ) -> ObjectReport {
        let overlap = pull::overlap(&self.config.pull);
        let (source, mirror, writes) = (&self.source, &self.mirror, &Writes::default());
        let pull =
            Pull { source, mirror, target, overlap, writes, effect: Effect::Preview, progress };
        pull.run(stop).await
    }

    async fn push(&self, workspace: &Workspace) -> Result<Vec<PlannedWrite>, SyncError> {
        let claimed = self.mirror.claim(SHOWN).await?;
        Ok(claimed.iter().filter_map(|record| planned(workspace, record)).collect())
    }
}

/// The table whose columns a step changes.
fn changed_table(step: &Step) -> Option<&str> {
    match step {
        Step::CreateTable { table, .. }
        | Step::AddColumn { table, .. }
        | Step::RenameColumn { table, .. }
        | Step::ReadAnew { table } => Some(table),
        Step::RenameTable { to, .. } => Some(to),
        Step::CreateSchema
        | Step::CreateIndex { .. }
        | Step::AddKey { .. }
        | Step::GenerateIds { .. }
        | Step::Comment { .. }
        | Step::Capture { .. } => None,
    }
}

fn planned(workspace: &Workspace, record: &Claimed) -> Option<PlannedWrite> {
    let target = workspace.target(record.object_id)?;
    let keys = |body: &serde_json::Map<String, serde_json::Value>| body.keys().cloned().collect();
    let (what, fields) = match record.pending(&target.table.columns) {
        Err(_) => ("refuse", Vec::new()),
        Ok(pending) => match push::plan(target.rules(), &pending, Basis::Stored) {
            Verb::Nothing => return None,
            Verb::Read(_) => ("read, then decide", Vec::new()),
            Verb::Create(create) => ("create", keys(&create.body)),
            Verb::Update(write) => ("update", keys(&write.body)),
            Verb::Restore(write) => ("restore", keys(&write.body)),
            Verb::Delete(_) => ("delete", Vec::new()),
        },
    };
    Some(PlannedWrite {
        object: target.plural().to_owned(),
        record_id: record.record_id,
        what,
        fields,
    })
}
