//! Webhooks from the outside: the program, a real PostgreSQL, and a Twenty that sends deliveries with everything that
//! the real one does not promise.

#![expect(clippy::unwrap_used, reason = "a scene that cannot be set must fail its test")]

#[path = "webhook/arrival.rs"]
mod arrival;
#[path = "webhook/commands.rs"]
mod commands;
#[path = "once/equality.rs"]
mod equality;
#[path = "webhook/hooked.rs"]
mod hooked;
#[path = "canary/log.rs"]
mod log;
#[path = "webhook/refusals.rs"]
mod refusals;
#[path = "push/scene.rs"]
#[expect(dead_code, reason = "shared with the tests of pushes, which use all of it")]
mod scene;
#[path = "once/stage.rs"]
mod stage;
