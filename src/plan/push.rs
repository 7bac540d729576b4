//! What is sent for one record: the difference between base and mirror, as one write.
//!
//! | base | mirror | write |
//! |---|---|---|
//! | none | row | create |
//! | live | row | update of what differs, guarded by the old values |
//! | live | no row | delete |
//! | in the trash | row | restore, with what differs |
//! | any, outcome of the last write unknown | any | none: read first |
//!
//! Invariants: what does not differ is not sent; what waits is not sent; a write that cannot be guarded by values is
//! planned only with the version that was just read.

use serde_json::Value as Json;
use time::OffsetDateTime;

use super::{
    access::{Access, at_source},
    guard,
    patch::{self, Body},
    pending::{Life, OperationKind, Pending, Rules},
    schema::Table,
};
use crate::record::{
    Column, DeleteMode, Direction, FieldKind, Image, Unit, Value, canonical, units,
};

/// What is sent for a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// Nothing differs.
    Nothing,
    /// Nothing, before the record was read by id, trash included, and reconciled.
    Read(ReadReason),
    /// A new record.
    Create(Create),
    /// Changed values.
    Update(Write),
    /// Out of the trash, with changed values.
    Restore(Write),
    /// Into the trash, or for ever.
    Delete(Delete),
}

/// Why a record must be read before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadReason {
    /// The outcome of the last write is not known.
    InDoubt,
    /// No filter guards one of the fields: the version that is read takes its place.
    NoGuard,
    /// A field is younger than the base.
    NoBase,
    /// The mirror changed a record in the trash.
    Trash,
}

/// A new record.
#[derive(Debug, Clone, PartialEq)]
pub struct Create {
    /// The body, with the id.
    pub body: Body,
    /// What to store as sent before sending; what is empty was sent by leaving it out.
    pub sent: Image,
}

/// A guarded write to a record that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The body.
    pub body: Body,
    /// What to store as sent before sending.
    pub sent: Image,
    /// Conditions that must all hold, besides the id and not being in the trash.
    pub guard: Vec<Json>,
}

/// The end of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// How far it goes.
    pub mode: DeleteMode,
    /// What to store as sent before sending: a mark that a delete is under way.
    pub sent: Image,
}

impl Create {
    /// The create without these columns: they are sent afterwards, as an update.
    #[must_use]
    pub fn without(mut self, table: &Table, columns: &[usize]) -> Create {
        for &index in columns {
            self.body.remove(&table.columns[index].path.key);
            self.sent.set(index, None);
        }
        self
    }
}

/// What the guard of a write can rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The base as it is stored.
    Stored,
    /// The record was read and reconciled just now; this is its `updatedAt`.
    JustRead(OffsetDateTime),
    /// The same, and guards by values have failed although nothing had changed: the version alone counts.
    VersionOnly(OffsetDateTime),
}

/// What is sent for a record.
pub fn plan(rules: Rules<'_>, pending: &Pending, basis: Basis) -> Verb {
    if rules.table.direction != Direction::Both {
        return Verb::Nothing;
    }
    if pending.sent.is_some() {
        return Verb::Read(ReadReason::InDoubt);
    }
    let base = rules.life(pending.base.as_ref());
    match (base, &pending.mirror, rules.life(pending.mirror.as_ref())) {
        (_, None, _) => deleted(rules, pending, base),
        (Life::None, Some(mirror), _) => Verb::Create(create(rules, mirror)),
        (Life::Live, Some(mirror), _) => {
            let changed = to_send(rules, pending, mirror);
            let update = || changes(rules, pending, mirror, basis);
            if changed.is_empty() {
                Verb::Nothing
            } else {
                update().map_or_else(Verb::Read, Verb::Update)
            }
        }
        (Life::Dead, Some(mirror), Life::Live) => {
            let write = changes(rules, pending, mirror, basis).map(restoring);
            write.map_or_else(Verb::Read, Verb::Restore)
        }
        (Life::Dead, Some(_), Life::Dead | Life::None) => Verb::Read(ReadReason::Trash),
    }
}

fn deleted(rules: Rules<'_>, pending: &Pending, base: Life) -> Verb {
    match base {
        Life::None | Life::Dead => Verb::Nothing,
        #[cfg(feature = "planted")]
        Life::Live if crate::mistakes::is(crate::mistakes::Bug::DeleteForgotten) => Verb::Nothing,
        Life::Live => {
            let mut sent = Image::unknown(rules.table.columns.len());
            if let Some(column) = rules.column("deletedAt") {
                sent.set(column, Some(Value::Timestamp(pending.changed_at)));
            }
            Verb::Delete(Delete { mode: rules.delete_mode, sent })
        }
    }
}

fn create(rules: Rules<'_>, mirror: &Image) -> Create {
    let columns = &rules.table.columns;
    let units: Vec<Unit> =
        units(columns).into_iter().filter(|unit| is_insertable(rules.table, unit)).collect();
    #[cfg(feature = "planted")]
    let units: Vec<Unit> = units
        .into_iter()
        .filter(|unit| {
            unit.key != "id" || !crate::mistakes::is(crate::mistakes::Bug::CreateWithoutId)
        })
        .collect();
    let worth = units.iter().filter(|unit| patch::is_worth_sending(columns, unit, mirror));
    Create { body: patch::body(columns, worth, mirror), sent: only(columns, &units, mirror) }
}

fn restoring(mut write: Write) -> Write {
    write.body.insert("deletedAt".to_owned(), Json::Null);
    write
}

fn changes(
    rules: Rules<'_>,
    pending: &Pending,
    mirror: &Image,
    basis: Basis,
) -> Result<Write, ReadReason> {
    let columns = &rules.table.columns;
    let units = to_send(rules, pending, mirror);
    let base = pending.base.as_ref();
    let sent = only(columns, &units, mirror);
    let guard = guards(rules.table, &units, base, mirror, basis)?;
    #[cfg(feature = "planted")]
    let left_out = usize::from(crate::mistakes::is(crate::mistakes::Bug::FieldLost));
    #[cfg(feature = "planted")]
    let units = &units[..units.len() - left_out.min(units.len().saturating_sub(1))];
    Ok(Write { body: patch::body(columns, units.iter(), mirror), sent, guard })
}

fn guards(
    table: &Table,
    units: &[Unit],
    base: Option<&Image>,
    mirror: &Image,
    basis: Basis,
) -> Result<Vec<Json>, ReadReason> {
    let (mut guards, mut unguarded) = (Vec::new(), Vec::new());
    #[cfg(feature = "planted")]
    if crate::mistakes::is(crate::mistakes::Bug::NoGuard) {
        return Ok(guards);
    }
    for &index in units.iter().flat_map(|unit| &unit.columns) {
        let column = &table.columns[index];
        if at_source(table, column) != Access::Write {
            continue;
        }
        let old = base.and_then(|base| base.get(index)).ok_or(ReadReason::NoBase)?;
        let Some(new) = mirror.get(index) else { continue };
        match by_value(basis, column, old, new) {
            Some(guard) => guards.push(guard),
            None => unguarded.push((column, new)),
        }
    }
    if unguarded.is_empty() {
        return Ok(guards);
    }
    #[cfg(feature = "planted")]
    if crate::mistakes::is(crate::mistakes::Bug::NoVersionGuard) {
        return Ok(guards);
    }
    guards.push(guard::version_or_new(version(basis).ok_or(ReadReason::NoGuard)?, unguarded));
    Ok(guards)
}

fn by_value(basis: Basis, column: &Column, old: &Value, new: &Value) -> Option<Json> {
    match basis {
        Basis::Stored | Basis::JustRead(_) => guard::old_or_new(column, old, new),
        Basis::VersionOnly(_) => None,
    }
}

fn version(basis: Basis) -> Option<OffsetDateTime> {
    match basis {
        Basis::Stored => None,
        Basis::JustRead(version) | Basis::VersionOnly(version) => Some(version),
    }
}

/// The units to send: changed, and not waiting.
fn to_send(rules: Rules<'_>, pending: &Pending, mirror: &Image) -> Vec<Unit> {
    let waits = |unit: &Unit| unit.columns.iter().any(|column| pending.waiting.contains(column));
    let columns = &rules.table.columns;
    let is_sent = |unit: &Unit| !waits(unit) && !is_left_out(columns, unit, pending, mirror);
    changed(rules, pending.base.as_ref(), mirror).into_iter().filter(is_sent).collect()
}

/// Whether a row that was deleted and inserted anew leaves a unit to the source, which takes no null for it: nobody
/// wrote that null.
pub(super) fn is_left_out(
    columns: &[Column],
    unit: &Unit,
    pending: &Pending,
    mirror: &Image,
) -> bool {
    let is_new = pending.operations.iter().any(|entry| entry.kind == OperationKind::Insert);
    let has_no_empty_value = |column: &Column| {
        !column.is_nullable && column.path.part.is_none() && column.field_kind != FieldKind::Text
    };
    let is_left_out = |&index: &usize| {
        has_no_empty_value(&columns[index]) && mirror.get(index) == Some(&Value::Null)
    };
    is_new && unit.columns.iter().all(is_left_out)
}

/// The units that the mirror may write and holds otherwise than the base. One that the base does not know counts if
/// the mirror holds a value.
pub fn changed(rules: Rules<'_>, base: Option<&Image>, mirror: &Image) -> Vec<Unit> {
    let columns = &rules.table.columns;
    let keeps_place = |unit: &Unit| {
        let empty = canonical::unit_empty(columns, unit, mirror).unwrap_or(true);
        columns[unit.columns[0]].field_kind == FieldKind::Position && empty
    };
    let is_changed = |unit: &Unit| {
        is_writable(rules.table, unit) && !keeps_place(unit) && differs(columns, unit, base, mirror)
    };
    units(columns).into_iter().filter(is_changed).collect()
}

/// Whether the mirror holds a unit otherwise than the base; one that the base does not know, whether it holds a value.
pub(super) fn differs(
    columns: &[Column],
    unit: &Unit,
    base: Option<&Image>,
    mirror: &Image,
) -> bool {
    let equal = base.and_then(|base| canonical::units_equal(columns, unit, base, mirror));
    equal.or_else(|| canonical::unit_empty(columns, unit, mirror)) == Some(false)
}

/// Whether local changes of a unit travel to the source.
pub fn is_writable(table: &Table, unit: &Unit) -> bool {
    let writable = |&index: &usize| at_source(table, &table.columns[index]) == Access::Write;
    unit.columns.iter().any(writable)
}

/// Whether a unit travels with a new record.
fn is_insertable(table: &Table, unit: &Unit) -> bool {
    unit.columns.iter().any(|&index| match at_source(table, &table.columns[index]) {
        Access::Write | Access::WriteOnInsert(_) => true,
        Access::Keep | Access::ClearOnly(_) | Access::Refuse(_) => false,
    })
}

/// `image` in these units, and nowhere else.
fn only(columns: &[Column], units: &[Unit], image: &Image) -> Image {
    let mut part = Image::unknown(columns.len());
    for &index in units.iter().flat_map(|unit| &unit.columns) {
        part.set(index, image.get(index).cloned());
    }
    part
}

/// The records that an image refers to: the column, and the id in it.
pub fn references(table: &Table, image: &Image) -> Vec<(usize, uuid::Uuid)> {
    let reference = |(index, column): (usize, &Column)| match (&column.field_kind, image.get(index))
    {
        (FieldKind::ManyToOne { .. }, Some(Value::Uuid(id))) => Some((index, *id)),
        _ => None,
    };
    table.columns.iter().enumerate().filter_map(reference).collect()
}

#[cfg(test)]
mod tests;
