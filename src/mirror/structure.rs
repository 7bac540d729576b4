//! How a mirrored table is really built, and how what it lacks is put right.
//!
//! It exists because people alter tables, and `reset` is to leave them as they were made. Invariant: the catalog is
//! the only witness; steps are one transaction.

use super::{Mirror, TableWriter, ddl::render, error::MirrorError, ident::statement};
use crate::plan::schema::{Step, Structure};

impl Mirror {
    /// How the table of an object is built.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn structure(&self, table: &TableWriter) -> Result<Structure, MirrorError> {
        let (keyed, generates_ids, indexed): (bool, bool, Vec<String>) = sqlx::query_as(
            "select exists (select from pg_catalog.pg_index i where i.indrelid = a.attrelid and i.indisunique \
             and i.indisvalid and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum), a.atthasdef, \
             array(select k.attname::text from pg_catalog.pg_index i join pg_catalog.pg_attribute k \
             on k.attrelid = i.indrelid and k.attnum = i.indkey[0] \
             where i.indrelid = a.attrelid and i.indisvalid and i.indpred is null) \
             from pg_catalog.pg_attribute a where a.attrelid = $1::text::regclass and a.attname = 'id'",
        )
        .bind(&table.relation.name)
        .fetch_one(&self.pool)
        .await
        .map_err(MirrorError::query("look how a table is built"))?;
        Ok(Structure { keyed, generates_ids, indexed: indexed.into_iter().collect() })
    }

    /// Puts right what a table lacks.
    ///
    /// # Errors
    /// The step that PostgreSQL refuses; nothing is changed then.
    pub async fn mend(&self, steps: &[Step]) -> Result<(), MirrorError> {
        let failed = || MirrorError::query("put a table right");
        let mut transaction = self.begin_patiently().await.map_err(failed())?;
        for step in steps {
            let sql = render(&self.schema, step)?;
            let failed = |cause| MirrorError::Ddl { step: step.to_string(), cause };
            sqlx::raw_sql(statement(sql)).execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed())
    }
}
