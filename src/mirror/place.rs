//! In which database the book of a mirror is kept.
//!
//! It exists because a dump that is restored, and a copy of a database, take the unsent changes of another time with
//! them. Their oids tell: those of the database and of the table that this is written in. Invariant: what one role may
//! not read and another could is no difference. A restore of the files under the database changes no oid and is not
//! seen.

use sqlx::{FromRow, Row as _, postgres::PgRow};

use super::{Mirror, error::MirrorError};
use crate::record::ObjectId;

/// A database, as far as it can be told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    system: Option<String>,
    database: Option<i64>,
    book: Option<i64>,
}

impl FromRow<'_, PgRow> for Place {
    fn from_row(row: &PgRow) -> Result<Place, sqlx::Error> {
        Ok(Place {
            system: row.try_get("system")?,
            database: row.try_get("database")?,
            book: row.try_get("book")?,
        })
    }
}

impl Place {
    /// Whether `now` is to be written down in the place of this.
    pub fn is_outdated(&self, now: &Place) -> bool {
        let is_told = self.database.is_some() && self.book.is_some();
        !is_told || !self.may_be(now) || (self.system.is_none() && now.system.is_some())
    }

    /// Whether nothing says that this is another place.
    pub fn may_be(&self, other: &Place) -> bool {
        fn same<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        same(self.system.as_ref(), other.system.as_ref())
            && same(self.database.as_ref(), other.database.as_ref())
            && same(self.book.as_ref(), other.book.as_ref())
    }
}

impl Mirror {
    /// Where the book is, and where it was when that was last written into it.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn places(&self) -> Result<(Place, Place), MirrorError> {
        let failed = || MirrorError::query("read in which database the mirror is");
        let is_shown: bool = sqlx::query_scalar(
            "select has_function_privilege('pg_catalog.pg_control_system()', 'execute')",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(failed())?;
        let system = if is_shown {
            "(select system_identifier::text from pg_catalog.pg_control_system())"
        } else {
            "null::text"
        };
        let sql = format!(
            "select {system} as system, oid::bigint as database, 'sync.workspace'::regclass::oid::bigint as book \
             from pg_catalog.pg_database where datname = current_database()"
        );
        let now = sqlx::query_as(super::ident::statement(sql))
            .fetch_one(&self.pool)
            .await
            .map_err(failed())?;
        let before = sqlx::query_as(
            "select place_system as system, place_database::bigint as database, place_table::bigint as book \
             from sync.workspace where workspace_id = $1",
        )
        .bind(self.workspace_id)
        .fetch_one(&self.pool)
        .await
        .map_err(failed())?;
        Ok((now, before))
    }

    /// Writes down where the book is.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn note_place(&self, place: &Place) -> Result<(), MirrorError> {
        let statement = sqlx::query(
            "update sync.workspace set place_system = coalesce($2, place_system), place_database = $3::bigint::oid, \
             place_table = $4::bigint::oid where workspace_id = $1",
        )
        .bind(self.workspace_id)
        .bind(&place.system)
        .bind(place.database)
        .bind(place.book);
        self.write(statement)
            .await
            .map(drop)
            .map_err(MirrorError::query("write down in which database the mirror is"))
    }

    /// The objects with changes that the source does not have, with how many records.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn unsent(&self) -> Result<Vec<(ObjectId, i64)>, MirrorError> {
        sqlx::query_as(
            "select object_id, count(*) from sync.base where workspace_id = $1 group by object_id",
        )
        .bind(self.workspace_id)
        .fetch_all(&self.pool)
        .await
        .map_err(MirrorError::query("count the changes that were not sent"))
    }
}
