//! A step as one line for people: logs and the summary of `schema plan`.
//!
//! It exists so that a plan can be read without knowing SQL; the DDL itself is rendered by the mirror.

use std::fmt;

use super::{Step, TriggerRole};

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::CreateSchema => formatter.write_str("create the schema"),
            Step::CreateTable { table, columns } => {
                write!(formatter, "create table {table} with {} columns", columns.len())
            }
            Step::RenameTable { from, to } => write!(formatter, "rename table {from} to {to}"),
            Step::RenameColumn { table, from, to } => {
                write!(formatter, "rename column {table}.{from} to {to}")
            }
            Step::AddColumn { table, column } => {
                write!(formatter, "add column {table}.{} {}", column.name, column.kind.sql())
            }
            Step::CreateIndex { table, column } => write!(formatter, "index {table}.{column}"),
            Step::AddKey { table } => write!(formatter, "make id the primary key of {table}"),
            Step::GenerateIds { table } => write!(formatter, "have {table} make ids of its own"),
            Step::Comment { table, column: Some(column), .. } => {
                write!(formatter, "describe {table}.{column}")
            }
            Step::Comment { table, column: None, .. } => write!(formatter, "describe {table}"),
            Step::ReadAnew { table } => write!(formatter, "read {table} anew"),
            Step::Capture { table, triggers } => {
                let refuse = triggers.iter().any(|trigger| trigger.role == TriggerRole::Refuse);
                let verb = if refuse { "refuse" } else { "capture" };
                write!(formatter, "{verb} local changes of {table}")
            }
        }
    }
}
