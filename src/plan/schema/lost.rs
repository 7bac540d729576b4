//! Columns whose field is gone: they stay, are no longer synced, and say so.
//!
//! It exists because nothing is dropped, and because local changes may wait in such a column. Invariants: a lost
//! column is remembered by its name until a field has it again or somebody drops it; when its field comes back, under
//! whatever name, the object is read anew, because what changed meanwhile was not seen.

use super::{ExistingColumn, ExistingTable, Planner, Step, Table};
use crate::record::Column;

/// What the comment of a lost column or table ends with.
const NOTE: &str = " [no longer synced]";

/// A column whose field is gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostColumn {
    /// Its name.
    pub name: String,
    /// What became of its field.
    pub cause: LostCause,
}

/// What became of the field of a lost column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LostCause {
    /// It was deleted or deactivated.
    Removed,
    /// It has another type now, and another column.
    Retyped,
}

impl LostCause {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            LostCause::Removed => "removed",
            LostCause::Retyped => "retyped",
        }
    }

    /// The cause that a word in SQL names.
    pub fn named(word: &str) -> Option<LostCause> {
        [LostCause::Removed, LostCause::Retyped].into_iter().find(|cause| cause.as_str() == word)
    }

    /// Why a change of such a column is refused.
    pub(super) fn reason(self) -> &'static str {
        match self {
            LostCause::Removed => {
                "its field is no longer read from the source, so a change would stay here alone"
            }
            LostCause::Retyped => "its field has another type and another column now",
        }
    }
}

/// The lost columns of a table that was there before. `retyped` are those that this plan sets aside.
pub(super) fn lost(
    before: &ExistingTable,
    columns: &[Column],
    retyped: Vec<String>,
) -> Vec<LostColumn> {
    let removed = removed(before, columns).map(|known| known.name.clone());
    let removed = removed.map(|name| LostColumn { name, cause: LostCause::Removed });
    let retyped = retyped.into_iter().map(|name| LostColumn { name, cause: LostCause::Retyped });
    let remembered =
        before.lost.iter().filter(|lost| before.catalog.contains_key(&lost.name)).cloned();
    let mut lost: Vec<LostColumn> = retyped.chain(remembered).chain(removed).collect();
    lost.retain(|lost| !is_back(before, columns, lost));
    lost.sort_unstable();
    lost.dedup_by(|next, first| next.name == first.name);
    lost
}

/// Whether a field has a lost column again, or its name. A field that was renamed while it was gone takes its column
/// along.
fn is_back(before: &ExistingTable, columns: &[Column], lost: &LostColumn) -> bool {
    let was_its =
        |column: &Column| before.column(column).is_some_and(|known| known.name == lost.name);
    columns.iter().any(|column| column.name == lost.name || was_its(column))
}

/// The recorded columns that no field has any more.
fn removed<'a>(
    before: &'a ExistingTable,
    columns: &'a [Column],
) -> impl Iterator<Item = &'a ExistingColumn> {
    let there = |known: &&ExistingColumn| before.catalog.contains_key(&known.name);
    let same = |known: &ExistingColumn, column: &Column| {
        known.field_id == column.field_id && known.part == column.path.part.unwrap_or_default()
    };
    before
        .columns
        .iter()
        .filter(there)
        .filter(move |known| !columns.iter().any(|column| same(known, column)))
}

impl Planner<'_> {
    /// Marks what is lost now, and has a table read anew in which a lost column came back.
    pub(super) fn follow_lost(&mut self, table: &Table, before: Option<&ExistingTable>) {
        let Some(before) = before else { return };
        if before.lost.iter().any(|lost| is_back(before, &table.columns, lost)) {
            self.steps.push(Step::ReadAnew { table: table.name.clone() });
        }
        for lost in &table.lost {
            let comment = before.catalog.get(&lost.name).and_then(|column| column.comment.clone());
            self.mark(&table.name, Some(&lost.name), comment);
        }
    }

    /// Marks the table of an object that is no longer mirrored.
    pub(super) fn mark_table(&mut self, before: &ExistingTable) {
        self.mark(&before.name, None, before.comment.clone());
    }

    fn mark(&mut self, table: &str, column: Option<&str>, comment: Option<String>) {
        let comment = comment.unwrap_or_default();
        if !comment.ends_with(NOTE) {
            let (table, column) = (table.to_owned(), column.map(str::to_owned));
            self.steps.push(Step::Comment { table, column, text: comment + NOTE });
        }
    }
}
