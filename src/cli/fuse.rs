//! `fuse status`, `fuse release` and `fuse discard`: what would have been too much at once, and the two ways out of it.
//!
//! It exists because a fuse asks, and somebody has to answer. Invariants: only the database is needed; what is released
//! is what was held; local changes are given up only after a yes; no value of a field is shown.

use std::process::ExitCode;

use serde_json::json;
use time::OffsetDateTime;

use super::{
    arguments::{FuseCommand, OneFlow},
    exit::{self, Failure},
    objects::{find, open},
    output::{Output, ago, grouped, printable, table},
};
use crate::{
    config::MirrorConfig,
    mirror::{BlownFuse, KnownObject, Mirror, StopCause},
    record::Flow,
};

pub(super) async fn run(
    config: &MirrorConfig,
    command: &FuseCommand,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    match command {
        FuseCommand::Status => status(&mirror, output).await,
        FuseCommand::Release { object, flow } => {
            let object = find(&mirror, object).await?;
            release(&mirror, &object, *flow, output).await
        }
        FuseCommand::Discard { object, yes } => {
            let object = find(&mirror, object).await?;
            discard(&mirror, &object, *yes, output).await
        }
    }
}

async fn status(mirror: &Mirror, output: &mut Output) -> Result<ExitCode, Failure> {
    let fuses = mirror.fuses().await?;
    output.show(&fuses, |fuses| text(fuses))?;
    let blown = fuses.iter().any(|fuse| fuse.released_at.is_none());
    Ok(if blown { ExitCode::from(exit::ATTENTION) } else { ExitCode::SUCCESS })
}

fn text(fuses: &[BlownFuse]) -> String {
    if fuses.is_empty() {
        return "no fuse has blown".to_owned();
    }
    let now = OffsetDateTime::now_utc();
    let headings = ["object", "flow", "deletes", "overwrites", "of", "blown", "state"];
    let count = |count: i64| grouped(u64::try_from(count).unwrap_or(0));
    let rows = fuses.iter().map(|fuse| {
        let state = match fuse.released_at {
            None => "blown".to_owned(),
            Some(at) => format!("released {}", ago(now, at)),
        };
        vec![
            printable(&fuse.object),
            fuse.flow.clone(),
            count(fuse.deletes),
            count(fuse.overwrites),
            count(fuse.total),
            ago(now, fuse.blown_at),
            state,
        ]
    });
    table(&headings, rows)
}

async fn release(
    mirror: &Mirror,
    object: &KnownObject,
    flow: Option<OneFlow>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mut released = Vec::new();
    for flow in OneFlow::meant(flow) {
        if mirror.release_fuse(object.object_id, flow).await? {
            released.push(flow.as_str());
        }
    }
    if released.is_empty() {
        return Err(has_not_blown(object));
    }
    mirror.wake().await?;
    output.show(&json!({"object": object.plural, "released": released}), |_| {
        let name = printable(&object.plural);
        format!("{name}: what was held goes with the next {}", released.join(" and "))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn discard(
    mirror: &Mirror,
    object: &KnownObject,
    yes: bool,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let stops = mirror.stops().await?;
    let is_blown = stops.iter().any(|stop| {
        stop.object_id == object.object_id
            && (stop.flow, stop.cause) == (Flow::Push, StopCause::Fuse)
    });
    if !is_blown {
        return Err(has_not_blown(object));
    }
    let held = mirror.held_by_fuse(object.object_id).await?;
    let (name, records) = (printable(&object.plural), grouped(held.len() as u64));
    let question = format!("{name}: give up the local changes of {records} records?");
    output.insist(&question, yes, "nothing was given up")?;
    let mut discarded = 0_u64;
    for id in held {
        discarded += u64::from(mirror.discard(object.object_id, id).await?);
    }
    mirror.forget_fuse(object.object_id, Flow::Push).await?;
    mirror.wake().await?;
    output.show(&json!({"object": object.plural, "discarded": discarded}), |_| {
        let records = grouped(discarded);
        format!("{name}: {records} rows are again what both sides last agreed on")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn has_not_blown(object: &KnownObject) -> Failure {
    Failure {
        code: exit::FAILED,
        message: format!("no fuse of {} has blown", object.plural),
        hint: Some("`twenty-sync fuse status` lists those that have".to_owned()),
    }
}
