//! `pause` and `resume`: objects stand still because a person wants it, and go on.
//!
//! It exists for maintenance on either side. Invariants: only pauses are lifted, never what a fuse stopped; doing it
//! twice is doing it once, and the answer is what is now the case; only the database is needed.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    arguments::{OneFlow, Which},
    exit::Failure,
    objects::{chosen, open},
    output::{Output, printable, stopped},
};
use crate::{
    config::MirrorConfig,
    mirror::{KnownObject, Mirror, Stop, StopCause},
    record::Flow,
};

const BOTH: [Flow; 2] = [Flow::Pull, Flow::Push];

pub(super) async fn pause(
    config: &MirrorConfig,
    which: &Which,
    reason: Option<&str>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let objects = chosen(&mirror, &which.objects, which.all).await?;
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    for object in &objects {
        let hint = format!("twenty-sync resume {}", object.plural);
        for flow in OneFlow::meant(which.flow) {
            let why = (reason.unwrap_or("paused by a person"), hint.as_str());
            mirror.stop(object.object_id, (flow, StopCause::Pause), why).await?;
        }
    }
    tell(&mirror, &objects, output).await
}

pub(super) async fn resume(
    config: &MirrorConfig,
    which: &Which,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let objects = chosen(&mirror, &which.objects, which.all).await?;
    for object in &objects {
        for flow in OneFlow::meant(which.flow) {
            mirror.lift(object.object_id, flow, StopCause::Pause).await?;
        }
    }
    mirror.wake().await?;
    tell(&mirror, &objects, output).await
}

/// Says what is now the case, other stops included.
async fn tell(
    mirror: &Mirror,
    objects: &[KnownObject],
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let stops = mirror.stops().await?;
    let of = |object: &KnownObject| -> Vec<Stop> {
        stops.iter().filter(|stop| stop.object_id == object.object_id).cloned().collect()
    };
    let states: Vec<Value> = objects
        .iter()
        .map(|object| json!({"object": object.plural, "stops": of(object)}))
        .collect();
    output.show(&states, |_| {
        let lines = objects.iter().flat_map(|object| lines(&object.plural, &of(object)));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn lines(object: &str, stops: &[Stop]) -> Vec<String> {
    let paused =
        |flow: &Flow| stops.iter().any(|stop| stop.flow == *flow && stop.cause == StopCause::Pause);
    let name = printable(object);
    let first = match BOTH.map(|flow| paused(&flow)) {
        [true, true] => format!("{name}: pull and push paused"),
        [true, false] => format!("{name}: pull paused, push not"),
        [false, true] => format!("{name}: push paused, pull not"),
        [false, false] => format!("{name}: not paused"),
    };
    let others: Vec<Stop> =
        stops.iter().filter(|stop| stop.cause != StopCause::Pause).cloned().collect();
    std::iter::once(first).chain(stopped(&others)).collect()
}
