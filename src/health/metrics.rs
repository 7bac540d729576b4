//! The figures, for Prometheus and whoever reads its format.
//!
//! It exists to keep the metrics crate in one file. Every metric is made from what is known at the moment of asking, so
//! there is no state to keep in step. Invariants: labels are objects, flows, causes, lanes and outcomes, never records;
//! an object has fewer than twenty series; docs/metrics.md lists every metric, as a test checks.

use std::{borrow::Cow, fmt::Debug, hash::Hash, iter, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use time::OffsetDateTime;

use super::{Board, BudgetReading, CallCount, Calls, Health, ObjectReading, Side, state::Role};

mod together;

use together::together;

/// The format, by its name.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PREFIX: &str = "twenty_sync";

type Number = Gauge<f64, AtomicU64>;

/// Labels of one object.
type OfObject = [(&'static str, String); 1];

/// Every metric of every workspace at the time `now`; where workspaces have names, a label says whose it is.
pub(super) fn of_all(board: &Board, now: OffsetDateTime) -> String {
    let told = |(name, health): &(Option<String>, Health)| match name {
        Some(name) => {
            let label = (Cow::from("workspace"), Cow::from(name.clone()));
            written(Registry::with_prefix_and_labels(PREFIX, iter::once(label)), health, now)
        }
        None => text(health, now),
    };
    together(&board.all().iter().map(told).collect::<Vec<_>>())
}

/// Every metric of one workspace at the time `now`.
fn text(health: &Health, now: OffsetDateTime) -> String {
    written(Registry::with_prefix(PREFIX), health, now)
}

fn written(mut registry: Registry, health: &Health, now: OffsetDateTime) -> String {
    of_the_process(&mut registry, health, now);
    of_the_calls(&mut registry, health);
    let known = health.known();
    let objects = known.reading.as_ref().map_or(&[][..], |reading| &reading.objects);
    of_the_lags(&mut registry, objects, now);
    of_the_state(&mut registry, objects);
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes whatever is written to it");
    text
}

fn of_the_process(registry: &mut Registry, health: &Health, now: OffsetDateTime) {
    let known = health.known();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    family(registry, "build_info", "Always 1; the version is a label", [(version, 1.0)]);
    let answers = |side: &Side| flag(*side == Side::Answers);
    let reachable = [
        ([("side", "mirror")], answers(&known.mirror)),
        ([("side", "source")], answers(&known.source)),
    ];
    family(registry, "reachable", "1 while this side answers", reachable);
    let ready = health.hanging().is_empty() && health.obstacles().is_empty();
    let help = "1 while both sides answer and the first walk has begun, as /readyz says";
    single(registry, "ready", help, flag(ready));
    let epoch = match known.role {
        Role::Leads { epoch } => Some(epoch),
        Role::Unknown | Role::StandsBy { .. } => None,
    };
    let help = "1 while this daemon works on the mirror; 0 while it stands by or opens both sides";
    single(registry, "leader", help, flag(epoch.is_some()));
    #[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 is none")]
    let epoch = epoch.map(|epoch| epoch as f64);
    if let Some(epoch) = epoch {
        single(registry, "lease_epoch", "How often the lease was taken, up to this daemon", epoch);
    }
    let turns = health.ages().into_iter();
    let turns = turns.map(|(name, age)| ([("loop", name)], seconds(now - age)));
    family(registry, "loop_last_turn_timestamp_seconds", "When this loop last moved", turns);
    if let Some(reading) = known.reading {
        let help = "When the figures of the objects were read from PostgreSQL";
        single(registry, "last_reading_timestamp_seconds", help, seconds(reading.at));
    }
}

fn of_the_calls(registry: &mut Registry, health: &Health) {
    let Calls { counts, budget } = health.known().calls;
    let calls: Family<[(&str, &str); 2], Counter> = Family::default();
    for CallCount { lane, outcome, calls: count } in counts {
        calls.get_or_create(&[("lane", lane), ("outcome", outcome)]).inc_by(count);
    }
    let help = "Calls to Twenty, as its limit counts them, by what for and what came of them";
    registry.register("api_calls", help, calls);
    let Some(BudgetReading { limit, left, reserve }) = budget else { return };
    let help = "Calls that Twenty allows in its window, which is a minute unless it says otherwise";
    single(registry, "api_budget_limit_calls", help, limit.into());
    single(registry, "api_budget_left_calls", "Calls that could be made now", left.into());
    let help = "Calls of the limit that sweeps and first loads leave to others";
    single(registry, "api_budget_reserve_calls", help, reserve.into());
}

fn of_the_lags(registry: &mut Registry, objects: &[ObjectReading], now: OffsetDateTime) {
    let oldest = |object: &ObjectReading| object.waiting_since.map_or(0.0, |since| age(now, since));
    let pulls =
        objects.iter().filter_map(|object| Some((label(object), age(now, object.read_up_to?))));
    family(registry, "pull_lag_seconds", "Since the time up to which Twenty is read", pulls);
    let written_back = objects.iter().filter(|object| object.is_pushed);
    let pushes = written_back.map(|object| (label(object), oldest(object)));
    let help = "How long Twenty has been without a local change; 0 when it has all";
    family(registry, "push_lag_seconds", help, pushes);
    let ages = objects.iter().map(|object| (label(object), oldest(object)));
    let help = "The age of the oldest local change that Twenty does not have; 0 when there is none";
    family(registry, "oldest_change_age_seconds", help, ages);
    let help = "When the object was last read to the end";
    moments(registry, "last_success_timestamp_seconds", help, objects, |object| {
        object.succeeded_at
    });
    let help = "When both sides were last proven equal";
    moments(registry, "proven_timestamp_seconds", help, objects, |object| object.proven_at);
    counts(registry, "rows", "Rows in the mirror, by PostgreSQL's estimate", objects, |object| {
        object.rows
    });
}

fn of_the_state(registry: &mut Registry, objects: &[ObjectReading]) {
    let help = "Records with local changes that Twenty does not have";
    counts(registry, "outbox_records", help, objects, |object| object.waiting);
    let help = "Conflicts that wait for a person";
    counts(registry, "conflicts", help, objects, |object| object.conflicts);
    let help = "Records set aside, on their way in either direction";
    counts(registry, "quarantined_records", help, objects, |object| object.quarantined);
    let stops = objects.iter().flat_map(|object| {
        object.stops.iter().map(|stop| {
            let [name] = label(object);
            let flow = ("flow", stop.direction.to_owned());
            ([name, flow, ("cause", stop.cause.to_owned())], flag(stop.is_stopped))
        })
    });
    family(registry, "stopped", "1 while this flow of the object is stopped by this cause", stops);
}

fn counts(
    registry: &mut Registry,
    name: &str,
    help: &str,
    objects: &[ObjectReading],
    count: impl Fn(&ObjectReading) -> i64,
) {
    #[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 is none")]
    let counts = objects.iter().map(|object| (label(object), count(object) as f64));
    family(registry, name, help, counts);
}

fn moments(
    registry: &mut Registry,
    name: &str,
    help: &str,
    objects: &[ObjectReading],
    moment: impl Fn(&ObjectReading) -> Option<OffsetDateTime>,
) {
    let moments =
        objects.iter().filter_map(|object| Some((label(object), seconds(moment(object)?))));
    family(registry, name, help, moments);
}

fn single(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Number::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

fn family<L>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (L, f64)>,
) where
    L: EncodeLabelSet + Clone + Debug + Eq + Hash + Send + Sync + 'static,
{
    let family: Family<L, Number> = Family::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    registry.register(name, help, family);
}

fn label(object: &ObjectReading) -> OfObject {
    [("object", object.object.clone())]
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn age(now: OffsetDateTime, then: OffsetDateTime) -> f64 {
    (now - then).as_seconds_f64().max(0.0)
}

fn seconds(moment: OffsetDateTime) -> f64 {
    (moment - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}

#[cfg(test)]
mod tests;
