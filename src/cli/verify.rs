//! `verify`: whether both sides are equal, and where not.
//!
//! Invariant: it names objects, records and fields, never a value.

use std::process::ExitCode;

use indicatif::MultiProgress;
use serde_json::{Value, json};

use super::{
    exit::{self, Failure},
    output::{Output, grouped, printable, table},
    progress::Display,
    signals::stop_on_signals,
};
use crate::{
    config::Config,
    plan::verify::Finding,
    sync::{Difference, Engine, Verified},
};

/// Records that are listed for people; JSON has more.
const LISTED: usize = 20;

pub(super) async fn run(
    config: &Config,
    objects: &[String],
    repair: bool,
    output: &mut Output,
    bars: &MultiProgress,
) -> Result<ExitCode, Failure> {
    let stop = stop_on_signals()?;
    let engine = Engine::open(config).await?;
    let display = Display::start(bars, None);
    let verified = engine.verify(objects, repair, &stop, &display.sender).await;
    display.finish().await;
    let verified = verified?;
    let all: Vec<Value> = verified.iter().map(as_json).collect();
    output.show(&all, |_| text(&verified))?;
    if let Some(error) = verified.iter().find_map(|object| object.failure.as_ref()) {
        return Err(Failure::from(error));
    }
    let is_equal = verified.iter().all(|object| object.unequal() == 0);
    Ok(if is_equal { ExitCode::SUCCESS } else { ExitCode::from(exit::DIFFERENCES) })
}

fn text(verified: &[Verified]) -> String {
    let headings =
        ["object", "compared", "missing", "extra", "differing", "repaired", "left out", "state"];
    let mut lines = vec![table(&headings, verified.iter().map(cells))];
    for object in verified {
        let name = printable(&object.object);
        if let Some(error) = &object.failure {
            lines.push(format!("{name}: {}", printable(&exit::chain(error))));
        }
        let listed = object.differences.iter().take(LISTED);
        lines.extend(listed.map(|difference| format!("{name} {}", words(difference))));
        let rest = object.missing + object.extra + object.differing;
        let rest = rest.saturating_sub(LISTED as u64);
        if rest > 0 {
            lines.push(format!("{name}: and {} more records", grouped(rest)));
        }
    }
    lines.join("\n")
}

fn cells(object: &Verified) -> Vec<String> {
    let state = match (&object.failure, object.unequal()) {
        (Some(_), _) => "failed",
        (None, 0) => "equal",
        (None, _) => "different",
    };
    vec![
        printable(&object.object),
        grouped(object.compared),
        grouped(object.missing),
        grouped(object.extra),
        grouped(object.differing),
        grouped(object.repaired),
        grouped(object.waiting + object.recent + object.unreadable),
        state.to_owned(),
    ]
}

fn words(difference: &Difference) -> String {
    match &difference.finding {
        Finding::Missing => format!("{} is not in the mirror", difference.id),
        Finding::Extra => format!("{} is only in the mirror", difference.id),
        Finding::Differing(fields) => {
            format!("{} differs: {}", difference.id, printable(&fields.join(", ")))
        }
        Finding::Equal | Finding::NotDue => difference.id.to_string(),
    }
}

fn as_json(object: &Verified) -> Value {
    let difference = |difference: &Difference| {
        let (kind, fields): (&str, &[String]) = match &difference.finding {
            Finding::Missing => ("missing", &[]),
            Finding::Extra => ("extra", &[]),
            Finding::Differing(fields) => ("differing", fields),
            Finding::Equal | Finding::NotDue => ("equal", &[]),
        };
        json!({"id": difference.id, "kind": kind, "fields": fields})
    };
    json!({
        "object": object.object, "compared": object.compared, "missing": object.missing,
        "extra": object.extra, "differing": object.differing, "repaired": object.repaired,
        "waiting": object.waiting, "recent": object.recent, "unreadable": object.unreadable, "calls": object.calls,
        "equal": object.unequal() == 0 && object.failure.is_none(),
        "differences": object.differences.iter().map(difference).collect::<Vec<_>>(),
        "failure": object.failure.as_ref().map(|error| exit::chain(error)),
    })
}
