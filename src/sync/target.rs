//! The objects of a workspace as the loops need them: table, rules, and how to read and write it.
//!
//! It exists so that pull and push prepare this once per schema. Invariant: everything in a [`Target`] belongs to
//! one version of the data model.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::scope;
use crate::{
    config::{self, Config},
    mirror::{Claimed, Mirror, MirrorError, TableWriter},
    plan::{
        fuse::Fuse,
        pending::{DeletedRecords, Rules},
        policy::Policies,
        schema::Table,
    },
    record::{Column, DataModel, Decoder, DeleteMode, ObjectId, Rest},
};

/// The mirrored objects of a workspace, by id.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    targets: BTreeMap<ObjectId, Target>,
    /// The singular names of all objects of the data model, mirrored or not.
    names: BTreeSet<String>,
    /// What the data model asks for and was not done.
    pub(super) held: Vec<String>,
}

/// One mirrored object.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) table: Table,
    pub(super) decoder: Decoder,
    pub(super) writer: TableWriter,
    /// The columns that the source compares where values must be unique: of a composite field the primary value.
    pub(super) unique: Vec<usize>,
    pub(super) fuse: Fuse,
    policies: Policies,
    deleted: DeletedRecords,
    delete_mode: DeleteMode,
    /// Older servers never show what lies in the trash.
    trash_is_shown: bool,
}

impl Workspace {
    pub(super) fn new(
        mirror: &Mirror,
        config: &Config,
        model: &DataModel,
        tables: Vec<Table>,
        held: Vec<String>,
        rest: Rest,
    ) -> Result<Workspace, MirrorError> {
        let target = |table: Table| {
            let object = table.object_id;
            Ok((object, Target::new(mirror, config, model, table, rest)?))
        };
        let targets: Result<_, MirrorError> = tables.into_iter().map(target).collect();
        let names = model.objects.iter().map(|object| object.name_singular.clone()).collect();
        Ok(Workspace { targets: targets?, names, held })
    }

    pub(super) fn target(&self, object: ObjectId) -> Option<&Target> {
        self.targets.get(&object)
    }

    /// Whether the table of a record is as it was when it was prepared for; that of an object that is not known is.
    pub(super) fn knows_table(&self, record: &Claimed) -> bool {
        let target = self.target(record.object_id);
        target.is_none_or(|target| target.table.generation == record.generation)
    }

    /// The object of this singular or plural name, or with this table.
    pub(super) fn called(&self, name: &str) -> Option<&Target> {
        self.targets().find(|target| target.is_called(name))
    }

    /// The object with this singular name, as the API spells it.
    pub(super) fn named(&self, singular: &str) -> Option<&Target> {
        self.targets().find(|target| target.table.name_singular == singular)
    }

    /// Whether the data model has an object with this singular name, as the API spells it.
    pub(super) fn knows(&self, singular: &str) -> bool {
        self.names.contains(singular)
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.targets.values()
    }
}

impl Target {
    fn new(
        mirror: &Mirror,
        config: &Config,
        model: &DataModel,
        table: Table,
        rest: Rest,
    ) -> Result<Target, MirrorError> {
        Ok(Target {
            decoder: Decoder::new(table.columns.as_slice().into()),
            writer: TableWriter::new(mirror, &table)?,
            unique: unique(model, &table),
            fuse: scope::fuse(&table, config.fuse, &config.objects),
            policies: scope::policies(&table, config.push, &config.objects),
            deleted: match config.pull.deleted_records {
                config::DeletedRecords::Remove => DeletedRecords::Remove,
                config::DeletedRecords::Keep => DeletedRecords::Keep,
            },
            delete_mode: match config.push.deletes {
                config::Deletes::Soft => DeleteMode::Soft,
                config::Deletes::Hard => DeleteMode::Destroy,
            },
            trash_is_shown: rest != Rest::Legacy,
            table,
        })
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            table: &self.table,
            policies: &self.policies,
            deleted: self.deleted,
            delete_mode: self.delete_mode,
        }
    }

    /// Whether rows of soft-deleted records stay in the mirror.
    pub(super) fn keeps_deleted(&self) -> bool {
        self.deleted == DeletedRecords::Keep
    }

    /// What the mirror does with records in the trash.
    pub(super) fn deleted(&self) -> DeletedRecords {
        self.deleted
    }

    /// Whether rows of soft-deleted records stay although the source shows nothing of them: that it does not is then no
    /// reason to take them for destroyed.
    pub(super) fn keeps_what_is_hidden(&self) -> bool {
        self.keeps_deleted() && !self.trash_is_shown
    }

    /// Which records the source should show of those that the mirror has.
    pub(super) fn expected(&self) -> DeletedRecords {
        if self.trash_is_shown { self.deleted } else { DeletedRecords::Remove }
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        let table = &self.table;
        let names = [&table.name_plural, &table.name_singular, &table.name];
        names.into_iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    pub(super) fn plural(&self) -> &str {
        &self.table.name_plural
    }
}

fn unique(model: &DataModel, table: &Table) -> Vec<usize> {
    let object = model.objects.iter().find(|object| object.id == table.object_id);
    let fields = object.into_iter().flat_map(|object| &object.fields);
    let unique: Vec<Uuid> = fields
        .filter(|field| field.is_unique && field.name != "id")
        .map(|field| field.id)
        .collect();
    let compared = |id: &Uuid| {
        let is_compared = |column: &Column| column.field_id == *id && is_compared(column);
        table.columns.iter().position(is_compared)
    };
    unique.iter().filter_map(compared).collect()
}

/// Of a composite field, the source compares one part (docs/twenty.md, "Unique values").
fn is_compared(column: &Column) -> bool {
    matches!(
        column.path.part,
        None | Some("primaryEmail" | "primaryLinkUrl" | "primaryPhoneNumber" | "firstName")
    )
}
