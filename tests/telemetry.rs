//! Traces, as a collector receives them from the program.

#![expect(clippy::unwrap_used, reason = "a scene that cannot be set must fail its test")]

#[path = "telemetry/collector.rs"]
mod collector;
#[path = "once/equality.rs"]
mod equality;
#[path = "canary/log.rs"]
mod log;
#[path = "push/scene.rs"]
#[expect(dead_code, reason = "shared with the tests of the way back, which use all of it")]
mod scene;
#[path = "telemetry/spans.rs"]
mod spans;
#[path = "once/stage.rs"]
mod stage;
