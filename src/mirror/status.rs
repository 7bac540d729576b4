//! What `status` shows: each object's progress, and the last run.
//!
//! It exists so that an operator sees at one glance what is read, how fresh it is and what is stuck. Invariant:
//! it only reads the control schema and PostgreSQL's estimates, so it costs nothing on large tables.

use serde::Serialize;
use sqlx::{FromRow, PgPool, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Budget, Leader, Mirror, Stop, budget, control, error::MirrorError, lease, stop};
use crate::record::Rest;

/// One object's state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectStatus {
    /// The plural name.
    pub object: String,
    /// The table.
    pub table_name: String,
    /// Which way its records travel.
    pub direction: String,
    /// Rows, as PostgreSQL estimates them.
    pub rows_estimate: i64,
    /// Server time up to which everything is read, or is known not to have changed since; `None` until the first walk is
    /// complete.
    #[serde(with = "time::serde::rfc3339::option")]
    pub watermark: Option<OffsetDateTime>,
    /// Records seen by the walk under way, if one is.
    pub walk_seen: Option<i64>,
    /// Records that walk will see, by the server's count, which for a first walk is made before it begins.
    pub walk_total: Option<i64>,
    /// When it was last read to the end, or seen not to have changed since.
    #[serde(with = "time::serde::rfc3339::option")]
    pub succeeded_at: Option<OffsetDateTime>,
    /// When both sides were last proven equal.
    #[serde(with = "time::serde::rfc3339::option")]
    pub proven_at: Option<OffsetDateTime>,
    /// Records seen by the content sweep under way, if one is.
    pub sweep_seen: Option<i64>,
    /// Records that sweep will see, by the server's count.
    pub sweep_total: Option<i64>,
    /// When a content sweep was last complete.
    #[serde(with = "time::serde::rfc3339::option")]
    pub swept_at: Option<OffsetDateTime>,
    /// Records that the last content sweep, or the one under way, found unequal.
    pub sweep_found: Option<i64>,
    /// Those of them that it repaired.
    pub sweep_repaired: Option<i64>,
    /// Why the content sweep does not get on, if it does not.
    pub sweep_failure: Option<String>,
    /// When it last failed, if it did since.
    #[serde(with = "time::serde::rfc3339::option")]
    pub failed_at: Option<OffsetDateTime>,
    /// Why.
    pub failure: Option<String>,
    /// Records set aside, on their way in either direction.
    pub quarantined: i64,
    /// Records with local changes that the source does not have yet.
    pub waiting: i64,
    /// Since when the oldest of these changes waits.
    #[serde(with = "time::serde::rfc3339::option")]
    pub waiting_since: Option<OffsetDateTime>,
    /// Conflicts that wait for a person.
    pub conflicts: i64,
}

/// The last run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastRun {
    /// `once` or `daemon`.
    pub mode: String,
    /// The program's version.
    pub version: String,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ended; `None` while it runs, or if it was killed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// How it ended: `in_sync`, `attention` or `failed`.
    pub outcome: Option<String>,
    /// Calls to the source.
    pub calls: Option<i64>,
    /// Rows changed in mirrored tables.
    pub rows_changed: Option<i64>,
    /// Why it failed.
    pub failure: Option<String>,
}

impl FromRow<'_, PgRow> for ObjectStatus {
    fn from_row(row: &PgRow) -> Result<ObjectStatus, sqlx::Error> {
        Ok(ObjectStatus {
            object: row.try_get("object")?,
            table_name: row.try_get("table_name")?,
            direction: row.try_get("direction")?,
            rows_estimate: row.try_get("rows_estimate")?,
            watermark: row.try_get("watermark")?,
            walk_seen: row.try_get("walk_seen")?,
            walk_total: row.try_get("walk_total")?,
            succeeded_at: row.try_get("succeeded_at")?,
            proven_at: row.try_get("proven_at")?,
            sweep_seen: row.try_get("sweep_seen")?,
            sweep_total: row.try_get("sweep_total")?,
            swept_at: row.try_get("swept_at")?,
            sweep_found: row.try_get("sweep_found")?,
            sweep_repaired: row.try_get("sweep_repaired")?,
            sweep_failure: row.try_get("sweep_failure")?,
            failed_at: row.try_get("failed_at")?,
            failure: row.try_get("failure")?,
            quarantined: row.try_get("quarantined")?,
            waiting: row.try_get("waiting")?,
            waiting_since: row.try_get("waiting_since")?,
            conflicts: row.try_get("conflicts")?,
        })
    }
}

impl FromRow<'_, PgRow> for LastRun {
    fn from_row(row: &PgRow) -> Result<LastRun, sqlx::Error> {
        Ok(LastRun {
            mode: row.try_get("mode")?,
            version: row.try_get("version")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            outcome: row.try_get("outcome")?,
            calls: row.try_get("calls")?,
            rows_changed: row.try_get("rows_changed")?,
            failure: row.try_get("failure")?,
        })
    }
}

/// The workspace that `schema` mirrors, if it mirrors one.
pub(super) async fn bound_workspace(
    pool: &PgPool,
    schema: &str,
) -> Result<Option<Uuid>, MirrorError> {
    if !control::exists(pool).await? {
        return Ok(None);
    }
    sqlx::query_scalar("select workspace_id from sync.workspace where schema_name = $1")
        .bind(schema)
        .fetch_optional(pool)
        .await
        .map_err(MirrorError::query("read which workspace the mirror belongs to"))
}

/// Every mirrored object of a workspace, by name.
async fn objects(pool: &PgPool, workspace_id: Uuid) -> Result<Vec<ObjectStatus>, MirrorError> {
    sqlx::query_as(
        "select o.name_plural as object, o.table_name, o.direction, \
         coalesce(s.n_live_tup, 0) as rows_estimate, \
         case when p.watermark is not null then greatest(p.watermark, p.unchanged_at) end as watermark, p.walk_seen, \
         coalesce(p.walk_fewest, case when p.watermark is null then p.expected end) as walk_total, p.succeeded_at, \
         p.proven_at, p.failed_at, p.failure, \
         v.problems as quarantined, v.waiting, v.oldest as waiting_since, v.conflicts, \
         case when e.began_at is not null then e.walk_seen end as sweep_seen, e.walk_fewest as sweep_total, \
         e.completed_at as swept_at, e.found as sweep_found, e.repaired as sweep_repaired, e.failure as sweep_failure \
         from sync.object o join sync.workspace w using (workspace_id) \
         join sync.status v on v.schema_name = w.schema_name and v.table_name = o.table_name \
         left join sync.checkpoint p using (workspace_id, object_id) \
         left join sync.sweep e using (workspace_id, object_id) \
         left join pg_catalog.pg_stat_user_tables s on s.schemaname = w.schema_name and s.relname = o.table_name \
         where o.workspace_id = $1 order by o.name_plural",
    )
    .bind(workspace_id)
    .fetch_all(pool)
    .await
    .map_err(MirrorError::query("read the state of the objects"))
}

/// The run that started last.
async fn last_run(pool: &PgPool, workspace_id: Uuid) -> Result<Option<LastRun>, MirrorError> {
    sqlx::query_as(
        "select mode, version, started_at, finished_at, outcome, calls, rows_changed, failure from sync.run \
         where workspace_id = $1 order by started_at desc limit 1",
    )
    .bind(workspace_id)
    .fetch_optional(pool)
    .await
    .map_err(MirrorError::query("read the last run"))
}

/// Changes of the tables that wait for a person.
async fn held_steps(pool: &PgPool, workspace_id: Uuid) -> Result<Vec<String>, MirrorError> {
    sqlx::query_scalar("select held_steps from sync.workspace where workspace_id = $1")
        .bind(workspace_id)
        .fetch_one(pool)
        .await
        .map_err(MirrorError::query("read which changes of the tables wait"))
}

/// What `status` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MirrorStatus {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The schema of the mirrored tables.
    pub schema: String,
    /// The version of the Twenty server, where it told one.
    pub server_version: Option<String>,
    /// Which REST interface it was seen to have.
    #[serde(skip)]
    pub server_rest: Option<Rest>,
    /// Whether it is only read: it is an older one, or could not be seen.
    pub server_is_only_read: bool,
    /// Which program works on the mirror, or did last.
    pub leader: Option<Leader>,
    /// Every mirrored object.
    pub objects: Vec<ObjectStatus>,
    /// Changes of the tables that the data model asks for and that were not made.
    pub held: Vec<String>,
    /// What does not run, and why.
    pub stops: Vec<Stop>,
    /// What the calls were spent on, and what is left of their limit.
    pub budget: Option<Budget>,
    /// The run that started last.
    pub last_run: Option<LastRun>,
}

impl Mirror {
    /// The state of this mirror.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn status(&self) -> Result<MirrorStatus, MirrorError> {
        MirrorStatus::of(&self.pool, self.workspace_id, self.schema()).await
    }
}

impl MirrorStatus {
    /// The state of the mirror in `schema`; `None` where nothing was mirrored yet.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn read(pool: &PgPool, schema: &str) -> Result<Option<MirrorStatus>, MirrorError> {
        let Some(workspace_id) = bound_workspace(pool, schema).await? else { return Ok(None) };
        MirrorStatus::of(pool, workspace_id, schema).await.map(Some)
    }

    async fn of(
        pool: &PgPool,
        workspace_id: Uuid,
        schema: &str,
    ) -> Result<MirrorStatus, MirrorError> {
        let objects = objects(pool, workspace_id).await?;
        let held = held_steps(pool, workspace_id).await?;
        let stops = stop::of_workspace(pool, workspace_id).await?;
        let budget = budget::of_workspace(pool, workspace_id).await?;
        let last_run = last_run(pool, workspace_id).await?;
        let (server_version, server_rest) = server(pool, workspace_id).await?;
        Ok(MirrorStatus {
            workspace_id,
            schema: schema.to_owned(),
            server_version,
            server_rest,
            server_is_only_read: server_rest.is_some_and(|rest| rest != Rest::Common),
            leader: lease::leader(pool, workspace_id).await?,
            objects,
            held,
            stops,
            budget,
            last_run,
        })
    }
}

/// The version of the server, and which REST interface it has.
async fn server(
    pool: &PgPool,
    workspace_id: Uuid,
) -> Result<(Option<String>, Option<Rest>), MirrorError> {
    let row: (Option<String>, Option<String>) = sqlx::query_as(
        "select server_version, server_rest from sync.workspace where workspace_id = $1",
    )
    .bind(workspace_id)
    .fetch_one(pool)
    .await
    .map_err(MirrorError::query("read what the server can do"))?;
    Ok((row.0, row.1.as_deref().and_then(Rest::named)))
}
