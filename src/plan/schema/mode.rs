//! Which changes of the tables are made by themselves.
//!
//! It exists because not everybody wants columns to appear while they sleep. Invariants: what is not made is held and
//! shown; what the tables hold already goes on; who captures local changes always follows the tables as they are.

use super::{Existing, Planner, SchemaPlan, Scoped, Step};

/// Whether the tables follow the data model by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They do.
    #[default]
    Auto,
    /// Changes wait until a person applies them.
    Ask,
    /// They do not, and nobody is asked.
    Freeze,
}

/// Plans the tables of `objects` in `schema`, given what is there, as far as `mode` lets them change.
pub fn plan(schema: &str, objects: &[Scoped<'_>], existing: &Existing, mode: Mode) -> SchemaPlan {
    let free = Planner::over(existing, false).run(schema, objects);
    let held: Vec<Step> = free.steps.iter().filter(|step| is_shape(step)).cloned().collect();
    if mode == Mode::Auto || held.is_empty() && mode == Mode::Ask {
        return free;
    }
    let mut fixed = Planner::over(existing, true).run(schema, objects);
    if mode == Mode::Freeze {
        fixed.steps.retain(|step| !matches!(step, Step::Comment { .. }));
    }
    SchemaPlan { held, ..fixed }
}

/// Whether a step changes what a table holds.
fn is_shape(step: &Step) -> bool {
    match step {
        Step::CreateSchema
        | Step::CreateTable { .. }
        | Step::RenameTable { .. }
        | Step::RenameColumn { .. }
        | Step::AddColumn { .. }
        | Step::CreateIndex { .. }
        | Step::AddKey { .. }
        | Step::GenerateIds { .. } => true,
        Step::Comment { .. } | Step::Capture { .. } | Step::ReadAnew { .. } => false,
    }
}
