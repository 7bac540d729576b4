//! Puts rows that were read anew in the place of those that are there.
//!
//! Invariants: all of it is one transaction, so nobody sees a part; it gives way to people who hold rows; what somebody
//! wrote since is left alone.

use sqlx::{Connection, PgConnection};

use super::{Shadow, UNEDITED};
use crate::mirror::{
    Applied, MirrorError,
    ident::statement,
    transaction::{ATTEMPTS, give_way, is_contention},
};

/// How often the swap is tried while people hold rows of the table: for about a minute.
const SWAPS: u32 = 100;

impl Shadow<'_> {
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
}
