//! Binds a mirror to its workspace, for good.
//!
//! It exists because the key of another workspace would otherwise fill the mirror with strangers. Invariants: a
//! schema holds one workspace and a workspace has one schema; a schema that holds something else already is
//! never taken over.

use uuid::Uuid;

use super::{Mirror, error::MirrorError};

pub(super) async fn bind(mirror: &Mirror, source_url: &str) -> Result<(), MirrorError> {
    if is_bound(mirror).await? {
        return Ok(());
    }
    refuse_foreign_schema(mirror).await?;
    let bound = sqlx::query(
        "insert into sync.workspace (workspace_id, schema_name, source_url) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(mirror.workspace_id)
    .bind(mirror.schema())
    .bind(source_url);
    mirror.write(bound).await.map_err(MirrorError::query("bind the mirror to its workspace"))?;
    // Another process may have been first; what it bound decides.
    is_bound(mirror).await.map(drop)
}

/// Refuses a mirror of another workspace, and a schema that holds something else.
pub(super) async fn check(mirror: &Mirror) -> Result<(), MirrorError> {
    if is_bound(mirror).await? { Ok(()) } else { refuse_foreign_schema(mirror).await }
}

async fn is_bound(mirror: &Mirror) -> Result<bool, MirrorError> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "select workspace_id, schema_name from sync.workspace where workspace_id = $1 or schema_name = $2",
    )
    .bind(mirror.workspace_id)
    .bind(mirror.schema())
    .fetch_all(&mirror.pool)
    .await
    .map_err(MirrorError::query("read which workspace the mirror belongs to"))?;
    for (bound, schema) in &rows {
        if *bound != mirror.workspace_id {
            let (schema, given) = (schema.clone(), mirror.workspace_id);
            return Err(MirrorError::OtherWorkspace { schema, bound: *bound, given });
        }
        if schema != mirror.schema() {
            let (bound, schema) = (schema.clone(), mirror.schema().to_owned());
            return Err(MirrorError::OtherSchema { workspace: mirror.workspace_id, bound, schema });
        }
    }
    Ok(!rows.is_empty())
}

async fn refuse_foreign_schema(mirror: &Mirror) -> Result<(), MirrorError> {
    let relations: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_catalog.pg_class c \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1 limit 10",
    )
    .bind(mirror.schema())
    .fetch_all(&mirror.pool)
    .await
    .map_err(MirrorError::query("look into the mirror's schema"))?;
    if relations.is_empty() {
        return Ok(());
    }
    Err(MirrorError::SchemaTaken { schema: mirror.schema().to_owned(), relations })
}
