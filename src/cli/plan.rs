//! `plan`: what a run would do to either side, and `schema plan`: the DDL of it.
//!
//! Invariant: nothing is changed on either side.

use std::process::ExitCode;

use indicatif::MultiProgress;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    exit::{self, Failure},
    output::{Output, grouped, printable, stopped, table},
    progress::Display,
};
use crate::{
    config::Config,
    mirror::{Ident, render},
    plan::schema::SchemaPlan,
    sync::{Engine, ObjectReport, PlannedWrite, Preview, Previewed},
};

/// The DDL that the next run would execute.
pub(super) async fn schema(config: &Config, output: &mut Output) -> Result<ExitCode, Failure> {
    let plan = Preview::open(config).await?.schema().await?;
    let steps = statements(&plan)?;
    output.show(&steps, |steps| {
        if steps.is_empty() {
            return "-- nothing to change".to_owned();
        }
        steps.iter().filter_map(|step| step["sql"].as_str()).collect::<Vec<_>>().join("\n")
    })?;
    Ok(code(steps.is_empty()))
}

/// Executes it.
pub(super) async fn apply(config: &Config, output: &mut Output) -> Result<ExitCode, Failure> {
    let plan = Engine::open(config).await?.apply_schema().await?;
    output.show(&statements(&plan)?, |_| {
        if plan.is_empty() {
            return "nothing to change".to_owned();
        }
        plan.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What the next run would do.
pub(super) async fn run(
    config: &Config,
    output: &mut Output,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    let preview = Preview::open(config).await?;
    let display = Display::start(bars, None);
    let planned = preview.run(&CancellationToken::new(), &display.sender).await;
    display.finish().await;
    let planned = planned?;
    output.show(&as_json(&planned)?, |_| text(&planned))?;
    if let Some(error) = planned.pull.iter().find_map(|object| object.failure.as_ref()) {
        return Err(Failure::from(error));
    }
    Ok(code(planned.is_empty()))
}

fn code(is_empty: bool) -> ExitCode {
    if is_empty { ExitCode::SUCCESS } else { ExitCode::from(exit::DIFFERENCES) }
}

fn statements(plan: &SchemaPlan) -> Result<Vec<Value>, Failure> {
    let schema =
        Ident::new(&plan.schema).map_err(|error| Failure::configuration(error.to_string()))?;
    let statement = |step| {
        let sql = render(&schema, step).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(json!({"step": step.to_string(), "sql": sql}))
    };
    plan.steps.iter().map(statement).collect()
}

fn text(planned: &Previewed) -> String {
    let mut lines = stopped(&planned.stops);
    if planned.is_empty() {
        lines.push("nothing to do: both sides are equal as far as a run would look".to_owned());
        return lines.join("\n");
    }
    let steps = planned.schema.steps.len() as u64;
    if steps > 0 {
        lines.push(format!(
            "tables: {} changes (twenty-sync schema plan shows them)",
            grouped(steps)
        ));
    }
    for (object, records) in &planned.anew {
        lines.push(format!(
            "{}: read from the beginning, {} records",
            printable(object),
            grouped(*records)
        ));
    }
    lines.extend(planned.pull.iter().filter_map(pulled));
    if !planned.push.is_empty() {
        let row = |write: &PlannedWrite| {
            vec![
                write.what.to_owned(),
                write.object.clone(),
                write.record_id.to_string(),
                write.fields.join(" "),
            ]
        };
        lines.push(format!("\nto Twenty, {} records:", grouped(planned.push.len() as u64)));
        lines.push(table(&["write", "object", "record", "fields"], planned.push.iter().map(row)));
    }
    lines.join("\n")
}

fn pulled(object: &ObjectReport) -> Option<String> {
    let applied = &object.applied;
    let parts = [
        (applied.inserted, "insert"),
        (applied.updated, "update"),
        (applied.removed, "remove"),
        (applied.set_aside, "set aside"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} {}", grouped(*count)))
        .collect();
    (!parts.is_empty()).then(|| format!("{}: {}", printable(&object.object), parts.join(", ")))
}

fn as_json(planned: &Previewed) -> Result<Value, Failure> {
    let pull = |object: &ObjectReport| {
        let applied = &object.applied;
        json!({
            "object": object.object, "insert": applied.inserted, "update": applied.updated,
            "remove": applied.removed, "set_aside": applied.set_aside,
            "failure": object.failure.as_ref().map(|error| exit::chain(error)),
        })
    };
    let write = |write: &PlannedWrite| json!({"object": write.object, "record_id": write.record_id, "write": write.what, "fields": write.fields});
    let anew = |(object, records): &(String, u64)| json!({"object": object, "records": records});
    Ok(json!({
        "schema": statements(&planned.schema)?,
        "anew": planned.anew.iter().map(anew).collect::<Vec<_>>(),
        "pull": planned.pull.iter().map(pull).collect::<Vec<_>>(),
        "push": planned.push.iter().map(write).collect::<Vec<_>>(),
        "stops": planned.stops,
    }))
}
