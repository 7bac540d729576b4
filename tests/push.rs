//! Local changes on their way to Twenty, from the outside: the program itself, a real PostgreSQL, and a Twenty that
//! behaves like one. Both sides are read by means that share nothing with the program.

#![expect(clippy::unwrap_used, reason = "a scene that cannot be set must fail its test")]
#![expect(clippy::print_stdout, reason = "what a test has measured belongs to its output")]

#[path = "push/calls.rs"]
mod calls;
#[path = "push/deletes.rs"]
mod deletes;
#[path = "push/drift.rs"]
mod drift;
#[path = "push/drift_objects.rs"]
mod drift_objects;
#[path = "once/equality.rs"]
mod equality;
#[path = "push/freshness.rs"]
mod freshness;
#[path = "push/fuses.rs"]
mod fuses;
#[path = "push/history.rs"]
mod history;
#[path = "canary/log.rs"]
mod log;
#[path = "push/outcomes.rs"]
mod outcomes;
#[path = "push/pauses.rs"]
mod pauses;
#[path = "push/policies.rs"]
mod policies;
#[path = "push/polling.rs"]
mod polling;
#[path = "push/races.rs"]
mod races;
#[path = "push/refusals.rs"]
mod refusals;
#[path = "push/relations.rs"]
mod relations;
#[path = "push/reset.rs"]
mod reset;
#[path = "push/reset_beside.rs"]
mod reset_beside;
#[path = "push/scene.rs"]
mod scene;
#[path = "push/silence.rs"]
mod silence;
#[path = "push/silent.rs"]
mod silent;
#[path = "once/stage.rs"]
mod stage;
#[path = "push/stops.rs"]
mod stops;
#[path = "push/types.rs"]
mod types;
#[path = "push/values.rs"]
mod values;
#[path = "push/waiting.rs"]
mod waiting;
#[path = "push/writers.rs"]
mod writers;
