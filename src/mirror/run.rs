//! The book of runs: when the program worked and how it ended.
//!
//! It exists for `status` and for the question what happened last night. Invariant: a run is written down when it
//! starts, so a killed run shows as one that never ended.

use super::{Mirror, error::MirrorError};

/// How the program was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// `--once`
    Once,
    /// `run`
    Daemon,
}

impl RunMode {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            RunMode::Once => "once",
            RunMode::Daemon => "daemon",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was read.
    InSync,
    /// Everything was read, but records are set aside.
    Attention,
    /// Something could not be read.
    Failed,
}

impl Outcome {
    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::InSync => "in_sync",
            Outcome::Attention => "attention",
            Outcome::Failed => "failed",
        }
    }
}

/// What to write down of a run that ended.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// How it ended.
    pub outcome: Outcome,
    /// Calls to the source.
    pub calls: u64,
    /// Rows changed in mirrored tables.
    pub rows_changed: u64,
    /// Why it failed.
    pub failure: Option<String>,
}

impl Mirror {
    /// Writes down that a run starts; the answer names it.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn start_run(&self, mode: RunMode) -> Result<i64, MirrorError> {
        let failed = || MirrorError::query("write down that a run starts");
        let mut transaction = self.begin_patiently().await.map_err(failed())?;
        let run = sqlx::query_scalar(
            "insert into sync.run (workspace_id, mode, version) values ($1, $2, $3) returning run_id",
        )
        .bind(self.workspace_id)
        .bind(mode.as_str())
        .bind(env!("CARGO_PKG_VERSION"))
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(run)
    }

    /// Writes down how a run ended.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn finish_run(&self, run_id: i64, record: &RunRecord) -> Result<(), MirrorError> {
        let statement = sqlx::query(
            "update sync.run set finished_at = now(), outcome = $2, calls = $3, rows_changed = $4, failure = $5 \
             where run_id = $1",
        )
        .bind(run_id)
        .bind(record.outcome.as_str())
        .bind(i64::try_from(record.calls).unwrap_or(i64::MAX))
        .bind(i64::try_from(record.rows_changed).unwrap_or(i64::MAX))
        .bind(&record.failure);
        self.write(statement)
            .await
            .map(drop)
            .map_err(MirrorError::query("write down how a run ended"))
    }
}
