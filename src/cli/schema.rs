//! `schema plan`: the DDL that the next run would execute.
//!
//! Invariant: nothing is changed.

use std::process::ExitCode;

use serde_json::json;

use super::{
    exit::{self, Failure},
    output::Output,
};
use crate::{
    config::Config,
    mirror::{Ident, render},
    sync::Engine,
};

pub(super) async fn plan(config: &Config, output: &mut Output) -> Result<ExitCode, Failure> {
    let plan = Engine::open(config).await?.schema_plan().await?;
    let schema =
        Ident::new(&plan.schema).map_err(|error| Failure::configuration(error.to_string()))?;
    let mut steps = Vec::new();
    for step in &plan.steps {
        let sql = render(&schema, step).map_err(|error| Failure::failed(error.to_string()))?;
        steps.push(json!({"step": step.to_string(), "sql": sql}));
    }
    output.show(&steps, |steps| {
        if steps.is_empty() {
            return "-- nothing to change".to_owned();
        }
        steps.iter().filter_map(|step| step["sql"].as_str()).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if steps.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::DIFFERENCES) })
}
