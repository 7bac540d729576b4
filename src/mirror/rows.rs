//! Writes records into a mirrored table, many in one statement.
//!
//! It exists because a page must cost one statement, and an unchanged page no write at all. Each column travels
//! as one `text[]` and is cast to its type by PostgreSQL. Invariants: only rows that differ are written; a
//! column whose key the source did not send is left as it is; names come from [`Ident`] only.

use std::{borrow::Cow, collections::BTreeMap};

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Mirror,
    ident::{Ident, IdentError, statement},
    literal::sql_text,
    relation::Relation,
};
use crate::{
    plan::schema::Table,
    record::{Column, ColumnType, RecordText, Row},
};

/// Writes the records of one object.
#[derive(Debug, Clone)]
pub struct TableWriter {
    pub(super) relation: Relation,
    columns: Vec<(Ident, ColumnType)>,
    /// The columns as the model has them, in the same order.
    pub(super) described: Vec<Column>,
    /// The names of columns that stay although their field is gone.
    pub(super) lost: Vec<String>,
    /// The generation of the table that it writes to.
    pub(super) generation: i64,
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
    pub(super) removed: u64,
}

impl Written {
    pub(super) fn total(self) -> u64 {
        self.inserted + self.updated + self.removed
    }

    pub(super) fn add(&mut self, more: Written) {
        self.inserted += more.inserted;
        self.updated += more.updated;
        self.removed += more.removed;
    }
}

impl TableWriter {
    /// A writer for `table` in the mirror's schema.
    ///
    /// # Errors
    /// A name that PostgreSQL cannot hold.
    pub fn new(mirror: &Mirror, table: &Table) -> Result<TableWriter, IdentError> {
        let columns: Vec<(Ident, ColumnType)> = table
            .columns
            .iter()
            .map(|column| Ident::new(&column.name).map(|name| (name, column.kind)))
            .collect::<Result<_, _>>()?;
        let relation = Relation {
            object_id: table.object_id,
            object: table.name_plural.clone(),
            name: format!("{}.{}", mirror.schema, Ident::new(&table.name)?),
            columns: columns.iter().map(|(name, _)| name.clone()).collect(),
        };
        let lost = table.lost.iter().map(|lost| lost.name.clone()).collect();
        let (described, generation) = (table.columns.clone(), table.generation);
        Ok(TableWriter { relation, columns, described, lost, generation })
    }

    /// Fails where the table has other columns by now. Asked once the table is locked, it holds until the transaction
    /// ends.
    pub(super) async fn check(
        &self,
        mirror: &Mirror,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("select sync.check_generation($1, $2, $3)")
            .bind(mirror.workspace_id)
            .bind(self.relation.object_id)
            .bind(self.generation)
            .execute(connection)
            .await
            .map(drop)
    }

    /// The columns, in the order of images.
    pub fn columns(&self) -> &[Column] {
        &self.described
    }

    /// Inserts rows that are not there, and updates those among `locked` that differ.
    pub(super) async fn upsert(
        &self,
        connection: &mut PgConnection,
        rows: &[&Row],
        locked: &[Uuid],
    ) -> Result<Written, sqlx::Error> {
        let mut written = Written::default();
        for (present, rows) in by_presence(rows) {
            let mut query = sqlx::query_scalar(statement(self.upsert_sql(&present)));
            for values in columns_of(&present, &rows) {
                query = query.bind(values);
            }
            let ids: Vec<Uuid> = query.bind(locked).fetch_all(&mut *connection).await?;
            let updated = ids.iter().filter(|id| locked.contains(id)).count() as u64;
            written.updated += updated;
            written.inserted += ids.len() as u64 - updated;
        }
        Ok(written)
    }

    /// Locks the rows that are there and differ, in the order of their ids. A lock is a write, so the others are
    /// left alone.
    pub(super) async fn lock_differing(
        &self,
        connection: &mut PgConnection,
        rows: &[&Row],
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let mut locked = Vec::new();
        for (present, rows) in by_presence(rows) {
            let sql = format!(
                "select t.id from {} t join ({}) as r on r.id = t.id \
                 where row({}) is distinct from row({}) order by t.id for update of t",
                self.relation.name,
                self.given_sql(&present),
                self.list(&present, |_, name, _| format!("t.{name}")),
                self.list(&present, |_, name, _| format!("r.{name}")),
            );
            let mut query = sqlx::query_scalar::<_, Uuid>(statement(sql));
            for values in columns_of(&present, &rows) {
                query = query.bind(values);
            }
            locked.extend(query.fetch_all(&mut *connection).await?);
        }
        Ok(locked)
    }

    /// The present columns, each made into SQL and parted by commas; places count from 1.
    fn list(
        &self,
        present: &[usize],
        item: impl Fn(usize, &Ident, ColumnType) -> String,
    ) -> String {
        let columns = present.iter().enumerate().map(|(place, &index)| {
            let (name, kind) = &self.columns[index];
            item(place + 1, name, *kind)
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    /// The rows given as one array per column, by column name.
    fn given_sql(&self, present: &[usize]) -> String {
        format!(
            "select {} from unnest({}) as g ({})",
            self.list(present, |place, name, kind| format!("c{place}::{} as {name}", kind.sql())),
            self.list(present, |place, _, _| format!("${place}::text[]")),
            self.list(present, |place, _, _| format!("c{place}")),
        )
    }

    fn upsert_sql(&self, present: &[usize]) -> String {
        format!(
            "insert into {} as t ({}) {} on conflict (id) do update set {} \
             where t.id = any(${}) and row({}) is distinct from row({}) returning t.id",
            self.relation.name,
            self.list(present, |_, name, _| name.to_string()),
            self.given_sql(present),
            self.list(present, |_, name, _| format!("{name} = excluded.{name}")),
            present.len() + 1,
            self.list(present, |_, name, _| format!("t.{name}")),
            self.list(present, |_, name, _| format!("excluded.{name}")),
        )
    }
}

/// One array per present column.
fn columns_of<'a>(present: &[usize], rows: &[&'a Row]) -> Vec<Vec<Option<Cow<'a, str>>>> {
    let text = |row: &'a Row, index: usize| row.values[index].as_ref().and_then(sql_text);
    present.iter().map(|&index| rows.iter().map(|row| text(row, index)).collect()).collect()
}

/// The rows by which of their columns are present; almost always one group.
fn by_presence<'a>(rows: &[&'a Row]) -> BTreeMap<Vec<usize>, Vec<&'a Row>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
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
