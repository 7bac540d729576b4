//! `rewind`: one of the sides went back in time, and a person says how to go on.
//!
//! It exists because both ways to go on lose something, and only people know whether a backup was restored on purpose.
//! Invariants: only stops of this cause are lifted; doing it twice is doing it once; only the database is needed.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    arguments::Objects,
    exit::{self, Failure},
    objects::{chosen, open},
    output::{Output, printable, stopped},
};
use crate::{
    config::MirrorConfig,
    mirror::{Mirror, Stop, StopCause},
    record::Flow,
};

const SOURCE: &str = "Twenty went back. To follow it as it is now: twenty-sync rewind accept --all. Every object is then \
     read again, and what Twenty no longer has leaves the mirror. To keep what the mirror has, copy it away before, or \
     restore a newer backup of Twenty and accept then.";
const MIRROR: &str = "The mirror went back. To send the changes that wait: twenty-sync rewind accept. They were made \
     before the backup, and are compared with Twenty like any other. To give them up: twenty-sync problems discard, or \
     delete them from sync.base and sync.outbox as docs/sql.md says.";

pub(super) async fn status(
    config: &MirrorConfig,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let stops = rewinds(&mirror).await?;
    output.show(&stops, |_| text(&stops))?;
    Ok(if stops.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::ATTENTION) })
}

pub(super) async fn accept(
    config: &MirrorConfig,
    which: &Objects,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mirror = open(config).await?;
    let stops = rewinds(&mirror).await?;
    let mut told: Vec<(Value, String)> = Vec::new();
    for object in chosen(&mirror, &which.objects, which.all).await? {
        let of = |flow: Flow| {
            stops.iter().any(|stop| stop.object_id == object.object_id && stop.flow == flow)
        };
        let (side, next) = match (of(Flow::Pull), of(Flow::Push)) {
            (true, _) => ("source", "is read again and follows Twenty as it is now"),
            (false, true) => ("mirror", "the changes that wait are sent"),
            (false, false) if which.all => continue,
            (false, false) => ("none", "was not stopped by this"),
        };
        if side == "source" {
            mirror.follow_anew(object.object_id).await?;
        } else {
            mirror.lift(object.object_id, Flow::Push, StopCause::Rewind).await?;
        }
        let line = format!("{}: {next}", printable(&object.plural));
        told.push((json!({"object": object.plural, "went_back": side}), line));
    }
    mirror.wake().await?;
    let (values, mut lines): (Vec<Value>, Vec<String>) = told.into_iter().unzip();
    if lines.is_empty() {
        lines.push("no side went back".to_owned());
    }
    output.show(&values, |_| lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn rewinds(mirror: &Mirror) -> Result<Vec<Stop>, Failure> {
    let mut stops = mirror.stops().await?;
    stops.retain(|stop| stop.cause == StopCause::Rewind);
    Ok(stops)
}

fn text(stops: &[Stop]) -> String {
    let mut lines = stopped(stops);
    let of_source = |stop: &Stop| stop.flow == Flow::Pull;
    if stops.is_empty() {
        lines.push("no side went back".to_owned());
    } else if stops.iter().any(of_source) {
        lines.push(SOURCE.to_owned());
    } else {
        lines.push(MIRROR.to_owned());
    }
    lines.join("\n")
}
