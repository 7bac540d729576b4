//! What the server was seen to be able to do.
//!
//! It exists so that a look is believed across runs, and so that `status` and the hint of a refused change can name
//! the version while Twenty does not answer. Invariant: how long a look is believed is not decided here.

use std::time::Duration;

use sqlx::{FromRow, Row as _, postgres::PgRow};

use super::{Mirror, error::MirrorError};
use crate::record::{Capabilities, Rest};

/// What the server was seen to be able to do, and how long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    /// What it can do.
    pub capabilities: Capabilities,
    /// How long ago that was looked at.
    pub age: Duration,
}

impl FromRow<'_, PgRow> for KnownServer {
    fn from_row(row: &PgRow) -> Result<KnownServer, sqlx::Error> {
        let word: &str = row.try_get("server_rest")?;
        let unknown = || sqlx::Error::Decode(format!("{word} is no REST interface").into());
        let rest = Rest::named(word).ok_or_else(unknown)?;
        let version = row.try_get("server_version")?;
        let age: f64 = row.try_get("age")?;
        let age = Duration::try_from_secs_f64(age.max(0.0)).unwrap_or(Duration::MAX);
        Ok(KnownServer { capabilities: Capabilities { version, rest }, age })
    }
}

impl Mirror {
    /// What the server was last seen to be able to do, if it was looked at.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn known_server(&self) -> Result<Option<KnownServer>, MirrorError> {
        sqlx::query_as(
            "select server_version, server_rest, \
             extract(epoch from clock_timestamp() - server_seen_at)::float8 as age \
             from sync.workspace where workspace_id = $1 and server_rest is not null",
        )
        .bind(self.workspace_id)
        .fetch_optional(&self.pool)
        .await
        .map_err(MirrorError::query("read what the server can do"))
    }

    /// Writes down what the server can do.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn note_server(&self, server: &Capabilities) -> Result<(), MirrorError> {
        let statement = sqlx::query(
            "update sync.workspace set server_version = $2, server_rest = $3, server_seen_at = clock_timestamp() \
             where workspace_id = $1",
        )
        .bind(self.workspace_id)
        .bind(&server.version)
        .bind(server.rest.as_str());
        self.write(statement)
            .await
            .map(drop)
            .map_err(MirrorError::query("write down what the server can do"))
    }
}
