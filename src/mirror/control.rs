//! Brings the control schema up to date.
//!
//! It exists because `sync` is ours and changes with releases. Invariants: migrations are embedded, applied in
//! order and never edited afterwards; a database that a newer release has used is refused; a schema `sync` that
//! belongs to something else is never touched.

use std::{cmp::Ordering, time::Duration};

use sqlx::{
    PgConnection, PgExecutor, PgPool, SqlSafeStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    connect::{SILENCE, answered},
    error::MirrorError,
};

/// How long migrations may take: they may rewrite a large table.
const MIGRATION: Duration = Duration::from_mins(10);

/// sqlx's own book of applied migrations, kept in our schema so that it meets nobody else's.
const BOOK: &str = "sync._sqlx_migrations";

fn migrator() -> Migrator {
    let migration = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(vec![
        migration(1, "control", include_str!("../../migrations/0001_control.sql")),
        migration(2, "capture", include_str!("../../migrations/0002_capture.sql")),
        migration(3, "proof", include_str!("../../migrations/0003_proof.sql")),
        migration(4, "stop", include_str!("../../migrations/0004_stop.sql")),
        migration(5, "fuse", include_str!("../../migrations/0005_fuse.sql")),
        migration(6, "behind", include_str!("../../migrations/0006_behind.sql")),
        migration(7, "drift", include_str!("../../migrations/0007_drift.sql")),
        migration(8, "content_sweep", include_str!("../../migrations/0008_content_sweep.sql")),
        migration(
            9,
            "versions and rewind",
            include_str!("../../migrations/0009_versions_and_rewind.sql"),
        ),
        migration(10, "lease", include_str!("../../migrations/0010_lease.sql")),
        migration(11, "unchanged", include_str!("../../migrations/0011_unchanged.sql")),
        migration(12, "budget", include_str!("../../migrations/0012_budget.sql")),
        migration(13, "late and lost", include_str!("../../migrations/0013_late_and_lost.sql")),
        migration(14, "generation", include_str!("../../migrations/0014_generation.sql")),
    ]);
    migrator.dangerous_set_table_name(BOOK);
    migrator.create_schema("sync");
    migrator
}

/// The newest version of the control schema that this program knows.
fn newest() -> i64 {
    migrator().iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Whether there is a control schema at all.
pub(super) async fn exists(pool: impl PgExecutor<'_>) -> Result<bool, MirrorError> {
    sqlx::query_scalar("select to_regclass('sync.workspace') is not null")
        .fetch_one(pool)
        .await
        .map_err(MirrorError::query("look for the control schema"))
}

pub(super) async fn migrate(pool: &PgPool) -> Result<(), MirrorError> {
    let looking = async {
        let found = relations(pool).await?;
        if found.iter().any(|name| name == "_sqlx_migrations") {
            version(pool).await
        } else if found.is_empty() {
            Ok(0)
        } else {
            Err(MirrorError::ControlTaken(found))
        }
    };
    let found = answered("look into schema sync", SILENCE, looking).await?;
    let patience = if found < newest() { MIGRATION } else { SILENCE };
    answered("bring the control schema sync up to date", patience, run(pool)).await
}

async fn run(pool: &PgPool) -> Result<(), MirrorError> {
    let failed = || MirrorError::query("prepare to change the control schema");
    let mut connection = pool.acquire().await.map_err(failed())?;
    writable(&mut connection).await.map_err(failed())?;
    let migrated = migrator().run(&mut *connection).await.map_err(MirrorError::Control);
    sqlx::query("set default_transaction_read_only = on")
        .execute(&mut *connection)
        .await
        .map_err(failed())?;
    migrated
}

/// Lets a connection write by itself, unless the operator does not want it: migrations bring their own transactions.
async fn writable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "select set_config('default_transaction_read_only', \
         coalesce(current_setting('sync.read_only', true), 'off'), false)";
    sqlx::query(sql).execute(connection).await.map(drop)
}

/// Refuses a control schema that another version of the program made.
pub(super) async fn check(pool: &PgPool) -> Result<(), MirrorError> {
    let found = version(pool).await?;
    match found.cmp(&newest()) {
        Ordering::Less => Err(MirrorError::ControlOutdated { found, needed: newest() }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(MirrorError::Control(MigrateError::VersionMissing(found))),
    }
}

async fn version(pool: &PgPool) -> Result<i64, MirrorError> {
    sqlx::query_scalar("select coalesce(max(version), 0) from sync._sqlx_migrations where success")
        .fetch_one(pool)
        .await
        .map_err(MirrorError::query("read the version of the control schema"))
}

async fn relations(pool: &PgPool) -> Result<Vec<String>, MirrorError> {
    sqlx::query_scalar(
        "select c.relname::text from pg_catalog.pg_class c \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'sync' and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1 limit 10",
    )
    .fetch_all(pool)
    .await
    .map_err(MirrorError::query("look into schema sync"))
}
