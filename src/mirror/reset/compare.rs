//! What of the rows read anew is other than the table.
//!
//! It exists so that a swap touches as few rows as possible, for as short a time. Invariant: a row is compared only
//! while it stands as it stood.

use uuid::Uuid;

use super::{Shadow, UNEDITED};
use crate::mirror::{
    MirrorError,
    ident::{Ident, statement},
};

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
        self.mirror
            .write(sqlx::query(statement(sql)).bind(ids))
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

    /// A row that stands as it stood, and whose record was not read, not even as one to be set aside.
    pub(super) fn is_unread(&self) -> String {
        format!(
            "b.id = t.id and b.version = t.xmin::text \
             and not exists (select from {} s where s.id = t.id) and {UNEDITED} \
             and not exists (select from sync.quarantine q where q.workspace_id = $1 and q.object_id = $2 \
             and q.direction = 'pull' and (q.record_id is null or q.record_id = t.id))",
            self.writer.relation.name
        )
    }

    /// Shadow, how the rows stood, and the table.
    pub(super) fn names(&self) -> (&str, &str, &str) {
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

    pub(super) fn columns(&self, withheld: &[String]) -> Vec<&Ident> {
        let known = |name: &&Ident| !withheld.iter().any(|withheld| withheld == name.as_str());
        self.live.relation.columns.iter().filter(known).collect()
    }
}
