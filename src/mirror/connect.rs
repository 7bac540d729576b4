//! The connection pool and what every connection is set to.
//!
//! It exists so that no statement depends on a role's settings. Invariants: names resolve in `pg_catalog` only,
//! everything else is written with its schema; times are UTC; a lock that someone holds makes us give up and
//! report, not wait for ever.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use super::{control, error::MirrorError, ident::Ident, nodelay, workspace};

/// One workspace's mirror.
#[derive(Debug, Clone)]
pub struct Mirror {
    pub(super) pool: PgPool,
    pub(super) workspace_id: Uuid,
    pub(super) schema: Ident,
}

impl Mirror {
    /// Connects, brings the control schema up to date, and binds `schema` to the workspace.
    ///
    /// # Errors
    /// No connection or rights, a schema taken by others, or another workspace's mirror.
    pub async fn open(
        pool: PgPool,
        schema: &str,
        workspace_id: Uuid,
        source_url: &str,
    ) -> Result<Mirror, MirrorError> {
        let mirror = Mirror { pool, workspace_id, schema: Ident::new(schema)? };
        control::migrate(&mirror.pool).await?;
        workspace::bind(&mirror, source_url).await?;
        Ok(mirror)
    }

    /// The same without changing anything: a mirror that is not there yet is looked at as empty.
    ///
    /// # Errors
    /// No connection or rights, or another workspace's mirror.
    pub async fn preview(
        pool: PgPool,
        schema: &str,
        workspace_id: Uuid,
    ) -> Result<Mirror, MirrorError> {
        let mirror = Mirror { pool, workspace_id, schema: Ident::new(schema)? };
        if control::exists(&mirror.pool).await? {
            workspace::check(&mirror).await?;
        }
        Ok(mirror)
    }

    /// A pool of at most `connections` to the database at `url`, with one connection made.
    ///
    /// # Errors
    /// The URL is malformed or the server does not let us in.
    pub async fn connect(url: &str, connections: u32) -> Result<PgPool, MirrorError> {
        let options: PgConnectOptions = url.parse().map_err(MirrorError::Url)?;
        let place = place(&options);
        let options = options.application_name("twenty-sync").options([
            ("search_path", "pg_catalog"),
            ("TimeZone", "UTC"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "60s"),
            // Statements are wide and short: compiling them costs more than running them.
            ("jit", "off"),
        ]);
        let port = options.get_port();
        PgPoolOptions::new()
            .after_connect(move |_, _| {
                nodelay::turn_off_delay(port);
                Box::pin(std::future::ready(Ok(())))
            })
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await
            .map_err(|cause| MirrorError::Connect { place, cause })
    }

    /// The schema of the mirrored tables.
    pub fn schema(&self) -> &str {
        self.schema.as_str()
    }
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}
