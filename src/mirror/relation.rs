//! One mirrored table by its names alone: locking, removing, and putting rows back from JSON.
//!
//! It exists because taking a change back or deciding a conflict needs no data model, so it works while Twenty
//! cannot be reached. Invariants: names come from [`Ident`] only; rows are locked in the order of their ids.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Mirror,
    error::{MirrorError, is_lease_lost, is_outdated},
    ident::{Ident, statement},
};
use crate::record::ObjectId;

/// A mirrored table.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) object_id: ObjectId,
    /// The object's plural name.
    pub(super) object: String,
    /// Schema and table, quoted.
    pub(super) name: String,
    pub(super) columns: Vec<Ident>,
}

impl Mirror {
    /// The table of an object, as recorded.
    pub(super) async fn relation(&self, object_id: ObjectId) -> Result<Relation, MirrorError> {
        let failed = || MirrorError::query("find the table of an object");
        let (object, table): (String, String) = sqlx::query_as(
            "select name_plural, table_name from sync.object where workspace_id = $1 and object_id = $2",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .fetch_one(&self.pool)
        .await
        .map_err(failed())?;
        // Fields that are gone keep their columns, but a column that someone dropped is no column.
        let columns: Vec<String> = sqlx::query_scalar(
            "select f.column_name from sync.field f join pg_catalog.pg_namespace n on n.nspname = $3 \
             join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = $4 \
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = f.column_name and a.attnum > 0 \
             where f.workspace_id = $1 and f.object_id = $2",
        )
        .bind(self.workspace_id)
        .bind(object_id)
        .bind(self.schema())
        .bind(&table)
        .fetch_all(&self.pool)
        .await
        .map_err(failed())?;
        let name = format!("{}.{}", self.schema, Ident::new(&table)?);
        let columns = columns.iter().map(|name| Ident::new(name)).collect::<Result<_, _>>()?;
        Ok(Relation { object_id, object, name, columns })
    }
}

impl Relation {
    /// Names the table in an error whose text may hold values, or says that people hold its rows or that it has changed.
    pub(super) fn failed(&self, cause: sqlx::Error) -> MirrorError {
        let object = self.object.clone();
        if is_lease_lost(&cause) {
            MirrorError::LeaseLost
        } else if is_outdated(&cause) {
            MirrorError::Outdated { object }
        } else if super::transaction::is_contention(&cause) {
            MirrorError::Busy { object, cause }
        } else {
            MirrorError::Page { object, cause }
        }
    }

    /// Which of these ids have a row or local changes here.
    pub(super) async fn known(
        &self,
        mirror: &Mirror,
        connection: &mut PgConnection,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let sql = format!(
            "select id from {} where id = any($3) union select record_id from sync.base \
             where workspace_id = $1 and object_id = $2 and record_id = any($3)",
            self.name
        );
        sqlx::query_scalar(statement(sql))
            .bind(mirror.workspace_id)
            .bind(self.object_id)
            .bind(ids)
            .fetch_all(connection)
            .await
    }

    /// Locks the rows with these ids, in their order; says which there were.
    pub(super) async fn lock(
        &self,
        connection: &mut PgConnection,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let sql = format!("select id from {} where id = any($1) order by id for update", self.name);
        sqlx::query_scalar(statement(sql)).bind(ids).fetch_all(connection).await
    }

    /// Removes the rows with these ids; says how many there were.
    pub(super) async fn remove(
        &self,
        connection: &mut PgConnection,
        ids: &[Uuid],
    ) -> Result<u64, sqlx::Error> {
        let sql = format!("delete from {} where id = any($1)", self.name);
        Ok(sqlx::query(statement(sql)).bind(ids).execute(connection).await?.rows_affected())
    }

    /// Makes a row what `json`, as `to_jsonb` wrote it, says; columns that it lacks stay as they are.
    pub(super) async fn put_json(
        &self,
        connection: &mut PgConnection,
        id: Uuid,
        json: &str,
    ) -> Result<(), sqlx::Error> {
        let list = |item: &dyn Fn(&Ident) -> String| {
            self.columns.iter().map(item).collect::<Vec<_>>().join(", ")
        };
        let sql = format!(
            "insert into {0} as t ({1}) select {2} \
             from (select $2::jsonb || jsonb_build_object('id', $1::uuid) as json) j \
             left join {0} o on o.id = $1 cross join lateral jsonb_populate_record(o, j.json) v \
             on conflict (id) do update set {3}",
            self.name,
            list(&|name| name.to_string()),
            list(&|name| format!("v.{name}")),
            list(&|name| format!("{name} = excluded.{name}")),
        );
        sqlx::query(statement(sql)).bind(id).bind(json).execute(connection).await.map(drop)
    }

    /// Keeps the row as it is as the record's base, where the record has none.
    pub(super) async fn keep_as_base(
        &self,
        mirror: &Mirror,
        connection: &mut PgConnection,
        id: Uuid,
    ) -> Result<(), sqlx::Error> {
        let sql = format!(
            "insert into sync.base (workspace_id, object_id, record_id, base) \
             select $1, $2, $3, to_jsonb(t) from (select) as one left join {} t on t.id = $3 \
             on conflict (workspace_id, object_id, record_id) do nothing",
            self.name
        );
        sqlx::query(statement(sql))
            .bind(mirror.workspace_id)
            .bind(self.object_id)
            .bind(id)
            .execute(connection)
            .await
            .map(drop)
    }

    /// Whether the row equals the record's base.
    pub(super) async fn equals_base(
        &self,
        mirror: &Mirror,
        connection: &mut PgConnection,
        id: Uuid,
    ) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "select exists (select from {} t join sync.base b on b.record_id = t.id \
             where t.id = $3 and b.workspace_id = $1 and b.object_id = $2 \
             and to_jsonb(jsonb_populate_record(t, b.base)) = to_jsonb(t))",
            self.name
        );
        sqlx::query_scalar(statement(sql))
            .bind(mirror.workspace_id)
            .bind(self.object_id)
            .bind(id)
            .fetch_one(connection)
            .await
    }
}
