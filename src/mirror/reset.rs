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
use uuid::Uuid;

use super::{
    Mirror, TableWriter,
    error::{MirrorError, is_refused_value},
    ident::{Ident, statement, text_literal},
    page::{Applied, Care, PageWrite, SetAside, write_in_halves},
    quarantine,
    sort::Sorted,
    transaction::{ATTEMPTS, give_way, is_contention},
};
use crate::record::ObjectId;

/// How often the swap is tried while people hold rows of the table: for about a minute.
const SWAPS: u32 = 100;

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

    /// Writes a page beside a table. Records that PostgreSQL cannot hold are set aside.
    ///
    /// # Errors
    /// Nothing of the page is written: PostgreSQL refuses.
    pub async fn fill(
        &self,
        shadow: &TableWriter,
        page: &PageWrite,
    ) -> Result<Applied, MirrorError> {
        let filled = match self.try_fill(shadow, page, Care::Whole).await {
            Err(error) if is_refused_value(&error) => {
                self.try_fill(shadow, page, Care::Halves).await
            }
            filled => filled,
        };
        filled.map_err(|error| shadow.relation.failed(error))
    }

    async fn try_fill(
        &self,
        shadow: &TableWriter,
        page: &PageWrite,
        care: Care,
    ) -> Result<Applied, sqlx::Error> {
        let object = shadow.relation.object_id;
        let rows = page.rows.iter().map(|incoming| &incoming.row).collect();
        let sorted = Sorted { rows, ..Sorted::default() };
        let mut transaction = self.begin().await?;
        let (written, refused) = match care {
            Care::Whole => (shadow.upsert(&mut transaction, &sorted.rows, &[]).await?, Vec::new()),
            Care::Halves => write_in_halves(&mut transaction, shadow, page, &sorted).await?,
        };
        let is_refused = |id: &Uuid| refused.iter().any(|record: &SetAside| record.id == Some(*id));
        let ids = page.rows.iter().map(|incoming| incoming.row.id).chain(page.removed.clone());
        let ids: Vec<Uuid> = ids.filter(|id| !is_refused(id)).collect();
        quarantine::release(self, &mut transaction, object, &ids).await?;
        let aside: Vec<&SetAside> = refused.iter().chain(&page.set_aside).collect();
        let set_aside = quarantine::put(self, &mut transaction, object, &aside).await?;
        transaction.commit().await?;
        Ok(Applied { inserted: written.inserted, set_aside, ..Applied::default() })
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
            let mut transaction = self.pool.begin().await.map_err(failed())?;
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
    /// Leaves only what differs. `withheld` are columns that the source did not send.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn compare(&self, withheld: &[String]) -> Result<(), MirrorError> {
        let (shadow, before, live) = self.names();
        let sql = format!(
            "analyze {shadow}; analyze {before}; \
             with equal as materialized (select t.id from {live} t join {shadow} s on s.id = t.id \
             join {before} b on b.id = t.id and b.version = t.xmin::text where not ({})), \
             known as (delete from {before} b using equal e where b.id = e.id) \
             delete from {shadow} s using equal e where s.id = e.id; analyze {shadow}; analyze {before}",
            self.differs(withheld)
        );
        let failed = |error| self.live.relation.failed(error);
        let mut transaction = self.mirror.begin().await.map_err(failed)?;
        sqlx::raw_sql(statement(sql)).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// The rows that stand as they stood and whose records were not read: a swap removes them.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn unread(&self) -> Result<Vec<Uuid>, MirrorError> {
        let (_, before, live) = self.names();
        self.ids(format!("select t.id from {live} t join {before} b on {}", self.is_unread())).await
    }

    /// The rows that are still other than what was read, because somebody wrote them since the reset began.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn left(&self, withheld: &[String]) -> Result<Vec<Uuid>, MirrorError> {
        let (shadow, _, live) = self.names();
        let differs = self.differs(withheld);
        self.ids(format!(
            "select t.id from {live} t join {shadow} s on s.id = t.id where {UNEDITED} and {differs}"
        ))
        .await
    }

    /// How many rows the table has.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn total(&self) -> Result<u64, MirrorError> {
        let sql = format!("select count(*) from {}", self.live.relation.name);
        let total: i64 = sqlx::query_scalar(statement(sql))
            .fetch_one(&self.mirror.pool)
            .await
            .map_err(|error| self.live.relation.failed(error))?;
        Ok(u64::try_from(total).unwrap_or(0))
    }

    async fn ids(&self, sql: String) -> Result<Vec<Uuid>, MirrorError> {
        sqlx::query_scalar(statement(format!("{sql} order by t.id")))
            .bind(self.mirror.workspace_id)
            .bind(self.live.relation.object_id)
            .fetch_all(&self.mirror.pool)
            .await
            .map_err(|error| self.live.relation.failed(error))
    }

    /// Leaves rows as they are, whatever was read.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn spare(&self, ids: &[Uuid]) -> Result<(), MirrorError> {
        let sql = format!("update {} set version = null where id = any($1)", self.before);
        sqlx::query(statement(sql))
            .bind(ids)
            .execute(&self.mirror.pool)
            .await
            .map(drop)
            .map_err(|error| self.live.relation.failed(error))
    }

    /// Begins anew with these rows alone, as they stand now.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn again(&self, ids: &[Uuid]) -> Result<(), MirrorError> {
        let (shadow, before, live) = self.names();
        let failed = |error| self.live.relation.failed(error);
        let mut transaction = self.mirror.begin().await.map_err(failed)?;
        let clear = statement(format!("truncate {shadow}, {before}"));
        sqlx::raw_sql(clear).execute(&mut *transaction).await.map_err(failed)?;
        let known = statement(format!(
            "insert into {before} select t.id, t.xmin::text from {live} t where t.id = any($3) and {UNEDITED}"
        ));
        sqlx::query(known)
            .bind(self.mirror.workspace_id)
            .bind(self.live.relation.object_id)
            .bind(ids)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Puts the rows in their place, in one transaction.
    ///
    /// # Errors
    /// Nothing is changed: PostgreSQL refuses, or people hold rows of the table for too long.
    pub async fn swap(&mut self, withheld: &[String]) -> Result<Applied, MirrorError> {
        // A lost connection is a lost lock.
        self.lock.ping().await.map_err(MirrorError::query("keep the lock of a reset"))?;
        let mut attempt = 0;
        loop {
            match self.try_swap(withheld).await {
                Err(error) if is_contention(&error) && attempt < SWAPS => {
                    give_way(attempt.min(ATTEMPTS)).await;
                }
                swapped => return swapped.map_err(|error| self.live.relation.failed(error)),
            }
            attempt += 1;
        }
    }

    async fn try_swap(&self, withheld: &[String]) -> Result<Applied, sqlx::Error> {
        let mut transaction = self.mirror.begin().await?;
        let removed = self.removal_sql();
        let removed = self.run(&mut transaction, removed).await?;
        let updated = self.run(&mut transaction, self.update_sql(withheld)).await?;
        let inserted = sqlx::query(statement(self.insert_sql()))
            .bind(self.mirror.workspace_id)
            .bind(self.live.relation.object_id)
            .bind(self.began)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
        Ok(Applied { inserted, updated, removed, set_aside: 0 })
    }

    async fn run(&self, connection: &mut PgConnection, sql: String) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(statement(sql))
            .bind(self.mirror.workspace_id)
            .bind(self.live.relation.object_id)
            .execute(connection)
            .await?;
        Ok(done.rows_affected())
    }

    fn removal_sql(&self) -> String {
        let (_, before, live) = self.names();
        format!("delete from {live} t using {before} b where {}", self.is_unread())
    }

    /// A row that stands as it stood, and whose record was not read, not even as one to be set aside.
    fn is_unread(&self) -> String {
        format!(
            "b.id = t.id and b.version = t.xmin::text \
             and not exists (select from {} s where s.id = t.id) and {UNEDITED} \
             and not exists (select from sync.quarantine q where q.workspace_id = $1 and q.object_id = $2 \
             and q.direction = 'pull' and (q.record_id is null or q.record_id = t.id))",
            self.writer.relation.name
        )
    }

    fn update_sql(&self, withheld: &[String]) -> String {
        let (shadow, before, live) = self.names();
        let columns = self.columns(withheld);
        let set: Vec<String> =
            columns.iter().map(|column| format!("{column} = s.{column}")).collect();
        format!(
            "update {live} t set {} from {shadow} s join {before} b on b.id = s.id \
             where t.id = s.id and b.version = t.xmin::text and {UNEDITED}",
            set.join(", ")
        )
    }

    /// A record that had a row, or was edited, has gone since or is newer: it is not put back.
    fn insert_sql(&self) -> String {
        let (shadow, before, live) = self.names();
        let columns: Vec<String> =
            self.live.relation.columns.iter().map(ToString::to_string).collect();
        let columns = columns.join(", ");
        format!(
            "insert into {live} ({columns}) select {columns} from {shadow} t \
             where not exists (select from {before} b where b.id = t.id) and {UNEDITED} \
             and not exists (select from sync.outbox o where o.workspace_id = $1 and o.object_id = $2 \
             and o.record_id = t.id and o.changed_at >= $3) on conflict do nothing"
        )
    }

    /// Shadow, how the rows stood, and the table.
    fn names(&self) -> (&str, &str, &str) {
        (&self.writer.relation.name, &self.before, &self.live.relation.name)
    }

    /// Whether the row of `t` is other than that of `s`.
    fn differs(&self, withheld: &[String]) -> String {
        let columns = self.columns(withheld);
        let list = |of: &str| {
            columns.iter().map(|name| format!("{of}.{name}")).collect::<Vec<_>>().join(", ")
        };
        format!("row({}) is distinct from row({})", list("t"), list("s"))
    }

    fn columns(&self, withheld: &[String]) -> Vec<&Ident> {
        let known = |name: &&Ident| !withheld.iter().any(|withheld| withheld == name.as_str());
        self.live.relation.columns.iter().filter(known).collect()
    }

    /// Drops what was built, whether it was put in place or not.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn end(self) -> Result<(), MirrorError> {
        let failed = || MirrorError::query("drop what a reset built");
        let sql = drop_sql(self.live.relation.object_id)?;
        sqlx::raw_sql(statement(sql)).execute(&self.mirror.pool).await.map_err(failed())?;
        self.lock.close().await.map_err(failed())
    }
}

/// A record `t` without local changes.
const UNEDITED: &str = "not exists (select from sync.base e where e.workspace_id = $1 and e.object_id = $2 \
     and e.record_id = t.id)";

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
         create table {shadow} (like {table} including defaults including constraints including generated \
         including indexes); \
         comment on table {shadow} is 'Rows of a reset under way'; \
         create table {before} as select t.id, t.xmin::text as version from {table} t \
         where not exists (select from sync.base where {own} and record_id = t.id) \
         union all select record_id, null from sync.base where {own}; \
         alter table {before} add primary key (id); \
         comment on table {before} is 'How the rows stood when the reset began'"
    )
}
