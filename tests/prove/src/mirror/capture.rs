//! What people do by SQL, and what the triggers make of it: `sync.capture`.

use uuid::Uuid;

use super::{Base, Mirror};
use crate::{
    clock,
    objects::{DELETED_AT, Key, Object, UPDATED_AT},
    plan::pending::{Operation, OperationKind},
    record::{Image, Value},
};

/// What somebody does to one row.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Insert(Image),
    Update(Vec<(usize, Value)>),
    Delete,
}

impl Mirror {
    /// Runs a statement of somebody; says whether it changed anything.
    pub(crate) fn run(
        &mut self,
        object: &Object,
        key: Key,
        statement: &Statement,
        now: i64,
    ) -> bool {
        let before = self.row(key).cloned();
        let after = match (&before, statement) {
            (None, Statement::Insert(image)) => Some(self.whole(key, image.clone())),
            (Some(before), Statement::Update(values)) => {
                let mut after = before.clone();
                for (column, value) in values {
                    let is_ours =
                        *column == UPDATED_AT || *column == DELETED_AT && *value != Value::Null;
                    if !is_ours {
                        after.set(*column, Some(value.clone()));
                    }
                }
                Some(after)
            }
            (Some(_), Statement::Delete) => None,
            (None, Statement::Update(_) | Statement::Delete) | (Some(_), Statement::Insert(_)) => {
                return false;
            }
        };
        if before == after {
            return false;
        }
        self.put(key, after.clone());
        self.log(object, key, (before.as_ref(), after.as_ref()), now);
        true
    }

    /// The trigger: a base where there is none, and an entry in the log.
    pub(super) fn log(
        &mut self,
        object: &Object,
        key: Key,
        (before, after): (Option<&Image>, Option<&Image>),
        now: i64,
    ) {
        let kind = match (before, after) {
            (None, _) => OperationKind::Insert,
            (Some(_), Some(_)) => OperationKind::Update,
            (Some(_), None) => OperationKind::Delete,
        };
        let changed = after.map(|after| touched(object, before, after)).unwrap_or_default();
        self.writings += 1;
        let written = self.writings;
        self.bases.entry(key).or_insert_with(|| Base {
            base: before.cloned(),
            sent: None,
            given_up: None,
            sent_through: None,
            waiting: std::collections::BTreeSet::new(),
            decided_through: None,
            since: now,
            written,
        });
        self.entries += 1;
        let operation =
            Operation { id: self.entries, kind, changed, changed_at: clock::cut(clock::time(now)) };
        self.outbox.entry(key).or_default().push(operation);
    }
}

fn touched(object: &Object, before: Option<&Image>, after: &Image) -> Vec<String> {
    let differs = |index: &usize| {
        let old = before.and_then(|before| before.get(*index)).unwrap_or(&Value::Null);
        after.get(*index).is_some_and(|value| value != old)
    };
    let columns = (0..object.columns().len()).filter(differs);
    columns.map(|index| object.columns()[index].name.clone()).collect()
}

/// The ids of one object among these keys.
pub(super) fn of_object(keys: impl Iterator<Item = Key>, object: usize) -> Vec<Uuid> {
    keys.filter(|key| key.0 == object).map(|key| key.1).collect()
}
