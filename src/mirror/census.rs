//! Which records the source should hold, as far as the mirror knows; and which rows refer to a record.
//!
//! It exists because destroyed records are found by comparing counts, and a count is only worth comparing with what
//! should be counted. Invariants: what was inserted here and never reached the source is not expected there; what
//! was deleted here and not yet there is; a record that was set aside is there, although it has no row.

use sqlx::{Postgres, query::QueryScalar};
use uuid::Uuid;

use super::{
    Mirror, TableWriter,
    count::unsigned,
    error::MirrorError,
    ident::{Ident, statement},
};
use crate::{
    plan::pending::DeletedRecords,
    record::{Column, FieldKind},
};

impl Mirror {
    /// How many records of an object the source should hold: with those in the trash where the mirror keeps them.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn expected_count(
        &self,
        table: &TableWriter,
        deleted: DeletedRecords,
    ) -> Result<u64, MirrorError> {
        let sql = format!("select count(*) from ({}) as expected", expected(table, deleted)?);
        let count: i64 = self
            .of_object(sqlx::query_scalar(statement(sql)), table)
            .fetch_one(&self.pool)
            .await
            .map_err(|error| table.relation.failed(error))?;
        Ok(unsigned(count))
    }

    /// The ids of these records, ascending.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn expected_ids(
        &self,
        table: &TableWriter,
        deleted: DeletedRecords,
    ) -> Result<Vec<Uuid>, MirrorError> {
        let sql = format!("select id from ({}) as expected order by id", expected(table, deleted)?);
        self.of_object(sqlx::query_scalar(statement(sql)), table)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| table.relation.failed(error))
    }

    /// Those of these records whose rows say that they lie in the trash.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn trashed(
        &self,
        table: &TableWriter,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, MirrorError> {
        let Some(column) = trash(table) else { return Ok(Vec::new()) };
        let (name, column) = (&table.relation.name, Ident::new(&column.name)?);
        let sql = format!("select id from {name} where id = any($1) and {column} is not null");
        sqlx::query_scalar(statement(sql))
            .bind(ids)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| table.relation.failed(error))
    }

    /// The rows of a table that refer to one of these records, without those that the source does not know.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn referring(
        &self,
        table: &TableWriter,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, MirrorError> {
        let refers = |column: &&Column| matches!(column.field_kind, FieldKind::ManyToOne { .. });
        let hit =
            |column: &Column| Ident::new(&column.name).map(|name| format!("t.{name} = any($3)"));
        let hits: Vec<String> =
            table.columns().iter().filter(refers).map(hit).collect::<Result<_, _>>()?;
        if hits.is_empty() || ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "select t.id from {} t where ({}) and not exists (select from sync.base b where b.workspace_id = $1 \
             and b.object_id = $2 and b.record_id = t.id and b.base is null) order by t.id",
            table.relation.name,
            hits.join(" or ")
        );
        self.of_object(sqlx::query_scalar(statement(sql)), table)
            .bind(ids)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| table.relation.failed(error))
    }

    fn of_object<'q, T>(
        &self,
        query: QueryScalar<'q, Postgres, T, sqlx::postgres::PgArguments>,
        table: &TableWriter,
    ) -> QueryScalar<'q, Postgres, T, sqlx::postgres::PgArguments> {
        query.bind(self.workspace_id).bind(table.relation.object_id)
    }
}

/// The column that says since when a record lies in the trash.
fn trash(table: &TableWriter) -> Option<&Column> {
    table.columns().iter().find(|column| column.path.key == "deletedAt")
}

/// The ids as a query: rows without local changes, what the others were before, and what was set aside.
fn expected(table: &TableWriter, deleted: DeletedRecords) -> Result<String, MirrorError> {
    let trash = trash(table).filter(|_| deleted == DeletedRecords::Remove);
    let (row, base, aside) = match trash {
        None => Default::default(),
        Some(column) => (
            format!("and t.{} is null", Ident::new(&column.name)?),
            format!("and b.base->>{} is null", super::ident::text_literal(&column.name)),
            // It is text, because jsonb may be what refused it.
            "and q.record ~ '\"deletedAt\"\\s*:\\s*null'".to_owned(),
        ),
    };
    let own = "workspace_id = $1 and object_id = $2";
    Ok(format!(
        "select t.id from {0} t where not exists (select from sync.base where {own} and record_id = t.id) {row} \
         union all select b.record_id from sync.base b where {own} and b.base is not null {base} \
         union all select q.record_id from sync.quarantine q where {own} and q.direction = 'pull' \
         and q.record_id is not null and not exists (select from {0} t where t.id = q.record_id) \
         and not exists (select from sync.base b where b.workspace_id = $1 and b.object_id = $2 \
         and b.record_id = q.record_id) {aside}",
        table.relation.name
    ))
}
