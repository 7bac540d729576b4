//! The lease: of several programs on one mirror, one works.
//!
//! It exists because a program can be paused, cut off or killed at any moment, and another one has to go on. A program
//! that was paused does not know it, so its own belief that it leads proves nothing: each of its transactions asks the
//! fence (`sync.fence`), under a lock that whoever takes the lease must have alone. Invariants: only the database's
//! clock counts; a lease that runs is taken from nobody but a program whose session is gone; an epoch is never used
//! twice; when the lease is taken, no transaction of the epoch before is open.

use std::time::Duration;

use sqlx::{
    Acquire as _, FromRow, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgRow},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Mirror,
    connect::{self, SILENCE, answered},
    error::{MirrorError, sqlstate},
};

/// On which it is told that a lease was taken or given up: the workspace.
const LEASES: &str = "twenty_sync_lease";

/// On which those who stand by pass on what they heard: the workspace, a space, and what was heard.
const HINTS: &str = "twenty_sync_hint";

/// How long a taker waits for transactions under way, before it ends their sessions.
const WAIT: &str = "set local lock_timeout = '500ms'";

/// How often it ends them.
const ATTEMPTS: u32 = 3;

/// How long a session must be gone before its program counts as gone: a connection that was only lost is made again.
const GONE: Duration = Duration::from_millis(100);

/// Under which a program writes: how often the lease had been taken when it took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub(super) i64);

impl Epoch {
    /// As a figure, for operators.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// Who leads, or led last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Leader {
    /// Host and process.
    pub holder: String,
    /// The epoch.
    pub epoch: i64,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Whether its lease still runs.
    pub is_held: bool,
}

impl FromRow<'_, PgRow> for Leader {
    fn from_row(row: &PgRow) -> Result<Leader, sqlx::Error> {
        Ok(Leader {
            holder: row.try_get("holder")?,
            epoch: row.try_get("epoch")?,
            since: row.try_get("acquired_at")?,
            is_held: row.try_get("is_held")?,
        })
    }
}

/// What came of trying to take a lease.
#[derive(Debug)]
pub enum Taken {
    /// It is ours, under this epoch.
    Leading(Epoch),
    /// Somebody else leads.
    Held(Leader),
}

/// A program that leads or would: one session of its own, which is kept for as long as it does.
#[derive(Debug)]
pub struct Candidate {
    options: PgConnectOptions,
    session: PgListener,
    workspace_id: Uuid,
    holder: String,
    time: Duration,
}

/// The lease as it stands.
struct Standing {
    leader: Leader,
    renewed_at: OffsetDateTime,
    is_gone: bool,
}

impl Candidate {
    /// Connects. `holder` says where this program runs, and `time` how long it may be silent.
    ///
    /// # Errors
    /// PostgreSQL does not let us in.
    pub async fn connect(
        url: &str,
        workspace_id: Uuid,
        holder: String,
        time: Duration,
    ) -> Result<Candidate, MirrorError> {
        let options = connect::options(url)?;
        let session = session(&options).await?;
        Ok(Candidate { options, session, workspace_id, holder, time })
    }

    /// Makes a new session in the place of one that failed.
    ///
    /// # Errors
    /// PostgreSQL does not let us in.
    pub async fn reconnect(&mut self) -> Result<(), MirrorError> {
        self.session = session(&self.options).await?;
        Ok(())
    }

    /// Takes the lease if nobody has it, or if the program that had it is silent or gone.
    ///
    /// # Errors
    /// PostgreSQL refuses, or transactions of the program before cannot be ended.
    pub async fn take(&mut self) -> Result<Taken, MirrorError> {
        answered("look who leads", SILENCE, self.try_take()).await
    }

    async fn try_take(&mut self) -> Result<Taken, MirrorError> {
        let failed = || MirrorError::query("look who leads");
        let Some(seen) = self.standing().await.map_err(failed())? else {
            return self.succeed(None).await;
        };
        if !seen.leader.is_held {
            return self.succeed(Some(seen)).await;
        }
        if seen.is_gone {
            tokio::time::sleep(GONE).await;
            let again = self.standing().await.map_err(failed())?;
            let is_still =
                again.is_some_and(|now| now.is_gone && now.renewed_at == seen.renewed_at);
            if is_still {
                return self.succeed(Some(seen)).await;
            }
        }
        Ok(Taken::Held(seen.leader))
    }

    /// Takes the place of what was seen, unless somebody else was faster or it came back to life.
    async fn succeed(&mut self, seen: Option<Standing>) -> Result<Taken, MirrorError> {
        let mut attempt = 0;
        loop {
            match self.try_succeed(seen.as_ref()).await {
                Ok(Some(epoch)) => return Ok(Taken::Leading(epoch)),
                Ok(None) => break,
                Err(error) if is_locked(&error) && attempt < ATTEMPTS => {
                    self.end_writers().await.map_err(MirrorError::query(
                        "end transactions of the program that led before",
                    ))?;
                }
                Err(error) => return Err(MirrorError::query("take the lease")(error)),
            }
            attempt += 1;
        }
        let failed = MirrorError::query("look who leads");
        let standing = self.standing().await.map_err(MirrorError::query("look who leads"))?;
        standing
            .map(|standing| Taken::Held(standing.leader))
            .ok_or(sqlx::Error::RowNotFound)
            .map_err(failed)
    }

    async fn try_succeed(&mut self, seen: Option<&Standing>) -> Result<Option<Epoch>, sqlx::Error> {
        let mut transaction = self.session.begin().await?;
        sqlx::query(WAIT).execute(&mut *transaction).await?;
        sqlx::query("select pg_advisory_xact_lock(sync.lease_lock($1))")
            .bind(self.workspace_id)
            .execute(&mut *transaction)
            .await?;
        let epoch: Option<i64> = sqlx::query_scalar(
            "insert into sync.lease as l (workspace_id, epoch, holder, backend, acquired_at, renewed_at, expires_at) \
             select $1, 1, $2, pg_backend_pid(), t, t, t + make_interval(secs => $3) from clock_timestamp() as t \
             on conflict (workspace_id) do update set epoch = l.epoch + 1, holder = excluded.holder, \
             backend = excluded.backend, acquired_at = excluded.acquired_at, renewed_at = excluded.renewed_at, \
             expires_at = excluded.expires_at \
             where l.epoch = $4 and (l.expires_at <= clock_timestamp() or l.renewed_at = $5) returning epoch",
        )
        .bind(self.workspace_id)
        .bind(&self.holder)
        .bind(self.time.as_secs_f64())
        .bind(seen.map_or(0, |seen| seen.leader.epoch))
        .bind(seen.filter(|seen| seen.is_gone).map(|seen| seen.renewed_at))
        .fetch_optional(&mut *transaction)
        .await?;
        tell(&mut transaction, self.workspace_id).await?;
        transaction.commit().await?;
        Ok(epoch.map(Epoch))
    }

    /// Ends the sessions that write under the lease: their program is silent, so nobody else ends them.
    async fn end_writers(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query(
            "select pg_terminate_backend(l.pid) from pg_catalog.pg_locks l, \
             (select sync.lease_lock($1) as key) k where l.locktype = 'advisory' and l.mode = 'ShareLock' and l.granted \
             and l.database = (select oid from pg_catalog.pg_database where datname = current_database()) \
             and l.objsubid = 1 and (l.classid::bigint << 32 | l.objid::bigint) = k.key",
        )
        .bind(self.workspace_id)
        .execute(&mut self.session)
        .await
        .map(drop)
    }

    async fn standing(&mut self) -> Result<Option<Standing>, sqlx::Error> {
        let row = sqlx::query(
            "select l.holder, l.epoch, l.acquired_at, l.renewed_at, l.expires_at > clock_timestamp() as is_held, \
             not exists (select from pg_catalog.pg_stat_activity where pid = l.backend) as is_gone \
             from sync.lease l where l.workspace_id = $1",
        )
        .bind(self.workspace_id)
        .fetch_optional(&mut self.session)
        .await?;
        let standing = |row: &PgRow| {
            Ok(Standing {
                leader: Leader::from_row(row)?,
                renewed_at: row.try_get("renewed_at")?,
                is_gone: row.try_get("is_gone")?,
            })
        };
        row.as_ref().map(standing).transpose()
    }

    /// Renews the lease; says whether it is still ours.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn renew(&mut self, Epoch(epoch): Epoch) -> Result<bool, MirrorError> {
        let renewed = sqlx::query(
            "update sync.lease set backend = pg_backend_pid(), renewed_at = t, \
             expires_at = t + make_interval(secs => $3) from clock_timestamp() as t where workspace_id = $1 and epoch = $2",
        )
        .bind(self.workspace_id)
        .bind(epoch)
        .bind(self.time.as_secs_f64())
        .execute(&mut self.session)
        .await
        .map_err(MirrorError::query("renew the lease"))?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Gives the lease up, if it is still ours, so that another program can take it at once.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn give_up(&mut self, Epoch(epoch): Epoch) -> Result<(), MirrorError> {
        let failed = || MirrorError::query("give the lease up");
        let mut transaction = self.session.begin().await.map_err(failed())?;
        sqlx::query(
            "update sync.lease set expires_at = clock_timestamp() where workspace_id = $1 and epoch = $2",
        )
        .bind(self.workspace_id)
        .bind(epoch)
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
        tell(&mut transaction, self.workspace_id).await.map_err(failed())?;
        transaction.commit().await.map_err(failed())
    }

    /// Waits until it is told that a lease was taken or given up, which says no more than that, or until somebody who
    /// stands by passes something on.
    ///
    /// # Errors
    /// The session is lost, which is noticed at once.
    pub async fn hear(&mut self) -> Result<Option<String>, MirrorError> {
        let failed = || MirrorError::query("hear of leases");
        let lost = || sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        let told = self.session.try_recv().await.map_err(failed())?;
        let told = told.ok_or_else(lost).map_err(failed())?;
        let (workspace, hint) = told.payload().split_once(' ').unwrap_or_default();
        let is_ours = told.channel() == HINTS && workspace == self.workspace_id.to_string();
        Ok(is_ours.then(|| hint.to_owned()))
    }
}

impl Mirror {
    /// Passes on what was heard to the program that leads.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn pass_on(&self, hints: &[String]) -> Result<(), MirrorError> {
        sqlx::query("select pg_notify($1, $2 || ' ' || hint) from unnest($3::text[]) as hint")
            .bind(HINTS)
            .bind(self.workspace_id.to_string())
            .bind(hints)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(MirrorError::query("pass on what webhooks told"))
    }
}

async fn session(options: &PgConnectOptions) -> Result<PgListener, MirrorError> {
    // The pool is this one session's, and ends with it.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = connect::connect(pool, options.clone()).await?;
    let listening = async {
        let mut session = PgListener::connect_with(&pool).await?;
        session.listen_all([LEASES, HINTS]).await?;
        session.eager_reconnect(false);
        Ok(session)
    };
    let failed = MirrorError::query("listen for leases");
    answered("listen for leases", SILENCE, async { listening.await.map_err(failed) }).await
}

/// Who leads a workspace, or led last; `None` where nobody ever did.
pub(super) async fn leader(
    pool: &PgPool,
    workspace_id: Uuid,
) -> Result<Option<Leader>, MirrorError> {
    sqlx::query_as(
        "select holder, epoch, acquired_at, expires_at > clock_timestamp() as is_held from sync.lease \
         where workspace_id = $1",
    )
    .bind(workspace_id)
    .fetch_optional(pool)
    .await
    .map_err(MirrorError::query("look who leads"))
}

async fn tell(connection: &mut PgConnection, workspace_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_notify($1, $2)")
        .bind(LEASES)
        .bind(workspace_id.to_string())
        .execute(connection)
        .await
        .map(drop)
}

fn is_locked(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("55P03")
}
