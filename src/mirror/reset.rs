//! An object's rows built anew beside its table, and put in their place in one transaction.
//!
//! It exists because a table can be wrong in ways that no later page shows. The table itself stays: views, rights,
//! policies, triggers and columns of people are bound to it, and a transaction that began earlier would find another
//! table empty. Invariants: one reset of an object at a time, which a lock says that dies with its connection; only
//! rows are touched that stand as they stood when the reset began, so what people, pulls and pushes wrote since
//! is newer and stays; a record with local changes is never touched; what a killed reset leaves is dropped by the
//! next run.

use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::{
    Mirror, TableWriter,
    error::MirrorError,
    ident::{Ident, statement, text_literal},
};
use crate::record::ObjectId;

mod compare;
mod fill;
mod swap;

/// A record `t` without local changes.
const UNEDITED: &str = "not exists (select from sync.base e where e.workspace_id = $1 and e.object_id = $2 \
     and e.record_id = t.id)";

/// The rows of an object as they are built beside its table.
#[derive(Debug)]
pub struct Shadow<'a> {
    mirror: &'a Mirror,
    live: &'a TableWriter,
    /// Writes beside the table.
    pub writer: TableWriter,
    /// The table that says how the rows stood when the reset began: their ids with the version of each, and without
    /// one those of records with local changes.
    before: String,
    began: OffsetDateTime,
    /// Its lock says that this reset is under way.
    lock: PgConnection,
}

impl Mirror {
    /// Begins to build the rows of an object anew; `None` while another process does. What an earlier reset left is
    /// dropped.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn begin_reset<'a>(
        &'a self,
        live: &'a TableWriter,
    ) -> Result<Option<Shadow<'a>>, MirrorError> {
        let failed = || MirrorError::query("begin a reset");
        let object = live.relation.object_id;
        // It must not go back to the pool with the lock.
        let mut lock = self.pool.acquire().await.map_err(failed())?.detach();
        let is_free: bool =
            sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))")
                .bind(lock_name(object))
                .fetch_one(&mut lock)
                .await
                .map_err(failed())?;
        if !is_free {
            return Ok(None);
        }
        let (name, before) = tables(object)?;
        let mut writer = live.clone();
        writer.relation.name.clone_from(&name);
        let sql = create_sql(self, live, &name, &before);
        let mut transaction = self.begin().await.map_err(failed())?;
        let began = sqlx::query_scalar("select clock_timestamp()")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed())?;
        sqlx::raw_sql(statement(sql))
            .execute(&mut *transaction)
            .await
            .map_err(MirrorError::query("make room for the rows of a reset"))?;
        transaction.commit().await.map_err(failed())?;
        Ok(Some(Shadow { mirror: self, live, writer, before, began, lock }))
    }

    /// Drops what killed resets left.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn drop_leftovers(&self) -> Result<(), MirrorError> {
        let failed = || MirrorError::query("drop what a reset left");
        let names: Vec<String> = sqlx::query_scalar(
            "select relname::text from pg_catalog.pg_class where relnamespace = 'sync'::regnamespace \
             and relkind = 'r' and relname ~ '^reset_[0-9a-f]{32}$'",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed())?;
        let objects = names.iter().filter_map(|name| name.strip_prefix("reset_")?.parse().ok());
        for object in objects {
            let mut transaction = self.begin_patiently().await.map_err(failed())?;
            let is_free: bool =
                sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended($1, 0))")
                    .bind(lock_name(object))
                    .fetch_one(&mut *transaction)
                    .await
                    .map_err(failed())?;
            if is_free {
                let sql = drop_sql(object)?;
                sqlx::raw_sql(statement(sql)).execute(&mut *transaction).await.map_err(failed())?;
            }
            transaction.commit().await.map_err(failed())?;
        }
        Ok(())
    }
}

impl Shadow<'_> {
    /// Drops what was built, whether it was put in place or not.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn end(self) -> Result<(), MirrorError> {
        let failed = || MirrorError::query("drop what a reset built");
        let sql = drop_sql(self.live.relation.object_id)?;
        let dropped = sqlx::query(statement(sql));
        self.mirror.write(dropped).await.map_err(failed())?;
        self.lock.close().await.map_err(failed())
    }
}

fn lock_name(object: ObjectId) -> String {
    format!("twenty-sync reset {object}")
}

/// Where the rows are built, and where it is kept how they stood.
fn tables(object: ObjectId) -> Result<(String, String), MirrorError> {
    let name = format!("reset_{}", object.simple());
    let before = Ident::new(&format!("{name}_before"))?;
    Ok((format!("sync.{}", Ident::new(&name)?), format!("sync.{before}")))
}

fn drop_sql(object: ObjectId) -> Result<String, MirrorError> {
    let (shadow, before) = tables(object)?;
    Ok(format!("drop table if exists {shadow}, {before}"))
}

/// Unlogged tables are empty after a crash of PostgreSQL; the lock is lost then, too, so a swap does not follow.
///
/// The shadow is like the table, so that a record that breaks a constraint of people's is set aside when it is read,
/// as it is by any page.
fn create_sql(mirror: &Mirror, live: &TableWriter, shadow: &str, before: &str) -> String {
    let own = format!(
        "workspace_id = {}::uuid and object_id = {}::uuid",
        text_literal(&mirror.workspace_id.to_string()),
        text_literal(&live.relation.object_id.to_string())
    );
    let table = &live.relation.name;
    format!(
        "drop table if exists {shadow}, {before}; \
         create unlogged table {shadow} (like {table} including defaults including constraints including generated \
         including indexes); \
         comment on table {shadow} is 'Rows of a reset under way'; \
         create unlogged table {before} as select t.id, t.xmin::text as version from {table} t \
         where not exists (select from sync.base where {own} and record_id = t.id) \
         union all select record_id, null from sync.base where {own}; \
         alter table {before} add primary key (id); \
         comment on table {before} is 'How the rows stood when the reset began'"
    )
}
