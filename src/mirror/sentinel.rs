//! The newest records of each object as the source last showed them.
//!
//! It exists because a restored source is told by them from one in which people work; see [`crate::plan::rewind`].
//! Invariant: an object has no more of them than the plan keeps.

use sqlx::{FromRow, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Mirror, checkpoint, error::MirrorError};
use crate::{
    plan::rewind::{KEPT, Sentinel},
    record::ObjectId,
};

const FORGET: &str = "delete from sync.sentinel where workspace_id = $1 and object_id = $2";

const LIFT: &str =
    "delete from sync.stop where workspace_id = $1 and object_id = $2 and cause = 'rewind'";

/// What the source lost may leave the mirror, once, however much it is.
const RELEASE: &str = "insert into sync.fuse (workspace_id, object_id, flow, deletes, overwrites, total, released_at) \
     values ($1, $2, 'pull', 0, 0, 0, now()) on conflict do nothing";

impl FromRow<'_, PgRow> for Sentinel {
    fn from_row(row: &PgRow) -> Result<Sentinel, sqlx::Error> {
        Ok(Sentinel {
            object_id: row.try_get("object_id")?,
            id: row.try_get("record_id")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

impl Mirror {
    /// The sentinels of all objects.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn sentinels(&self) -> Result<Vec<Sentinel>, MirrorError> {
        sqlx::query_as(
            "select object_id, record_id, updated_at from sync.sentinel where workspace_id = $1",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("read the newest records"))
    }

    /// Adds what a walk showed to the sentinels of an object; the newest stay.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn keep_sentinels(
        &self,
        object_id: ObjectId,
        shown: &[(Uuid, OffsetDateTime)],
    ) -> Result<(), MirrorError> {
        if shown.is_empty() {
            return Ok(());
        }
        let failed = || MirrorError::query("remember the newest records");
        let statement = sqlx::query(
            "insert into sync.sentinel as s (workspace_id, object_id, record_id, updated_at) \
             select $1, $2, record_id, updated_at from unnest($3::uuid[], $4::timestamptz[]) \
             as t (record_id, updated_at) on conflict (workspace_id, object_id, record_id) \
             do update set updated_at = excluded.updated_at where s.updated_at <> excluded.updated_at",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(shown.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(shown.iter().map(|(_, at)| *at).collect::<Vec<_>>());
        self.write(statement).await.map_err(failed())?;
        let statement = sqlx::query(
            "delete from sync.sentinel where workspace_id = $1 and object_id = $2 and record_id in ( \
             select record_id from sync.sentinel where workspace_id = $1 and object_id = $2 \
             order by updated_at desc, record_id offset $3)",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(i64::try_from(KEPT).unwrap_or(i64::MAX));
        self.write(statement).await.map(drop).map_err(failed())
    }

    /// Forgets sentinels.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn forget_sentinels(&self, sentinels: &[Sentinel]) -> Result<(), MirrorError> {
        if sentinels.is_empty() {
            return Ok(());
        }
        let statement = sqlx::query(
            "delete from sync.sentinel where workspace_id = $1 and (object_id, record_id) in \
             (select * from unnest($2::uuid[], $3::uuid[]))",
        )
        .bind(self.workspace_id)
        .bind(sentinels.iter().map(|sentinel| sentinel.object_id).collect::<Vec<_>>())
        .bind(sentinels.iter().map(|sentinel| sentinel.id).collect::<Vec<_>>());
        self.write(statement)
            .await
            .map(drop)
            .map_err(MirrorError::query("forget records that are gone"))
    }

    /// Lets an object of a restored source go on as that source is now: what was stopped runs again, the object is read
    /// from its first record, and its fuse lets that pass. Says whether anything was stopped.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn follow_anew(&self, object_id: ObjectId) -> Result<bool, MirrorError> {
        let failed = MirrorError::query("let an object follow the source as it is");
        self.try_follow_anew(object_id).await.map_err(failed)
    }

    async fn try_follow_anew(&self, object_id: ObjectId) -> Result<bool, sqlx::Error> {
        let mut transaction = self.begin_patiently().await?;
        checkpoint::start_over(self, &mut transaction, object_id).await?;
        let mut lifted = 0;
        for statement in [FORGET, RELEASE, LIFT] {
            let done = sqlx::query(statement).bind(self.workspace_id).bind(object_id);
            lifted = done.execute(&mut *transaction).await?.rows_affected();
        }
        transaction.commit().await?;
        Ok(lifted > 0)
    }
}
