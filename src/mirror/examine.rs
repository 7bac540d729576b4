//! Looks at the database for `doctor`, without changing anything.
//!
//! It exists because a missing right shows up only in the middle of the first run otherwise. Invariant: read-only.

use sqlx::{FromRow, PgPool, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{error::MirrorError, status};

/// What `doctor` wants to know of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// For example `15.19 (Debian …)`.
    pub version: String,
    /// For example 150019.
    pub version_number: i32,
    /// The role we are.
    pub role: String,
    /// Whether that role may do anything at all.
    pub is_superuser: bool,
    /// Whether schemas can be made.
    pub can_create: bool,
    /// Whether this is a standby that takes no writes.
    pub is_read_only: bool,
    /// For example `UTF8`.
    pub encoding: String,
    /// The workspace that the schema mirrors, if it mirrors one.
    pub workspace_id: Option<Uuid>,
}

impl FromRow<'_, PgRow> for Examination {
    fn from_row(row: &PgRow) -> Result<Examination, sqlx::Error> {
        Ok(Examination {
            version: row.try_get("version")?,
            version_number: row.try_get("version_number")?,
            role: row.try_get("role")?,
            is_superuser: row.try_get("is_superuser")?,
            can_create: row.try_get("can_create")?,
            is_read_only: row.try_get("is_read_only")?,
            encoding: row.try_get("encoding")?,
            workspace_id: None,
        })
    }
}

impl Examination {
    /// Looks at the database and at what `schema` in it holds.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn of(pool: &PgPool, schema: &str) -> Result<Examination, MirrorError> {
        let found: Examination = sqlx::query_as(
            "select current_setting('server_version') as version, \
             current_setting('server_version_num')::integer as version_number, current_user::text as role, \
             (select rolsuper from pg_catalog.pg_roles where rolname = current_user) as is_superuser, \
             has_database_privilege(current_database(), 'CREATE') as can_create, \
             pg_is_in_recovery() or coalesce(current_setting('sync.read_only', true), 'off')::boolean as is_read_only, \
             current_setting('server_encoding') as encoding",
        )
        .fetch_one(pool)
        .await
        .map_err(MirrorError::query("look at the database"))?;
        let workspace_id = status::bound_workspace(pool, schema).await?;
        Ok(Examination { workspace_id, ..found })
    }
}
