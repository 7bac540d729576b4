//! Tells what the daemon knows to whoever watches it.
//!
//! It exists as the bridge between the two sides and [`crate::health`], which knows neither. Invariants: it reads only;
//! it never takes more than a small share of the database's time; that it fails is itself news, and stops nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Engine, chain};
use crate::{
    health::{Calls, Health, ObjectReading, Reading, Side, StopReading},
    mirror::{MirrorStatus, ObjectStatus, Stop, StopCause},
    record::Flow,
    source::Contact,
};

/// How often both sides are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The rest after a reading, in readings: on a large mirror, looking is never a tenth of the work.
const REST: u32 = 20;

/// A reading that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks at both sides for ever.
pub(super) async fn observe(engine: &Engine, health: &Health) -> ! {
    loop {
        let (contact, counted) = (engine.source.contact(), engine.source.calls());
        health.source(side(&contact), calls(&contact, counted));
        let began = Instant::now();
        match timeout(PATIENCE, engine.mirror.status()).await {
            Ok(Ok(status)) => health.mirror(reading(&status)),
            Ok(Err(error)) => health.mirror_fails(chain(&error)),
            Err(_) => health.mirror_fails("it did not answer in time".to_owned()),
        }
        sleep(LOOK_EVERY.max(began.elapsed() * REST)).await;
    }
}

fn side(contact: &Contact) -> Side {
    match &contact.trouble {
        Some(trouble) => Side::Fails(trouble.clone()),
        None if contact.requests() == 0 => Side::NotAsked,
        None => Side::Answers,
    }
}

fn calls(contact: &Contact, counted: u64) -> Calls {
    let Contact { answered, refused, throttled, failed, .. } = *contact;
    Calls { counted, answered, refused, throttled, failed }
}

fn reading(status: &MirrorStatus) -> Reading {
    Reading {
        at: time::OffsetDateTime::now_utc(),
        json: serde_json::to_string(status).expect("times and numbers can be written as JSON"),
        objects: status.objects.iter().map(|object| of_object(object, &status.stops)).collect(),
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
