//! What people do to the record on either side, and what the mirror's triggers note of it.

use std::collections::BTreeSet;

use super::{
    super::{
        history::Who,
        source::{TABLE, column, unit, values},
    },
    Engine, Local,
};
use crate::{
    plan::{
        fixture::ID,
        pending::{Operation, OperationKind},
    },
    record::{Image, Value},
};

impl Engine<'_> {
    pub(in crate::plan::simulation) fn edit(&mut self, who: Who, index: usize, choice: u8) {
        self.number += 1;
        let values = values(index, choice, self.number);
        match who {
            Who::Source if self.source.is_live() => {
                let (agreed, before) =
                    (self.agreed(who, index), self.source.record.as_ref().unwrap());
                self.history.write(who, before, &agreed, (index, &values));
                self.source.edit(index, values);
            }
            Who::Mirror if self.is_live() => {
                let mut image = self.mirror.clone().unwrap();
                let agreed = self.agreed(who, index);
                self.history.write(who, &image, &agreed, (index, &values));
                let columns = unit(index).columns;
                for (column, value) in columns.iter().zip(values) {
                    image.set(*column, Some(value));
                }
                let names = columns.iter().map(|index| TABLE.columns[*index].name.clone());
                self.capture(OperationKind::Update, names.collect());
                self.mirror = Some(image);
            }
            Who::Source | Who::Mirror => {}
        }
    }

    /// What a writer can write without an edit that anybody could see: what both sides agreed on (nothing, in a
    /// record that was inserted here), unless the source may have had another value since; and what was sent.
    fn agreed(&self, who: Who, index: usize) -> Vec<Image> {
        let nothing = || Image::empty(TABLE.columns.len());
        let Some(local) = &self.local else {
            return vec![self.mirror.clone().unwrap_or_else(nothing)];
        };
        let was_sent = |sent: &&Image| sent.get(unit(index).columns[0]).is_some();
        let sent = local.sent.as_ref().filter(was_sent).filter(|_| who == Who::Source);
        let base = local.base.clone().unwrap_or_else(nothing);
        let base = Some(base).filter(|_| sent.is_none() || !self.landed);
        base.into_iter().chain(sent.cloned()).collect()
    }

    fn is_live(&self) -> bool {
        self.mirror
            .as_ref()
            .is_some_and(|mirror| mirror.get(column("deleted_at")) == Some(&Value::Null))
    }

    pub(in crate::plan::simulation) fn delete(&mut self, who: Who) {
        match who {
            Who::Source if self.source.is_live() => {
                self.history.overwrite(who, None);
                self.source.bury(true);
            }
            Who::Mirror if self.mirror.is_some() => {
                self.history.overwrite(who, None);
                self.capture(OperationKind::Delete, Vec::new());
                self.mirror = None;
            }
            Who::Source | Who::Mirror => {}
        }
    }

    pub(in crate::plan::simulation) fn destroy(&mut self) {
        self.history.overwrite(Who::Source, None);
        self.source.record = None;
    }

    pub(in crate::plan::simulation) fn revive(&mut self, who: Who, index: usize) {
        self.number += 1;
        let values = values(index, 2, self.number);
        match who {
            Who::Source if self.source.record.is_none() => {
                self.source.create(&serde_json::Map::from_iter([(
                    "id".to_owned(),
                    serde_json::Value::from(ID.to_string()),
                )]));
                let (agreed, before) =
                    (self.agreed(who, index), self.source.record.as_ref().unwrap());
                self.history.write(who, before, &agreed, (index, &values));
                self.source.edit(index, values);
            }
            Who::Source if !self.source.is_live() => self.source.bury(false),
            Who::Mirror if self.mirror.is_none() => {
                let mut image = Image::empty(TABLE.columns.len());
                let agreed = self.agreed(who, index);
                self.history.write(who, &image, &agreed, (index, &values));
                image.set(column("id"), Some(Value::Uuid(ID)));
                for (column, value) in unit(index).columns.into_iter().zip(values) {
                    image.set(column, Some(value));
                }
                self.capture(OperationKind::Insert, Vec::new());
                self.mirror = Some(image);
            }
            Who::Mirror if !self.is_live() => {
                self.capture(OperationKind::Update, vec!["deleted_at".to_owned()]);
                self.mirror.as_mut().unwrap().set(column("deleted_at"), Some(Value::Null));
            }
            Who::Source | Who::Mirror => {}
        }
    }

    fn capture(&mut self, kind: OperationKind, changed: Vec<String>) {
        let changed_at = self.source.tick();
        self.entries += 1;
        let id = self.entries;
        let old = self.mirror.clone();
        let local = self.local.get_or_insert_with(|| Local {
            base: old,
            sent: None,
            given_up: None,
            operations: Vec::new(),
            waiting: BTreeSet::new(),
            changed_at,
        });
        local.changed_at = changed_at;
        local.operations.push(Operation { id, kind, changed, changed_at });
    }
}
