//! Which triggers a mirrored table needs, so that local changes are captured or refused.
//!
//! It exists because the triggers follow from the model like the columns do: which columns may be written, and
//! which way the records travel. One function serves all tables (`sync.capture`, migration 0002); what differs
//! are its arguments. Invariants: names travel as arguments, never as SQL; an unchanged model gives unchanged
//! triggers; a table whose object is no longer mirrored refuses changes, because nothing would carry them on.

use uuid::Uuid;

use super::{ExistingTable, LostColumn, Planner, Step, Table};
use crate::{
    plan::access::{Access, access},
    record::{Column, Direction, ObjectId},
};

/// One trigger of `sync.capture` on a mirrored table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaptureTrigger {
    /// What it does.
    pub role: TriggerRole,
    /// The arguments: workspace, object, then what the role needs.
    pub arguments: Vec<String>,
}

/// What a trigger of `sync.capture` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TriggerRole {
    /// Refuses changes of read-only columns, before each row.
    Guard,
    /// Writes the log, after each row.
    Log,
    /// Refuses TRUNCATE.
    Truncate,
    /// Refuses every change, before each statement.
    Refuse,
}

impl TriggerRole {
    /// All of them, in the order of their names' first use.
    pub const ALL: [TriggerRole; 4] =
        [TriggerRole::Guard, TriggerRole::Log, TriggerRole::Truncate, TriggerRole::Refuse];

    /// The trigger's name. Triggers fire by name, and the guard must see what others made of a row.
    pub fn name(self) -> &'static str {
        match self {
            TriggerRole::Guard => "zz_sync_guard",
            TriggerRole::Log => "zz_sync_log",
            TriggerRole::Truncate => "zz_sync_truncate",
            TriggerRole::Refuse => "zz_sync_refuse",
        }
    }

    /// When it fires, as `CREATE TRIGGER` says it.
    pub fn event(self) -> &'static str {
        match self {
            TriggerRole::Guard => "before insert or update",
            TriggerRole::Log => "after insert or update or delete",
            TriggerRole::Truncate => "before truncate",
            TriggerRole::Refuse => "before insert or update or delete or truncate",
        }
    }

    /// `row` or `statement`.
    pub fn level(self) -> &'static str {
        match self {
            TriggerRole::Guard | TriggerRole::Log => "row",
            TriggerRole::Truncate | TriggerRole::Refuse => "statement",
        }
    }

    /// The same as `pg_trigger.tgtype` has it.
    pub fn catalog_type(self) -> i16 {
        const ROW: i16 = 1;
        const BEFORE: i16 = 2;
        const INSERT: i16 = 4;
        const DELETE: i16 = 8;
        const UPDATE: i16 = 16;
        const TRUNCATE: i16 = 32;
        match self {
            TriggerRole::Guard => ROW + BEFORE + INSERT + UPDATE,
            TriggerRole::Log => ROW + INSERT + UPDATE + DELETE,
            TriggerRole::Truncate => BEFORE + TRUNCATE,
            TriggerRole::Refuse => BEFORE + INSERT + UPDATE + DELETE + TRUNCATE,
        }
    }
}

impl Planner<'_> {
    /// Puts the triggers on a table that has others, or none.
    pub(super) fn capture(&mut self, table: &Table, before: Option<&ExistingTable>) {
        let triggers = triggers(self.existing.workspace_id, table);
        self.install(&table.name, before, triggers);
    }

    /// Closes the tables of objects that are no longer mirrored.
    pub(super) fn close_the_rest(&mut self) {
        let existing = self.existing;
        for before in &existing.tables {
            if self.tables.iter().any(|table| table.object_id == before.object_id) {
                continue;
            }
            let arguments = arguments(existing.workspace_id, before.object_id, &["off"]);
            let refuse = CaptureTrigger { role: TriggerRole::Refuse, arguments };
            self.install(&before.name, Some(before), vec![refuse]);
            self.mark_table(before);
        }
    }

    fn install(
        &mut self,
        table: &str,
        before: Option<&ExistingTable>,
        triggers: Vec<CaptureTrigger>,
    ) {
        if before.is_none_or(|before| before.triggers != triggers) {
            self.steps.push(Step::Capture { table: table.to_owned(), triggers });
        }
    }
}

/// The triggers of a table, by role.
fn triggers(workspace_id: Uuid, table: &Table) -> Vec<CaptureTrigger> {
    let trigger = |role, rest: &[&str]| CaptureTrigger {
        role,
        arguments: arguments(workspace_id, table.object_id, rest),
    };
    match table.direction {
        Direction::Both => {
            let mut guard = trigger(TriggerRole::Guard, &[]);
            guard.arguments.extend(table.columns.iter().flat_map(|column| rule(table, column)));
            guard.arguments.extend(table.lost.iter().flat_map(lost_rule));
            vec![guard, trigger(TriggerRole::Log, &[]), trigger(TriggerRole::Truncate, &[])]
        }
        Direction::Pull | Direction::Off => {
            vec![trigger(TriggerRole::Refuse, &[table.direction.as_str()])]
        }
    }
}

fn arguments(workspace_id: Uuid, object_id: ObjectId, rest: &[&str]) -> Vec<String> {
    let ids = [workspace_id.to_string(), object_id.to_string()];
    ids.into_iter().chain(rest.iter().map(|&text| text.to_owned())).collect()
}

/// What the guard must know of a column: kind, name and reason, or nothing where it may be written.
fn rule(table: &Table, column: &Column) -> Vec<String> {
    let rule = |kind: &str, reason: &str| vec![kind.into(), column.name.clone(), reason.into()];
    match access(table, column) {
        Access::Write => Vec::new(),
        Access::WriteOnInsert(reason) => rule("insert", &reason),
        Access::Keep => rule("keep", ""),
        Access::ClearOnly(reason) => rule("clear", &reason),
        Access::Refuse(reason) => rule("refuse", &reason),
    }
}

fn lost_rule(lost: &LostColumn) -> [String; 3] {
    ["refuse".to_owned(), lost.name.clone(), lost.cause.reason().to_owned()]
}
