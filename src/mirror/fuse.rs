//! Fuses that blew: what they count, and what a person lets pass.
//!
//! It exists because what a fuse holds must be held by every process until a person decides. Invariants: a fuse that
//! blew stops its flow in the same transaction; what is released is exactly what was held: for a push the changes made
//! until then, for a pull the next complete look.

use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Mirror, StopCause,
    claim::{DUE, QUEUE, RUNS},
    count::{signed, unsigned},
    error::MirrorError,
    ident::statement,
    stop,
};
use crate::{
    plan::fuse::Effects,
    record::{Flow, ObjectId},
};

/// The local changes of an object that would change records in the source, as far as nobody let them pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// The object.
    pub object_id: ObjectId,
    /// What they would do.
    pub effects: Effects,
}

/// A fuse that blew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BlownFuse {
    /// The object's plural name.
    pub object: String,
    /// `pull` or `push`.
    pub flow: String,
    /// Records that would have been deleted.
    pub deletes: i64,
    /// Records that would have been overwritten.
    pub overwrites: i64,
    /// Records of the object then.
    pub total: i64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub blown_at: OffsetDateTime,
    /// When a person let pass what it held, which has not passed wholly yet.
    #[serde(with = "time::serde::rfc3339::option")]
    pub released_at: Option<OffsetDateTime>,
}

impl FromRow<'_, PgRow> for BlownFuse {
    fn from_row(row: &PgRow) -> Result<BlownFuse, sqlx::Error> {
        Ok(BlownFuse {
            object: row.try_get("object")?,
            flow: row.try_get("flow")?,
            deletes: row.try_get("deletes")?,
            overwrites: row.try_get("overwrites")?,
            total: row.try_get("total")?,
            blown_at: row.try_get("blown_at")?,
            released_at: row.try_get("released_at")?,
        })
    }
}

/// Records with changes that would change the source, and that nobody has let pass.
fn held() -> String {
    format!(
        "from {QUEUE} left join sync.fuse f on f.workspace_id = b.workspace_id and f.object_id = b.object_id \
         and f.flow = 'push' where b.workspace_id = $1 and b.base is not null \
         and o.outbox_id > coalesce(b.decided_through, 0) and o.outbox_id > coalesce(f.released_through, 0) and {DUE}"
    )
}

/// What waits of each object that is not stopped.
pub(super) async fn queues(
    mirror: &Mirror,
    connection: &mut PgConnection,
) -> Result<Vec<Queue>, MirrorError> {
    let sql = format!(
        "select b.object_id, count(*) filter (where o.operation = 'delete') as deletes, \
         count(*) filter (where o.operation <> 'delete') as overwrites {} and {RUNS} group by b.object_id",
        held()
    );
    let rows: Vec<(ObjectId, i64, i64)> = sqlx::query_as(statement(sql))
        .bind(mirror.workspace_id)
        .fetch_all(connection)
        .await
        .map_err(MirrorError::query("count what local changes would do"))?;
    let queue = |(object_id, deletes, overwrites): (ObjectId, i64, i64)| {
        let effects = Effects { deletes: unsigned(deletes), overwrites: unsigned(overwrites) };
        Queue { object_id, effects }
    };
    Ok(rows.into_iter().map(queue).collect())
}

impl Mirror {
    /// Blows a fuse: the flow of the object stops.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn blow_fuse(
        &self,
        object_id: ObjectId,
        flow: Flow,
        (effects, total): (Effects, u64),
        (reason, hint): (&str, &str),
    ) -> Result<(), MirrorError> {
        let failed = || MirrorError::query("blow the fuse of an object");
        let mut transaction = self.begin().await.map_err(failed())?;
        sqlx::query(
            "insert into sync.fuse (workspace_id, object_id, flow, deletes, overwrites, total) \
             values ($1, $2, $3, $4, $5, $6) on conflict (workspace_id, object_id, flow) do update \
             set deletes = excluded.deletes, overwrites = excluded.overwrites, total = excluded.total, \
             blown_at = now(), released_at = null, released_through = null",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(flow.as_str())
        .bind(signed(effects.deletes))
        .bind(signed(effects.overwrites))
        .bind(signed(total))
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
        let why = (reason, hint);
        stop::put(self, &mut transaction, object_id, (flow, StopCause::Fuse), why)
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())
    }

    /// Lets pass what a fuse holds. Says whether it had blown.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn release_fuse(&self, object_id: ObjectId, flow: Flow) -> Result<bool, MirrorError> {
        let failed = || MirrorError::query("release the fuse of an object");
        let mut transaction = self.begin().await.map_err(failed())?;
        let lifted = stop::lift(self, &mut transaction, object_id, flow, StopCause::Fuse)
            .await
            .map_err(failed())?;
        if lifted {
            sqlx::query(
                "update sync.fuse set released_at = now(), released_through = case flow when 'push' then coalesce( \
                 (select max(outbox_id) from sync.outbox where workspace_id = $1 and object_id = $2), 0) end \
                 where workspace_id = $1 and object_id = $2 and flow = $3",
            )
            .bind(self.workspace_id)
            .bind(object_id)
            .bind(flow.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        }
        transaction.commit().await.map_err(failed())?;
        Ok(lifted)
    }

    /// The objects of which a person let a pull pass that had not passed yet.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn released_pulls(&self) -> Result<Vec<ObjectId>, MirrorError> {
        sqlx::query_scalar(
            "select object_id from sync.fuse where workspace_id = $1 and flow = 'pull' and released_at is not null",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("read which fuses were released"))
    }

    /// Puts new fuses in where what was let pass has passed.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn replace_fuses(&self, flow: Flow, objects: &[ObjectId]) -> Result<(), MirrorError> {
        let statement = sqlx::query(
            "delete from sync.fuse where workspace_id = $1 and flow = $2 and object_id = any($3) \
             and released_at is not null",
        )
        .bind(self.workspace_id)
        .bind(flow.as_str())
        .bind(objects);
        self.write(statement).await.map(drop).map_err(MirrorError::query("put new fuses in"))
    }

    /// The fuses that blew, and those that were released and hold back nothing more than what has not passed yet.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn fuses(&self) -> Result<Vec<BlownFuse>, MirrorError> {
        sqlx::query_as(
            "select o.name_plural as object, f.flow, f.deletes, f.overwrites, f.total, f.blown_at, f.released_at \
             from sync.fuse f join sync.object o using (workspace_id, object_id) where workspace_id = $1 \
             order by object, f.flow",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("list the fuses"))
    }

    /// The records whose changes a blown fuse of a push holds.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn held_by_fuse(&self, object_id: ObjectId) -> Result<Vec<Uuid>, MirrorError> {
        let sql =
            format!("select b.record_id {} and b.object_id = $2 order by b.record_id", held());
        sqlx::query_scalar(statement(sql))
            .bind(self.workspace_id)
            .bind(object_id)
            .fetch_all(&self.pool)
            .await
            .map_err(MirrorError::query("list what a fuse holds"))
    }

    /// Ends a blown fuse of a push whose changes were given up.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn forget_fuse(&self, object_id: ObjectId, flow: Flow) -> Result<(), MirrorError> {
        self.release_fuse(object_id, flow).await?;
        self.replace_fuses(flow, &[object_id]).await
    }
}
