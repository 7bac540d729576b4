//! Writes records into a mirrored table, many in one statement.
//!
//! It exists because a page must cost one statement, and an unchanged page no write at all. Each column travels
//! as one `text[]` and is cast to its type by PostgreSQL. Invariants: only rows that differ are written; a
//! column whose key the source did not send is left as it is; names come from [`Ident`] only.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Mirror,
    ident::{Ident, IdentError, statement},
    literal::sql_text,
};
use crate::{
    plan::schema::Table,
    record::{ColumnType, ObjectId, RecordText, Row},
};

/// Writes the records of one object.
#[derive(Debug, Clone)]
pub struct TableWriter {
    pub(super) object_id: ObjectId,
    pub(super) object: String,
    relation: String,
    columns: Vec<(Ident, ColumnType)>,
}

/// A record as read, with the JSON it came as.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The record.
    pub row: Row,
    /// Its JSON, for the case that PostgreSQL refuses it.
    pub json: RecordText,
}

/// What a write changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Written {
    pub(super) inserted: u64,
    pub(super) updated: u64,
}

impl TableWriter {
    /// A writer for `table` in the mirror's schema.
    ///
    /// # Errors
    /// A name that PostgreSQL cannot hold.
    pub fn new(mirror: &Mirror, table: &Table) -> Result<TableWriter, IdentError> {
        let relation = format!("{}.{}", mirror.schema, Ident::new(&table.name)?);
        let columns = table
            .columns
            .iter()
            .map(|column| Ident::new(&column.name).map(|name| (name, column.kind)));
        Ok(TableWriter {
            object_id: table.object_id,
            object: table.name_plural.clone(),
            relation,
            columns: columns.collect::<Result<_, _>>()?,
        })
    }

    /// Inserts `rows`, or updates those that differ.
    pub(super) async fn upsert(
        &self,
        connection: &mut PgConnection,
        rows: &[Incoming],
    ) -> Result<Written, sqlx::Error> {
        let mut written = Written::default();
        for (present, rows) in by_presence(rows) {
            let mut query = sqlx::query_scalar(statement(self.upsert_sql(&present)));
            for values in columns_of(&present, &rows) {
                query = query.bind(values);
            }
            let inserted: Vec<bool> = query.fetch_all(&mut *connection).await?;
            let new = inserted.iter().filter(|inserted| **inserted).count() as u64;
            written.inserted += new;
            written.updated += inserted.len() as u64 - new;
        }
        Ok(written)
    }

    /// Removes the rows with these ids; says how many there were.
    pub(super) async fn remove(
        &self,
        connection: &mut PgConnection,
        ids: &[Uuid],
    ) -> Result<u64, sqlx::Error> {
        let sql = format!("delete from {} where id = any($1)", self.relation);
        Ok(sqlx::query(statement(sql)).bind(ids).execute(connection).await?.rows_affected())
    }

    fn upsert_sql(&self, present: &[usize]) -> String {
        let list = |item: &dyn Fn(usize, &Ident, ColumnType) -> String| {
            let columns = present.iter().enumerate().map(|(place, &index)| {
                let (name, kind) = &self.columns[index];
                item(place + 1, name, *kind)
            });
            columns.collect::<Vec<_>>().join(", ")
        };
        let names = list(&|_, name, _| name.to_string());
        let mut sql = format!("insert into {} as t ({names}) select ", self.relation);
        sql += &list(&|place, _, kind| format!("c{place}::{}", kind.sql()));
        let _ = write!(sql, " from unnest({})", list(&|place, _, _| format!("${place}::text[]")));
        let _ = write!(
            sql,
            " as r ({}) on conflict (id) do update set ",
            list(&|place, _, _| format!("c{place}"))
        );
        sql += &list(&|_, name, _| format!("{name} = excluded.{name}"));
        let _ = write!(sql, " where row({})", list(&|_, name, _| format!("t.{name}")));
        let _ = write!(
            sql,
            " is distinct from row({})",
            list(&|_, name, _| format!("excluded.{name}"))
        );
        sql + " returning xmax = 0"
    }
}

/// One array per present column.
fn columns_of<'a>(present: &[usize], rows: &[&'a Row]) -> Vec<Vec<Option<Cow<'a, str>>>> {
    let text = |row: &'a Row, index: usize| row.values[index].as_ref().and_then(sql_text);
    present.iter().map(|&index| rows.iter().map(|row| text(row, index)).collect()).collect()
}

/// The rows by which of their columns are present; almost always one group.
fn by_presence(rows: &[Incoming]) -> BTreeMap<Vec<usize>, Vec<&Row>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<&Row>> = BTreeMap::new();
    for Incoming { row, .. } in rows {
        let present = row
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_some())
            .map(|(index, _)| index);
        groups.entry(present.collect()).or_default().push(row);
    }
    groups
}
