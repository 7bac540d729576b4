//! The connection pool and what every connection is set to.
//!
//! It exists so that no statement depends on a role's settings. Invariants: names resolve in `pg_catalog` only,
//! everything else is written with its schema; times are UTC; a lock that someone holds makes us give up and
//! report, not wait for ever; nothing is written but in a transaction that says so (see `transaction`).

use std::{io, time::Duration};

use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    control, encryption, error::MirrorError, ident::Ident, lease::Epoch, nodelay, workspace,
};

/// What forgets to begin a transaction that writes is refused, so that nothing can forget the lease. What the operator
/// wants is kept: a database whose disk is nearly full may be read-only by default.
const READ_ONLY: &str = "select set_config('sync.read_only', current_setting('default_transaction_read_only'), false), \
     set_config('default_transaction_read_only', 'on', false)";

/// How long it is asked why there was no connection.
const LAST_TRY: Duration = Duration::from_secs(2);

/// How long a server may be silent while the mirror is opened. A connection that nobody answers on would otherwise be
/// waited for until the network gives it up, which takes a quarter of an hour.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

/// One workspace's mirror.
#[derive(Debug, Clone)]
pub struct Mirror {
    pub(super) pool: PgPool,
    pub(super) workspace_id: Uuid,
    pub(super) schema: Ident,
    /// Under which it writes; a person's command needs none.
    pub(super) epoch: Option<Epoch>,
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
        let mirror = Mirror { pool, workspace_id, schema: Ident::new(schema)?, epoch: None };
        control::migrate(&mirror.pool).await?;
        answered("bind the mirror to its workspace", SILENCE, workspace::bind(&mirror, source_url))
            .await?;
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
        let mirror = Mirror { pool, workspace_id, schema: Ident::new(schema)?, epoch: None };
        let looking = async {
            if control::exists(&mirror.pool).await? {
                workspace::check(&mirror).await?;
            }
            Ok(())
        };
        answered("look at the mirror", SILENCE, looking).await?;
        Ok(mirror)
    }

    /// A pool of at most `connections` to the database at `url`, with one connection made.
    ///
    /// # Errors
    /// The URL is malformed or the server does not let us in.
    pub async fn connect(url: &str, connections: u32) -> Result<PgPool, MirrorError> {
        let options = options(url)?;
        let port = options.get_port();
        let pool = PgPoolOptions::new().max_connections(connections);
        let pool = pool.after_connect(move |connection, _| {
            nodelay::turn_off_delay(port);
            Box::pin(async move { sqlx::query(READ_ONLY).execute(connection).await.map(drop) })
        });
        connect(pool, options).await
    }

    /// The same mirror, written to under a lease only.
    #[must_use]
    pub fn under(self, epoch: Epoch) -> Mirror {
        Mirror { epoch: Some(epoch), ..self }
    }

    /// The schema of the mirrored tables.
    pub fn schema(&self) -> &str {
        self.schema.as_str()
    }
}

/// What every connection is set to.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, MirrorError> {
    let options: PgConnectOptions = url.parse().map_err(MirrorError::Url)?;
    Ok(encryption::demanded(options, url).application_name("twenty-sync").options([
        ("search_path", "pg_catalog"),
        ("TimeZone", "UTC"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "60s"),
        // Statements are wide and short: compiling them costs more than running them.
        ("jit", "off"),
    ]))
}

/// A pool with one connection made.
pub(super) async fn connect(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) -> Result<PgPool, MirrorError> {
    let place = place(&options);
    match pool.acquire_timeout(Duration::from_secs(10)).connect_with(options.clone()).await {
        Ok(pool) => Ok(pool),
        Err(cause) => Err(MirrorError::Connect { place, cause: reason(cause, &options).await }),
    }
}

/// What comes of asking the server, or that it has not answered for so long.
pub(super) fn answered<T>(
    action: &'static str,
    patience: Duration,
    asking: impl Future<Output = Result<T, MirrorError>>,
) -> impl Future<Output = Result<T, MirrorError>> {
    // Connecting is a large future, and whoever waits for it would be as large.
    let asking = timeout(patience, Box::pin(asking));
    async move {
        asking.await.unwrap_or_else(|_| {
            let text = format!("PostgreSQL has not answered for {} s", patience.as_secs());
            let cause = io::Error::new(io::ErrorKind::TimedOut, text);
            Err(MirrorError::query(action)(sqlx::Error::Io(cause)))
        })
    }
}

/// Why no connection was made. A pool that has tried in vain says no more than that; one that is made now may tell.
async fn reason(cause: sqlx::Error, options: &PgConnectOptions) -> sqlx::Error {
    if !matches!(cause, sqlx::Error::PoolTimedOut) {
        return cause;
    }
    match timeout(LAST_TRY, options.connect()).await {
        Ok(Err(reason)) => reason,
        Ok(Ok(_)) | Err(_) => cause,
    }
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}
