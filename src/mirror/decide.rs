//! What people decide about conflicts: take one side, or put the losing value back.
//!
//! It exists because a rule cannot know which of two values is right. Invariants: a held conflict is decided once;
//! putting a value back is a local change like any other, with a base of its own, so it is merged and guarded like
//! one.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Mirror, StoredConflict, base,
    error::MirrorError,
    outbox,
    relation::Relation,
    transaction::{ATTEMPTS, give_way, is_contention},
};
use crate::plan::{
    policy::Side,
    reconcile::{Outcome, Settled},
};

/// What deciding a conflict did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It is decided.
    Done,
    /// There is no such conflict, or it is in another state.
    NotApplicable,
}

/// What a person wants done with a conflict.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Take(Side),
    Undo,
}

impl Mirror {
    /// Decides a held conflict: that side's value stays. `by` is who says so.
    ///
    /// # Errors
    /// PostgreSQL refuses, or people hold the row for too long.
    pub async fn resolve_conflict(
        &self,
        conflict_id: i64,
        side: Side,
        by: &str,
    ) -> Result<Ruling, MirrorError> {
        self.rule(conflict_id, Wish::Take(side), by).await
    }

    /// Puts the value that lost a decided conflict back, as a local change of `by`.
    ///
    /// # Errors
    /// PostgreSQL refuses, or people hold the row for too long.
    pub async fn undo_conflict(&self, conflict_id: i64, by: &str) -> Result<Ruling, MirrorError> {
        self.rule(conflict_id, Wish::Undo, by).await
    }

    async fn rule(&self, conflict_id: i64, wish: Wish, by: &str) -> Result<Ruling, MirrorError> {
        let Some(conflict) = self.conflict(conflict_id).await? else {
            return Ok(Ruling::NotApplicable);
        };
        let relation = self.relation(conflict.object_id).await?;
        let mut attempt = 0;
        loop {
            match self.try_rule(&relation, &conflict, wish, by).await {
                Err(error) if is_contention(&error) && attempt < ATTEMPTS => {
                    give_way(attempt).await;
                }
                result => return result.map_err(|error| relation.failed(error)),
            }
            attempt += 1;
        }
    }

    async fn try_rule(
        &self,
        relation: &Relation,
        conflict: &StoredConflict,
        wish: Wish,
        by: &str,
    ) -> Result<Ruling, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let pending = base::lock(self, &mut transaction, relation, &[conflict.record_id]).await?;
        if !close(&mut transaction, conflict.conflict_id, wish, by).await? {
            return Ok(Ruling::NotApplicable);
        }
        match wish {
            Wish::Take(_) if pending.is_empty() => return Ok(Ruling::NotApplicable),
            Wish::Take(side) => {
                take(self, &mut transaction, relation, conflict, side, by).await?;
            }
            Wish::Undo => put_back(self, &mut transaction, relation, conflict, by).await?,
        }
        transaction.commit().await?;
        Ok(Ruling::Done)
    }
}

/// Marks the conflict as decided, if it is in the state for it.
async fn close(
    connection: &mut PgConnection,
    conflict_id: i64,
    wish: Wish,
    by: &str,
) -> Result<bool, sqlx::Error> {
    let (winner, resolution) = match wish {
        Wish::Take(side) => (Some(side.as_str()), side.as_str()),
        Wish::Undo => (None, "undone"),
    };
    let closed = sqlx::query(
        "update sync.conflict set winner = coalesce($2, winner), resolution = $3, \
         resolved_at = clock_timestamp(), resolved_by = $4 where conflict_id = $1 \
         and case when $2::text is null then resolution in ('source', 'mirror') else resolution = 'held' end",
    )
    .bind(conflict_id)
    .bind(winner)
    .bind(resolution)
    .bind(by)
    .execute(connection)
    .await?;
    Ok(closed.rows_affected() == 1)
}

/// Both sides now agree on what the source held; the mirror takes it, or is to be pushed over it.
async fn take(
    mirror: &Mirror,
    connection: &mut PgConnection,
    relation: &Relation,
    conflict: &StoredConflict,
    side: Side,
    by: &str,
) -> Result<(), sqlx::Error> {
    let source = conflict.source.as_ref().map_or("{}", |json| json.get());
    sqlx::query(
        "update sync.base set base = coalesce(base, '{}') || $4::jsonb, decided_through = null, waiting = array(select name \
         from unnest(waiting) as name where not $4::jsonb ? name) \
         where workspace_id = $1 and object_id = $2 and record_id = $3",
    )
    .bind(mirror.workspace_id)
    .bind(relation.object_id)
    .bind(conflict.record_id)
    .bind(source)
    .execute(&mut *connection)
    .await?;
    match side {
        Side::Source => {
            relation.put_json(connection, conflict.record_id, source).await?;
            settle_agreed(mirror, connection, relation, conflict.record_id, source).await
        }
        Side::Mirror => note(mirror, connection, relation, conflict, "update", source, by).await,
    }
}

/// Settles what the decision settles: all changes of the record if both sides agree now, else those of the field.
async fn settle_agreed(
    mirror: &Mirror,
    connection: &mut PgConnection,
    relation: &Relation,
    record_id: Uuid,
    source: &str,
) -> Result<(), sqlx::Error> {
    let agreed = relation.equals_base(mirror, connection, record_id).await?;
    let entries: Vec<i64> = sqlx::query_scalar(
        "select outbox_id from sync.outbox where workspace_id = $1 and object_id = $2 and record_id = $3 \
         and settled_at is null and ($5 or operation = 'update' \
         and changed <@ array(select jsonb_object_keys($4::jsonb)))",
    )
    .bind(mirror.workspace_id)
    .bind(relation.object_id)
    .bind(record_id)
    .bind(source)
    .bind(agreed)
    .fetch_all(&mut *connection)
    .await?;
    let settled = |operation| Settled { operation, outcome: Outcome::Conflict };
    let settled: Vec<Settled> = entries.into_iter().map(settled).collect();
    outbox::settle(connection, &settled, None).await?;
    if agreed {
        base::forget(mirror, connection, relation.object_id, &[record_id]).await?;
    }
    Ok(())
}

/// Makes the row what lost, as a local change.
async fn put_back(
    mirror: &Mirror,
    connection: &mut PgConnection,
    relation: &Relation,
    conflict: &StoredConflict,
    by: &str,
) -> Result<(), sqlx::Error> {
    let lost = match conflict.winner.as_deref() {
        Some("mirror") => &conflict.source,
        _ => &conflict.mirror,
    };
    relation.keep_as_base(mirror, connection, conflict.record_id).await?;
    let Some(lost) = lost else {
        relation.remove(connection, &[conflict.record_id]).await?;
        return note(mirror, connection, relation, conflict, "delete", "{}", by).await;
    };
    if conflict.kind.starts_with("deleted") {
        base_in_trash(mirror, connection, relation, conflict.record_id, lost.get()).await?;
        let sql = "select ($1::jsonb || '{\"deleted_at\": null}')::text";
        let row: String =
            sqlx::query_scalar(sql).bind(lost.get()).fetch_one(&mut *connection).await?;
        relation.put_json(connection, conflict.record_id, &row).await?;
        return note(mirror, connection, relation, conflict, "insert", lost.get(), by).await;
    }
    relation.put_json(connection, conflict.record_id, lost.get()).await?;
    note(mirror, connection, relation, conflict, "update", lost.get(), by).await
}

/// The record is in the source's trash: from there it is restored, not made anew.
async fn base_in_trash(
    mirror: &Mirror,
    connection: &mut PgConnection,
    relation: &Relation,
    record_id: Uuid,
    row: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update sync.base set base = $4::jsonb || jsonb_build_object('deleted_at', clock_timestamp()) \
         where workspace_id = $1 and object_id = $2 and record_id = $3 and base is null",
    )
    .bind(mirror.workspace_id)
    .bind(relation.object_id)
    .bind(record_id)
    .bind(row)
    .execute(connection)
    .await
    .map(drop)
}

/// Logs a local change that a person made by deciding.
async fn note(
    mirror: &Mirror,
    connection: &mut PgConnection,
    relation: &Relation,
    conflict: &StoredConflict,
    operation: &str,
    values: &str,
    by: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with logged as (insert into sync.outbox (workspace_id, object_id, record_id, operation, changed, changed_by, \
         session) values ($1, $2, $3, $4, array(select jsonb_object_keys($5::jsonb)), $6, gen_random_uuid())) \
         select pg_notify('sync_outbox', $1::uuid::text)",
    )
    .bind(mirror.workspace_id)
    .bind(relation.object_id)
    .bind(conflict.record_id)
    .bind(operation)
    .bind(values)
    .bind(by)
    .execute(connection)
    .await
    .map(drop)
}
