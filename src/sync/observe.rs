//! Tells what the daemon knows to whoever watches it.
//!
//! It exists as the bridge between the two sides and [`crate::health`], which knows neither. Invariants: it reads, and
//! writes only what was spent of the budget; it never takes more than a small share of the database's time; that it
//! fails is itself news, and stops nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Engine, Status, SyncError, chain};
use crate::{
    health::{BudgetReading, CallCount, Calls, Health, ObjectReading, Reading, Side, StopReading},
    mirror::{MirrorStatus, ObjectStatus, Stop, StopCause},
    record::Flow,
    source::{CallOutcome, Client, Contact, Lane, Usage},
};

/// How often both sides are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The rest after a reading, in readings: on a large mirror, looking is never a tenth of the work.
const REST: u32 = 20;

/// A reading that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks at both sides for ever.
pub(super) async fn observe(engine: &Engine, health: &Health) -> ! {
    let mut told = None;
    loop {
        health.source(side(engine.source.contact()), calls(&engine.source));
        let began = Instant::now();
        match timeout(PATIENCE, look(engine, &mut told)).await {
            Ok(Ok(status)) => health.mirror(reading(status)),
            Ok(Err(error)) => health.mirror_fails(chain(&error)),
            Err(_) => health.mirror_fails("it did not answer in time".to_owned()),
        }
        sleep(LOOK_EVERY.max(began.elapsed() * REST)).await;
    }
}

/// The state of the mirror, with the budget as it is now. What was told is told again when calls were made since.
async fn look(engine: &Engine, told: &mut Option<Usage>) -> Result<MirrorStatus, SyncError> {
    let usage = engine.source.usage();
    // Who stands by makes no calls, and has nothing to tell.
    if *told != Some(usage) && usage.total() > 0 {
        engine.tell_budget().await?;
        *told = Some(usage);
    }
    Ok(engine.mirror.status().await?)
}

fn side(contact: Contact) -> Side {
    match contact {
        Contact::Fails(why) => Side::Fails(why),
        Contact::NotAsked => Side::NotAsked,
        Contact::Answers => Side::Answers,
    }
}

fn calls(source: &Client) -> Calls {
    let usage = source.usage();
    let pairs = Lane::ALL.into_iter().flat_map(|lane| CallOutcome::ALL.map(|end| (lane, end)));
    let counts = pairs.map(|(lane, outcome)| CallCount {
        lane: lane.as_str(),
        outcome: outcome.as_str(),
        calls: usage.of(lane, outcome),
    });
    let budget = source.budget().map(|budget| BudgetReading {
        limit: budget.limit.calls,
        left: budget.left,
        reserve: budget.reserve,
    });
    Calls { counts: counts.collect(), budget }
}

fn reading(status: MirrorStatus) -> Reading {
    let objects = status.objects.iter().map(|object| of_object(object, &status.stops)).collect();
    let status = Status::of(status);
    Reading {
        at: time::OffsetDateTime::now_utc(),
        json: serde_json::to_string(&status).expect("times and numbers can be written as JSON"),
        objects,
    }
}

fn of_object(object: &ObjectStatus, stops: &[Stop]) -> ObjectReading {
    ObjectReading {
        object: object.object.clone(),
        is_pushed: object.direction == "both",
        is_walked: object.walk_seen.is_some(),
        read_up_to: object.watermark,
        succeeded_at: object.succeeded_at,
        proven_at: object.proven_at,
        rows: object.rows_estimate,
        waiting: object.waiting,
        waiting_since: object.waiting_since,
        quarantined: object.quarantined,
        conflicts: object.conflicts,
        stops: of_stops(&object.object, stops),
    }
}

/// Every way of stopping it, so that a figure exists before it is needed.
fn of_stops(object: &str, stops: &[Stop]) -> Vec<StopReading> {
    let ways = [Flow::Pull, Flow::Push]
        .into_iter()
        .flat_map(|flow| StopCause::ALL.into_iter().map(move |cause| (flow, cause)));
    ways.map(|(flow, cause)| StopReading {
        direction: flow.as_str(),
        cause: cause.as_str(),
        is_stopped: stops
            .iter()
            .any(|stop| stop.object == object && stop.flow == flow && stop.cause == cause),
    })
    .collect()
}
