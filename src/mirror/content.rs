//! Stores how far the content sweep of each object is.
//!
//! It exists so that a killed sweep goes on where it stopped, and so that a daemon that was down when one was due
//! knows it. Invariant: what is stored after a page contains that page's repairs, which are written before.

use sqlx::{
    FromRow, Postgres, Row as _,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use time::OffsetDateTime;

use super::{
    Mirror,
    count::{signed, unsigned},
    error::MirrorError,
};
use crate::{
    plan::{
        content::{ContentSweep, Tally},
        walk::Walk,
    },
    record::ObjectId,
};

/// The content sweep of an object, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSweep {
    /// The object.
    pub object_id: ObjectId,
    /// The schedule's next time after this is when the next one begins.
    pub due_from: OffsetDateTime,
    /// The database's time when it was asked: due is what is due by the clock that wrote the times.
    pub now: OffsetDateTime,
    /// The one under way, if one is.
    pub under_way: Option<ContentSweep>,
}

impl FromRow<'_, PgRow> for StoredSweep {
    fn from_row(row: &PgRow) -> Result<StoredSweep, sqlx::Error> {
        let began_at: Option<OffsetDateTime> = row.try_get("began_at")?;
        Ok(StoredSweep {
            object_id: row.try_get("object_id")?,
            due_from: row.try_get("due_from")?,
            now: row.try_get("now")?,
            under_way: began_at.map(|_| content(row)).transpose()?,
        })
    }
}

fn content(row: &PgRow) -> Result<ContentSweep, sqlx::Error> {
    let count = |name| row.try_get::<i64, _>(name).map(unsigned);
    let (fewest, most): (Option<i64>, Option<i64>) =
        (row.try_get("walk_fewest")?, row.try_get("walk_most")?);
    Ok(ContentSweep {
        walk: Walk {
            since: None,
            began_at: None,
            cursor: row.try_get("walk_cursor")?,
            last_id: row.try_get("walk_last_id")?,
            seen: count("walk_seen")?,
            fewest: fewest.map(unsigned),
            most: most.map(unsigned),
            ended: false,
            pages: count("walk_pages")?,
        },
        tally: Tally {
            compared: count("compared")?,
            left_out: count("left_out")?,
            found: count("found")?,
            repaired: count("repaired")?,
            overwritten: count("overwritten")?,
        },
        blown: row.try_get("blown")?,
    })
}

impl Mirror {
    /// The content sweeps of the objects that were read to the end, those that have waited longest first. An object
    /// that is seen for the first time was just read.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn content_sweeps(&self) -> Result<Vec<StoredSweep>, MirrorError> {
        let missing: bool = sqlx::query_scalar(
            "select exists (select from sync.checkpoint c left join sync.sweep s using (workspace_id, object_id) \
             where c.workspace_id = $1 and c.watermark is not null and s.object_id is null)",
        )
        .bind(self.workspace_id)
        .fetch_one(&self.pool)
        .await
        .map_err(MirrorError::query("read sync.sweep"))?;
        if missing {
            let make = sqlx::query(
                "insert into sync.sweep (workspace_id, object_id) select workspace_id, object_id \
                 from sync.checkpoint where workspace_id = $1 and watermark is not null on conflict do nothing",
            );
            self.on_sweep(make.bind(self.workspace_id)).await?;
        }
        sqlx::query_as(
            "select s.*, clock_timestamp() as now from sync.sweep s join sync.checkpoint c using (workspace_id, object_id) \
             where s.workspace_id = $1 and c.watermark is not null \
             order by s.began_at is null, s.due_from, s.object_id",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("read sync.sweep"))
    }

    /// A content sweep begins, from the first record on.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn begin_content_sweep(&self, object_id: ObjectId) -> Result<(), MirrorError> {
        let begin = sqlx::query(
            "update sync.sweep set due_from = now(), began_at = now(), walk_cursor = null, walk_last_id = null, \
             walk_seen = 0, walk_fewest = null, walk_most = null, walk_pages = 0, compared = 0, left_out = 0, found = 0, repaired = 0, \
             overwritten = 0, blown = false where workspace_id = $1 and object_id = $2",
        );
        self.on_sweep(begin.bind(self.workspace_id).bind(object_id)).await
    }

    /// Stores where a content sweep stands after a page. With the last one it is complete.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn note_content_sweep(
        &self,
        object_id: ObjectId,
        sweep: &ContentSweep,
        is_complete: bool,
    ) -> Result<(), MirrorError> {
        let ContentSweep { walk, tally, blown } = sweep;
        let note = sqlx::query(
            "update sync.sweep set walk_cursor = $3, walk_last_id = $4, walk_seen = $5, walk_fewest = $6, \
             walk_pages = $7, compared = $8, left_out = $9, found = $10, repaired = $11, overwritten = $12, \
             blown = $13, walk_most = $15, began_at = case when $14 then null else began_at end, \
             completed_at = case when $14 then now() else completed_at end, failed_at = null, failure = null \
             where workspace_id = $1 and object_id = $2",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(&walk.cursor)
        .bind(walk.last_id)
        .bind(signed(walk.seen))
        .bind(walk.fewest.map(signed))
        .bind(signed(walk.pages))
        .bind(signed(tally.compared))
        .bind(signed(tally.left_out))
        .bind(signed(tally.found))
        .bind(signed(tally.repaired))
        .bind(signed(tally.overwritten))
        .bind(blown)
        .bind(is_complete)
        .bind(walk.most.map(signed));
        self.on_sweep(note).await
    }

    /// Remembers why a content sweep does not get on. `is_over`: it begins anew when the next one is due.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn note_content_failure(
        &self,
        object_id: ObjectId,
        failure: &str,
        is_over: bool,
    ) -> Result<(), MirrorError> {
        let note = sqlx::query(
            "update sync.sweep set failed_at = now(), failure = $3, \
             began_at = case when $4 then null else began_at end where workspace_id = $1 and object_id = $2",
        );
        self.on_sweep(note.bind(self.workspace_id).bind(object_id).bind(failure).bind(is_over))
            .await
    }

    async fn on_sweep(&self, query: Query<'_, Postgres, PgArguments>) -> Result<(), MirrorError> {
        let failed = || MirrorError::query("write sync.sweep");
        let mut transaction = self.begin().await.map_err(failed())?;
        query.execute(&mut *transaction).await.map_err(failed())?;
        transaction.commit().await.map_err(failed())
    }
}
