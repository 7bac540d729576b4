//! Stores how far each object has been read.
//!
//! It exists so that a killed run goes on where it stopped. Invariants: a checkpoint moves in the transaction of
//! the rows it stands for; each move expects the version it read, so two processes cannot move one checkpoint
//! together, and the later one learns of it.

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Mirror,
    count::{signed, unsigned},
    error::MirrorError,
};
use crate::{
    plan::walk::{Checkpoint, Walk},
    record::ObjectId,
};

/// A checkpoint with the version it was read at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredCheckpoint {
    /// How far the object has been read.
    pub checkpoint: Checkpoint,
    /// What the next write must expect.
    pub version: i64,
    /// Columns that the last complete walk was not shown.
    pub withheld: Vec<String>,
    /// Rows that the walk under way has removed.
    pub removed: u64,
}

/// How a checkpoint moves with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Walked {
    /// The walk goes on.
    #[default]
    Further,
    /// The walk is complete.
    ToTheEnd,
    /// The walk must start over.
    InVain,
}

impl Mirror {
    /// The checkpoint of an object; a new one where there was none.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn checkpoint(&self, object_id: ObjectId) -> Result<StoredCheckpoint, MirrorError> {
        if let Some(stored) = self.stored_checkpoint(object_id).await? {
            return Ok(stored);
        }
        let failed = MirrorError::query("read sync.checkpoint");
        let make = sqlx::query(
            "insert into sync.checkpoint (workspace_id, object_id) values ($1, $2) on conflict do nothing",
        );
        self.write(make.bind(self.workspace_id).bind(object_id))
            .await
            .map_err(MirrorError::query("make a checkpoint"))?;
        self.stored_checkpoint(object_id).await?.ok_or(sqlx::Error::RowNotFound).map_err(failed)
    }

    /// The checkpoint of an object, where there is one.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn stored_checkpoint(
        &self,
        object_id: ObjectId,
    ) -> Result<Option<StoredCheckpoint>, MirrorError> {
        let row = sqlx::query(
            "select version, watermark, walk_began_at, walk_since, walk_cursor, walk_last_id, walk_seen, \
             walk_fewest, walk_most, walk_pages, withheld, walk_removed from sync.checkpoint where workspace_id = $1 and object_id = $2",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .fetch_optional(&self.pool)
        .await
        .map_err(MirrorError::query("read sync.checkpoint"))?;
        row.as_ref().map(stored).transpose().map_err(MirrorError::query("read sync.checkpoint"))
    }

    /// The objects of which something is still to be read: a walk is under way, or everything is to be read anew.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn unfinished(&self) -> Result<Vec<ObjectId>, MirrorError> {
        sqlx::query_scalar(
            "select object_id from sync.checkpoint \
             where workspace_id = $1 and (watermark is null or walk_cursor is not null)",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("look which objects are not read to the end"))
    }

    /// Remembers, for `status`, that these objects had not changed at this time since they were read.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn note_unchanged(
        &self,
        objects: &[ObjectId],
        served_at: OffsetDateTime,
    ) -> Result<(), MirrorError> {
        if objects.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(
            "update sync.checkpoint set unchanged_at = $3, succeeded_at = now() \
             where workspace_id = $1 and object_id = any($2) and watermark is not null",
        )
        .bind(self.workspace_id)
        .bind(objects)
        .bind(served_at);
        let noted = self.write(query).await.map(drop);
        noted.map_err(MirrorError::query("note which objects did not change"))
    }

    /// Remembers why an object could not be read, for `status`.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn note_failure(
        &self,
        object_id: ObjectId,
        failure: &str,
    ) -> Result<(), MirrorError> {
        let statement = sqlx::query(
            "update sync.checkpoint set failed_at = now(), failure = $3 \
             where workspace_id = $1 and object_id = $2",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(failure);
        self.write(statement)
            .await
            .map(drop)
            .map_err(MirrorError::query("note why an object could not be read"))
    }
}

/// Moves a checkpoint, if it still is at `version`; says whether it was.
pub(super) async fn advance(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: Uuid,
    version: i64,
    (checkpoint, walked): (&Checkpoint, Walked),
    (withheld, removed): (Option<&[String]>, u64),
) -> Result<bool, sqlx::Error> {
    let walk = checkpoint.walk.as_ref();
    let moved = sqlx::query(
        "update sync.checkpoint set version = version + 1, watermark = $4, walk_began_at = $5, walk_since = $6, \
         walk_cursor = $7, walk_last_id = $8, walk_seen = $9, walk_fewest = $10, walk_pages = $11, walk_most = $15, \
         succeeded_at = case when $12 then now() else succeeded_at end, \
         failed_at = case when $12 then null else failed_at end, \
         failure = case when $12 then null else failure end, \
         expected = case when $12 then null else expected end, withheld = coalesce($13, withheld), \
         walk_removed = case when $7::text is null then 0 else walk_removed + $14 end \
         where workspace_id = $1 and object_id = $2 and version = $3",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .bind(version)
    .bind(checkpoint.watermark)
    .bind(walk.and_then(|walk| walk.began_at))
    .bind(walk.and_then(|walk| walk.since))
    .bind(walk.and_then(|walk| walk.cursor.as_deref()))
    .bind(walk.and_then(|walk| walk.last_id))
    .bind(walk.map(|walk| signed(walk.seen)))
    .bind(walk.and_then(|walk| walk.fewest).map(signed))
    .bind(walk.map(|walk| signed(walk.pages)))
    .bind(walked == Walked::ToTheEnd)
    .bind(withheld)
    .bind(signed(removed))
    .bind(walk.and_then(|walk| walk.most).map(signed))
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Has an object read from its first record.
pub(super) async fn start_over(
    mirror: &Mirror,
    connection: &mut PgConnection,
    object_id: ObjectId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update sync.checkpoint set version = version + 1, watermark = null, walk_began_at = null, \
         walk_since = null, walk_cursor = null, walk_last_id = null, walk_seen = null, walk_fewest = null, \
         walk_most = null, walk_pages = null, walk_removed = 0 where workspace_id = $1 and object_id = $2",
    )
    .bind(mirror.workspace_id)
    .bind(object_id)
    .execute(connection)
    .await
    .map(drop)
}

fn stored(row: &PgRow) -> Result<StoredCheckpoint, sqlx::Error> {
    let cursor: Option<String> = row.try_get("walk_cursor")?;
    let walk = match cursor {
        None => None,
        Some(cursor) => Some(Walk {
            since: row.try_get("walk_since")?,
            began_at: row.try_get("walk_began_at")?,
            cursor: Some(cursor),
            last_id: row.try_get("walk_last_id")?,
            seen: unsigned(row.try_get("walk_seen")?),
            fewest: row.try_get::<Option<i64>, _>("walk_fewest")?.map(unsigned),
            most: row.try_get::<Option<i64>, _>("walk_most")?.map(unsigned),
            ended: false,
            pages: unsigned(row.try_get("walk_pages")?),
        }),
    };
    let checkpoint = Checkpoint { watermark: row.try_get("watermark")?, walk };
    let (version, withheld) = (row.try_get("version")?, row.try_get("withheld")?);
    let removed = unsigned(row.try_get("walk_removed")?);
    Ok(StoredCheckpoint { checkpoint, version, withheld, removed })
}
