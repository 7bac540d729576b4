//! What was never read to the end, and how much of it there is.
//!
//! It exists so that it can be told how long a first load takes. Invariant: what is expected is a count for people;
//! no walk ends because of it.

use sqlx::Row as _;

use super::{
    Mirror,
    count::{signed, unsigned},
    error::MirrorError,
};
use crate::{plan::backfill::Unread, record::ObjectId};

impl Mirror {
    /// Every object that was never read to the end.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn unread(&self) -> Result<Vec<(ObjectId, Unread)>, MirrorError> {
        let failed = MirrorError::query("read what was never read to the end");
        let rows = sqlx::query(
            "select o.object_id, coalesce(p.walk_seen, 0) as seen, coalesce(p.walk_fewest, p.expected) as total \
             from sync.object o left join sync.checkpoint p using (workspace_id, object_id) \
             where o.workspace_id = $1 and p.watermark is null",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await;
        let read = |row: &sqlx::postgres::PgRow| {
            let seen = unsigned(row.try_get("seen")?);
            let total = row.try_get::<Option<i64>, _>("total")?.map(unsigned);
            Ok((row.try_get("object_id")?, Unread { seen, total }))
        };
        rows.and_then(|rows| rows.iter().map(read).collect()).map_err(failed)
    }

    /// Notes how many records the first walk of each object will see.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn expect(&self, counts: &[(ObjectId, u64)]) -> Result<(), MirrorError> {
        let (objects, counts): (Vec<ObjectId>, Vec<i64>) =
            counts.iter().map(|(object, count)| (*object, signed(*count))).unzip();
        let query = sqlx::query(
            "insert into sync.checkpoint (workspace_id, object_id, expected) \
             select $1, object_id, count from unnest($2::uuid[], $3::bigint[]) t (object_id, count) \
             on conflict (workspace_id, object_id) do update set expected = excluded.expected",
        )
        .bind(self.workspace_id)
        .bind(objects)
        .bind(counts);
        self.write(query).await.map(drop).map_err(MirrorError::query("note how much is to be read"))
    }
}
