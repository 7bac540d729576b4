//! What a table lacks of what it was made with: its key, the default of its ids, the indexes of its references.
//!
//! It exists for `reset`, which puts right what people changed. A run leaves these alone: who dropped an index may
//! have meant it. Invariants: nothing is dropped, and an index or key that people made counts if it does the same.

use std::collections::BTreeSet;

use super::{Step, Table};
use crate::record::FieldKind;

/// How a table is built, as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Structure {
    /// Whether a valid unique index guards `id` alone.
    pub keyed: bool,
    /// Whether `id` has a default.
    pub generates_ids: bool,
    /// Columns that lead a valid index over all rows.
    pub indexed: BTreeSet<String>,
}

/// The steps that put right what `table` lacks.
pub fn mend(table: &Table, found: &Structure) -> Vec<Step> {
    let name = || table.name.clone();
    let key = (!found.keyed).then(|| Step::AddKey { table: name() });
    let default = (!found.generates_ids).then(|| Step::GenerateIds { table: name() });
    let references = table.columns.iter().filter(|column| {
        matches!(column.field_kind, FieldKind::ManyToOne { .. })
            && !found.indexed.contains(&column.name)
    });
    let indexes =
        references.map(|column| Step::CreateIndex { table: name(), column: column.name.clone() });
    key.into_iter().chain(default).chain(indexes).collect()
}

#[cfg(test)]
mod tests {
    use super::{Step, Structure, mend};
    use crate::{plan::fixture, record::FieldKind};

    #[test]
    fn what_is_missing_comes_back_and_nothing_else() {
        let table = &*fixture::TABLE;
        let reference = |kind: &FieldKind| matches!(kind, FieldKind::ManyToOne { .. });
        let indexed = table.columns.iter().filter(|column| reference(&column.field_kind));
        let whole = Structure {
            keyed: true,
            generates_ids: true,
            indexed: indexed.map(|column| column.name.clone()).collect(),
        };
        assert!(!whole.indexed.is_empty());
        assert_eq!(mend(table, &whole), []);
        let name = || table.name.clone();
        let column = "company_id".to_owned();
        let mut bare = Structure { indexed: whole.indexed, ..Structure::default() };
        assert!(bare.indexed.remove(&column));
        let expected = [
            Step::AddKey { table: name() },
            Step::GenerateIds { table: name() },
            Step::CreateIndex { table: name(), column },
        ];
        assert_eq!(mend(table, &bare), expected);
    }
}
